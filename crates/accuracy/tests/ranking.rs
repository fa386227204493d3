//! The ROC area against its definition, and calibration against values that can be counted by hand.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use norma_accuracy::{Level, RocIntervalMethod, ScoredStudy, reliability, roc_area, roc_curve};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

const LEVEL: Level = Level::NINETY_FIVE;

fn study(score: f64, pathology: bool) -> ScoredStudy {
    ScoredStudy::new(score, pathology).unwrap()
}

fn studies(positives: &[f64], negatives: &[f64]) -> Vec<ScoredStudy> {
    let those = positives.iter().map(|score| study(*score, true));
    those
        .chain(negatives.iter().map(|score| study(*score, false)))
        .collect()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// Area and DeLong's variance from their definitions, pair by pair.
fn by_pairs(positives: &[f64], negatives: &[f64]) -> (f64, f64) {
    let kernel = |x: f64, y: f64| {
        if x > y {
            1.0
        } else if x == y {
            0.5
        } else {
            0.0
        }
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let spread = |values: &[f64]| {
        let centre = mean(values);
        values.iter().map(|value| (value - centre).powi(2)).sum::<f64>() / (values.len() - 1) as f64
    };
    let v10: Vec<f64> = positives
        .iter()
        .map(|x| mean(&negatives.iter().map(|y| kernel(*x, *y)).collect::<Vec<_>>()))
        .collect();
    let v01: Vec<f64> = negatives
        .iter()
        .map(|y| mean(&positives.iter().map(|x| kernel(*x, *y)).collect::<Vec<_>>()))
        .collect();
    let variance = spread(&v10) / v10.len() as f64 + spread(&v01) / v01.len() as f64;
    (mean(&v10), variance)
}

#[test]
fn area_and_interval_are_those_of_the_definition() {
    let mut random = StdRng::seed_from_u64(1401);
    for (m, n, steps) in [(30, 50, 1000.0_f64), (7, 90, 8.0), (200, 100, 20.0)] {
        let mut draw = |count: usize, power: f64| -> Vec<f64> {
            (0..count)
                .map(|_| (random.random::<f64>().powf(power) * steps).round() / steps)
                .collect()
        };
        let (positives, negatives) = (draw(m, 0.5), draw(n, 1.0));
        let (area, variance) = by_pairs(&positives, &negatives);
        let found = roc_area(&studies(&positives, &negatives), LEVEL).unwrap();
        close(found.area, area, 1e-12);
        assert_eq!(found.method, RocIntervalMethod::DelongLogit);
        let logit = |share: f64| (share / (1.0 - share)).ln();
        let reach = 1.959_963_985 * variance.sqrt() / (area * (1.0 - area));
        close(logit(found.interval[0]), logit(area) - reach, 1e-8);
        close(logit(found.interval[1]), logit(area) + reach, 1e-8);
    }
}

#[test]
fn a_small_area_can_be_counted_by_hand() {
    // Of six pairs four are won and one is even.
    let found = roc_area(&studies(&[0.9, 0.5, 0.3], &[0.5, 0.2]), LEVEL).unwrap();
    close(found.area, 4.5 / 6.0, 1e-12);
    assert_eq!((found.pathologies, found.norms), (3, 2));
    assert_eq!(roc_area(&studies(&[0.9], &[]), LEVEL), None);
}

#[test]
fn a_perfect_area_is_not_certain() {
    let found = roc_area(&studies(&[0.9; 15], &[0.1; 15]), LEVEL).unwrap();
    assert_eq!((found.area, found.method), (1.0, RocIntervalMethod::Newcombe5));
    let [low, high] = found.interval;
    assert_eq!(high, 1.0);
    // It solves its own equation.
    let (z, size) = (1.959_963_985_f64, 14.0);
    let spread = 1.0 + size * (1.0 - low) / (2.0 - low) + size * low / (1.0 + low);
    close(1.0 - low, z * (low * (1.0 - low) * spread / 225.0).sqrt(), 1e-9);
    assert!((0.7..0.95).contains(&low), "{low}");
    // More studies make it surer, and one pair says next to nothing.
    let of = |count: usize| {
        roc_area(&studies(&vec![0.9; count], &vec![0.1; count]), LEVEL)
            .unwrap()
            .interval[0]
    };
    assert!(of(1) < of(5) && of(5) < low && low < of(200));
    assert!(of(1) < 0.3);
}

/// The interval covers the truth about as often as it says: scores of pathologies are squares roots of uniform ones, so that
/// P(positive > negative) = 2/3.
#[test]
fn the_interval_covers_the_area() {
    let mut random = StdRng::seed_from_u64(7);
    let runs = 2000;
    let covered = (0..runs)
        .filter(|_| {
            let mut draw = |count: usize, power: f64| -> Vec<f64> {
                (0..count).map(|_| random.random::<f64>().powf(power)).collect()
            };
            let (positives, negatives) = (draw(40, 0.5), draw(60, 1.0));
            let [low, high] = roc_area(&studies(&positives, &negatives), LEVEL)
                .unwrap()
                .interval;
            low <= 2.0 / 3.0 && 2.0 / 3.0 <= high
        })
        .count();
    let rate = covered as f64 / f64::from(runs);
    assert!((0.93..=0.97).contains(&rate), "{rate}");
}

#[test]
fn the_curve_has_a_point_for_each_score_and_its_area() {
    let those = studies(&[0.9, 0.5, 0.3], &[0.5, 0.2]);
    let curve = roc_curve(&those);
    let thresholds: Vec<f64> = curve.iter().map(|point| point.threshold).collect();
    assert_eq!(thresholds, [0.9, 0.5, 0.3, 0.2]);
    let (mut area, mut last) = (0.0, (0.0, 0.0));
    for point in &curve {
        area += (point.false_positive_rate - last.0) * f64::midpoint(point.sensitivity, last.1);
        last = (point.false_positive_rate, point.sensitivity);
    }
    close(area, 0.75, 1e-12);
    assert_eq!(last, (1.0, 1.0));
    assert!(roc_curve(&studies(&[0.9], &[])).is_empty());
}

#[test]
fn brier_and_bins_are_those_that_can_be_counted() {
    let those = studies(&[0.9, 0.95, 1.0, 0.1], &[0.1, 0.0, 0.2]);
    let found = reliability(&those, 10, LEVEL).unwrap();
    let expected = (0.01 + 0.0025 + 0.0 + 0.81 + 0.01 + 0.0 + 0.04) / 7.0;
    close(found.brier, expected, 1e-12);
    close(found.brier_of_prevalence, 12.0 / 49.0, 1e-12);
    close(found.mean_probability, 3.25 / 7.0, 1e-12);
    let of_bins: Vec<(f64, u64, u64)> = found
        .bins
        .iter()
        .map(|bin| (bin.low, bin.observed.successes(), bin.observed.trials()))
        .collect();
    assert_eq!(of_bins, [(0.0, 0, 1), (0.1, 1, 2), (0.2, 0, 1), (0.9, 3, 3)]);
    assert_eq!(reliability(&[], 10, LEVEL), None);
}
