//! Publishing with confirms, through lost connections, until a deadline.

use std::time::Duration;

use lapin::Confirmation;
use lapin::options::BasicPublishOptions;
use norma_messages::Envelope;
use tokio::time::Instant;

use super::connection::{Live, Supervisor};
use super::envelope::to_properties;
use crate::QueueError;

/// A broker confirms within milliseconds; one that takes this long has lost the message or the connection.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

pub(super) async fn publish(
    supervisor: &Supervisor,
    exchange: &str,
    envelope: &Envelope,
    timeout: Duration,
) -> Result<(), QueueError> {
    let deadline = Instant::now() + timeout;
    let mut pause = FIRST_PAUSE;
    loop {
        let attempt = publish_once(supervisor, exchange, envelope, deadline).await;
        let error = match attempt {
            Ok(()) => return Ok(()),
            Err(QueueError::Closed) => return Err(QueueError::Closed),
            Err(error) => error,
        };
        if Instant::now() + pause >= deadline {
            return Err(QueueError::PublishTimeout(timeout, Some(Box::new(error))));
        }
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            message_id = %envelope.message_id,
            "failed to publish, trying again"
        );
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn publish_once(
    supervisor: &Supervisor,
    exchange: &str,
    envelope: &Envelope,
    deadline: Instant,
) -> Result<(), QueueError> {
    let live = supervisor.wait_until(deadline).await?;
    let patience = deadline.min(Instant::now() + CONFIRM_TIMEOUT);
    match tokio::time::timeout_at(patience, send_and_confirm(&live, exchange, envelope)).await {
        Ok(Ok(())) => Ok(()),
        // The topology is declared when connecting: a new connection repairs what somebody deleted.
        Ok(Err(error @ (QueueError::Unroutable { .. } | QueueError::Broker(_)))) => {
            live.mark_broken();
            Err(error)
        }
        Ok(Err(error)) => Err(error),
        Err(_) => {
            // While a resource alarm blocks publishers the connection is sound, and making it anew would not help.
            if live.connection.status().blocked() {
                return Err(QueueError::Blocked);
            }
            live.mark_broken();
            Err(QueueError::Disconnected)
        }
    }
}

async fn send_and_confirm(live: &Live, exchange: &str, envelope: &Envelope) -> Result<(), QueueError> {
    let routing_key = envelope.message.routing_key();
    // Mandatory: a message that no queue takes comes back instead of vanishing.
    // https://www.rabbitmq.com/docs/publishers#unroutable
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let confirm = live
        .publisher
        .basic_publish(
            exchange.into(),
            routing_key.as_str().into(),
            options,
            &envelope.message.encode(),
            to_properties(envelope),
        )
        .await?;
    // A quorum queue confirms once a majority has the message on disk.
    // https://www.rabbitmq.com/docs/confirms#when-publishes-are-confirmed
    match confirm.await? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Ack(Some(_)) => Err(QueueError::Unroutable { routing_key }),
        Confirmation::Nack(_) => Err(QueueError::Refused),
        // The channel was made with confirms: without them nothing is known of the message.
        Confirmation::NotRequested => Err(QueueError::Disconnected),
    }
}
