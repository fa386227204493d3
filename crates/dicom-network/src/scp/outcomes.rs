//! What a peer tells of what it was asked to commit to.

use async_trait::async_trait;

use crate::ae_title::AeTitle;
use crate::command::Command;
use crate::commitment::{CommitmentOutcome, STORAGE_COMMITMENT, WELL_KNOWN_INSTANCE};
use crate::negotiation::AcceptedContext;
use crate::scp::commitment::is_explicit;
use crate::status::Status;

/// Is told what peers have stored.
#[async_trait]
pub trait OutcomeListener: Send + Sync + 'static {
    /// Whether a peer may tell.
    fn expects(&self, calling: &AeTitle) -> bool;

    /// Keeps what a peer tells. When this returns, the peer need not tell it again.
    ///
    /// # Errors
    /// What the peer is told.
    async fn told(&self, outcome: CommitmentOutcome, calling: &AeTitle) -> Result<(), Status>;
}

/// What an N-EVENT-REPORT tells, or what the peer is told of it.
pub(super) fn outcome_of(
    context: &AcceptedContext,
    command: &Command,
    data: Option<Vec<u8>>,
) -> Result<CommitmentOutcome, Status> {
    if context.abstract_syntax != STORAGE_COMMITMENT {
        return Err(Status::UNRECOGNIZED_OPERATION);
    }
    if command.sop_class().as_deref() != Some(STORAGE_COMMITMENT) {
        return Err(Status::NO_SUCH_SOP_CLASS);
    }
    if command.sop_instance().as_deref() != Some(WELL_KNOWN_INSTANCE) {
        return Err(Status::NO_SUCH_SOP_INSTANCE);
    }
    let data = data.ok_or(Status::RESOURCE_LIMITATION)?;
    CommitmentOutcome::decode(&data, is_explicit(context)).map_err(|_| Status::INVALID_ARGUMENT)
}
