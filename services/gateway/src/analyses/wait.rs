//! Waiting for the end of an analysis, for a client that prefers to.

use std::time::Duration;

use norma_database::{Analysis, Database};
use norma_domain::AnalysisId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::problem::ApiError;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// The analysis as it is when it ends, when `deadline` passes, or when the gateway stops, whichever is first.
/// The workers may be other processes, so the database is asked, with pauses that grow to a quarter of a second.
pub(crate) async fn wait_for_end(
    database: &Database,
    analysis_id: AnalysisId,
    deadline: Instant,
    stopping: &CancellationToken,
) -> Result<Analysis, ApiError> {
    let mut pause = FIRST_PAUSE;
    loop {
        let analysis = database
            .analysis(analysis_id)
            .await?
            .ok_or(ApiError::AnalysisNotFound)?;
        let now = Instant::now();
        if analysis.status.is_final() || now >= deadline || stopping.is_cancelled() {
            return Ok(analysis);
        }
        tokio::select! {
            () = stopping.cancelled() => {}
            () = tokio::time::sleep_until((now + pause).min(deadline)) => {}
        }
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
