use async_trait::async_trait;
use norma_domain::Stage;
use norma_messages::Envelope;

use crate::QueueError;

/// A message handed to a consumer. It is settled once, by `ack`, `retry` or `reject`; dropped unsettled (a panic,
/// a shutdown) it goes back to its queue and counts as one delivery.
pub struct Delivery {
    pub envelope: Envelope,
    /// 1 for the first delivery.
    pub attempt: u32,
    /// Where a dead letter came from; None in the queue of a stage.
    pub dead_letter: Option<DeadLetterOrigin>,
    settlement: Box<dyn Settlement>,
}

/// Which queue gave a message up, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetterOrigin {
    /// None where the broker does not say.
    pub stage: Option<Stage>,
    pub cause: DeadLetterCause,
}

/// Why a message is a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeadLetterCause {
    /// Delivered as often as is allowed and never acknowledged.
    DeliveryLimit,
    /// A consumer could make nothing of it.
    Rejected,
    Unknown,
}

impl Delivery {
    pub(crate) fn new(
        envelope: Envelope,
        attempt: u32,
        dead_letter: Option<DeadLetterOrigin>,
        settlement: Box<dyn Settlement>,
    ) -> Self {
        Self {
            envelope,
            attempt,
            dead_letter,
            settlement,
        }
    }

    /// Handled, and what came of it is committed: the queue forgets the message.
    pub async fn ack(self) -> Result<(), QueueError> {
        self.settlement.ack().await
    }

    /// Back to its queue for another delivery; past the delivery limit it becomes a dead letter.
    pub async fn retry(self) -> Result<(), QueueError> {
        self.settlement.retry().await
    }

    /// To the dead letters at once.
    pub async fn reject(self) -> Result<(), QueueError> {
        self.settlement.reject().await
    }
}

/// What each side of the port does to settle a delivery. Dropping it unsettled is the same as `retry`.
#[async_trait]
pub(crate) trait Settlement: Send + Sync {
    async fn ack(self: Box<Self>) -> Result<(), QueueError>;
    async fn retry(self: Box<Self>) -> Result<(), QueueError>;
    async fn reject(self: Box<Self>) -> Result<(), QueueError>;
}
