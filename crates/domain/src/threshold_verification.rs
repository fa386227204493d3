//! Whether a threshold is known to do what it promises on the scanner that a study came from.

use serde::{Deserialize, Serialize};

use crate::{Reason, ScannerProfile};

/// What of an operating point's promise holds for a study.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ThresholdVerification {
    /// Whether the operating point was measured on studies of this scanner, used like this. A norm is *norm, unverified* otherwise.
    pub verified: bool,
    /// The study's scanner; None where its files do not tell it.
    pub scanner: Option<ScannerProfile>,
    /// What the threshold was measured on; empty where the bundle does not say.
    pub measured_on: Vec<String>,
    /// The threshold is this scanner's own, and not the one that the operating point has for all others.
    #[serde(default)]
    pub own_threshold: bool,
    /// Why it is not verified.
    pub reason: Option<Reason>,
}

/// What follows where the threshold was not verified on the scanner.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnverifiedThreshold {
    /// The verdict stands and the report says that it is unverified.
    #[default]
    Warn,
    /// No norm: what would be norm is undetermined. A pathology stays one.
    Withhold,
}
