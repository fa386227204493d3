//! How often what was fitted to a site would call its own norm pathology.

use norma_domain::{OperatingPointName, Probability};
use serde::Serialize;

use super::statistics::{Rate, wilson_interval};
use crate::bundle::Bundle;
use crate::operating_point_figures::OperatingPointFigures;

/// Norm studies called pathology at an operating point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalsePositives {
    pub operating_point: OperatingPointName,
    pub rate: Rate,
}

/// At each operating point of the bundle.
pub(super) fn false_positives(bundle: &Bundle, probabilities: &[Probability]) -> Vec<FalsePositives> {
    let total = probabilities.len();
    let at = |point: &OperatingPointFigures| {
        let called = probabilities
            .iter()
            .filter(|probability| **probability >= point.threshold)
            .count();
        FalsePositives {
            operating_point: point.name.clone(),
            rate: Rate {
                value: called as f64 / total as f64,
                ci95: wilson_interval(called, total),
            },
        }
    };
    bundle.operating_points().iter().map(at).collect()
}
