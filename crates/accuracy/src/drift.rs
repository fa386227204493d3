//! Whether what comes now is distributed as it was.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF};
use statrs::stats_tests::Alternative;
use statrs::stats_tests::fisher::fishers_exact;

use crate::cusum::{CumulativeSums, decision_interval, sequential_normal_scores};
use crate::share_cusum::ShareSums;
use crate::{Level, Proportion};

/// Values that each window needs: below it only a change of everything would be seen.
pub const DRIFT_VALUES_NEEDED: usize = 50;
/// Bins of the population stability index, of equal content in the reference.
const BINS: usize = 10;
/// Tests of two windows of values, any of which may alarm: each has a part of the chance of a false alarm.
const VALUE_TESTS: f64 = 3.0;
/// The same of two windows of shares.
const SHARE_TESTS: f64 = 2.0;
/// "No significant change" lies below (Siddiqi, Credit Risk Scorecards, 2006): of many studies any difference is beyond chance.
const LEAST_INDEX: f64 = 0.1;
/// The same for a share.
const LEAST_DIFFERENCE: f64 = 0.05;

/// What two windows say.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Drift {
    /// Nothing can be said, not even that all is as it was.
    TooFew {
        needed: usize,
        reference: usize,
        last: usize,
    },
    Values(ValueDrift),
    Share(ShareDrift),
}

impl Drift {
    pub fn has_drifted(&self) -> bool {
        match self {
            Self::TooFew { .. } => false,
            Self::Values(values) => values.drifted,
            Self::Share(share) => share.drifted,
        }
    }
}

/// Two windows of values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ValueDrift {
    pub reference: usize,
    pub last: usize,
    pub reference_median: f64,
    pub last_median: f64,
    pub population_stability_index: f64,
    /// The chance of an index as large or larger without drift.
    pub index_p_value: f64,
    /// The largest distance between both distribution functions.
    pub kolmogorov_smirnov: f64,
    pub kolmogorov_smirnov_p_value: f64,
    /// The highest that a cumulative sum of the last values came to, in standard deviations.
    pub cumulative_sum: f64,
    /// The chance of so high a sum or a higher one without drift.
    pub cumulative_sum_p_value: f64,
    pub drifted: bool,
}

impl ValueDrift {
    /// The smallest of the chances.
    pub fn least_p_value(&self) -> f64 {
        self.index_p_value
            .min(self.kolmogorov_smirnov_p_value)
            .min(self.cumulative_sum_p_value)
    }
}

/// Two windows of what is or is not so.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ShareDrift {
    pub reference: Proportion,
    pub last: Proportion,
    /// Fisher's exact test, two-sided.
    pub p_value: f64,
    /// The highest that a cumulative sum over the last studies came to: studies more than are expected, or fewer.
    pub cumulative_sum: f64,
    /// The chance of so high a sum or a higher one without drift.
    pub cumulative_sum_p_value: f64,
    pub drifted: bool,
}

impl ShareDrift {
    /// The smaller of the chances.
    pub fn least_p_value(&self) -> f64 {
        self.p_value.min(self.cumulative_sum_p_value)
    }
}

/// Compares windows of values that are finite and independent, the oldest first.
///
/// Drifted is what chance explains with less than 1 − `confidence`, each test at a third of that (Bonferroni): the two-sample
/// Kolmogorov–Smirnov test (asymptotic; with equal values it is cautious) or the population stability index Σ (a − b) ln(a / b), where the
/// index is at least 0.1 as well; or a cumulative sum of the last values ([`CumulativeSums`]), which tells a shift of which the last few
/// studies alone are, and forgives a lasting one of half a standard deviation. Without drift the index over 1/m + 1/n is about chi-squared with a degree of freedom less than
/// there are bins (Yurdakul and Naranjo, Journal of Risk Model Validation 14 (4), 2020, 89–100): of windows of a hundred it lies around 0.2
/// by chance, where the usual limits of 0.1 and 0.25 would alarm.
pub fn value_drift(reference: &[f64], last: &[f64], confidence: Level) -> Drift {
    if let Some(too_few) = too_few(reference.len(), last.len()) {
        return too_few;
    }
    let sums = CumulativeSums::of(&sequential_normal_scores(reference, last));
    let [reference, last] = [reference, last].map(sorted);
    let (index, bins) = stability_index(&reference, &last);
    let sizes = 1.0 / reference.len() as f64 + 1.0 / last.len() as f64;
    let index_p_value = match bins {
        0 | 1 => 1.0,
        bins => ChiSquared::new((bins - 1) as f64)
            .expect("there is a degree of freedom")
            .sf(index / sizes),
    };
    let distance = distance(&reference, &last);
    let distance_p_value = kolmogorov_tail(distance / sizes.sqrt());
    let sum_p_value = sums.p_value();
    let limit = confidence.complement() / VALUE_TESTS;
    let is_elsewhere = index >= LEAST_INDEX && (distance_p_value <= limit || index_p_value <= limit);
    Drift::Values(ValueDrift {
        reference: reference.len(),
        last: last.len(),
        reference_median: median(&reference),
        last_median: median(&last),
        population_stability_index: index,
        index_p_value,
        kolmogorov_smirnov: distance,
        kolmogorov_smirnov_p_value: distance_p_value,
        cumulative_sum: sums.highest(),
        cumulative_sum_p_value: sum_p_value,
        drifted: is_elsewhere || sum_p_value <= limit,
    })
}

