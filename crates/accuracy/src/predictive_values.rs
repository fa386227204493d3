use serde::Serialize;

use crate::{Level, Proportion};

/// How often an answer is right where so many of the studies are pathologies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PredictiveValues {
    pub prevalence: f64,
    /// Of studies called norm, the share that is norm; None where nothing is called norm.
    pub negative: Option<f64>,
    pub negative_interval: Option<[f64; 2]>,
    /// Of studies called pathology, the share that is pathology; None where nothing is called pathology.
    pub positive: Option<f64>,
    pub positive_interval: Option<[f64; 2]>,
}

/// Bayes' rule on sensitivity and specificity, for a prevalence that is not that of the labelled set.
///
/// Both values rise with sensitivity and with specificity. So their intervals are those of the lower and of the upper ends of
/// two Clopper–Pearson intervals, each at 1 − (1 − confidence)/2: they cover with at least `confidence` (Bonferroni), rather
/// more. None where the labelled set lacks norms or pathologies.
pub fn predictive_values(
    sensitivity: Proportion,
    specificity: Proportion,
    prevalence: Level,
    confidence: Level,
) -> Option<PredictiveValues> {
    let each = confidence.of_each_of_two();
    let (found, released) = (sensitivity.interval(each)?, specificity.interval(each)?);
    let prevalence = prevalence.value();
    let negative = |sensitivity: f64, specificity: f64| {
        share(specificity * (1.0 - prevalence), (1.0 - sensitivity) * prevalence)
    };
    let positive = |sensitivity: f64, specificity: f64| {
        share(sensitivity * prevalence, (1.0 - specificity) * (1.0 - prevalence))
    };
    let interval = |value: &dyn Fn(f64, f64) -> Option<f64>| {
        // Where an end leaves nothing to be right or wrong about, all is possible on that side.
        [
            value(found[0], released[0]).unwrap_or(0.0),
            value(found[1], released[1]).unwrap_or(1.0),
        ]
    };
    let (sensitivity, specificity) = (sensitivity.value()?, specificity.value()?);
    Some(PredictiveValues {
        prevalence,
        negative: negative(sensitivity, specificity),
        negative_interval: Some(interval(&negative)),
        positive: positive(sensitivity, specificity),
        positive_interval: Some(interval(&positive)),
    })
}

/// The part that `right` is of both; None of nothing.
fn share(right: f64, wrong: f64) -> Option<f64> {
    let all = right + wrong;
    (all > 0.0).then(|| right / all)
}
