//! Which studies an upload holds. Uploads are parsed where a memory limit holds: in a child process.

use std::path::{Path, PathBuf};
use std::time::Duration;

use norma_database::Owner;
use norma_deidentification::{Key, PixelCheck};
use norma_dicom_instances::InstanceIndex;
use norma_dicom_results::SourceStudy;
use norma_domain::{ReasonCode, StudyIdentity, StudyInstanceUid};
use norma_imaging::Limits;
use norma_pipeline::{
    PrepareError, Sandbox, SplitRejection, SplitStudy, SplitUpload, decode_frames_sandboxed,
    deidentify_upload_sandboxed, describe_upload_sandboxed, index_upload_sandboxed, split_upload_sandboxed,
};
use norma_service::{Behind, run_behind};

use crate::places::Places;
use crate::problem::ApiError;
use crate::uploads::deidentified::Deidentified;
use crate::uploads::receive::Upload;
use crate::uploads::sender::Sender;

/// Children at once: each may take the sandbox's whole memory limit.
const READERS_AT_ONCE: usize = 2;
/// What waits for one of one sender: its uploads, and what it reads of studies.
const MOST_WAITING: usize = 256;
/// Listing reads headers only. What takes longer is stored unlisted, for nobody whom it would have to be held against, and its
/// analysis tells why it cannot be read.
const LONGEST_LISTING: Duration = Duration::from_secs(60);

/// Reads the headers of uploads.
#[derive(Debug, Clone)]
pub struct UploadReader {
    sandbox: Sandbox,
    limits: Limits,
    places: Places<Owner>,
}

/// A study of an upload with many, written out alone.
pub(crate) struct SeparateStudy {
    /// Where it lies in the upload. Never for logs.
    pub(crate) location: String,
    /// The archive with this study alone.
    pub(crate) archive: PathBuf,
    /// (0020,000D), where the files have one.
    pub(crate) uid: Option<StudyInstanceUid>,
    /// Whose it is. Never for logs.
    pub(crate) identity: StudyIdentity,
}

/// The study of an upload that holds one.
pub(crate) struct OnlyStudy {
    /// (0020,000D), where the files have one.
    pub(crate) uid: Option<StudyInstanceUid>,
    /// Whose it is; None where its headers could not be read in time. Never for logs.
    pub(crate) identity: Option<StudyIdentity>,
}

impl OnlyStudy {
    /// What cannot be read names nobody.
    fn of_nobody() -> Self {
        Self {
            uid: None,
            identity: Some(StudyIdentity::default()),
        }
    }
}

impl From<SplitStudy> for OnlyStudy {
    fn from(study: SplitStudy) -> Self {
        Self {
            uid: study.study_instance_uid,
            identity: Some(study.identity),
        }
    }
}

/// What listing an upload came to.
enum Listing {
    Listed(SplitUpload),
    /// It cannot be read by its own fault.
    Unreadable,
    OutOfTime,
}

