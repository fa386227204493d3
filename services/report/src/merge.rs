use std::sync::Arc;

use async_trait::async_trait;
use chrono::Utc;
use norma_database::{Analysis, Completion, HeldTo};
use norma_domain::{AnalysisId, OperatingPoint, Reason, ReasonCode, Report, Stage, StageOutcome};
use norma_inference::Bundle;
use norma_pipeline::{MergeInput, check_instances, merge_report};
use norma_queue::Delivery;
use norma_service::{Context, Handled, HandlerError, MessageHandler, ThresholdsError, bundle_of_analysis};

/// From the outcomes of the model stages to the report.
pub(crate) struct MergeOutcomes {
    pub(crate) context: Context,
    /// As it is installed.
    pub(crate) bundle: Arc<Bundle>,
}

#[async_trait]
impl MessageHandler for MergeOutcomes {
    /// Each stage's message looks at all outcomes; the one that finds the last of them completes the analysis.
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        loop {
            let Some(analysis) = self.context.database.analysis(analysis_id).await? else {
                return Ok(Handled::Obsolete);
            };
            if let Some(handled) = self.complete(analysis).await? {
                return Ok(handled);
            }
        }
    }

    async fn record_failure(&self, delivery: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        fail(&self.context, delivery.envelope.message.analysis_id(), reason).await
    }
}

impl MergeOutcomes {
    /// None where the analysis was asked for once more meanwhile, with thresholds that were accepted or taken back since: it is
    /// to be read and merged again.
    async fn complete(&self, analysis: Analysis) -> Result<Option<Handled>, HandlerError> {
        let database = &self.context.database;
        let analysis_id = analysis.id;
        if analysis.status.is_final() {
            return Ok(Some(Handled::Obsolete));
        }
        let outcomes = database.stage_outcomes(analysis_id).await?;
        if !has_all_stages(&outcomes) {
            // The last one's message comes after its row.
            return Ok(Some(Handled::Completed));
        }
        let held_to = HeldTo::from(&analysis);
        let report = self.merge(analysis, outcomes).await?;
        let verdict = report.verdict;
        Ok(match database.complete_analysis_held_to(report, held_to).await? {
            Completion::Completed => {
                tracing::info!(%analysis_id, %verdict, "completed");
                Some(Handled::Completed)
            }
            Completion::Obsolete => Some(Handled::Obsolete),
            Completion::HeldToOthers => None,
        })
    }

    async fn merge(&self, analysis: Analysis, outcomes: Vec<StageOutcome>) -> Result<Report, HandlerError> {
        let database = &self.context.database;
        let bundle = self.bundle_of(&analysis).await?;
        let operating_point = operating_point(&bundle, &analysis)?;
        let mut prepared = database.prepared(analysis.id).await?.ok_or_else(|| {
            HandlerError::rejected(ReasonCode::Internal, "the study has outcomes but no summary")
        })?;
        let count = database.instance_count(analysis.scan_id).await?;
        prepared.quality.extend(count.as_ref().map(check_instances));
        let path_to_study = database
            .scan(analysis.scan_id)
            .await?
            .map(|scan| scan.file_name)
            .unwrap_or_default();
        Ok(merge_report(MergeInput {
            analysis_id: analysis.id,
            scan_id: analysis.scan_id,
            prepared,
            outcomes,
            bundle: &bundle,
            operating_point,
            unverified_threshold: self.context.settings.models.unverified_threshold,
            requested_at: analysis.requested_at,
            started_at: analysis.started_at,
            finished_at: Utc::now(),
            path_to_study,
        }))
    }

    /// With the thresholds that the analysis is held to.
    async fn bundle_of(&self, analysis: &Analysis) -> Result<Bundle, HandlerError> {
        let bundle = bundle_of_analysis(&self.bundle, analysis, &self.context.database).await;
        bundle.map_err(|error| match error {
            ThresholdsError::Database(error) => error.into(),
            ThresholdsError::Model(error) => HandlerError::Rejected(error.reason()),
        })
    }
}

/// The one that was asked for. Another one instead would answer another question.
fn operating_point(bundle: &Bundle, analysis: &Analysis) -> Result<OperatingPoint, HandlerError> {
    bundle.operating_point(&analysis.operating_point).ok_or_else(|| {
        let message = format!(
            "the bundle {} has no operating point {}",
            bundle.reference().version,
            analysis.operating_point
        );
        HandlerError::rejected(ReasonCode::ModelInvalid, message)
    })
}

fn has_all_stages(outcomes: &[StageOutcome]) -> bool {
    Stage::MODELS
        .iter()
        .all(|stage| outcomes.iter().any(|outcome| outcome.stage() == *stage))
}

pub(crate) async fn fail(
    context: &Context,
    analysis_id: AnalysisId,
    reason: Reason,
) -> Result<Handled, HandlerError> {
    let code = reason.code;
    if !context.database.fail_analysis(analysis_id, reason).await? {
        return Ok(Handled::Obsolete);
    }
    tracing::warn!(%analysis_id, %code, "failed");
    Ok(Handled::Completed)
}
