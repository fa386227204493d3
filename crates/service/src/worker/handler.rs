use async_trait::async_trait;
use norma_database::DatabaseError;
use norma_domain::{Reason, ReasonCode};
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
        Self::retryable(error)
    }
}

impl From<ObjectError> for HandlerError {
    fn from(error: ObjectError) -> Self {
        match error {
            // The key holds ids only.
            ObjectError::NotFound(_) => Self::rejected(ReasonCode::ObjectMissing, error.to_string()),
            other => Self::retryable(other),
        }
    }
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