/// What an upload turned out to be.
pub(crate) enum Separation {
    /// One study, or an upload that cannot be read, which is nobody's.
    One(Box<OnlyStudy>),
    Many(SeparateStudies),
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
            places: Places::new(READERS_AT_ONCE, READERS_AT_ONCE - 1, MOST_WAITING),
        }
    }

    /// Which study the upload is and whose; nobody's where it cannot be read: its analysis tells why. An upload that
    /// holds several studies is refused.
    pub(crate) async fn only_study(&self, upload: &Upload) -> Result<OnlyStudy, ApiError> {
        let mut split = match self.read(upload, None).await? {
            Listing::Listed(split) => split,
            Listing::Unreadable => return Ok(OnlyStudy::of_nobody()),
            Listing::OutOfTime => {
                return Ok(OnlyStudy {
                    uid: None,
                    identity: None,
                });
            }
        };
        if split.studies.len() < 2 {
            let only = split.studies.pop();
            return Ok(only.map_or_else(OnlyStudy::of_nobody, OnlyStudy::from));
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

    /// The studies of an upload, each written out alone into `out` where there are several.
    pub(crate) async fn separate(
        &self,
        upload: &Upload,
        out: &Path,
        most: usize,
    ) -> Result<Separation, ApiError> {
        let unreadable = || Separation::One(Box::new(OnlyStudy::of_nobody()));
        // Counted before anything is written out.
        let Listing::Listed(mut listed) = self.read(upload, None).await? else {
            return Ok(unreadable());
        };
        match (listed.studies.len(), listed.strays().len()) {
            (0, _) => return Ok(unreadable()),
            (1, 0) => {
                let only = listed.studies.pop();
                return Ok(only.map_or_else(unreadable, |study| Separation::One(Box::new(study.into()))));
            }
            (studies, rejected) if studies + rejected > most => {
                return Err(ApiError::TooManyStudies { limit: most });
            }
            _ => {}
        }
        let Listing::Listed(split) = self.read(upload, Some(out)).await? else {
            return Ok(unreadable());
        };
        let rejected = split.strays();
        let studies = split.studies.into_iter().filter_map(|study| {
            Some(SeparateStudy {
                location: study.location,
                archive: study.archive?,
                uid: study.study_instance_uid,
                identity: study.identity,
            })
        });
        Ok(Separation::Many(SeparateStudies {
            studies: studies.collect(),
            rejected,
        }))
    }

    /// Writes the upload's studies to a zip at `out` without what identifies their patients; gives what was done.
    pub(crate) async fn deidentify(
        &self,
        upload: &Upload,
        out: &Path,
        key: Key,
        pixels: PixelCheck,
    ) -> Result<Deidentified, ApiError> {
        let (path, out) = (upload.path.to_path_buf(), out.to_owned());
        let done = self
            .in_child(&upload.sender, move |sandbox, limits| {
                deidentify_upload_sandboxed(sandbox, &path, &out, &key, pixels, limits)
            })
            .await?;
        match done {
            Ok(summary) => {
                tracing::info!(
                    studies = summary.studies,
                    kept = summary.kept,
                    left_out = summary.left_out.total(),
                    "an upload was de-identified"
                );
                Ok(Deidentified::new(&summary, pixels))
            }
            Err(PrepareError::Rejected(reason)) => Err(ApiError::NotDeidentified { reason }),
            Err(error @ (PrepareError::Retryable(_) | PrepareError::NoRoom(_))) => {
                Err(ApiError::Unavailable {
                    dependency: "upload_reader",
                    source: error.into(),
                })
            }
        }
    }

    /// Whose the upload's DICOM studies are and where their images lie; none where it cannot be read.
    pub(crate) async fn describe(&self, upload: &Path) -> Result<Vec<SourceStudy>, ApiError> {
        let upload = upload.to_owned();
        // Results are made one after the other: those who ask for them need not be told apart.
        let described = self
            .in_child(&None, move |sandbox, limits| {
                describe_upload_sandboxed(sandbox, &upload, limits)
            })
            .await?;
        match described {
            Ok(studies) => Ok(studies),
            Err(PrepareError::Rejected(reason)) => {
                tracing::info!(code = %reason.code, "an upload's images cannot be described");
                Ok(Vec::new())
            }
            Err(error @ (PrepareError::Retryable(_) | PrepareError::NoRoom(_))) => {
                Err(ApiError::Unavailable {
                    dependency: "upload_reader",
                    source: error.into(),
                })
            }
        }
    }

    /// The instances of an upload, with their container written to `out`; None where it cannot be read by its own fault.
    pub(crate) async fn index(
        &self,
        sender: &Sender,
        upload: &Path,
        out: &Path,
    ) -> Result<Option<InstanceIndex>, ApiError> {
        let failure = "instances cannot be indexed";
        self.look_into(sender, upload, out, failure, index_upload_sandboxed)
            .await
    }

    /// Writes the frames of the instance in a file to `out`, not compressed, and gives their bytes; None where they cannot be
    /// decoded.
    pub(crate) async fn decode_frames(
        &self,
        sender: &Sender,
        file: &Path,
        out: &Path,
    ) -> Result<Option<u64>, ApiError> {
        let failure = "frames cannot be decoded";
        self.look_into(sender, file, out, failure, decode_frames_sandboxed)
            .await
    }

    async fn look_into<T: Send + 'static>(
        &self,
        sender: &Sender,
        file: &Path,
        out: &Path,
        failure: &'static str,
        read: fn(&Sandbox, &Path, &Path, &Limits) -> Result<T, PrepareError>,
    ) -> Result<Option<T>, ApiError> {
        let (file, out) = (file.to_owned(), out.to_owned());
        let done = self
            .in_child(sender, move |sandbox, limits| read(sandbox, &file, &out, limits))
            .await?;
        match done {
            Ok(done) => Ok(Some(done)),
            Err(PrepareError::Rejected(reason)) => {
                tracing::info!(code = %reason.code, failure, "an upload was looked into in vain");
                Ok(None)
            }
            Err(error @ (PrepareError::Retryable(_) | PrepareError::NoRoom(_))) => {
                Err(ApiError::Unavailable {
                    dependency: "upload_reader",
                    source: error.into(),
                })
            }
        }
    }

    /// Runs a child at a place of its sender's. The place is taken until the child has ended, whether or not anybody
    /// still waits for it: who comes and goes does not start more of them.
    async fn in_child<T: Send + 'static>(
        &self,
        sender: &Sender,
        task: impl FnOnce(&Sandbox, &Limits) -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let seat = self.places.take(sender.as_ref()).await;
        let seat = seat.ok_or(ApiError::TooManyUploads)?;
        let (sandbox, limits) = (self.sandbox.clone(), self.limits.clone());
        tokio::task::spawn_blocking(move || {
            let answer = run_behind(Behind::Reading, move || task(&sandbox, &limits));
            drop(seat);
            answer
        })
        .await
        .map_err(ApiError::internal)
    }

    async fn read(&self, upload: &Upload, out: Option<&Path>) -> Result<Listing, ApiError> {
        let (path, out) = (upload.path.to_path_buf(), out.map(Path::to_owned));
        let read = self
            .in_child(&upload.sender, move |sandbox, limits| {
                let time_limit = match &out {
                    None => sandbox.time_limit.min(LONGEST_LISTING),
                    Some(_) => sandbox.time_limit,
                };
                let sandbox = Sandbox {
                    time_limit,
                    ..sandbox.clone()
                };
                split_upload_sandboxed(&sandbox, &path, out.as_deref(), limits)
            })
            .await?;
        match read {
            Ok(split) => Ok(Listing::Listed(split)),
            Err(PrepareError::Rejected(reason)) => {
                tracing::info!(code = %reason.code, "an upload's studies cannot be listed");
                Ok(match reason.code {
                    ReasonCode::StageTimeout => Listing::OutOfTime,
                    _ => Listing::Unreadable,
                })
            }
            Err(error @ (PrepareError::Retryable(_) | PrepareError::NoRoom(_))) => {
                Err(ApiError::Unavailable {
                    dependency: "upload_reader",
                    source: error.into(),
                })
            }
        }
    }
}