/// The cumulative sum above which so many last values have drifted, by itself.
pub fn cumulative_sum_limit(last: usize, confidence: Level) -> f64 {
    decision_interval(last, confidence.complement() / VALUE_TESTS)
}

/// The cumulative sums above which the last studies have drifted by themselves, upwards and downwards: studies more than are expected, or fewer.
/// None where no order of these studies comes so high.
pub fn share_sum_limits(sums: &ShareSums, confidence: Level) -> [Option<f64>; 2] {
    sums.limits(confidence.complement() / SHARE_TESTS)
}

/// The cumulative sums of the last studies after those before.
pub fn share_sums(reference: Proportion, last: &[bool]) -> ShareSums {
    let of = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    ShareSums::of(of(reference.trials()), of(reference.successes()), last)
}

/// Compares windows of independent studies by the share of which something is so; the last ones come oldest first.
///
/// Drifted is what chance explains with less than 1 − `confidence`, each test at half of that (Bonferroni): a difference of at least 0.05
/// by Fisher's exact test, or a cumulative sum over the last studies ([`ShareSums`]), which tells a change of the last few of them.
pub fn share_drift(reference: Proportion, last: &[bool], confidence: Level) -> Drift {
    let sums = share_sums(reference, last);
    let last = Proportion::counted(last, |is_so| **is_so);
    let (Some(before), Some(now)) = (reference.value(), last.value()) else {
        return too_few(count(reference), count(last)).expect("a window is empty");
    };
    if let Some(too_few) = too_few(count(reference), count(last)) {
        return too_few;
    }
    let table = [
        reference.successes(),
        last.successes(),
        reference.failures(),
        last.failures(),
    ];
    let p_value = fishers_exact(&table, Alternative::TwoSided).expect("a table of both windows");
    let sum_p_value = sums.p_value();
    let limit = confidence.complement() / SHARE_TESTS;
    let is_elsewhere = (before - now).abs() >= LEAST_DIFFERENCE && p_value <= limit;
    Drift::Share(ShareDrift {
        reference,
        last,
        p_value: p_value.clamp(0.0, 1.0),
        cumulative_sum: sums.highest(),
        cumulative_sum_p_value: sum_p_value,
        drifted: is_elsewhere || sum_p_value <= limit,
    })
}

fn count(of: Proportion) -> usize {
    usize::try_from(of.trials()).unwrap_or(usize::MAX)
}

fn too_few(reference: usize, last: usize) -> Option<Drift> {
    (reference.min(last) < DRIFT_VALUES_NEEDED).then_some(Drift::TooFew {
        needed: DRIFT_VALUES_NEEDED,
        reference,
        last,
    })
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Of sorted values, the index and the number of bins that it is over; half a value is added to each bin, since an empty one would make it infinite.
fn stability_index(reference: &[f64], last: &[f64]) -> (f64, usize) {
    let quantile = |bin: usize| reference[bin * reference.len() / BINS];
    let mut edges: Vec<f64> = (1..BINS).map(quantile).collect();
    // A value that many studies have is an edge once; what lies at or above an edge is above it.
    edges.dedup();
    edges.retain(|edge| *edge > reference[0]);
    // One value fills nine tenths and more: below it, at it and above it.
    if edges.is_empty() {
        edges.extend([reference[0], reference[0].next_up()]);
    }
    let bins = edges.len() + 1;
    let shares = |values: &[f64]| -> Vec<f64> {
        let mut counts = vec![0.5; bins];
        for value in values {
            counts[edges.partition_point(|edge| edge <= value)] += 1.0;
        }
        let all = values.len() as f64 + 0.5 * bins as f64;
        counts.into_iter().map(|count| count / all).collect()
    };
    let pairs = shares(reference).into_iter().zip(shares(last));
    (pairs.map(|(a, b)| (a - b) * (a / b).ln()).sum(), bins)
}

/// The largest distance between the distribution functions of two sorted samples.
fn distance(one: &[f64], other: &[f64]) -> f64 {
    let share = |values: &[f64], up_to: f64| {
        values.partition_point(|value| *value <= up_to) as f64 / values.len() as f64
    };
    one.iter()
        .chain(other)
        .map(|value| (share(one, *value) - share(other, *value)).abs())
        .fold(0.0, f64::max)
}

/// 2 Σ (−1)^(k − 1) exp(−2 k² x²): the chance, in the limit, of a distance of x √(1/m + 1/n) or more (Smirnov, Ann. Math. Stat. 19, 1948,
/// 279–281). Own code: the crate's needs the standard library's feature, and does not end where both samples are equal.
fn kolmogorov_tail(x: f64) -> f64 {
    // Below, it is 1 but for less than 1e-5, and the series converges slowly.
    if x < 0.3 {
        return 1.0;
    }
    let terms = (1..=20).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 1.0 } else { -1.0 };
        sign * (-2.0 * (k * x).powi(2)).exp()
    });
    (2.0 * terms.sum::<f64>()).clamp(0.0, 1.0)
}

fn median(sorted: &[f64]) -> f64 {
    let upper = sorted[sorted.len() / 2];
    let lower = sorted[(sorted.len() - 1) / 2];
    f64::midpoint(lower, upper)
}
