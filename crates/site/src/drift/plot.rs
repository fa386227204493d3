//! What of two windows is drawn: numbers of studies and sums over them, no study's own value.

use norma_accuracy::{
    CumulativeSums, DRIFT_VALUES_NEEDED, Level, Proportion, sequential_normal_scores, share_sum_limits,
    share_sums,
};
use serde::{Deserialize, Serialize};

/// Bars of the histogram.
const BARS: usize = 20;

/// Two windows of values as they are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DriftPlot {
    /// The lower edge of the first bar and the upper edge of the last one; all bars are of one width, and both windows lie within.
    pub range: [f64; 2],
    /// Share of the studies in each bar.
    pub reference: Vec<f64>,
    pub last: Vec<f64>,
    /// The cumulative sums after each of the last studies, the oldest first, in standard deviations.
    pub upward: Vec<f64>,
    pub downward: Vec<f64>,
}

impl DriftPlot {
    /// None without values in one of the windows. Both come oldest first.
    pub(super) fn of(reference: &[f64], last: &[f64]) -> Option<Self> {
        if reference.is_empty() || last.is_empty() {
            return None;
        }
        let all = || reference.iter().chain(last).copied();
        let (low, high) = (
            all().fold(f64::INFINITY, f64::min),
            all().fold(f64::NEG_INFINITY, f64::max),
        );
        // One value throughout fills the middle bar.
        let (low, high) = if high > low {
            (low, high)
        } else {
            (low - 0.5, low + 0.5)
        };
        let shares = |values: &[f64]| {
            let mut counts = [0.0; BARS];
            for value in values {
                let bar = ((value - low) / (high - low) * BARS as f64) as usize;
                counts[bar.min(BARS - 1)] += 1.0;
            }
            counts
                .iter()
                .map(|count| rounded(count / values.len() as f64))
                .collect()
        };
        let sums = CumulativeSums::of(&sequential_normal_scores(reference, last));
        let path = |sums: Vec<f64>| sums.into_iter().map(rounded).collect();
        Some(Self {
            range: [low, high],
            reference: shares(reference),
            last: shares(last),
            upward: path(sums.upward),
            downward: path(sums.downward),
        })
    }
}

/// Two windows of what is or is not so as they are drawn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SharePlot {
    /// The cumulative sums after each of the last studies, the oldest first: studies more than are expected, and fewer.
    pub upward: Vec<f64>,
    pub downward: Vec<f64>,
    /// The sums above which the share has drifted by itself; null where no order of these studies comes so high.
    pub upward_limit: Option<f64>,
    pub downward_limit: Option<f64>,
}

impl SharePlot {
    /// None where a window is too small for a comparison. The last ones come oldest first.
    pub(super) fn of(reference: Proportion, last: &[bool], confidence: Level) -> Option<Self> {
        let needed = DRIFT_VALUES_NEEDED as u64;
        if reference.trials().min(last.len() as u64) < needed {
            return None;
        }
        let sums = share_sums(reference, last);
        let [upward_limit, downward_limit] = share_sum_limits(&sums, confidence);
        let path = |sums: &[f64]| sums.iter().copied().map(rounded).collect();
        Some(Self {
            upward: path(&sums.upward),
            downward: path(&sums.downward),
            upward_limit,
            downward_limit,
        })
    }
}

/// To what can be seen.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
