//! An upload of many studies taken apart: each study alone in an archive of its own.

use std::path::{Path, PathBuf};

use norma_domain::{Reason, StudyInstanceUid};
use norma_imaging::{Limits, extract_study, list_upload};
use serde::{Deserialize, Serialize};

use crate::prepare_error::PrepareError;

/// The studies of an upload, and the files that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SplitUpload {
    pub studies: Vec<SplitStudy>,
    pub rejected: Vec<SplitRejection>,
}

/// One study of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitStudy {
    /// The study alone, as a zip; None where it was only listed.
    pub archive: Option<PathBuf>,
    /// Its folder or file inside the upload, empty for the upload itself. Comes from the upload: for mass-run rows
    /// only, never for logs.
    pub location: String,
    pub study_instance_uid: Option<StudyInstanceUid>,
}

/// A file of the upload that was meant to be an image or an archive and cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitRejection {
    /// Comes from the upload: for mass-run rows only, never for logs.
    pub location: String,
    pub reason: Reason,
}

/// Lists the studies of an upload (an archive, a file, a folder) and, with a folder `out`, writes each alone into
/// it. Parses hostile bytes: services call [`split_upload_sandboxed`](crate::split_upload_sandboxed) instead.
///
/// # Errors
/// Where the upload holds no study at all; where the disk fails.
pub fn split_upload(upload: &Path, out: Option<&Path>, limits: &Limits) -> Result<SplitUpload, PrepareError> {
    let listing = list_upload(upload, limits)?;
    let mut split = SplitUpload::default();
    for rejected in listing.rejected {
        split.rejected.push(SplitRejection {
            location: rejected.location,
            reason: rejected.error.reason(),
        });
    }
    for (index, study) in listing.studies.iter().enumerate() {
        let location = study.location().to_owned();
        let archive = out.map(|out| out.join(format!("{index:05}.zip")));
        if let Some(archive) = &archive
            && let Err(error) = extract_study(study, archive)
        {
            if error.is_retryable() {
                return Err(error.into());
            }
            split.rejected.push(SplitRejection {
                location,
                reason: error.reason(),
            });
            continue;
        }
        let study_instance_uid = study.study_instance_uid().cloned();
        split.studies.push(SplitStudy {
            archive,
            location,
            study_instance_uid,
        });
    }
    Ok(split)
}
