//! The area under the ROC curve, with its interval, and the curve.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use crate::{Level, ScoredStudy};

/// The chance that a pathology's score is above a norm's, equal scores counting half.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocArea {
    pub area: f64,
    pub interval: [f64; 2],
    pub method: RocIntervalMethod,
    pub pathologies: u64,
    pub norms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RocIntervalMethod {
    /// DeLong's variance, on the logit scale.
    DelongLogit,
    /// Newcombe's method 5: where DeLong's variance is 0 although the truth is not certain, as of an area of 1.
    Newcombe5,
}

/// A point of the curve: what is found and what is called in vain, at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct RocPoint {
    pub threshold: f64,
    pub sensitivity: f64,
    pub false_positive_rate: f64,
}

/// The area (the Mann–Whitney statistic) with DeLong's variance (DeLong et al., Biometrics 44, 1988, 837–845), computed from
/// mid-ranks (Sun & Xu, IEEE Signal Processing Letters 21, 2014, 1389–1393), the interval on the logit scale (Pepe 2003,
/// section 5.2.4), where it stays within 0..=1. Where that variance is 0, or fewer than two studies of a label are there: method
/// 5 of Newcombe (Statistics in Medicine 25, 2006, 559–573).
///
/// None unless both labels are there.
pub fn roc_area(studies: &[ScoredStudy], confidence: Level) -> Option<RocArea> {
    let of = |pathology: bool| -> Vec<f64> {
        let those = studies.iter().filter(|study| study.pathology() == pathology);
        those.map(|study| study.score()).collect()
    };
    let (positives, negatives) = (of(true), of(false));
    if positives.is_empty() || negatives.is_empty() {
        return None;
    }
    let (m, n) = (positives.len() as f64, negatives.len() as f64);
    let all: Vec<f64> = positives.iter().chain(&negatives).copied().collect();
    let (ranks, among_positives, among_negatives) =
        (mid_ranks(&all), mid_ranks(&positives), mid_ranks(&negatives));
    let (of_positives, of_negatives) = ranks.split_at(positives.len());
    // The share of the other label that each study is above (of a norm: that is above it).
    let placed = |ranks: &[f64], within: &[f64], others: f64| -> Vec<f64> {
        let pairs = ranks.iter().zip(within);
        pairs.map(|(rank, within)| (rank - within) / others).collect()
    };
    let above = placed(of_positives, &among_positives, n);
    let below = placed(of_negatives, &among_negatives, m);
    let area = above.iter().sum::<f64>() / m;
    let variance = variance(&above)
        .zip(variance(&below))
        .map(|(above, below)| above / m + below / n)
        .filter(|variance| *variance > 0.0 && area > 0.0 && area < 1.0);
    let z = normal_quantile(confidence);
    let (interval, method) = match variance {
        Some(variance) => {
            let logit = (area / (1.0 - area)).ln();
            let reach = z * variance.sqrt() / (area * (1.0 - area));
            let ends = [logit - reach, logit + reach].map(|logit| 1.0 / (1.0 + (-logit).exp()));
            (ends, RocIntervalMethod::DelongLogit)
        }
        None => (newcombe_5(area, m, n, z), RocIntervalMethod::Newcombe5),
    };
    Some(RocArea {
        area,
        interval,
        method,
        pathologies: positives.len() as u64,
        norms: negatives.len() as u64,
    })
}

/// The curve from (0, 0) to (1, 1): a point for each score that occurs, falling thresholds. Empty unless both labels are there.
pub fn roc_curve(studies: &[ScoredStudy]) -> Vec<RocPoint> {
    let count = |pathology: bool| {
        let those = studies.iter().filter(|study| study.pathology() == pathology);
        those.count() as f64
    };
    let (positives, negatives) = (count(true), count(false));
    if positives == 0.0 || negatives == 0.0 {
        return Vec::new();
    }
    let mut sorted = studies.to_vec();
    sorted.sort_unstable_by(|one, other| other.score().total_cmp(&one.score()));
    let (mut found, mut in_vain) = (0.0, 0.0);
    let mut points = Vec::new();
    for (place, study) in sorted.iter().enumerate() {
        if study.pathology() {
            found += 1.0;
        } else {
            in_vain += 1.0;
        }
        let next = sorted.get(place + 1);
        if next.is_none_or(|next| next.score() < study.score()) {
            points.push(RocPoint {
                threshold: study.score(),
                sensitivity: found / positives,
                false_positive_rate: in_vain / negatives,
            });
        }
    }
    points
}

/// Ranks from 1, equal values sharing the mean of theirs, in the order given.
fn mid_ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|one, other| values[*one].total_cmp(&values[*other]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let equal = order[start..].iter().take_while(|place| values[**place] == value);
        let end = start + equal.count();
        for place in &order[start..end] {
            ranks[*place] = (start + 1 + end) as f64 / 2.0;
        }
        start = end;
    }
    ranks
}

/// With n − 1; None for fewer than two.
fn variance(values: &[f64]) -> Option<f64> {
    let count = values.len() as f64;
    (values.len() > 1).then(|| {
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        squares.sum::<f64>() / (count - 1.0)
    })
}

/// Two-sided: 1.96 for 95 %.
fn normal_quantile(confidence: Level) -> f64 {
    Normal::standard().inverse_cdf(confidence.of_each_of_two().value())
}

/// The areas θ for which |area − θ| = z·√V(θ), with V(θ) = θ(1−θ)/(mn) · [1 + N(1−θ)/(2−θ) + Nθ/(1+θ)] and
/// N = (m + n)/2 − 1.
fn newcombe_5(area: f64, m: f64, n: f64, z: f64) -> [f64; 2] {
    let mean_size = f64::midpoint(m, n) - 1.0;
    let reach = |theta: f64| {
        let spread = 1.0 + mean_size * (1.0 - theta) / (2.0 - theta) + mean_size * theta / (1.0 + theta);
        z * (theta * (1.0 - theta) * spread / (m * n)).sqrt()
    };
    // Between the end (0 or 1), where the reach is 0, and the area itself the difference changes its sign once.
    let solve = |mut outer: f64, mut inner: f64| {
        for _ in 0..100 {
            let middle = f64::midpoint(outer, inner);
            if (area - middle).abs() > reach(middle) {
                outer = middle;
            } else {
                inner = middle;
            }
        }
        inner
    };
    [solve(0.0, area), solve(1.0, area)]
}
