//! An upload of many studies taken apart: each study alone in an archive of its own.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use norma_domain::{Reason, ReasonCode, StudyIdentity, StudyInstanceUid};
use norma_imaging::{Limits, RejectedFile, extract_study, list_upload};
use serde::{Deserialize, Serialize};

use crate::prepare_error::PrepareError;

/// The studies of an upload, and the files that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SplitUpload {
    pub studies: Vec<SplitStudy>,
    pub rejected: Vec<SplitRejection>,
}

impl SplitUpload {
    /// What was rejected and lies in no study's folder: a damaged slice is told by its study's analysis, a damaged
    /// archive among others by nobody else.
    pub fn strays(&self) -> Vec<SplitRejection> {
        let is_inside = |location: &str, folder: &str| {
            folder.is_empty()
                || location
                    .strip_prefix(folder)
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let is_told = |rejection: &SplitRejection| {
            let mut studies = self.studies.iter();
            studies.any(|study| is_inside(&rejection.location, study.location.trim_end_matches('/')))
        };
        let strays = self.rejected.iter().filter(|rejection| !is_told(rejection));
        strays.cloned().collect()
    }
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
    /// Whose study it is. For the database only, never for logs.
    pub identity: StudyIdentity,
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
    let mut split = SplitUpload {
        rejected: rejections(listing.rejected),
        ..SplitUpload::default()
    };
    for (index, study) in listing.studies.iter().enumerate() {
        let location = study.location().to_owned();
        let archive = out.map(|out| out.join(format!("{index:05}.zip")));
        if let Some(archive) = &archive
            && let Err(error) = extract_study(study, archive, limits)
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
            identity: study.identity(),
        });
    }
    Ok(split)
}

/// One for each file, but for the slices of one folder of an archive that share a reason: these are told once, at
/// their folder.
fn rejections(files: Vec<RejectedFile>) -> Vec<SplitRejection> {
    let mut rejections: Vec<SplitRejection> = Vec::new();
    let mut alike: HashMap<(String, ReasonCode), Vec<usize>> = HashMap::new();
    for file in files {
        let reason = file.error.reason();
        let folder = file
            .location
            .rsplit_once('/')
            .map(|(folder, _)| folder.to_owned());
        if let Some(folder) = folder.filter(|_| file.is_in_archive && is_of_a_slice(reason.code)) {
            let group = alike.entry((folder, reason.code)).or_default();
            group.push(rejections.len());
            if group.len() > 1 {
                continue;
            }
        }
        rejections.push(SplitRejection {
            location: file.location,
            reason,
        });
    }
    for ((folder, _), group) in alike {
        if let [first, others @ ..] = group.as_slice()
            && !others.is_empty()
        {
            let told = &mut rejections[*first];
            told.location = folder;
            told.reason.message += &format!(" ({} files)", group.len());
        }
    }
    rejections
}

/// Whether the reason is about an image, not about an archive.
fn is_of_a_slice(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::UnreadableDicom
            | ReasonCode::LyingLength
            | ReasonCode::UnsupportedTransferSyntax
            | ReasonCode::UnsupportedPixelFormat
            | ReasonCode::UndecodablePixels
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_slice_is_no_stray_and_a_damaged_archive_is() {
        let rejection = |location: &str| SplitRejection {
            location: location.to_owned(),
            reason: Reason::new(ReasonCode::UnreadableArchive, "damaged"),
        };
        let study = |location: &str| SplitStudy {
            archive: None,
            location: location.to_owned(),
            study_instance_uid: None,
            identity: StudyIdentity::default(),
        };
        let split = SplitUpload {
            studies: vec![study("one.zip/slices"), study("two")],
            rejected: vec![
                rejection("one.zip/slices/7.dcm"),
                rejection("one.zip/slices"),
                rejection("three.zip"),
                rejection("two.zip"),
            ],
        };
        let strays: Vec<_> = split.strays().into_iter().map(|stray| stray.location).collect();
        assert_eq!(strays, ["three.zip", "two.zip"]);
    }
}
