//! A row of the mass run, in the column order of the reference service.

use serde::{Deserialize, Serialize};

use crate::{Probability, Verdict};

/// Column names in their order: those of the reference service, then ours.
pub const MASS_RUN_COLUMNS: [&str; 20] = [
    "path_to_study",
    "study_uid",
    "series_uid",
    "probability_of_pathology",
    "pathology",
    "processing_status",
    "time_of_processing",
    "most_dangerous_pathology_type",
    "x_min",
    "x_max",
    "y_min",
    "y_max",
    "z_min",
    "z_max",
    "reason",
    "slice_count",
    "image_first",
    "image_last",
    "table_position_first_mm",
    "table_position_last_mm",
];

/// Whether a row holds an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum ProcessingStatus {
    Success,
    Failure,
}

/// One study of a mass run. A row that is not a plain answer has status `Failure`, a reason, and neither
/// probability nor pathology.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MassRunRow {
    pub path_to_study: String,
    pub study_uid: Option<String>,
    pub series_uid: Option<String>,
    pub probability_of_pathology: Option<Probability>,
    /// 1 pathology, 0 norm.
    pub pathology: Option<u8>,
    pub processing_status: ProcessingStatus,
    /// Seconds.
    pub time_of_processing: f64,
    pub most_dangerous_pathology_type: Option<String>,
    pub x_min: Option<usize>,
    pub x_max: Option<usize>,
    pub y_min: Option<usize>,
    pub y_max: Option<usize>,
    pub z_min: Option<usize>,
    pub z_max: Option<usize>,
    /// `code: message` of a failure, or of what limited a pathology's view; None for an answer without limits.
    pub reason: Option<String>,
    /// Slices of the series that was read. `z_min` and `z_max` are indices into them from the feet, from 0.
    #[serde(default)]
    pub slice_count: Option<usize>,
    /// Instance Number (0020,0013) of the box's slice nearest the head.
    #[serde(default)]
    pub image_first: Option<i64>,
    /// Instance Number of the box's slice nearest the feet.
    #[serde(default)]
    pub image_last: Option<i64>,
    /// z of Image Position (Patient) of the box's slice nearest the head.
    #[serde(default)]
    pub table_position_first_mm: Option<f64>,
    /// z of Image Position (Patient) of the box's slice nearest the feet.
    #[serde(default)]
    pub table_position_last_mm: Option<f64>,
    /// The report's verdict; None where the analysis failed. No column: tables keep the reference service's.
    #[serde(default)]
    pub verdict: Option<Verdict>,
}
