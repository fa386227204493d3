//! Whether a series is a complete chest CT.

use norma_domain::{QualityCheck, QualityConsequence, ReasonCode};
use norma_imaging::LoadedSeries;
use norma_volume::LungSegmentation;

/// Until the checks are here every verdict is undetermined.
pub fn check_quality(_series: &LoadedSeries, _lungs: &LungSegmentation) -> Vec<QualityCheck> {
    vec![QualityCheck {
        code: ReasonCode::Internal,
        passed: false,
        measured: None,
        limit: None,
        unit: String::new(),
        consequence: QualityConsequence::Undetermined,
        message: "the quality checks are missing".to_owned(),
    }]
}
