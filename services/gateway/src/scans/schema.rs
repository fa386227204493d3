use chrono::{DateTime, Utc};
use norma_domain::{AnalysisId, PatientId, ScanId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A scan: one uploaded study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Scan {
    pub id: ScanId,
    /// None for a prediction without a patient.
    pub patient_id: Option<PatientId>,
    pub description: String,
    /// The name of the uploaded file, made safe.
    pub file_name: String,
    /// SHA-256 of the uploaded bytes, lower-case hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
    /// (0020,000D), known after preprocessing.
    pub study_uid: Option<String>,
    /// (0020,000E) of the series that was read, known after preprocessing.
    pub series_uid: Option<String>,
    /// (0008,0020) as `YYYYMMDD`, known after preprocessing.
    pub study_date: Option<String>,
    /// Slices of the series that was read, known after preprocessing.
    pub slice_count: Option<u32>,
    /// The latest analysis: `GET /api/analyses/{id}`.
    pub latest_analysis_id: Option<AnalysisId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What may be changed of a scan.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct ScanChange {
    #[schema(max_length = 10000)]
    pub description: String,
}

/// The form of an upload; its fields may come in any order.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "describes the form in the OpenAPI document; the form itself is read as a stream"
)]
pub struct ScanUpload {
    /// A zip, a DICOM file, or NIfTI (.nii, .nii.gz) with one study.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    pub patient_id: Option<PatientId>,
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// Whether to store the upload without what identifies its patient (DICOM PS3.15 annex E, basic profile). The file
    /// name goes too. An upload that cannot be read is refused then.
    #[schema(default = false)]
    pub deidentify: Option<bool>,
}
