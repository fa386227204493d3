//! The studies of an upload.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use norma_domain::{StudyIdentity, StudyInstanceUid};

use crate::blob::Blob;
use crate::dicom_header::InstanceHeader;
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::study_joining::{LooseStudy, find_joined};
use crate::upload::{Contents, ImageFile, RejectedFile, UploadedFile, read_contents};
use crate::written_identifiers::WrittenIdentifiers;

/// A study found in an upload. Holds headers only; the pixels stay where they are.
#[derive(Clone)]
pub struct StudySource {
    study_instance_uid: Option<StudyInstanceUid>,
    location: String,
    pub(crate) content: StudyContent,
    pub(crate) unreadable_files: usize,
    /// Files that name neither a study nor a person and an examination: whether they are one is not known.
    pub(crate) is_unclear: bool,
}

#[derive(Debug, Clone)]
pub(crate) enum StudyContent {
    Dicom(Vec<Instance>),
    Nifti(Blob),
}

/// A DICOM file of a study.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    pub(crate) header: Box<InstanceHeader>,
    pub(crate) blob: Blob,
}

/// Without the location, which comes from the upload and must not reach a log.
impl fmt::Debug for StudySource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StudySource")
            .field("study_instance_uid", &self.study_instance_uid)
            .field("file_count", &self.file_count())
            .finish_non_exhaustive()
    }
}

impl StudySource {
    /// None for NIfTI, and for DICOM files that lack it.
    pub fn study_instance_uid(&self) -> Option<&StudyInstanceUid> {
        self.study_instance_uid.as_ref()
    }

    /// The folder or file of the study inside the upload, empty for the upload itself. It comes from the
    /// upload: for mass-run rows only, never for logs.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Whose study its files say it is; empty for NIfTI. For the database only, never for logs.
    pub fn identity(&self) -> StudyIdentity {
        match &self.content {
            StudyContent::Dicom(instances) => {
                StudyIdentity::of_files(instances.iter().map(|instance| &instance.header.identity))
            }
            StudyContent::Nifti(_) => StudyIdentity::default(),
        }
    }

    /// DICOM files or NIfTI volumes of the study.
    pub fn file_count(&self) -> usize {
        match &self.content {
            StudyContent::Dicom(instances) => instances.len(),
            StudyContent::Nifti(_) => 1,
        }
    }
}

/// What an upload holds.
#[derive(Debug)]
pub struct UploadListing {
    /// In the order of their locations.
    pub studies: Vec<StudySource>,
    /// Files that were meant to be images or archives and cannot be read.
    pub rejected: Vec<RejectedFile>,
}

/// Lists the studies in an upload: a zip archive of any nesting, a single DICOM or NIfTI file, or a folder of
/// these. Reads headers only.
///
/// # Errors
/// Where no study is found: the reason of the first file that was rejected, or that there are no images.
pub fn list_studies(upload: &Path, limits: &Limits) -> Result<Vec<StudySource>, ImagingError> {
    Ok(list_upload(upload, limits)?.studies)
}

/// As [`list_studies`], and says what was rejected beside them.
///
/// In a folder every archive stands for itself: one that is broken, larger than the limits or without any image is
/// rejected and the others are read.
///
/// # Errors
/// Where no study is found in an upload that is no folder; for a folder, where it cannot be listed.
pub fn list_upload(upload: &Path, limits: &Limits) -> Result<UploadListing, ImagingError> {
    let contents = read_contents(upload, limits)?;
    let no_images = contents.no_images(0, contents.files);
    let listing = group_studies(contents, upload.is_dir());
    if !listing.studies.is_empty() || (upload.is_dir() && !listing.rejected.is_empty()) {
        return Ok(listing);
    }
    Err(listing
        .rejected
        .into_iter()
        .next()
        .map_or(no_images, |rejected| rejected.error))
}

/// What files of one study have in common.
#[derive(Hash, PartialEq, Eq)]
enum StudyKey {
    Study(u32, StudyInstanceUid),
    Series(u32, String),
    Alone(usize),
}

