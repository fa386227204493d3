//! Modality Performed Procedure Steps over an association: N-CREATE begins one, N-SET goes on with it.

use async_trait::async_trait;
use norma_domain::SopInstanceUid;

use crate::ae_title::AeTitle;
use crate::command::{Command, N_CREATE_RQ};
use crate::negotiation::AcceptedContext;
use crate::performed_step::{PERFORMED_PROCEDURE_STEP, PerformedStep, StepFailure, StepState};
use crate::scp::commitment::is_explicit;
use crate::status::Status;

/// Keeps what modalities say that they perform.
#[async_trait]
pub trait StepListener: Send + Sync + 'static {
    /// Whether a peer may tell.
    fn listens_to(&self, calling: &AeTitle) -> bool;

    /// A step begins. When this returns, it is kept.
    ///
    /// # Errors
    /// What the peer is told.
    async fn begun(&self, uid: &str, step: PerformedStep, calling: &AeTitle) -> Result<(), StepFailure>;

    /// A step goes on, or has ended. When this returns, that is kept.
    ///
    /// # Errors
    /// What the peer is told.
    async fn changed(&self, uid: &str, change: PerformedStep, calling: &AeTitle) -> Result<(), StepFailure>;
}

/// Why a request is refused: a status, and (0000,0903) where there is one.
pub(super) type Refusal = (Status, Option<u16>);

fn refusal(failure: StepFailure) -> Refusal {
    (failure.into(), failure.error_id())
}

/// Has a step kept that an N-CREATE or an N-SET tells.
pub(super) async fn take_step(
    listener: &dyn StepListener,
    (context, command): (&AcceptedContext, &Command),
    data: Option<Vec<u8>>,
    calling: &AeTitle,
) -> Result<(), Refusal> {
    if context.abstract_syntax != PERFORMED_PROCEDURE_STEP {
        return Err((Status::UNRECOGNIZED_OPERATION, None));
    }
    let is_new = command.field() == Some(N_CREATE_RQ);
    let (class, uid) = if is_new {
        (command.sop_class(), command.sop_instance())
    } else {
        (command.requested_sop_class(), command.requested_sop_instance())
    };
    if class.as_deref() != Some(PERFORMED_PROCEDURE_STEP) {
        return Err((Status::NO_SUCH_SOP_CLASS, None));
    }
    let uid = uid
        .filter(|uid| SopInstanceUid::new(uid).is_ok())
        .ok_or_else(|| refusal(StepFailure::Unnamed))?;
    let data = data.ok_or_else(|| refusal(StepFailure::TooMuch))?;
    let step = PerformedStep::decode(&data, is_explicit(context)).map_err(refusal)?;
    let kept = if is_new {
        match step.state {
            None => Err(StepFailure::MissingAttribute),
            Some(StepState::Completed | StepState::Discontinued) => Err(StepFailure::InvalidState),
            Some(StepState::InProgress) if step.studies.is_empty() => Err(StepFailure::MissingAttribute),
            Some(StepState::InProgress) => listener.begun(&uid, step, calling).await,
        }
    } else {
        listener.changed(&uid, step, calling).await
    };
    kept.map_err(refusal)
}
