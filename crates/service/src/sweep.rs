//! Whatever happens to messages and workers, an analysis ends: where a stage is at work for too long, or the whole takes
//! longer than anybody waits. Waiting for a worker is no failure, so it has a limit of its own.

use std::time::{Duration, Instant};

use chrono::{TimeDelta, Utc};
use norma_database::DatabaseError;
use norma_domain::{AnalysisId, Reason, ReasonCode, Stage};

use crate::{Context, pause};

/// Fails overdue analyses, deletes old outbox rows and measures the queues, until shutdown. Any number may run: an
/// analysis ends once.
pub async fn run_sweep(context: Context) {
    let interval = Duration::from_secs(context.settings.analysis.sweep_interval_seconds);
    let mut watch = Watch::begin();
    loop {
        if let Err(error) = sweep(&context, &watch).await {
            watch = Watch::begin();
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "failed to look for overdue analyses"
            );
        }
        measure_queues(&context).await;
        if !pause(interval, &context.shutdown).await {
            return;
        }
    }
}

/// Since when this process has seen the database without a gap. While everything stood still (a power cut, a database
/// that was away) no stage was at work, whatever its start says: its time runs from the end of that at the earliest.
#[derive(Debug, Clone, Copy)]
struct Watch(Instant);

impl Watch {
    fn begin() -> Self {
        Self(Instant::now())
    }

    fn covers(self, age: Duration) -> bool {
        self.0.elapsed() >= age
    }
}

async fn sweep(context: &Context, watch: &Watch) -> Result<(), DatabaseError> {
    let now = Utc::now();
    for analysis_id in context.database.overdue_analyses(now).await? {
        fail_overdue(
            context,
            analysis_id,
            "the analysis did not end before its deadline, waiting for workers included".to_owned(),
        )
        .await?;
    }
    let deadline = Duration::from_secs(context.settings.analysis.deadline_seconds);
    if watch.covers(deadline) {
        for (analysis_id, stage) in context.database.stalled_stages(deadline).await? {
            let message = format!(
                "the {stage} stage did not end within {} s of its start",
                deadline.as_secs()
            );
            fail_overdue(context, analysis_id, message).await?;
        }
    }
    let keep = i64::try_from(context.settings.outbox.keep_hours).unwrap_or(i64::MAX / 3_600_000);
    if let Some(before) = TimeDelta::try_hours(keep).and_then(|keep| now.checked_sub_signed(keep)) {
        context.database.prune_outbox(before).await?;
    }
    Ok(())
}

async fn fail_overdue(
    context: &Context,
    analysis_id: AnalysisId,
    message: String,
) -> Result<(), DatabaseError> {
    let reason = Reason::new(ReasonCode::DeadlineExceeded, message);
    if context.database.fail_analysis(analysis_id, reason).await? {
        tracing::warn!(%analysis_id, "an analysis passed its deadline");
        metrics::counter!("norma_analyses_overdue_total").increment(1);
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
    if let Ok(lanes) = context.database.waiting_lanes().await {
        for lane in lanes {
            let age = lane.oldest.and_then(|oldest| (Utc::now() - oldest).to_std().ok());
            let priority = lane.priority.as_str();
            metrics::gauge!("norma_analyses_waiting", "priority" => priority).set(lane.count as f64);
            metrics::gauge!("norma_analyses_waiting_oldest_seconds", "priority" => priority)
                .set(age.unwrap_or_default().as_secs_f64());
        }
    }
    if let Ok(waiting) = context.database.count_unpublished().await {
        metrics::gauge!("norma_outbox_unpublished").set(waiting as f64);
    }
}
