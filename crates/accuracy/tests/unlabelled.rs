//! Thresholds without labels against mixtures whose parts are known.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use norma_accuracy::{
    Level, StreamAtThreshold, UnlabelledFit, stream_at_threshold, threshold_without_labels,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

fn level(value: f64) -> Level {
    Level::new(value).unwrap()
}

/// At 95 % confidence, with at most 60 % pathology.
fn fit(scores: &[f64], target: f64) -> UnlabelledFit {
    threshold_without_labels(scores, &[], level(target), level(0.95), level(0.6))
}

fn held(fit: UnlabelledFit) -> StreamAtThreshold {
    match fit {
        UnlabelledFit::Holds(at) => at,
        refused => panic!("{refused:?}"),
    }
}

fn steps(count: u32) -> Vec<f64> {
    (0..count).map(|at| f64::from(at) / f64::from(count)).collect()
}

#[test]
fn too_few_studies_are_told() {
    for count in [0, 1, 40, 59, 92] {
        let refused = UnlabelledFit::NotEnoughStudies {
            studies_needed: 93,
            studies: u64::from(count),
        };
        assert_eq!(fit(&steps(count), 0.95), refused);
    }
    assert!(matches!(fit(&steps(93), 0.95), UnlabelledFit::Holds(_)));
    assert!(matches!(fit(&steps(40), 0.85), UnlabelledFit::Holds(_)));
}

#[test]
fn the_threshold_is_an_order_statistic_of_the_stream() {
    // 93 allow one below.
    let at = held(fit(&steps(93), 0.95));
    assert_eq!(at.threshold, 1.0 / 93.0);
    assert_eq!((at.released.successes(), at.released.trials()), (1, 93));
    assert!(at.sensitivity_lower_bound >= 0.95);
    let most = at.released.upper_bound(level(0.95)).unwrap();
    assert_eq!(at.norms_released_at_most, most / 0.4);
}

#[test]
fn equal_scores_release_nothing_and_that_is_told() {
    let mut scores = vec![0.2; 50];
    scores.extend(vec![0.9; 50]);
    assert_eq!(
        fit(&scores, 0.95),
        UnlabelledFit::NothingReleased { studies: 100 }
    );
}

#[test]
fn pathologies_that_are_known_can_only_refuse() {
    let scores = steps(200);
    let with = |known: &[f64]| threshold_without_labels(&scores, known, level(0.8), level(0.95), level(0.6));
    let without = fit(&scores, 0.8);
    assert_eq!(with(&[0.9; 50]), without);
    // One of a few below is no proof against 80 %; three of four are.
    assert_eq!(with(&[0.01, 0.9, 0.9, 0.9]), without);
    assert_eq!(
        with(&[0.01, 0.01, 0.01, 0.9]),
        UnlabelledFit::Contradicted {
            pathologies: 4,
            below_threshold: 3
        }
    );
}

#[test]
fn a_threshold_in_use_is_bounded_by_what_it_releases() {
    let at = stream_at_threshold(&steps(300), 0.5, level(0.95), level(0.6)).unwrap();
    assert_eq!(at.released.successes(), 150);
    assert!((at.sensitivity_lower_bound - 0.451).abs() < 5e-4, "{at:?}");
    assert_eq!(at.norms_released_at_most, 1.0);
    assert_eq!(stream_at_threshold(&[], 0.5, level(0.95), level(0.6)), None);
}

/// Norms score uniformly; the share of pathologies below t is t^power.
struct Mixture {
    prevalence: f64,
    power: f64,
}

impl Mixture {
    fn stream(&self, studies: usize, random: &mut StdRng) -> Vec<f64> {
        (0..studies)
            .map(|_| {
                let is_pathology = random.random::<f64>() < self.prevalence;
                let uniform = random.random::<f64>();
                if is_pathology {
                    uniform.powf(1.0 / self.power)
                } else {
                    uniform
                }
            })
            .collect()
    }

    fn sensitivity(&self, threshold: f64) -> f64 {
        1.0 - threshold.powf(self.power)
    }
}

/// From scores that tell nothing (power 1, where the bound is exact) to ones that tell much, at every prevalence.
#[test]
fn the_bound_is_kept_as_often_as_it_says_at_every_prevalence() {
    let mut random = StdRng::seed_from_u64(14);
    let sites = 1000;
    for power in [1.0, 2.0, 5.0] {
        for prevalence in [0.1, 0.3, 0.6] {
            let mixture = Mixture { prevalence, power };
            for (studies, target) in [(100, 0.95), (300, 0.95), (300, 0.7)] {
                let (mut broken, mut more) = (0, 0);
                for _ in 0..sites {
                    let at = held(fit(&mixture.stream(studies, &mut random), target));
                    broken += u32::from(mixture.sensitivity(at.threshold) < target);
                    more += u32::from(at.threshold > at.norms_released_at_most);
                }
                let case = format!("{power} {prevalence} {studies} {target}");
                assert!(f64::from(broken) / f64::from(sites) < 0.07, "{case}: {broken}");
                assert!(f64::from(more) / f64::from(sites) < 0.07, "{case}: {more}");
                if power > 1.5 && prevalence < 0.35 {
                    assert!(f64::from(broken) / f64::from(sites) < 0.01, "{case}: {broken}");
                }
            }
        }
    }
}

/// Where pathologies score lower than norms what is assumed fails: known pathologies refuse what the stream alone would promise.
#[test]
fn a_stream_in_the_wrong_order_is_refused_by_known_pathologies() {
    let mut random = StdRng::seed_from_u64(15);
    let mixture = Mixture {
        prevalence: 0.02,
        power: 0.1,
    };
    let scores = mixture.stream(300, &mut random);
    let at = held(fit(&scores, 0.95));
    assert!(mixture.sensitivity(at.threshold) < 0.5);
    let always = Mixture {
        prevalence: 1.0,
        ..mixture
    };
    let known = always.stream(20, &mut random);
    let refused = threshold_without_labels(&scores, &known, level(0.95), level(0.95), level(0.6));
    assert!(
        matches!(refused, UnlabelledFit::Contradicted { .. }),
        "{refused:?}"
    );
}
