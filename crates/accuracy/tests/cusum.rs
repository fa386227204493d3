//! Cumulative sums against published run lengths, and against streams whose distribution is known.

use norma_accuracy::{CumulativeSums, crossing_probability, decision_interval, sequential_normal_scores};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use statrs::distribution::{ContinuousCDF, Normal};

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// The mean number of steps until a crossing: the sum over n of the chance that none was within n.
fn average_run_length(level: f64, shift: f64) -> f64 {
    // Beyond the first steps the chance falls by the same share with each step.
    let steps = 60;
    let none_within = |steps| 1.0 - crossing_probability(level, steps, shift);
    let first: f64 = (0..steps).map(none_within).sum();
    let (at, next) = (none_within(steps), none_within(steps + 1));
    // What is left of large shifts is nothing but rounding.
    let rest = if at <= 1e-9 { 0.0 } else { at / (1.0 - next / at) };
    first + rest
}

/// Average run lengths of two-sided sums with an allowance of 0.5 (Montgomery, Introduction to Statistical Quality Control, table 9.3;
/// Lucas and Crosier, Technometrics 24, 1982, 199–205). Of both directions 1/ARL = 1/ARL⁺ + 1/ARL⁻ (Van Dobben de Bruyn 1968).
#[test]
fn run_lengths_are_those_of_the_published_table() {
    for (level, shift, published) in [
        (4.0, 0.0, 168.0),
        (4.0, 0.25, 74.2),
        (4.0, 0.5, 26.6),
        (4.0, 0.75, 13.3),
        (4.0, 1.0, 8.38),
        (4.0, 1.5, 4.75),
        (4.0, 2.0, 3.34),
        (4.0, 3.0, 2.19),
        (5.0, 0.0, 465.0),
        (5.0, 0.25, 139.0),
        (5.0, 0.5, 38.0),
        (5.0, 0.75, 17.0),
        (5.0, 1.0, 10.4),
        (5.0, 1.5, 5.75),
        (5.0, 2.0, 4.01),
        (5.0, 3.0, 2.57),
    ] {
        let [up, down] = [shift, -shift].map(|shift| average_run_length(level, shift));
        let both = 1.0 / (1.0 / up + 1.0 / down);
        close(both, published, published * 0.01);
    }
}

#[test]
fn at_the_decision_interval_chance_alarms_as_often_as_was_asked() {
    for (steps, chance) in [(100, 0.01), (50, 0.001)] {
        let level = decision_interval(steps, chance);
        close(
            2.0 * crossing_probability(level, steps, 0.0),
            chance,
            chance * 0.01,
        );
    }
}

#[test]
fn the_sums_are_pages() {
    let sums = CumulativeSums::of(&[1.0, 2.0, -3.0, 0.5, -1.0, -2.0]);
    assert_eq!(sums.upward, [0.5, 2.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(sums.downward, [0.0, 0.0, 2.5, 1.5, 2.0, 3.5]);
    assert_eq!(sums.highest(), 3.5);
    assert_eq!(CumulativeSums::of(&[]).p_value(), 1.0);
}

#[test]
fn scores_are_the_mean_of_the_normal_distribution_over_the_ranks() {
    // The first of two: the lower half, whose mean is −√(2/π).
    close(
        sequential_normal_scores(&[1.0], &[0.0])[0],
        -(2.0 / std::f64::consts::PI).sqrt(),
        1e-9,
    );
    // All are equal: no score says anything.
    for score in sequential_normal_scores(&[3.0; 50], &[3.0; 50]) {
        close(score, 0.0, 1e-12);
    }
    // The highest of 100 lies where the mean over the last hundredth is.
    let reference: Vec<f64> = (0..99).map(f64::from).collect();
    close(sequential_normal_scores(&reference, &[1000.0])[0], 2.665, 0.001);
}

/// Streams without a shift alarm as often as is told or less, whatever their distribution is and although the level before is not known but
/// for 300 values.
#[test]
fn chance_alarms_no_more_often_than_is_told() {
    let mut random = StdRng::seed_from_u64(14);
    let normal = Normal::standard();
    let (streams, limit) = (600, 0.05);
    for draw in [
        (|uniform: f64| uniform) as fn(f64) -> f64,
        // Skewed, with a long tail.
        |uniform| (-uniform.ln()).powi(3),
        // Nothing in seven of ten.
        |uniform| (uniform - 0.7).max(0.0),
    ] {
        let mut values =
            |count: usize| -> Vec<f64> { (0..count).map(|_| draw(random.random_range(1e-9..1.0))).collect() };
        let alarms = (0..streams).filter(|_| {
            let (reference, last) = (values(300), values(100));
            CumulativeSums::of(&sequential_normal_scores(&reference, &last)).p_value() <= limit
        });
        let share = alarms.count() as f64 / f64::from(streams);
        assert!(
            share <= limit + 3.0 * (limit / f64::from(streams)).sqrt(),
            "{share}"
        );
    }
    // A shift by one standard deviation, of the last 25 alone, is found by the sum.
    let mut found = 0;
    for _ in 0..200 {
        let mut values = |count: usize, shift: f64| -> Vec<f64> {
            (0..count)
                .map(|_| normal.inverse_cdf(random.random_range(1e-9..1.0)) + shift)
                .collect()
        };
        let reference = values(300, 0.0);
        let last = [values(75, 0.0), values(25, 1.0)].concat();
        let sums = CumulativeSums::of(&sequential_normal_scores(&reference, &last));
        found += usize::from(sums.p_value() <= 0.01);
    }
    assert!(found >= 160, "{found} of 200");
}
