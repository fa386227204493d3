//! Requests for analyses.

use chrono::{TimeDelta, Utc};
use norma_database::{Analysis, NewAnalysis};
use norma_domain::{AnalysisId, OperatingPointName, ScanId};
use norma_messages::Message;
use norma_service::announce;

use crate::analysis_document::describe_analysis;
use crate::bundle::RunningBundle;
use crate::gateway::Gateway;
use crate::problem::ApiError;

/// Requests an analysis, or gives the one that runs.
///
/// # Errors
/// [`ApiError::OtherAnalysisRunning`] where the one that runs has another operating point: its answer would be that to
/// another question.
pub(crate) async fn request_analysis(
    gateway: &Gateway,
    bundle: &RunningBundle,
    scan_id: ScanId,
    operating_point: OperatingPointName,
) -> Result<Analysis, ApiError> {
    let id = AnalysisId::generate();
    let bundle = bundle.description()?;
    let deadline = TimeDelta::from_std(gateway.options.analysis_deadline).map_err(ApiError::internal)?;
    let requested = gateway
        .database
        .request_analysis(NewAnalysis {
            id,
            scan_id,
            operating_point: operating_point.clone(),
            bundle_version: format!("{} {}", bundle.name, bundle.version),
            deadline_at: Utc::now() + deadline,
            message: announce(Message::AnalyzeRequested {
                analysis_id: id,
                scan_id,
            }),
        })
        .await?;
    if requested.analysis.operating_point != operating_point {
        let analysis = describe_analysis(&gateway.database, requested.analysis).await?;
        return Err(ApiError::OtherAnalysisRunning {
            analysis: Box::new(analysis),
        });
    }
    gateway.context.wake_outbox();
    tracing::info!(
        analysis_id = %requested.analysis.id,
        %scan_id,
        created = requested.created,
        "analysis requested"
    );
    Ok(requested.analysis)
}
