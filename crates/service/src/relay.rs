use std::time::Duration;

use futures::future::join_all;
use norma_database::{DatabaseError, OutboxMessage};
use norma_queue::QueueError;
use uuid::Uuid;

use crate::Context;
use crate::announcement::envelope_of;

/// A relay that died gives its batch to the others after this time; longer than a publish may take.
const LEASE_MARGIN: Duration = Duration::from_secs(30);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// Releases the analyses whose turn has come and publishes what the outbox holds until shutdown: claims a batch, publishes,
/// marks what was confirmed. Any number of relays may run; a message is published at least once.
pub(crate) async fn run_relay(context: Context) {
    let interval = Duration::from_millis(context.settings.outbox.poll_interval_ms);
    loop {
        let pause = match relay_batch(&context).await {
            Ok(Relayed { claimed, .. }) if claimed >= context.settings.outbox.batch as usize => {
                Duration::ZERO
            }
            Ok(Relayed { claimed, published }) if published == claimed => interval,
            Ok(_) => PAUSE_AFTER_FAILURE,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to read the outbox"
                );
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = context.shutdown.cancelled() => break,
            () = context.outbox_wakeup.notified() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
    // What the last finished work announced.
    let _ = relay_batch(&context).await;
}

struct Relayed {
    claimed: usize,
    published: usize,
}

async fn relay_batch(context: &Context) -> Result<Relayed, DatabaseError> {
    release(context).await;
    let publish_timeout = Duration::from_secs(context.settings.queue.rabbitmq.publish_timeout_seconds);
    let batch = context
        .database
        .claim_outbox(context.settings.outbox.batch, publish_timeout + LEASE_MARGIN)
        .await?;
    let claimed = batch.len();
    let outcomes = join_all(batch.into_iter().map(|row| publish(context, row))).await;

    let mut published = Vec::new();
    let mut failed = Vec::new();
    for (message_id, outcome) in outcomes {
        match outcome {
            Ok(()) => published.push(message_id),
            // A row that nobody can read would block nothing but be tried for ever; the deadline ends its analysis.
            Err(QueueError::Unreadable(error)) => {
                tracing::error!(%message_id, error = &error as &dyn std::error::Error, "an outbox row cannot be read");
                published.push(message_id);
            }
            Err(error) => {
                tracing::warn!(%message_id, error = &error as &dyn std::error::Error, "failed to publish");
                failed.push(message_id);
            }
        }
    }
    metrics::counter!("norma_outbox_published_total").increment(published.len() as u64);
    let relayed = Relayed {
        claimed,
        published: published.len(),
    };
    context.database.mark_published(published).await?;
    context.database.release_outbox(failed).await?;
    Ok(relayed)
}

/// A turn that cannot be taken now keeps nothing back that was announced before.
async fn release(context: &Context) {
    let ahead = context.settings.analysis.released_ahead;
    match context.database.release_analyses(ahead).await {
        Ok(released) => {
            metrics::counter!("norma_analyses_released_total").increment(released.count as u64);
        }
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "failed to release analyses"
            );
        }
    }
}

async fn publish(context: &Context, row: OutboxMessage) -> (Uuid, Result<(), QueueError>) {
    let message_id = row.message_id;
    let outcome = match envelope_of(row) {
        Ok(envelope) => context.queue.publish(&envelope).await,
        Err(error) => Err(error.into()),
    };
    (message_id, outcome)
}
