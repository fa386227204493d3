use norma_database::Analysis;
use norma_domain::AnalysisStatus;

use crate::analysis_document::{describe_analysis, describe_with_place};
use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::rows::failure_row;

/// Why an analysis has no report (yet).
///
/// # Errors
/// That it runs, or that it failed, with its reason and a row of status `Failure`.
pub(crate) async fn check_completed(gateway: &Gateway, analysis: &Analysis) -> Result<(), ApiError> {
    match analysis.status {
        AnalysisStatus::Completed => Ok(()),
        AnalysisStatus::Failed => {
            let scan = gateway.scan(analysis.scan_id).await?;
            let reason = analysis.failure.clone().ok_or_else(|| {
                ApiError::Internal(anyhow::anyhow!(
                    "analysis {} failed without a reason",
                    analysis.id
                ))
            })?;
            Err(ApiError::AnalysisFailed {
                rows: vec![failure_row(&scan, analysis)],
                analysis: Box::new(describe_analysis(&gateway.database, analysis.clone()).await?),
                reason,
            })
        }
        AnalysisStatus::Queued | AnalysisStatus::Preparing | AnalysisStatus::Analyzing => {
            Err(ApiError::AnalysisRunning {
                analysis: Box::new(describe_with_place(&gateway.database, analysis.clone()).await?),
            })
        }
    }
}
