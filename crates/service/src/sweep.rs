//! Whatever happens to messages and workers, an analysis ends: past its deadline it fails.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::DatabaseError;
use norma_domain::{Reason, ReasonCode, Stage};

use crate::Context;

/// Fails overdue analyses, deletes old outbox rows and measures the queues, until shutdown. Any number may run: an
/// analysis ends once.
pub async fn run_sweep(context: Context) {
    let interval = Duration::from_secs(context.settings.analysis.sweep_interval_seconds);
    loop {
        if let Err(error) = sweep(&context).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "failed to look for overdue analyses"
            );
        }
        measure_queues(&context).await;
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}

async fn sweep(context: &Context) -> Result<(), DatabaseError> {
    let now = Utc::now();
    for analysis_id in context.database.overdue_analyses(now).await? {
        let reason = Reason::new(
            ReasonCode::DeadlineExceeded,
            "the analysis did not end before its deadline",
        );
        if context.database.fail_analysis(analysis_id, reason).await? {
            tracing::warn!(%analysis_id, "an analysis passed its deadline");
            metrics::counter!("norma_analyses_overdue_total").increment(1);
        }
    }
    let keep = i64::try_from(context.settings.outbox.keep_hours).unwrap_or(i64::MAX / 3_600_000);
    if let Some(before) = TimeDelta::try_hours(keep).and_then(|keep| now.checked_sub_signed(keep)) {
        context.database.prune_outbox(before).await?;
    }
    Ok(())
}

async fn measure_queues(context: &Context) {
    for stage in Stage::ALL {
        if let Ok(depth) = context.queue.depth(stage).await {
            metrics::gauge!("norma_queue_depth", "queue" => stage.as_str()).set(depth as f64);
        }
    }
    if let Ok(depth) = context.queue.dead_letter_depth().await {
        metrics::gauge!("norma_queue_depth", "queue" => "dead_letters").set(depth as f64);
    }
    if let Ok(waiting) = context.database.count_unpublished().await {
        metrics::gauge!("norma_outbox_unpublished").set(waiting as f64);
    }
}
