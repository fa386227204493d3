//! Which studies an upload holds. Uploads are parsed where a memory limit holds: in a child process.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use norma_deidentification::{Key, PixelCheck};
use norma_imaging::Limits;
use norma_pipeline::{
    PrepareError, Sandbox, SplitRejection, SplitUpload, deidentify_upload_sandboxed, split_upload_sandboxed,
};
use tokio::sync::Semaphore;

use crate::problem::ApiError;

/// Children at once: each may take the sandbox's whole memory limit.
const READERS_AT_ONCE: usize = 2;

/// Reads the headers of uploads.
#[derive(Debug, Clone)]
pub struct UploadReader {
    sandbox: Sandbox,
    limits: Limits,
    places: Arc<Semaphore>,
}

/// A study of an upload with many, written out alone.
pub(crate) struct SeparateStudy {
    /// Where it lies in the upload. Never for logs.
    pub(crate) location: String,
    /// The archive with this study alone.
    pub(crate) archive: PathBuf,
}

/// What an upload with many studies was taken apart into.
pub(crate) struct SeparateStudies {
    pub(crate) studies: Vec<SeparateStudy>,
    /// Files that cannot be read and belong to none of the studies.
    pub(crate) rejected: Vec<SplitRejection>,
}

impl UploadReader {
    pub fn new(sandbox: Sandbox, limits: Limits) -> Self {
        Self {
            sandbox,
            limits,
            places: Arc::new(Semaphore::new(READERS_AT_ONCE)),
        }
    }

    /// Refuses an upload that holds several studies. One that cannot be read passes: its analysis tells why.
    pub(crate) async fn refuse_several(&self, upload: &Path) -> Result<(), ApiError> {
        let Some(split) = self.read(upload, None).await? else {
            return Ok(());
        };
        if split.studies.len() < 2 {
            return Ok(());
        }
        let mut studies: Vec<String> = split
            .studies
            .into_iter()
            .map(|study| {
                study
                    .study_instance_uid
                    .map_or_else(|| "(without a UID)".to_owned(), String::from)
            })
            .collect();
        studies.sort();
        Err(ApiError::SeveralStudies { studies })
    }

    /// The studies of an upload, each written out alone into `out`; None where there is only one, or where the
    /// upload cannot be read.
    pub(crate) async fn separate(
        &self,
        upload: &Path,
        out: &Path,
        most: usize,
    ) -> Result<Option<SeparateStudies>, ApiError> {
        // Counted before anything is written out.
        let Some(listed) = self.read(upload, None).await? else {
            return Ok(None);
        };
        match (listed.studies.len(), listed.strays().len()) {
            (0, _) | (1, 0) => return Ok(None),
            (studies, rejected) if studies + rejected > most => {
                return Err(ApiError::TooManyStudies { limit: most });
            }
            _ => {}
        }
        let Some(split) = self.read(upload, Some(out)).await? else {
            return Ok(None);
        };
        let rejected = split.strays();
        let studies = split.studies.into_iter().filter_map(|study| {
            Some(SeparateStudy {
                location: study.location,
                archive: study.archive?,
            })
        });
        Ok(Some(SeparateStudies {
            studies: studies.collect(),
            rejected,
        }))
    }

    /// Writes the upload's studies to a zip at `out` without what identifies their patients.
    pub(crate) async fn deidentify(
        &self,
        upload: &Path,
        out: &Path,
        key: Key,
        pixels: PixelCheck,
    ) -> Result<(), ApiError> {
        let _place = self.places.acquire().await.map_err(ApiError::internal)?;
        let (sandbox, limits) = (self.sandbox.clone(), self.limits.clone());
        let (upload, out) = (upload.to_owned(), out.to_owned());
        let done = tokio::task::spawn_blocking(move || {
            deidentify_upload_sandboxed(&sandbox, &upload, &out, &key, pixels, &limits)
        })
        .await
        .map_err(ApiError::internal)?;
        match done {
            Ok(summary) => {
                tracing::info!(
                    studies = summary.studies,
                    kept = summary.kept,
                    left_out = summary.left_out.total(),
                    "an upload was de-identified"
                );
                Ok(())
            }
            Err(PrepareError::Rejected(reason)) => Err(ApiError::NotDeidentified { reason }),
            Err(error @ PrepareError::Retryable(_)) => Err(ApiError::Unavailable {
                dependency: "upload_reader",
                source: error.into(),
            }),
        }
    }

    /// None where the upload cannot be read by its own fault.
    async fn read(&self, upload: &Path, out: Option<&Path>) -> Result<Option<SplitUpload>, ApiError> {
        let _place = self.places.acquire().await.map_err(ApiError::internal)?;
        let (sandbox, limits) = (self.sandbox.clone(), self.limits.clone());
        let (upload, out) = (upload.to_owned(), out.map(Path::to_owned));
        let read = tokio::task::spawn_blocking(move || {
            split_upload_sandboxed(&sandbox, &upload, out.as_deref(), &limits)
        })
        .await
        .map_err(ApiError::internal)?;
        match read {
            Ok(split) => Ok(Some(split)),
            Err(PrepareError::Rejected(reason)) => {
                tracing::info!(code = %reason.code, "an upload's studies cannot be listed");
                Ok(None)
            }
            Err(error @ PrepareError::Retryable(_)) => Err(ApiError::Unavailable {
                dependency: "upload_reader",
                source: error.into(),
            }),
        }
    }
}
