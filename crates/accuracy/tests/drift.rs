//! Drift between windows whose distributions are known.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use norma_accuracy::{Drift, Level, Proportion, ShareDrift, ValueDrift, share_drift, value_drift};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn level(value: f64) -> Level {
    Level::new(value).unwrap()
}

fn values(reference: &[f64], last: &[f64]) -> ValueDrift {
    match value_drift(reference, last, level(0.95)) {
        Drift::Values(values) => values,
        other => panic!("{other:?}"),
    }
}

fn of([successes, trials]: [u64; 2]) -> Proportion {
    Proportion::new(successes, trials).unwrap()
}

/// So many of so many, as far apart as can be.
fn evenly([successes, trials]: [u64; 2]) -> Vec<bool> {
    (0..trials)
        .map(|at| (at + 1) * successes / trials > at * successes / trials)
        .collect()
}

fn share(reference: [u64; 2], last: [u64; 2]) -> ShareDrift {
    match share_drift(of(reference), &evenly(last), level(0.95)) {
        Drift::Share(share) => share,
        other => panic!("{other:?}"),
    }
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

#[test]
fn too_few_is_said_and_is_no_drift() {
    let too_few = |reference, last| Drift::TooFew {
        needed: 50,
        reference,
        last,
    };
    let zeros = [0.0; 100];
    let ones = [1.0; 100];
    let confidence = level(0.95);
    assert_eq!(value_drift(&zeros, &ones[..49], confidence), too_few(100, 49));
    assert_eq!(value_drift(&zeros[..10], &[], confidence), too_few(10, 0));
    assert_eq!(
        share_drift(of([0, 49]), &[true; 100], confidence),
        too_few(49, 100)
    );
    assert_eq!(share_drift(of([0, 0]), &[], confidence), too_few(0, 0));
    assert!(!too_few(49, 100).has_drifted());
}

/// Smirnov's table: the limiting chance is 5 % at 1.358, 1 % at 1.628 and 0.1 % at 1.949.
#[test]
fn the_chance_of_a_distance_is_that_of_smirnovs_table() {
    // 1000 against 1000: a distance of d is d √500 in the table; a shift by so many steps has that distance.
    for (shift, chance) in [(61, 0.0482), (73, 0.0097), (87, 0.00103)] {
        let reference: Vec<f64> = (0..1000).map(f64::from).collect();
        let last: Vec<f64> = reference.iter().map(|value| value + f64::from(shift)).collect();
        let found = values(&reference, &last);
        close(found.kolmogorov_smirnov, f64::from(shift) / 1000.0, 1e-12);
        close(found.kolmogorov_smirnov_p_value, chance, chance * 0.02);
    }
}

/// By hand: half below the median of the reference becomes three quarters, in two bins of a reference with two values.
#[test]
fn the_index_is_the_sum_over_bins() {
    let of = |low: usize, high: usize| [vec![0.0; low], vec![1.0; high]].concat();
    let found = values(&of(500, 500), &of(750, 250));
    let expected = 0.25 * 1.5_f64.ln() - 0.25 * 0.5_f64.ln();
    close(found.population_stability_index, expected, 2e-3);
    assert!(found.drifted && found.index_p_value < 1e-9);
    assert_eq!((found.reference_median, found.last_median), (0.5, 0.0));
}

#[test]
fn equal_values_are_no_drift_and_new_ones_are() {
    let zeros = [0.0; 200];
    let found = values(&zeros, &zeros[..60]);
    assert!(!found.drifted);
    assert_eq!(
        (found.kolmogorov_smirnov, found.kolmogorov_smirnov_p_value),
        (0.0, 1.0)
    );
    let mut last = zeros;
    last[..60].fill(1.0);
    assert!(values(&zeros, &last).drifted);
    assert!(values(&zeros, &[-1.0; 100]).drifted);
}

/// Two windows of one distribution alarm no more often than asked for, a shift of half a standard deviation or a narrower spread nearly always.
#[test]
fn halves_of_one_distribution_do_not_drift_and_shifted_ones_do() {
    let mut random = StdRng::seed_from_u64(14);
    // Irwin–Hall: a mean of 0 and a standard deviation of 1.
    let mut window = |count: usize, mean: f64, spread: f64| -> Vec<f64> {
        (0..count)
            .map(|_| {
                let sum: f64 = (0..12).map(|_| random.random::<f64>()).sum();
                mean + spread * (sum - 6.0)
            })
            .collect()
    };
    let sites = 1000;
    for (reference, last) in [(300, 100), (50, 50), (2000, 1000)] {
        let alarms = (0..sites)
            .filter(|_| values(&window(reference, 0.0, 1.0), &window(last, 0.0, 1.0)).drifted)
            .count();
        assert!(alarms <= sites * 65 / 1000, "{reference} {last}: {alarms}");
    }
    for (mean, spread) in [(0.5, 1.0), (0.0, 0.5)] {
        let alarms = (0..200)
            .filter(|_| values(&window(300, 0.0, 1.0), &window(100, mean, spread)).drifted)
            .count();
        assert!(alarms >= 180, "{mean} {spread}: {alarms}");
    }
    // Of many studies a difference that nobody would act on is beyond chance, and no drift.
    let small = values(&window(20_000, 0.0, 1.0), &window(20_000, 0.1, 1.0));
    assert!(small.kolmogorov_smirnov_p_value < 1e-6 && !small.drifted);
}

/// Fisher's exact test, as R's `fisher.test` has it; a difference of less than 0.05 is none to act on.
#[test]
fn shares_drift_by_fishers_exact_test() {
    let found = share([30, 300], [25, 100]);
    assert!(found.drifted);
    assert!(found.p_value < 0.001 && found.p_value > 1e-5, "{}", found.p_value);
    close(share([3, 53], [5, 54]).p_value, 0.7162, 0.02);
    assert!(!share([30, 300], [11, 100]).drifted);
    assert!(!share([1000, 10_000], [1400, 10_000]).drifted);
    for (reference, last) in [([0, 300], [0, 100]), ([300, 300], [100, 100])] {
        assert_eq!(share(reference, last).p_value, 1.0);
    }
    assert!(share([0, 300], [100, 100]).drifted && share([300, 300], [0, 100]).drifted);
}
