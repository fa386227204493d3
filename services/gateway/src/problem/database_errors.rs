//! What a failed database operation is to the client.

use norma_database::DatabaseError;

use crate::problem::ApiError;

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            DatabaseError::NotFound("patient") => Self::PatientNotFound,
            DatabaseError::NotFound("scan") => Self::ScanNotFound,
            DatabaseError::NotFound("analysis") => Self::AnalysisNotFound,
            DatabaseError::NotFound("user") => Self::UserNotFound,
            DatabaseError::LastAdministrator => Self::LastAdministrator,
            DatabaseError::ChangedMeanwhile(_) => Self::ChangedMeanwhile,
            DatabaseError::TooManyUrgent { most } => Self::TooManyUrgent { most },
            DatabaseError::RequestSuperseded => Self::RequestRunning,
            DatabaseError::StudyLockLost => Self::StudyInHand,
            DatabaseError::NulInText { field } => Self::InvalidField {
                field,
                detail: "text without the character U+0000".to_owned(),
            },
            error if error.is_retryable() => Self::Unavailable {
                dependency: "database",
                source: error.into(),
            },
            error => Self::internal(error),
        }
    }
}
