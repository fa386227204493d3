use async_trait::async_trait;
use norma_domain::{Reason, ReasonCode};
use norma_queue::{DeadLetterCause, Delivery};
use norma_service::{Context, Handled, HandlerError, MessageHandler};

use crate::merge::fail;

/// What no stage could handle ends its analysis: nothing that was accepted waits for ever.
pub(crate) struct FailDeadLetters {
    pub(crate) context: Context,
}

#[async_trait]
impl MessageHandler for FailDeadLetters {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        fail(&self.context, analysis_id, reason(delivery)).await
    }

    async fn record_failure(&self, delivery: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        fail(&self.context, delivery.envelope.message.analysis_id(), reason).await
    }
}

fn reason(delivery: &Delivery) -> Reason {
    let origin = delivery.dead_letter.as_ref();
    let stage = match origin.and_then(|origin| origin.stage) {
        Some(stage) => format!("the stage {stage}"),
        None => "a stage".to_owned(),
    };
    match origin.map(|origin| origin.cause) {
        Some(DeadLetterCause::Rejected) => Reason::new(
            ReasonCode::Internal,
            format!("{stage} could make nothing of its message"),
        ),
        Some(DeadLetterCause::DeliveryLimit | DeadLetterCause::Unknown) | None => Reason::new(
            ReasonCode::DeliveryLimitExceeded,
            format!("{stage} failed or ended too often on this study"),
        ),
    }
}
