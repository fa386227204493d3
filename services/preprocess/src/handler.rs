use std::path::Path;

use async_trait::async_trait;
use norma_database::Analysis;
use norma_domain::{AnalysisId, PreparedSummary, Reason};
use norma_inference::SharedPass;
use norma_messages::Message;
use norma_object_storage::{ObjectError, ObjectKey};
use norma_pipeline::{
    MASKS_FILE, PrepareError, SLICES_FILE, SUMMARY_FILE, VOLUME_FILE, prepare_upload_sandboxed,
};
use norma_queue::Delivery;
use norma_service::{Context, Handled, HandlerError, Loaded, MessageHandler, announce, run_blocking};

use crate::known_outputs::store_known_outputs;
use crate::scratch::{Scratch, scratch_parent};

/// From the upload to what the models read.
pub(crate) struct Preprocess {
    pub(crate) context: Context,
    /// What several model stages have in common.
    pub(crate) shared: Loaded<SharedPass>,
}

#[async_trait]
impl MessageHandler for Preprocess {
    async fn handle(&self, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        let Some(analysis) = self.context.database.begin_preparing(analysis_id).await? else {
            // A worker that was killed may have left something behind.
            self.context.remove_objects_if_deleted(analysis_id).await?;
            return Ok(Handled::Obsolete);
        };
        // One waits less: the next may be let out.
        self.context.wake_outbox();
        let scratch = Scratch::create(&scratch_parent(&self.context.settings))?;
        let upload = scratch.path().join("upload");
        let original = ObjectKey::Original(analysis.scan_id);
        match self.context.objects.get_to_file(original, &upload).await {
            // Deleted between the two looks.
            Err(ObjectError::NotFound(_)) if self.is_deleted(analysis_id).await? => {
                return Ok(Handled::Obsolete);
            }
            fetched => fetched?,
        };
        let mut summary = match self.prepare(&upload, scratch.path()).await {
            Ok(summary) => summary,
            Err(error) => {
                if matches!(error, HandlerError::Rejected(_)) {
                    self.keep_pictures(analysis_id, scratch.path()).await?;
                }
                return Err(error);
            }
        };
        let pass = self.shared.get().unwrap_or_default();
        let (stored, reading) = tokio::join!(
            self.store(analysis_id, scratch.path()),
            store_known_outputs(&self.context.objects, pass, analysis_id, scratch.path()),
        );
        stored?;
        summary.add_duration(reading);
        self.record(&analysis, summary).await
    }

    /// A study that cannot be prepared has no report: its analysis fails with the reason. No later stage ever hears of
    /// it, so this is the end and nothing needs to be announced.
    async fn record_failure(&self, delivery: &Delivery, reason: Reason) -> Result<Handled, HandlerError> {
        let analysis_id = delivery.envelope.message.analysis_id();
        let is_ended_here = self.context.database.fail_analysis(analysis_id, reason).await?;
        if is_ended_here {
            return Ok(Handled::Completed);
        }
        self.context.remove_objects_if_deleted(analysis_id).await?;
        Ok(Handled::Obsolete)
    }
}

impl Preprocess {
    async fn is_deleted(&self, analysis_id: AnalysisId) -> Result<bool, HandlerError> {
        Ok(self.context.database.analysis(analysis_id).await?.is_none())
    }

    /// In a child process under memory and time limits; blocks a thread meanwhile.
    async fn prepare(&self, upload: &Path, out: &Path) -> Result<PreparedSummary, HandlerError> {
        let settings = &self.context.settings;
        let (sandbox, limits) = (settings.sandbox(), settings.limits.clone());
        let (upload, out) = (upload.to_owned(), out.to_owned());
        let preparing = run_blocking(move || prepare_upload_sandboxed(&sandbox, &upload, &out, &limits));
        preparing.await?.map_err(|error| match error {
            PrepareError::Rejected(reason) => HandlerError::Rejected(reason),
            PrepareError::Retryable(reason) => HandlerError::retryable_with(reason),
            PrepareError::NoRoom(reason) => HandlerError::infrastructure(true, anyhow::anyhow!("{reason}")),
        })
    }

    /// Before the row that says that they are there. A second run overwrites them with the same bytes.
    async fn store(&self, analysis_id: AnalysisId, folder: &Path) -> Result<(), HandlerError> {
        for (key, file) in [
            (ObjectKey::PreparedSlices(analysis_id), SLICES_FILE),
            (ObjectKey::PreparedVolume(analysis_id), VOLUME_FILE),
            (ObjectKey::SegmentMasks(analysis_id), MASKS_FILE),
        ] {
            self.context.objects.put_file(key, &folder.join(file)).await?;
        }
        Ok(())
    }

    /// Stores the volume of a study that is refused, where one could be read, so that a person can look at it.
    async fn keep_pictures(&self, analysis_id: AnalysisId, folder: &Path) -> Result<(), HandlerError> {
        let summary = folder.join(SUMMARY_FILE);
        // Written after the volume: without it the volume is not whole.
        if !summary.exists() {
            return Ok(());
        }
        for (key, file) in [
            (ObjectKey::PreparedVolume(analysis_id), folder.join(VOLUME_FILE)),
            (ObjectKey::RefusedSummary(analysis_id), summary),
        ] {
            self.context.objects.put_file(key, &file).await?;
        }
        Ok(())
    }

    async fn record(&self, analysis: &Analysis, summary: PreparedSummary) -> Result<Handled, HandlerError> {
        let message = Message::StudyPrepared {
            analysis_id: analysis.id,
            scan_id: analysis.scan_id,
        };
        let database = &self.context.database;
        if database
            .record_prepared(analysis.id, summary, announce(message))
            .await?
        {
            return Ok(Handled::Completed);
        }
        self.context.remove_objects_if_deleted(analysis.id).await?;
        Ok(Handled::Obsolete)
    }
}
