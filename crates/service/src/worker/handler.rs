use std::io::ErrorKind;

use async_trait::async_trait;
use norma_database::DatabaseError;
use norma_domain::{Reason, ReasonCode};
use norma_encryption::KeyError;
use norma_object_storage::ObjectError;
use norma_queue::Delivery;

/// What a service does with a message. Everything here may happen again after a kill at any moment, so every step
/// must be idempotent.
#[async_trait]
pub trait MessageHandler: Send + Sync + 'static {
    /// Does the work and commits what came of it.
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError>;

    /// Commits that this stage ends without a result for the message's analysis.
    async fn record_failure(&self, delivery: &Delivery, reason: Reason) -> Result<Handled, HandlerError>;
}

/// What came of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// Committed.
    Completed,
    /// Nothing to do (any more): done before, or the analysis has ended, or its scan was deleted.
    Obsolete,
}

/// Why a message could not be handled. The loop decides from this alone what becomes of it.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The input's fault, or a lack that waiting does not cure: no retry, the failure is recorded.
    #[error("{0}")]
    Rejected(Reason),
    /// What the work stands on fails (database, objects, a disk): nobody's fault, no attempt. Held and tried again.
    #[error("{source}")]
    Infrastructure {
        /// Whether it is certain; otherwise it counts as an attempt once it has lasted long although every check of the
        /// infrastructure passes.
        is_certain: bool,
        source: anyhow::Error,
    },
    /// May succeed later. `reason` is what is recorded when it never does; without one the message becomes a dead
    /// letter.
    #[error("{source}")]
    Retryable {
        reason: Option<Reason>,
        source: anyhow::Error,
    },
}

impl HandlerError {
    pub fn rejected(code: ReasonCode, message: impl Into<String>) -> Self {
        Self::Rejected(Reason::new(code, message))
    }

    pub fn retryable(source: impl Into<anyhow::Error>) -> Self {
        Self::Retryable {
            reason: None,
            source: source.into(),
        }
    }

    /// A failure of what the work stands on.
    pub fn infrastructure(is_certain: bool, source: impl Into<anyhow::Error>) -> Self {
        Self::Infrastructure {
            is_certain,
            source: source.into(),
        }
    }

    /// A failure that may pass and has a reason to be recorded if it does not.
    pub fn retryable_with(reason: Reason) -> Self {
        Self::Retryable {
            source: anyhow::anyhow!("{reason}"),
            reason: Some(reason),
        }
    }
}

impl From<DatabaseError> for HandlerError {
    fn from(error: DatabaseError) -> Self {
        let is_certain = matches!(
            error,
            DatabaseError::Unavailable(_) | DatabaseError::ConnectionLost(_) | DatabaseError::Full(_)
        );
        if error.is_retryable() {
            Self::infrastructure(is_certain, error)
        } else {
            Self::retryable(error)
        }
    }
}

impl From<ObjectError> for HandlerError {
    fn from(error: ObjectError) -> Self {
        match error {
            // The key holds ids only.
            ObjectError::NotFound(_) => Self::rejected(ReasonCode::ObjectMissing, error.to_string()),
            ObjectError::StorageFull(_) => Self::infrastructure(true, error),
            ObjectError::LocalFile(ref io) if is_full(io) => Self::infrastructure(true, error),
            // Nobody's fault but the settings': the work waits for the key.
            ObjectError::Key {
                source: KeyError::NoKeys | KeyError::Unknown { .. } | KeyError::Service(_),
                ..
            } => Self::infrastructure(true, error),
            ObjectError::Unavailable(_) | ObjectError::Refused(_) => Self::infrastructure(false, error),
            other => Self::retryable(other),
        }
    }
}

/// A local disk, e.g. the one of the scratch folder.
impl From<std::io::Error> for HandlerError {
    fn from(error: std::io::Error) -> Self {
        if is_full(&error) {
            Self::infrastructure(true, error)
        } else {
            Self::retryable(error)
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// A task that panicked or was cancelled.
impl From<tokio::task::JoinError> for HandlerError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Retryable {
            reason: Some(Reason::new(
                ReasonCode::Internal,
                "the stage's task did not finish",
            )),
            source: error.into(),
        }
    }
}
