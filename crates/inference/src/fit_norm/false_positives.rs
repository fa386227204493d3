//! How often what was fitted to a site would call its own norm pathology.

use norma_domain::{OperatingPointName, Probability};
use serde::Serialize;

use super::statistics::{Rate, norm_scores, wilson_interval};
use super::{FitNormError, NormFitter, StudyPatches};
use crate::bundle::{Bundle, OperatingPointFigures};

/// Norm studies called pathology at an operating point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalsePositives {
    pub operating_point: OperatingPointName,
    pub rate: Rate,
}

/// The probability of each study by bounds and scaling of the others: `scores` of the memory without it, `logits` of the
/// classifier.
pub(super) fn leave_one_out_probabilities(
    fitter: &NormFitter<'_>,
    scores: &[f64],
    logits: &[f64],
) -> Result<Vec<Probability>, FitNormError> {
    let judged = |(index, study): (usize, &StudyPatches)| {
        let site = norm_scores(&without(scores, index)).ok_or(FitNormError::NoSpread)?;
        let site_logits = norm_scores(&without(logits, index)).ok_or(FitNormError::NoSpread)?;
        let mut anomaly = study.anomaly.clone();
        anomaly[fitter.memory_index] = fitter.base.bounds(site).normalise(scores[index]);
        let classifier = fitter.base.scaling(site_logits).apply(study.classifier);
        let anomaly = fitter.bundle.anomaly_combination().apply(&anomaly);
        let (_, _, probability) = fitter
            .bundle
            .answer(anomaly, classifier)
            .ok_or(FitNormError::NoSpread)?;
        Ok(probability)
    };
    fitter.studies.iter().enumerate().map(judged).collect()
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

fn without(values: &[f64], left_out: usize) -> Vec<f64> {
    let mut others = values.to_vec();
    others.remove(left_out);
    others
}
