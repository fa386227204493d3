use norma_domain::{
    BundleReference, OperatingPoint, Probability, ReasonCode, Report, ScannerProfile, Verdict,
};
use serde::{Deserialize, Serialize};

/// What two bundles say of one study, as it is kept. Holds nothing of the patient.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShadowAnswer {
    /// None where the files do not tell it.
    pub scanner: Option<ScannerProfile>,
    /// The answer that people see.
    pub shown: GivenAnswer,
    pub shadow: GivenAnswer,
    /// What the second bundle's models took.
    pub duration_ms: u64,
}

/// An answer in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GivenAnswer {
    pub bundle: BundleReference,
    pub verdict: Verdict,
    /// The calibrated probability of pathology; null where the scores gave none.
    pub probability: Option<Probability>,
    /// With the threshold that the study was held to.
    pub operating_point: OperatingPoint,
    /// Why the verdict is undetermined, and what limits it.
    pub reasons: Vec<ReasonCode>,
}

impl From<&Report> for GivenAnswer {
    fn from(report: &Report) -> Self {
        let mut reasons: Vec<ReasonCode> = report
            .reasons
            .iter()
            .chain(&report.limitations)
            .map(|reason| reason.code)
            .collect();
        reasons.sort_unstable();
        reasons.dedup();
        Self {
            bundle: report.bundle.clone(),
            verdict: report.verdict,
            probability: report.probability_of_pathology,
            operating_point: report.operating_point.clone(),
            reasons,
        }
    }
}

impl ShadowAnswer {
    /// Of the report that is shown and of the one that the second bundle made of the same prepared study.
    pub fn of(shown: &Report, shadow: &Report, duration_ms: u64) -> Self {
        Self {
            scanner: shown.study.as_ref().and_then(ScannerProfile::of_study),
            shown: shown.into(),
            shadow: shadow.into(),
            duration_ms,
        }
    }

    pub(super) fn differs(&self) -> bool {
        self.shown.verdict != self.shadow.verdict
    }

    /// The second bundle's probability less the shown one; None where one of them has none.
    pub(super) fn probability_change(&self) -> Option<f64> {
        Some(self.shadow.probability?.value() - self.shown.probability?.value())
    }
}
