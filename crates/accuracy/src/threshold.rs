//! The highest threshold whose sensitivity is bounded.

use serde::{Deserialize, Serialize};

use crate::{Level, Proportion, ScoredStudy, at_threshold};

/// What the labelled studies allow.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ThresholdFit {
    Holds(SensitivityThreshold),
    /// So few positives that not even one without a miss would bound the sensitivity.
    NotEnoughCases {
        positives_needed: u64,
        positives: u64,
    },
}

/// A threshold, with what it was fitted on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SensitivityThreshold {
    /// On the calibrated probability; at it and above is pathology.
    pub threshold: f64,
    /// Positives that the bound would have allowed below the threshold; with equal scores fewer were.
    pub misses_allowed: u64,
    /// What the sensitivity is not below, with the confidence that was asked for.
    pub sensitivity_lower_bound: f64,
    /// Among the studies that the threshold was fitted on.
    pub sensitivity: Proportion,
    /// Norms that are released. The threshold rests on the positives alone, so this and its interval are as good as those of
    /// norms that were never looked at.
    pub specificity: Proportion,
}

/// The highest threshold at which the sensitivity is at least `target`, with `confidence`.
///
/// With the scores of the n positives in ascending order, the threshold is the k-th of them. Its miss rate, the chance that a
/// further positive lies strictly below, is never larger in distribution than Beta(k, n − k + 1), whatever the scores'
/// distribution and with equal scores too (Wilks, Ann. Math. Stat. 12, 1941, 91–96). So it is at most 1 − target with
/// `confidence` where the upper Clopper–Pearson bound of k − 1 misses in n, which is that law's quantile, is at most
/// 1 − target. The largest such k follows from n alone: nothing is tried out on the scores, and the bound needs no correction.
/// It is the bound of split conformal prediction given its calibration set (Vovk, ACML 2012) and of risk-controlling
/// prediction sets for a 0/1 loss (Bates et al., J. ACM 68, 2021, 43); conformal risk control (Angelopoulos et al.,
/// arXiv:2208.02814) bounds the mean over calibration sets instead and needs fewer cases for less.
///
/// It holds for further studies drawn as these were: other scanners, other diseases or another choice of who is scanned are
/// not in it.
pub fn threshold_for_sensitivity(studies: &[ScoredStudy], target: Level, confidence: Level) -> ThresholdFit {
    let mut positives: Vec<f64> = studies
        .iter()
        .filter(|study| study.pathology())
        .map(|study| study.score())
        .collect();
    positives.sort_unstable_by(f64::total_cmp);
    let count = positives.len() as u64;
    let Some(misses_allowed) = misses_allowed(count, target, confidence) else {
        return ThresholdFit::NotEnoughCases {
            positives_needed: positives_needed(0, target, confidence),
            positives: count,
        };
    };
    let place = usize::try_from(misses_allowed).expect("fewer misses than positives, which are in memory");
    let threshold = positives[place];
    let [sensitivity, specificity] = at_threshold(studies, threshold);
    let sensitivity_lower_bound = found(misses_allowed, count)
        .lower_bound(confidence)
        .expect("a bound that holds has positives");
    ThresholdFit::Holds(SensitivityThreshold {
        threshold,
        misses_allowed,
        sensitivity_lower_bound,
        sensitivity,
        specificity,
    })
}

/// How many positives have to be there for the bound to hold with so many misses. For none it is the smallest n with
/// target^n ≤ 1 − confidence: 59 for 95 % with confidence 95 %.
pub fn positives_needed(misses: u64, target: Level, confidence: Level) -> u64 {
    // The bound grows with the number of positives: double, then halve the interval.
    let (mut too_few, mut enough) = (misses, misses.max(1) * 2);
    while !holds(misses, enough, target, confidence) {
        (too_few, enough) = (enough, enough.saturating_mul(2));
    }
    while enough - too_few > 1 {
        let middle = too_few + (enough - too_few) / 2;
        if holds(misses, middle, target, confidence) {
            enough = middle;
        } else {
            too_few = middle;
        }
    }
    enough
}

/// The most misses among so many positives with which the bound holds; None where it does not hold without any.
pub(crate) fn misses_allowed(positives: u64, target: Level, confidence: Level) -> Option<u64> {
    if positives == 0 || !holds(0, positives, target, confidence) {
        return None;
    }
    let (mut held, mut broken) = (0, positives);
    while broken - held > 1 {
        let middle = held + (broken - held) / 2;
        if holds(middle, positives, target, confidence) {
            held = middle;
        } else {
            broken = middle;
        }
    }
    Some(held)
}

fn holds(misses: u64, positives: u64, target: Level, confidence: Level) -> bool {
    let bound = found(misses, positives).lower_bound(confidence);
    bound.is_some_and(|bound| bound >= target.value())
}

fn found(misses: u64, positives: u64) -> Proportion {
    Proportion::new(positives.saturating_sub(misses), positives)
        .expect("what is left of the positives is not more than they are")
}
