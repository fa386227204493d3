use serde::{Deserialize, Serialize};

use crate::ReasonCode;

/// What follows from a check that did not pass. Never a verdict of norm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum QualityConsequence {
    /// Stated in the report; the verdict stands.
    Note,
    /// Not all of the lungs was seen, or not as well as norm needs: the verdict is never norm, but what was seen and
    /// reaches the threshold is pathology.
    LimitsView,
    /// The volume itself is not to be trusted. The verdict is undetermined.
    Undetermined,
    /// The analysis fails.
    Failed,
}

/// One quality check with what it measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QualityCheck {
    pub code: ReasonCode,
    pub passed: bool,
    /// The measured value, in `unit`; None where there was nothing to measure.
    pub measured: Option<f64>,
    pub limit: Option<f64>,
    /// `mm`, `ml`, `slices`, `degrees`, `fraction`, …
    pub unit: String,
    pub consequence: QualityConsequence,
    /// A sentence for a person.
    pub message: String,
}
