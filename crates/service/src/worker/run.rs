use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_queue::{Consumer, Delivery};
use tokio::task::JoinSet;

use super::MessageHandler;
use super::attempt::Attempt;
use super::source::Source;
use crate::Context;
use crate::telemetry::StageMetrics;

/// Handles messages until shutdown; then takes no more, lets what runs finish within the grace period, and returns
/// the rest to the queue.
pub async fn run_worker(
    context: Context,
    source: Source,
    handler: Arc<dyn MessageHandler>,
) -> anyhow::Result<()> {
    let concurrency = context.settings.workers.concurrency.of(source.stage());
    let mut consumer = match source {
        Source::Stage(stage) => context.queue.consume(stage, concurrency).await,
        Source::DeadLetters => context.queue.consume_dead_letters(concurrency).await,
    }
    .context("failed to subscribe")?;
    tracing::info!(worker = source.as_str(), concurrency, "waiting for messages");

    let mut running = JoinSet::new();
    while let Some(delivery) = next_delivery(&context, &mut consumer, &mut running).await {
        running.spawn(attempt(&context, source, &handler).run(delivery));
    }
    consumer.stop().await;
    finish(&context, source, running).await;
    Ok(())
}

fn attempt(context: &Context, source: Source, handler: &Arc<dyn MessageHandler>) -> Attempt {
    Attempt {
        context: context.clone(),
        handler: Arc::clone(handler),
        source,
        timeout: Duration::from_secs(context.settings.workers.timeout_seconds.of(source.stage())),
        metrics: StageMetrics {
            stage: source.as_str(),
        },
    }
}

/// None when it is time to end. The prefetch limits how many run at once.
async fn next_delivery(
    context: &Context,
    consumer: &mut Box<dyn Consumer>,
    running: &mut JoinSet<()>,
) -> Option<Delivery> {
    loop {
        tokio::select! {
            biased;
            () = context.shutdown.cancelled() => return None,
            Some(_) = running.join_next() => {}
            delivery = consumer.next() => return delivery,
        }
    }
}

async fn finish(context: &Context, source: Source, mut running: JoinSet<()>) {
    let grace = Duration::from_secs(context.settings.workers.shutdown_grace_seconds);
    let all_finished = async { while running.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all_finished).await.is_err() {
        tracing::warn!(
            worker = source.as_str(),
            count = running.len(),
            "returning unfinished messages"
        );
        // A delivery dropped unsettled goes back to its queue.
        running.shutdown().await;
    }
}
