//! Exact intervals and thresholds against published values and against their own promise.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use norma_accuracy::{
    AccuracyError, Level, Proportion, ScoredStudy, ThresholdFit, at_threshold, one_study_per_patient,
    positives_needed, predictive_values, threshold_for_sensitivity,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn level(value: f64) -> Level {
    Level::new(value).unwrap()
}

fn proportion(successes: u64, trials: u64) -> Proportion {
    Proportion::new(successes, trials).unwrap()
}

fn study(score: f64, pathology: bool) -> ScoredStudy {
    ScoredStudy::new(score, pathology).unwrap()
}

fn close(found: f64, expected: f64, tolerance: f64) {
    assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
}

/// Newcombe, Statistics in Medicine 17 (1998) 857–872, table I, row of the exact method of Clopper and Pearson.
#[test]
fn intervals_are_those_of_newcombes_table() {
    for (successes, trials, low, high) in [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0.0000, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ] {
        let [lower, upper] = proportion(successes, trials).interval(level(0.95)).unwrap();
        close(lower, low, 5e-5);
        close(upper, high, 5e-5);
    }
}

/// Where no or every trial succeeded the quantile has a closed form: the "rule of three" made exact.
#[test]
fn the_ends_have_their_closed_form() {
    for trials in [1, 10, 59, 1000, 100_000] {
        let tail: f64 = 0.05;
        let expected = tail.powf(1.0 / trials as f64);
        let all = proportion(trials, trials);
        close(all.lower_bound(level(0.95)).unwrap(), expected, 1e-9);
        assert_eq!(all.upper_bound(level(0.95)).unwrap(), 1.0);
        let none = proportion(0, trials);
        close(none.upper_bound(level(0.95)).unwrap(), 1.0 - expected, 1e-9);
        assert_eq!(none.lower_bound(level(0.95)).unwrap(), 0.0);
    }
    assert_eq!(proportion(0, 0).interval(level(0.95)), None);
    assert_eq!(
        Proportion::new(2, 1),
        Err(AccuracyError::NoProportion {
            successes: 2,
            trials: 1
        })
    );
}

/// The bound's own equation: at the lower bound, so many successes or more have a chance of 1 − confidence.
#[test]
fn a_lower_bound_solves_the_binomial_equation() {
    for (successes, trials) in [(3_u64, 7_u64), (40, 60), (180, 182), (999, 1000)] {
        let bound = proportion(successes, trials).lower_bound(level(0.9)).unwrap();
        let chance: f64 = (successes..=trials).map(|k| binomial(k, trials, bound)).sum();
        close(chance, 0.1, 1e-8);
    }
}

fn binomial(k: u64, n: u64, p: f64) -> f64 {
    let choose: f64 = (0..k).map(|i| ((n - i) as f64 / (k - i) as f64).ln()).sum();
    (choose + k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln()).exp()
}

/// Numbers of cases for a one-sided tolerance limit: table of Wilks' formula (95 %/95 %: 59, 93, 124, 153, 181;
/// 95 %/90 % confidence: 45; 99 %/95 %: 299; 90 %/95 %: 29).
#[test]
fn needed_positives_are_those_of_wilks_table() {
    for (misses, needed) in [(0, 59), (1, 93), (2, 124), (3, 153), (4, 181)] {
        assert_eq!(positives_needed(misses, level(0.95), level(0.95)), needed);
    }
    assert_eq!(positives_needed(0, level(0.95), level(0.9)), 45);
    assert_eq!(positives_needed(0, level(0.99), level(0.95)), 299);
    assert_eq!(positives_needed(0, level(0.9), level(0.95)), 29);
}

#[test]
fn too_few_cases_are_told_and_no_threshold_is_given() {
    let of = |count: usize| -> Vec<ScoredStudy> { (0..count).map(|_| study(0.9, true)).collect() };
    for (count, positives) in [(0, 0), (21, 21), (58, 58)] {
        let fit = threshold_for_sensitivity(&of(count), level(0.95), level(0.95));
        let expected = ThresholdFit::NotEnoughCases {
            positives_needed: 59,
            positives,
        };
        assert_eq!(fit, expected);
    }
    let fit = threshold_for_sensitivity(&of(59), level(0.95), level(0.95));
    assert!(matches!(fit, ThresholdFit::Holds(_)));
}

