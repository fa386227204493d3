//! What a failed object operation is to the client.

use norma_object_storage::ObjectError;

use crate::problem::ApiError;

impl From<ObjectError> for ApiError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::StorageFull(_) => Self::StorageFull,
            ObjectError::TooLarge { limit_bytes } => Self::UploadTooLarge { limit_bytes },
            // It is there, and is told apart from what is not: the log names the key that is missing.
            error if error.is_retryable() || matches!(error, ObjectError::Key { .. }) => Self::Unavailable {
                dependency: "objects",
                source: error.into(),
            },
            error => Self::internal(error),
        }
    }
}
