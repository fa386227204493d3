use async_trait::async_trait;
use norma_domain::Stage;
use norma_messages::Envelope;

use crate::{Delivery, QueueError};

/// Where messages wait for the stages. Delivery is at least once: a consumer must be idempotent.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Puts the message into the queue of every stage that subscribes to it. Returns after the queue has taken
    /// responsibility for it (RabbitMQ: after the publisher confirm); waits and retries through a lost connection
    /// until the deadline of the settings.
    async fn publish(&self, envelope: &Envelope) -> Result<(), QueueError>;

    /// Receives the messages of a stage, at most `prefetch` of them unsettled at any time.
    async fn consume(&self, stage: Stage, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError>;

    /// Receives the messages that no stage could handle.
    async fn consume_dead_letters(&self, prefetch: u16) -> Result<Box<dyn Consumer>, QueueError>;

    /// Whether messages can be published and received now.
    async fn check(&self) -> Result<(), QueueError>;

    /// Number of messages that wait for a stage (without those being handled).
    async fn depth(&self, stage: Stage) -> Result<u64, QueueError>;

    /// Number of messages that no stage could handle and that nobody looked at yet.
    async fn dead_letter_depth(&self) -> Result<u64, QueueError>;

    /// Ends the connection; what is unsettled goes back to its queue.
    async fn close(&self);
}

/// A subscription. Survives a lost connection: `next` just takes longer.
#[async_trait]
pub trait Consumer: Send {
    /// The next message; None after `stop` or after the queue was closed. Safe to cancel.
    async fn next(&mut self) -> Option<Delivery>;

    /// Receives nothing more. Deliveries already handed out can still be settled.
    async fn stop(&mut self);
}
