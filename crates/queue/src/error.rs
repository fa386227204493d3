use std::error::Error;
use std::time::Duration;

use norma_messages::MessageError;

/// Why a queue operation did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    #[error("the queue is closed")]
    Closed,
    #[error("no connection to the broker")]
    Disconnected,
    #[error("the broker did not take the message within {} s", .0.as_secs_f32())]
    PublishTimeout(Duration, #[source] Option<Box<QueueError>>),
    /// The broker answered a publish with a negative confirm: a queue is full or has no leader.
    #[error("the broker refused the message")]
    Refused,
    /// A memory or disk alarm; it ends when the broker's operator acts.
    #[error("the broker blocks publishers because of a resource alarm")]
    Blocked,
    /// No queue is bound for it: somebody changed the topology under the running service.
    #[error("no queue subscribes to {routing_key}")]
    Unroutable { routing_key: String },
    /// The connection over which the message came is gone; the broker delivers it again.
    #[error("the message went back to its queue before it was settled")]
    DeliveryLost,
    #[error("the broker reported an error")]
    Broker(#[source] Box<dyn Error + Send + Sync>),
    #[error("the message cannot be read")]
    Unreadable(#[from] MessageError),
    #[error("the url of the broker cannot be read: {0}")]
    InvalidUrl(String),
}