fn group_studies(contents: Contents, is_folder: bool) -> UploadListing {
    let mut order: HashMap<StudyKey, usize> = HashMap::new();
    let mut studies: Vec<(StudySource, Vec<String>)> = Vec::new();
    let mut scopes: Vec<u32> = Vec::new();
    let mut identifiers = WrittenIdentifiers::default();
    for (index, (file, image)) in contents.images.into_iter().enumerate() {
        let UploadedFile {
            location,
            scope,
            blob,
            ..
        } = file;
        let header = match image {
            ImageFile::Dicom(mut header) => {
                identifiers.unify(scope, &mut header);
                header
            }
            ImageFile::Nifti => {
                let study = StudySource {
                    study_instance_uid: None,
                    location: String::new(),
                    content: StudyContent::Nifti(blob),
                    unreadable_files: 0,
                    is_unclear: false,
                };
                studies.push((study, vec![location]));
                scopes.push(scope);
                continue;
            }
        };
        let key = match (&header.study, &header.series) {
            (Some(uid), _) => StudyKey::Study(scope, uid.clone()),
            (None, Some(uid)) => StudyKey::Series(scope, uid.to_string()),
            (None, None) => StudyKey::Alone(index),
        };
        let slot = *order.entry(key).or_insert_with(|| {
            let study = StudySource {
                study_instance_uid: header.study.clone(),
                location: String::new(),
                content: StudyContent::Dicom(Vec::new()),
                unreadable_files: 0,
                is_unclear: false,
            };
            studies.push((study, Vec::new()));
            scopes.push(scope);
            studies.len() - 1
        });
        let (study, locations) = &mut studies[slot];
        if let StudyContent::Dicom(instances) = &mut study.content {
            instances.push(Instance { header, blob });
        }
        locations.push(location);
    }
    join_studies(&mut studies, &mut scopes);
    let rejected = contents.rejected;
    let noted = contents.noted_unreadable;
    let mut studies: Vec<StudySource> = studies
        .into_iter()
        .zip(scopes)
        .map(|((mut study, locations), scope)| {
            study.location = common_folder(&locations);
            let folder = parent_folder(&locations);
            // What cannot be read in an archive may be of any of its studies; in a folder, of those beside it.
            study.unreadable_files = rejected
                .iter()
                .filter(|file| file.scope == scope)
                .filter(|file| !is_folder || scope != 0 || is_below(&file.location, &folder))
                .count();
            study.unreadable_files += noted
                .iter()
                .filter(|(of, _)| *of == scope)
                .map(|(_, count)| count)
                .fold(0, |sum, count| usize::saturating_add(sum, *count));
            study
        })
        .collect();
    studies.sort_by(|first, second| first.location.cmp(&second.location));
    UploadListing { studies, rejected }
}

/// Makes one study of those that were taken apart by UIDs of their own.
fn join_studies(studies: &mut Vec<(StudySource, Vec<String>)>, scopes: &mut Vec<u32>) {
    let loose: Vec<LooseStudy<'_>> = studies
        .iter()
        .zip(scopes.iter())
        .map(|((study, _), scope)| LooseStudy {
            scope: *scope,
            has_uid: study.study_instance_uid.is_some(),
            headers: match &study.content {
                StudyContent::Dicom(instances) => {
                    instances.iter().map(|instance| &*instance.header).collect()
                }
                StudyContent::Nifti(_) => Vec::new(),
            },
        })
        .collect();
    let joined = find_joined(&loose);
    let mut gone = vec![false; studies.len()];
    for join in joined {
        let (first, others) = (join.studies[0], &join.studies[1..]);
        let lowest = join
            .studies
            .iter()
            .filter_map(|index| studies[*index].0.study_instance_uid.clone())
            .min();
        for other in others {
            let (study, locations) = studies[*other].clone();
            gone[*other] = true;
            if let (StudyContent::Dicom(all), StudyContent::Dicom(more)) =
                (&mut studies[first].0.content, study.content)
            {
                all.extend(more);
            }
            studies[first].1.extend(locations);
        }
        studies[first].0.study_instance_uid = lowest;
        studies[first].0.is_unclear = !join.is_certain;
    }
    let mut keep = gone.iter().map(|gone| !gone);
    studies.retain(|_| keep.next().unwrap_or(true));
    let mut keep = gone.iter().map(|gone| !gone);
    scopes.retain(|_| keep.next().unwrap_or(true));
}

fn is_below(location: &str, folder: &str) -> bool {
    folder.is_empty()
        || location
            .strip_prefix(folder)
            .is_some_and(|rest| rest.starts_with('/'))
}

/// The file itself, or the deepest folder that holds all files.
fn common_folder(locations: &[String]) -> String {
    match locations {
        [single] => single.clone(),
        several => parent_folder(several),
    }
}

/// The deepest folder that holds all files.
fn parent_folder(locations: &[String]) -> String {
    let [first, others @ ..] = locations else {
        return String::new();
    };
    let mut common: Vec<&str> = first.split('/').collect();
    common.pop();
    for location in others {
        let shared = common
            .iter()
            .zip(location.split('/'))
            .take_while(|(ours, theirs)| *ours == theirs)
            .count();
        common.truncate(shared);
    }
    common.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_folder_is_the_deepest() {
        let folder =
            |names: &[&str]| common_folder(&names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(folder(&["a/b/1", "a/b/2"]), "a/b");
        assert_eq!(folder(&["a/b/1", "a/bc/2"]), "a");
        assert_eq!(folder(&["1", "a/2"]), "");
        assert_eq!(folder(&["a/1.dcm"]), "a/1.dcm");
    }
}
