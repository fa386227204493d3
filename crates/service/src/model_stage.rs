//! The worker of a model stage. Anomaly, classifier and typing differ in their models only, which
//! `norma_pipeline::run_stage` knows.

use std::sync::Arc;

use async_trait::async_trait;
use norma_database::Analysis;
use norma_domain::{AnalysisId, Reason, ReasonCode, Stage, StageFailure, StageOutcome, StageResult};
use norma_inference::{KnownOutputs, StageModels};
use norma_messages::Message;
use norma_object_storage::{ObjectError, ObjectKey};
use norma_pipeline::{StageError, StageMap, decode_known_outputs, decode_prepared_slices, run_stage};
use norma_queue::Delivery;

use crate::{
    Context, Handled, HandlerError, MessageHandler, Presence, Source, announce, load_stage_models,
    run_blocking, run_worker,
};

/// Reads prepared studies with the models of one stage until shutdown. Takes no message before the models are open: a
/// worker without them would answer for those that have them.
pub async fn run_model_stage(context: Context, stage: Stage) -> anyhow::Result<()> {
    let loaded = load_stage_models(&context, stage).await;
    let Some(models) = loaded.ready(&context).await else {
        return Ok(());
    };
    let presence = Presence::announce(&context, stage, models.bundle().clone());
    let handler = ModelStage {
        context: context.clone(),
        stage,
        models,
    };
    let outcome = run_worker(context, Source::Stage(stage), Arc::new(handler)).await;
    presence.end().await;
    outcome
}

struct ModelStage {
    context: Context,
    stage: Stage,
    models: Arc<StageModels>,
}

#[async_trait]
impl MessageHandler for ModelStage {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        let Some(analysis) = self.unanswered(analysis_id).await? else {
            // A worker that was killed may have left something behind.
            self.context.remove_objects_if_deleted(analysis_id).await?;
            return Ok(Handled::Obsolete);
        };
        if !self.context.database.begin_stage(analysis_id, self.stage).await? {
            return Ok(Handled::Obsolete);
        }
        let slices = match self
            .context
            .objects
            .get(ObjectKey::PreparedSlices(analysis_id))
            .await
        {
            Err(ObjectError::NotFound(_)) if self.is_deleted(analysis_id).await? => {
                return Ok(Handled::Obsolete);
            }
            slices => slices?,
        };
        let known = self.known_outputs(analysis_id).await?;
        let (result, map) = self.read(Arc::clone(&self.models), slices.into(), known).await?;
        if let Some(map) = map {
            let bytes = map.encode().map_err(HandlerError::retryable)?;
            self.context
                .objects
                .put(ObjectKey::StageMap(analysis_id, self.stage), bytes.into())
                .await?;
        }
        let handled = self.record(&analysis, StageOutcome::Completed(result)).await?;
        self.forget_known_outputs(analysis_id).await;
        Ok(handled)
    }

    async fn record_failure(&self, delivery: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        let Some(analysis) = self.unanswered(analysis_id).await? else {
            return Ok(Handled::Obsolete);
        };
        let failure = StageFailure {
            stage: self.stage,
            reason,
        };
        self.record(&analysis, StageOutcome::Failed(failure)).await
    }
}

impl ModelStage {
    /// The analysis, if it still waits for this stage.
    async fn unanswered(&self, analysis_id: AnalysisId) -> Result<Option<Analysis>, HandlerError> {
        let database = &self.context.database;
        let Some(analysis) = database.analysis(analysis_id).await? else {
            return Ok(None);
        };
        if analysis.status.is_final() {
            return Ok(None);
        }
        let outcomes = database.stage_outcomes(analysis_id).await?;
        let is_answered = outcomes.iter().any(|outcome| outcome.stage() == self.stage);
        Ok((!is_answered).then_some(analysis))
    }

    async fn is_deleted(&self, analysis_id: AnalysisId) -> Result<bool, HandlerError> {
        Ok(self.context.database.analysis(analysis_id).await?.is_none())
    }

    /// The object of what graphs have said already; None where nobody ran them before.
    async fn known_outputs(&self, analysis_id: AnalysisId) -> Result<Option<Vec<u8>>, HandlerError> {
        let key = ObjectKey::KnownOutputs(analysis_id, self.stage);
        match self.context.objects.get(key).await {
            Err(ObjectError::NotFound(_)) => Ok(None),
            known => Ok(Some(known?.into())),
        }
    }

    /// Nobody reads it again: the stage has its outcome. Left behind, it goes with the analysis.
    async fn forget_known_outputs(&self, analysis_id: AnalysisId) {
        let key = ObjectKey::KnownOutputs(analysis_id, self.stage);
        if let Err(error) = self.context.objects.delete(key).await {
            tracing::warn!(%error, "failed to delete what a stage has read");
        }
    }

    /// On a thread of its own: the models compute for seconds.
    async fn read(
        &self,
        models: Arc<StageModels>,
        slices: Vec<u8>,
        known: Option<Vec<u8>>,
    ) -> Result<(StageResult, Option<StageMap>), HandlerError> {
        let stage = self.stage;
        let span = tracing::info_span!("run stage", %stage);
        let reading = run_blocking(move || {
            let _entered = span.entered();
            let known = known.and_then(|known| known_of(&known, &slices));
            let slices = decode_prepared_slices(&slices).map_err(|error| {
                let message = format!("the prepared slices cannot be read: {error}");
                HandlerError::rejected(ReasonCode::Internal, message)
            })?;
            run_stage(&models, stage, &slices, known.as_ref()).map_err(stage_failure)
        });
        reading.await?
    }

    async fn record(&self, analysis: &Analysis, outcome: StageOutcome) -> Result<Handled, HandlerError> {
        let (analysis_id, scan_id, stage) = (analysis.id, analysis.scan_id, self.stage);
        let message = match &outcome {
            StageOutcome::Completed(_) => Message::StageCompleted {
                analysis_id,
                scan_id,
                stage,
            },
            StageOutcome::Failed(failure) => Message::StageFailed {
                analysis_id,
                scan_id,
                stage,
                reason: failure.reason.clone(),
            },
        };
        let database = &self.context.database;
        if database
            .record_stage_outcome(analysis_id, outcome, announce(message))
            .await?
        {
            return Ok(Handled::Completed);
        }
        self.context.remove_objects_if_deleted(analysis_id).await?;
        Ok(Handled::Obsolete)
    }
}

/// What is known of just these slices. An object that says nothing of them is no failure: the stage runs the graphs itself.
fn known_of(known: &[u8], slices: &[u8]) -> Option<KnownOutputs> {
    decode_known_outputs(known, slices).unwrap_or_else(|error| {
        tracing::warn!(%error, "what graphs said of a study cannot be read; the stage runs them again");
        None
    })
}

fn stage_failure(error: StageError) -> HandlerError {
    if error.retryable {
        HandlerError::retryable_with(error.reason)
    } else {
        HandlerError::Rejected(error.reason)
    }
}

impl Context {
    /// What a worker stored after the scan was deleted is removed by that worker: the deletion could not see it.
    pub async fn remove_objects_if_deleted(&self, analysis_id: AnalysisId) -> Result<(), HandlerError> {
        if self.database.analysis(analysis_id).await?.is_none() {
            self.objects.delete_analysis(analysis_id).await?;
        }
        Ok(())
    }
}
