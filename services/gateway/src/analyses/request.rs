//! Requests for analyses.

use chrono::{TimeDelta, Utc};
use norma_database::{Analysis, NewAnalysis, Owner};
use norma_domain::{AnalysisId, Priority, ScanId};
use norma_messages::Message;
use norma_service::announce;

use crate::analysis_document::describe_analysis;
use crate::bundle::Question;
use crate::gateway::Gateway;
use crate::identity::Access;
use crate::problem::ApiError;

/// With whom an analysis takes turns.
#[derive(Debug, Clone)]
pub(crate) struct Turn {
    pub(crate) priority: Priority,
    pub(crate) requested_by: Option<Owner>,
    /// How many urgent ones of the requester may be unfinished; None where that is not asked.
    pub(crate) most_urgent: Option<u32>,
}

impl Turn {
    /// Of what a caller asks for.
    ///
    /// # Errors
    /// [`ApiError::UrgentNotPermitted`] where the caller may ask for nothing urgent.
    pub(crate) fn of(
        gateway: &Gateway,
        access: &Access,
        priority: Option<Priority>,
    ) -> Result<Self, ApiError> {
        let priority = priority.unwrap_or_default();
        let allowed = gateway.options.urgent_roles;
        if priority == Priority::Urgent && access.caller.roles().intersection(allowed).is_empty() {
            return Err(ApiError::UrgentNotPermitted { allowed });
        }
        Ok(Self {
            priority,
            requested_by: access.caller.owner(),
            most_urgent: Some(gateway.options.urgent_at_once_per_identity),
        })
    }
}

/// Requests an analysis, or gives the one that runs, which is held to the thresholds that act now from here on.
///
/// # Errors
/// [`ApiError::OtherAnalysisRunning`] where the one that runs has another operating point, which was asked for by its name: its answer
/// would be that to another question.
pub(crate) async fn request_analysis(
    gateway: &Gateway,
    scan_id: ScanId,
    question: &Question,
    turn: Turn,
) -> Result<Analysis, ApiError> {
    let id = AnalysisId::generate();
    let deadline = TimeDelta::from_std(gateway.options.analysis_deadline).map_err(ApiError::internal)?;
    let requested = gateway
        .database
        .request_analysis(NewAnalysis {
            id,
            scan_id,
            operating_point: question.operating_point.clone(),
            operating_point_named: question.operating_point_named,
            bundle_version: question.bundle.clone(),
            threshold_proposal_id: question.threshold_proposal_id,
            deadline_at: Utc::now() + deadline,
            priority: turn.priority,
            requested_by: turn.requested_by,
            most_urgent: turn.most_urgent,
            message: announce(Message::AnalyzeRequested {
                analysis_id: id,
                scan_id,
            }),
        })
        .await?;
    if !question.is_of(&requested.analysis) {
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
        priority = requested.analysis.priority.as_str(),
        "analysis requested"
    );
    Ok(requested.analysis)
}
