use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{AnalysisId, IdentityAttribute, PatientId, ScanId, StudyIdentity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::uploads::deidentified::Deidentified;

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
    /// Whose study its files say it is; null where they say nothing.
    pub identity: Option<StudyIdentity>,
    /// In what the files contradict the patient that a person chose nonetheless.
    pub patient_mismatch: Vec<IdentityAttribute>,
    /// The latest analysis: `GET /api/analyses/{id}`.
    pub latest_analysis_id: Option<AnalysisId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The scan of the same study with fewer instances that this one adds to: more came by DICOM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<ScanId>,
    /// Told by the upload alone: an earlier scan of the same bytes or of the same study.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ScanId>,
    /// Told by the upload alone: images whose SOP Instance UID stands for another data set in the scan `duplicate_of`. Both scans are kept as
    /// they came, and each is analysed by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_content: Option<usize>,
    /// Told by the upload alone: what de-identification did to it; absent where it was stored as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deidentified: Option<Deidentified>,
}

/// What is to be changed of a scan. What is absent or null stays as it is.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ScanChange {
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// The scan's patient as it is: another one is set by `PUT /api/scans/{scan_id}/patient`.
    pub patient_id: Option<PatientId>,
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
    /// Instead of `patient_id`: the patient that the files name, registered if need be.
    #[schema(default = false)]
    pub patient_from_dicom: Option<bool>,
    /// Whether a person saw that the files name another patient and chooses this one nonetheless.
    #[schema(default = false)]
    pub confirm_patient_mismatch: Option<bool>,
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

impl Scan {
    /// The document of a row and of what its files say.
    pub(crate) fn new(row: rows::Scan, identity: Option<rows::ScanIdentity>) -> Self {
        let identity = identity.unwrap_or_default();
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
            identity: Some(identity.study).filter(|study| !study.is_empty()),
            patient_mismatch: identity.confirmed_conflicts,
            latest_analysis_id: row.latest_analysis_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
            predecessor: None,
            duplicate_of: None,
            other_content: None,
            deidentified: None,
        }
    }
}
