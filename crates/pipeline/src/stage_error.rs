use norma_domain::{Reason, ReasonCode};
use norma_inference::ModelError;

/// Why a stage gave no result, and whether another try may give one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct StageError {
    pub reason: Reason,
    pub retryable: bool,
}

impl StageError {
    /// Something that another try will not mend.
    pub fn final_failure(code: ReasonCode, message: impl Into<String>) -> Self {
        Self {
            reason: Reason::new(code, message),
            retryable: false,
        }
    }
}

impl From<ModelError> for StageError {
    fn from(error: ModelError) -> Self {
        Self {
            reason: error.reason(),
            retryable: error.is_retryable(),
        }
    }
}
