use norma_domain::{IdentityAttribute, PatientId, StudyIdentity};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::patients::schema::Patient;

/// Whose study a scan is to be.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct ScanPatient {
    /// A registered patient.
    pub patient_id: Option<PatientId>,
    /// Instead of `patient_id`: the patient that the files name, registered if need be.
    pub patient_from_dicom: bool,
    /// Whether a person saw that the files name another patient and chooses this one nonetheless.
    pub confirm_patient_mismatch: bool,
}

/// What an upload says of its patient, without being stored.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct InspectedUpload {
    /// Whose study it is; null where the files say nothing or cannot be read.
    pub identity: Option<StudyIdentity>,
    /// In what it contradicts the patient of the form's `patient_id`.
    pub patient_mismatch: Vec<IdentityAttribute>,
    /// Registered patients with its Patient ID.
    pub patients: Vec<Patient>,
}

/// The form of an upload to be inspected.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "describes the form in the OpenAPI document; the form itself is read as a stream"
)]
pub(crate) struct UploadToInspect {
    /// A zip, a DICOM file, or NIfTI (.nii, .nii.gz) with one study.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
    /// The patient that it is to be held against.
    pub patient_id: Option<PatientId>,
}
