//! What is said of a nodule or a mass beyond what is said of every finding.

use serde::{Deserialize, Serialize};

/// What a nodule is made of, by its Hounsfield units (Fleischner Society, Radiology 284, 2017).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NoduleDensity {
    Solid,
    PartSolid,
    GroundGlass,
    Calcified,
}

/// A nodule or a mass as it was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NoduleDetail {
    /// Diameter of the ball of the same volume.
    pub diameter_mm: f64,
    pub density: NoduleDensity,
    /// How likely the detector's rule holds it for a nodule, 0..=1; no calibrated probability.
    pub score: f64,
}
