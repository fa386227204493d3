//! What of two windows is drawn: numbers of studies and sums over them, no study's own value.

use norma_accuracy::{CumulativeSums, sequential_normal_scores};
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

/// To what can be seen.
fn rounded(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}
