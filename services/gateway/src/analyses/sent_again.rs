//! Whether a study that is sent again is analysed again.

use chrono::{DateTime, Utc};
use norma_database::{Analysis, Scan};
use norma_domain::AnalysisStatus;

use crate::gateway::Gateway;
use crate::problem::ApiError;

/// Whether a scan whose study came at this moment is to be analysed: it never was, or its analysis had failed before by a cause that may
/// have passed. One with a report stays, and so does a failure whose cause is the study: the same would come of it again.
pub(crate) async fn is_due(gateway: &Gateway, scan: &Scan, came_at: DateTime<Utc>) -> Result<bool, ApiError> {
    match scan.latest_analysis_id {
        None => Ok(true),
        Some(id) => Ok(is_to_be_repeated(&gateway.analysis(id).await?, came_at)),
    }
}

fn is_to_be_repeated(analysis: &Analysis, came_at: DateTime<Utc>) -> bool {
    analysis.status == AnalysisStatus::Failed
        // One that was requested since is the one that this sending asks for.
        && analysis.requested_at < came_at
        && analysis.failure.as_ref().is_none_or(|failure| failure.code.may_pass())
}
