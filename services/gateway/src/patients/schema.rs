use chrono::{DateTime, Utc};
use norma_database::{self as rows, PatientDetails, PatientIdentity};
use norma_domain::PatientId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::text::{checked_description, checked_name};
use crate::problem::ApiError;

/// A patient as registered here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Patient {
    pub id: PatientId,
    #[schema(example = "Anna")]
    pub first_name: String,
    #[schema(example = "Petrova")]
    pub last_name: String,
    /// Empty where nothing was said.
    pub description: String,
    /// Patient ID (0010,0020) by which the hospital knows the patient; null where nobody said.
    #[schema(example = "4711")]
    pub dicom_patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021): who gave it.
    pub issuer_of_patient_id: Option<String>,
    /// `YYYYMMDD`.
    #[schema(example = "19600515")]
    pub birth_date: Option<String>,
    /// `M`, `F` or `O`.
    #[schema(example = "F")]
    pub sex: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What is said of a patient on creation and on change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PatientInput {
    /// 1 to 200 characters, not blank.
    #[schema(min_length = 1, max_length = 200, example = "Anna")]
    pub first_name: String,
    /// 1 to 200 characters, not blank.
    #[schema(min_length = 1, max_length = 200, example = "Petrova")]
    pub last_name: String,
    #[serde(default)]
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// Patient ID (0010,0020).
    #[serde(default)]
    #[schema(max_length = 64, example = "4711")]
    pub dicom_patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021).
    #[serde(default)]
    #[schema(max_length = 64)]
    pub issuer_of_patient_id: Option<String>,
    /// `YYYYMMDD`.
    #[serde(default)]
    #[schema(example = "19600515")]
    pub birth_date: Option<String>,
    /// `M`, `F` or `O`.
    #[serde(default)]
    #[schema(example = "F")]
    pub sex: Option<String>,
}

/// What is to be changed of a patient. What is absent or null stays as it is; an empty text takes away what may be
/// missing.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default)]
pub struct PatientChange {
    /// 1 to 200 characters, not blank.
    #[schema(min_length = 1, max_length = 200, example = "Anna")]
    pub first_name: Option<String>,
    /// 1 to 200 characters, not blank.
    #[schema(min_length = 1, max_length = 200, example = "Petrova")]
    pub last_name: Option<String>,
    #[schema(max_length = 10000)]
    pub description: Option<String>,
    /// Patient ID (0010,0020).
    #[schema(max_length = 64, example = "4711")]
    pub dicom_patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021).
    #[schema(max_length = 64)]
    pub issuer_of_patient_id: Option<String>,
    /// `YYYYMMDD`.
    #[schema(example = "19600515")]
    pub birth_date: Option<String>,
    /// `M`, `F` or `O`.
    #[schema(example = "F")]
    pub sex: Option<String>,
}

/// Two records of one patient.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct PatientMerge {
    /// The patient whose studies move into the record of the path and whose own record ends.
    pub merged_patient_id: PatientId,
    /// Whether a person saw that the two contradict each other and merges them nonetheless.
    #[serde(default)]
    pub confirm_patient_mismatch: bool,
}

impl PatientInput {
    /// The names trimmed; refused where a name is blank or a text too long.
    pub(crate) fn checked(self) -> Result<PatientDetails, ApiError> {
        Ok(PatientDetails {
            first_name: checked_name("first_name", &self.first_name)?,
            last_name: checked_name("last_name", &self.last_name)?,
            description: checked_description(self.description)?,
            identity: PatientIdentity {
                dicom_patient_id: checked_identifier("dicom_patient_id", self.dicom_patient_id)?,
                issuer_of_patient_id: checked_identifier("issuer_of_patient_id", self.issuer_of_patient_id)?,
                birth_date: checked_birth_date(self.birth_date)?,
                sex: checked_sex(self.sex.as_deref())?,
            },
        })
    }
}

impl PatientChange {
    /// The patient as it is to be.
    pub(crate) fn applied_to(self, patient: norma_database::Patient) -> Result<PatientDetails, ApiError> {
        let known = patient.identity;
        PatientInput {
            first_name: self.first_name.unwrap_or(patient.first_name),
            last_name: self.last_name.unwrap_or(patient.last_name),
            description: self.description.or(Some(patient.description)),
            dicom_patient_id: self.dicom_patient_id.or(known.dicom_patient_id),
            issuer_of_patient_id: self.issuer_of_patient_id.or(known.issuer_of_patient_id),
            birth_date: self.birth_date.or(known.birth_date),
            sex: self.sex.or(known.sex),
        }
        .checked()
    }
}

/// An identifier of at most 64 printable characters (LO, PS3.5 table 6.2-1), trimmed; a blank one is none.
fn checked_identifier(field: &'static str, text: Option<String>) -> Result<Option<String>, ApiError> {
    let trimmed = text
        .map(|text| text.trim().to_owned())
        .filter(|text| !text.is_empty());
    match trimmed {
        Some(text) if text.chars().count() > 64 || text.chars().any(char::is_control) => {
            Err(ApiError::InvalidField {
                field,
                detail: "at most 64 printable characters".to_owned(),
            })
        }
        other => Ok(other),
    }
}

/// A day of the calendar as `YYYYMMDD`, or with hyphens; a blank one is none.
fn checked_birth_date(text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(digits) = text
        .map(|text| text.trim().replace('-', ""))
        .filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let is_a_day = digits.len() == 8 && chrono::NaiveDate::parse_from_str(&digits, "%Y%m%d").is_ok();
    if is_a_day {
        Ok(Some(digits))
    } else {
        Err(ApiError::InvalidField {
            field: "birth_date",
            detail: "a day as YYYYMMDD".to_owned(),
        })
    }
}

fn checked_sex(text: Option<&str>) -> Result<Option<String>, ApiError> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(sex @ ("M" | "F" | "O")) => Ok(Some(sex.to_owned())),
        Some(_) => Err(ApiError::InvalidField {
            field: "sex",
            detail: "M, F or O".to_owned(),
        }),
    }
}

impl From<rows::Patient> for Patient {
    fn from(row: rows::Patient) -> Self {
        Self {
            id: row.id,
            first_name: row.first_name,
            last_name: row.last_name,
            description: row.description,
            dicom_patient_id: row.identity.dicom_patient_id,
            issuer_of_patient_id: row.identity.issuer_of_patient_id,
            birth_date: row.identity.birth_date,
            sex: row.identity.sex,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
