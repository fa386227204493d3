use chrono::{DateTime, Utc};
use norma_database::PatientDetails;
use norma_domain::PatientId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
}

impl PatientInput {
    /// The names trimmed; refused where a name is blank or a text too long.
    pub(crate) fn checked(self) -> Result<PatientDetails, ApiError> {
        Ok(PatientDetails {
            first_name: checked_name("first_name", &self.first_name)?,
            last_name: checked_name("last_name", &self.last_name)?,
            description: checked_description(self.description)?,
        })
    }
}

/// A name, trimmed: 1 to 200 printable characters.
pub(crate) fn checked_name(field: &'static str, text: &str) -> Result<String, ApiError> {
    let trimmed = text.trim();
    let length = trimmed.chars().count();
    if length == 0 || length > 200 || trimmed.chars().any(char::is_control) {
        return Err(ApiError::InvalidField {
            field,
            detail: "1 to 200 printable characters, not blank".to_owned(),
        });
    }
    Ok(trimmed.to_owned())
}

/// A description of at most 10,000 characters; an absent one is empty.
pub(crate) fn checked_description(text: Option<String>) -> Result<String, ApiError> {
    let text = text.unwrap_or_default();
    if text.chars().count() > 10_000 || text.contains('\0') {
        return Err(ApiError::InvalidField {
            field: "description",
            detail: "at most 10000 characters, none of them NUL".to_owned(),
        });
    }
    Ok(text)
}