#[test]
fn the_threshold_is_the_positive_after_the_allowed_misses() {
    // 93 positives allow one miss: the second lowest is the threshold.
    let mut studies: Vec<ScoredStudy> = (0..93)
        .map(|at| study((20.0 + f64::from(at)) / 200.0, true))
        .collect();
    studies.extend((0..50).map(|at| study(f64::from(at) / 100.0, false)));
    let ThresholdFit::Holds(fit) = threshold_for_sensitivity(&studies, level(0.95), level(0.95)) else {
        panic!("93 positives are enough");
    };
    assert_eq!(fit.threshold, 0.105);
    assert_eq!(fit.misses_allowed, 1);
    assert_eq!(fit.sensitivity, proportion(92, 93));
    assert_eq!(fit.specificity, proportion(11, 50));
    assert!(fit.sensitivity_lower_bound >= 0.95 && fit.sensitivity_lower_bound < 0.951);
    // A study at the threshold is pathology, as in a verdict.
    assert!(study(0.105, true).reaches(fit.threshold));
}

#[test]
fn equal_scores_miss_no_more_than_is_allowed() {
    let studies: Vec<ScoredStudy> = (0..200)
        .map(|at| study(if at < 150 { 0.2 } else { 0.6 }, true))
        .collect();
    let ThresholdFit::Holds(fit) = threshold_for_sensitivity(&studies, level(0.95), level(0.95)) else {
        panic!("200 positives are enough");
    };
    assert_eq!(fit.threshold, 0.2);
    assert_eq!(fit.sensitivity.failures(), 0);
    assert!(fit.misses_allowed > 0);
}

/// Simulated, for a law of scores that is known: the told bound is broken in about, and never much more than, 5 % of sites.
#[test]
fn the_bound_is_kept_as_often_as_it_says() {
    let mut random = StdRng::seed_from_u64(14);
    for positives in [59_usize, 93, 400] {
        let sites = 2000;
        let broken = (0..sites)
            .filter(|_| {
                // Scores of positives are uniform squares: P(score < t) = sqrt(t).
                let studies: Vec<ScoredStudy> = (0..positives)
                    .map(|_| study(random.random::<f64>().powi(2), true))
                    .collect();
                let fit = threshold_for_sensitivity(&studies, level(0.95), level(0.95));
                let ThresholdFit::Holds(fit) = fit else {
                    panic!("enough positives");
                };
                1.0 - fit.threshold.sqrt() < 0.95
            })
            .count();
        let rate = broken as f64 / f64::from(sites);
        // Four standard errors above 5 %.
        assert!(rate < 0.05 + 4.0 * 0.004_88, "{positives} positives: {rate}");
        // And the threshold is not so low that it promises nothing.
        assert!(rate > 0.02, "{positives} positives: {rate}");
    }
}

/// Fletcher & Fletcher, Clinical Epidemiology: sensitivity 90 %, specificity 80 %, prevalence 10 %: PPV 33.3 %, NPV 98.6 %.
#[test]
fn predictive_values_follow_the_prevalence() {
    let values = |prevalence| {
        predictive_values(
            proportion(90, 100),
            proportion(80, 100),
            level(prevalence),
            level(0.95),
        )
        .unwrap()
    };
    let rare = values(0.1);
    close(rare.positive.unwrap(), 1.0 / 3.0, 1e-12);
    close(rare.negative.unwrap(), 0.72 / 0.73, 1e-12);
    let [low, high] = rare.negative_interval.unwrap();
    assert!(low < 0.72 / 0.73 && 0.72 / 0.73 < high);
    let common = values(0.5);
    assert!(common.positive > rare.positive && common.negative < rare.negative);
    // Nothing was called norm: no predictive value of norm.
    let all_called = predictive_values(proportion(9, 9), proportion(0, 9), level(0.1), level(0.95)).unwrap();
    assert_eq!(all_called.negative, None);
    assert_eq!(
        predictive_values(proportion(0, 0), proportion(3, 9), level(0.1), level(0.95)),
        None
    );
}

#[test]
fn of_a_patient_the_hardest_study_counts() {
    let studies = [
        (study(0.9, true), Some("a")),
        (study(0.3, true), Some("a")),
        (study(0.2, false), Some("b")),
        (study(0.6, false), Some("b")),
        (study(0.5, true), Some("b")),
        (study(0.4, true), None),
        (study(0.4, true), None),
    ];
    assert_eq!(one_study_per_patient(&studies), [1, 3, 4, 5, 6]);
}

#[test]
fn what_is_no_probability_is_refused() {
    for score in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
        assert!(ScoredStudy::new(score, true).is_err());
    }
    for value in [0.0, 1.0, -1.0, f64::NAN] {
        assert!(Level::new(value).is_err());
    }
    let [sensitivity, specificity] = at_threshold(&[study(0.5, true), study(0.5, false)], 0.5);
    assert_eq!((sensitivity, specificity), (proportion(1, 1), proportion(0, 1)));
}
