//! How often what was fitted to a site would call its own norm pathology.

use norma_domain::OperatingPointName;
use serde::Serialize;

use super::statistics::{Rate, norm_scores, wilson_interval};
use super::{FitNormError, NormFitter};

/// Norm studies called pathology at an operating point.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FalsePositives {
    pub operating_point: OperatingPointName,
    pub rate: Rate,
}

/// Each study judged by bounds and scaling of the others: `scores` of the memory without it, `logits` of the classifier.
pub(super) fn false_positives(
    fitter: &NormFitter<'_>,
    scores: &[f64],
    logits: &[f64],
) -> Result<Vec<FalsePositives>, FitNormError> {
    let probabilities = fitter
        .studies
        .iter()
        .enumerate()
        .map(|(index, study)| {
            let site = norm_scores(&without(scores, index)).ok_or(FitNormError::NoSpread)?;
            let site_logits = norm_scores(&without(logits, index)).ok_or(FitNormError::NoSpread)?;
            let mut anomaly = study.anomaly.clone();
            anomaly[fitter.memory_index] = fitter.base.bounds(site).normalise(scores[index]);
            let classifier = fitter.base.scaling(site_logits).apply(study.classifier);
            fitter
                .bundle
                .probability(&anomaly, classifier)
                .ok_or(FitNormError::NoSpread)
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok(fitter
        .bundle
        .operating_points()
        .iter()
        .map(|point| {
            let count = probabilities
                .iter()
                .filter(|probability| **probability >= point.threshold)
                .count();
            FalsePositives {
                operating_point: point.name.clone(),
                rate: Rate {
                    value: count as f64 / probabilities.len() as f64,
                    ci95: wilson_interval(count, probabilities.len()),
                },
            }
        })
        .collect())
}

fn without(values: &[f64], left_out: usize) -> Vec<f64> {
    let mut others = values.to_vec();
    others.remove(left_out);
    others
}
