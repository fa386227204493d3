//! The in-process queue forgets with its process; the database does not.

use anyhow::Context as _;
use norma_database::AnalysisProgress;
use norma_domain::{AnalysisStatus, Stage};
use norma_messages::{Envelope, Message};

use crate::Context;

/// Announces again what every unfinished analysis waits for whose turn has come. For the embedded mode, before its workers
/// start. An announcement that also lies in the outbox is published twice, which idempotent workers do not mind.
pub async fn announce_unfinished(context: &Context) -> anyhow::Result<usize> {
    // What a process before this one was at work on waits again.
    context
        .database
        .leave_all_stages()
        .await
        .context("failed to note that no stage is at work")?;
    let unfinished = context
        .database
        .unfinished_analyses()
        .await
        .context("failed to read the unfinished analyses")?;
    // What waits for its turn is announced when that has come.
    let (released, waiting): (Vec<_>, Vec<_>) = unfinished
        .iter()
        .partition(|progress| progress.analysis.released_at.is_some());
    for progress in &released {
        let message = next_message(progress);
        context
            .queue
            .publish(&Envelope::new(message))
            .await
            .context("failed to announce an unfinished analysis")?;
    }
    if !unfinished.is_empty() {
        tracing::info!(
            count = released.len(),
            waiting = waiting.len(),
            "unfinished analyses go on"
        );
    }
    Ok(released.len())
}

/// The last fact that is certain. Stages that have answered already find their row and leave it.
fn next_message(progress: &AnalysisProgress) -> Message {
    let analysis = &progress.analysis;
    let (analysis_id, scan_id) = (analysis.id, analysis.scan_id);
    match analysis.status {
        AnalysisStatus::Queued | AnalysisStatus::Preparing => {
            Message::AnalyzeRequested { analysis_id, scan_id }
        }
        AnalysisStatus::Analyzing | AnalysisStatus::Completed | AnalysisStatus::Failed => {
            let all_answered = Stage::MODELS.iter().all(|stage| progress.stages.contains(stage));
            if all_answered {
                // Which of the three completed last does not matter to the merge.
                Message::StageCompleted {
                    analysis_id,
                    scan_id,
                    stage: Stage::Typing,
                }
            } else {
                Message::StudyPrepared { analysis_id, scan_id }
            }
        }
    }
}
