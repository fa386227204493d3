use chrono::{DateTime, Utc};
use norma_database as rows;
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
    /// With `deidentify`: whether a person has looked at every picture and none shows text that names the patient.
    /// Without it captured screens, ultrasound and what else may carry text are left out.
    pub pixels_checked: Option<bool>,
}

impl From<rows::Scan> for Scan {
    fn from(row: rows::Scan) -> Self {
        Self {
            id: row.id,
            patient_id: row.patient_id,
            description: row.description,
            file_name: row.file_name,
            sha256: row.sha256,
            size_bytes: row.size_bytes,
            study_uid: row.study_uid.map(String::from),
            series_uid: row.series_uid.map(String::from),
            study_date: row.study_date,
            slice_count: row.slice_count,
            latest_analysis_id: row.latest_analysis_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
