use chrono::{DateTime, Utc};
use norma_database::{self as rows, PatientDetails};
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

impl From<rows::Patient> for Patient {
    fn from(row: rows::Patient) -> Self {
        Self {
            id: row.id,
            first_name: row.first_name,
            last_name: row.last_name,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}
