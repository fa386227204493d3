//! A whole upload: every study of it, image by image, into a new archive.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use norma_imaging::{DicomFile, ImagingError, Limits, StudyFile, list_upload, read_study_files};
use serde::{Deserialize, Serialize};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::data_set::deidentify_data_set;
use crate::nifti::deidentify_nifti;
use crate::pseudonym::Key;

const BIG_ENDIAN: &str = "1.2.840.10008.1.2.2";
/// Secondary captures: screens and papers, which show names.
const SECONDARY_CAPTURE_ROOT: &str = "1.2.840.10008.5.1.4.1.1.7";

/// Why an upload was not de-identified. Nothing of it was written then.
#[derive(Debug, thiserror::Error)]
pub enum DeidentificationError {
    #[error(transparent)]
    Upload(#[from] ImagingError),
    #[error(
        "no image of the upload may be kept: {} without pixels, {} with text in their pixels, {} unreadable",
        .0.no_image, .0.burned_in, .0.unreadable
    )]
    NothingLeft(LeftOut),
    #[error("failed to write the de-identified upload")]
    Write(#[source] io::Error),
}

/// What became of an upload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    pub studies: usize,
    /// Images and volumes written.
    pub kept: usize,
    pub left_out: LeftOut,
}

/// Files that were not taken over, by why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LeftOut {
    /// Reports, documents, presentation states: no pixels.
    pub no_image: usize,
    /// Secondary captures, and images that say that text is burned in.
    pub burned_in: usize,
    /// Files that cannot be read as a whole.
    pub unreadable: usize,
}

impl LeftOut {
    pub fn total(&self) -> usize {
        self.no_image + self.burned_in + self.unreadable
    }
}

/// Writes the studies of `upload` (an archive, a file, a folder) to a new zip at `out`, without what identifies their
/// patients. Names of the upload are not taken over. Parses hostile bytes: services do this in the sandboxed child.
///
/// # Errors
/// Where the upload cannot be read, nothing of it may be kept, or the archive cannot be written.
pub fn deidentify_upload(
    upload: &Path,
    out: &Path,
    key: &Key,
    limits: &Limits,
) -> Result<Summary, DeidentificationError> {
    let listing = list_upload(upload, limits)?;
    let mut summary = Summary {
        left_out: LeftOut {
            unreadable: listing.rejected.len(),
            ..LeftOut::default()
        },
        ..Summary::default()
    };
    let file = File::create(out).map_err(DeidentificationError::Write)?;
    let mut archive = ZipWriter::new(BufWriter::new(file));
    for (number, study) in listing.studies.iter().enumerate() {
        let kept_before = summary.kept;
        for file in read_study_files(study, limits) {
            let (bytes, extension) = match file {
                Ok(StudyFile::Dicom(file)) => match deidentify_file(file, key) {
                    Ok(bytes) => (bytes, "dcm"),
                    Err(why) => {
                        why.count(&mut summary.left_out);
                        continue;
                    }
                },
                Ok(StudyFile::Nifti(bytes)) => match deidentify_nifti(bytes) {
                    Some(bytes) => (bytes, "nii"),
                    None => {
                        summary.left_out.unreadable += 1;
                        continue;
                    }
                },
                Err(error) if error.is_retryable() => return Err(error.into()),
                Err(_) => {
                    summary.left_out.unreadable += 1;
                    continue;
                }
            };
            let name = format!("study-{:04}/{:06}.{extension}", number + 1, summary.kept + 1);
            write_member(&mut archive, &name, &bytes).map_err(DeidentificationError::Write)?;
            summary.kept += 1;
        }
        summary.studies += usize::from(summary.kept > kept_before);
    }
    archive
        .finish()
        .map_err(io::Error::from)
        .and_then(|mut file| file.flush())
        .map_err(DeidentificationError::Write)?;
    if summary.kept == 0 {
        return Err(DeidentificationError::NothingLeft(summary.left_out));
    }
    Ok(summary)
}

fn write_member(archive: &mut ZipWriter<BufWriter<File>>, name: &str, bytes: &[u8]) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .large_file(bytes.len() as u64 > u64::from(u32::MAX / 2));
    archive.start_file(name, options).map_err(io::Error::from)?;
    archive.write_all(bytes)
}

enum NotKept {
    NoImage,
    BurnedIn,
    Unreadable,
}

impl NotKept {
    fn count(self, left_out: &mut LeftOut) {
        let counted = match self {
            Self::NoImage => &mut left_out.no_image,
            Self::BurnedIn => &mut left_out.burned_in,
            Self::Unreadable => &mut left_out.unreadable,
        };
        *counted += 1;
    }
}

/// The file in its transfer syntax; one that was deflated as a whole, or did not say, in that of its elements.
fn deidentify_file(file: DicomFile, key: &Key) -> Result<Vec<u8>, NotKept> {
    let encoding = match (file.is_explicit, file.is_big_endian) {
        (false, _) => uids::IMPLICIT_VR_LITTLE_ENDIAN,
        (true, false) => uids::EXPLICIT_VR_LITTLE_ENDIAN,
        (true, true) => BIG_ENDIAN,
    };
    let syntax = TransferSyntaxRegistry.get(encoding).ok_or(NotKept::Unreadable)?;
    let data_set = InMemDicomObject::read_dataset_with_ts(file.data_set.as_slice(), syntax)
        .map_err(|_| NotKept::Unreadable)?;
    drop(file.data_set);
    refuse_what_shows_more(&data_set)?;
    let clean = deidentify_data_set(data_set, key);
    let written_as = if file.is_encapsulated {
        file.transfer_syntax.as_str()
    } else {
        encoding
    };
    let sop_class = text(&clean, tags::SOP_CLASS_UID);
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(written_as)
        .media_storage_sop_class_uid(sop_class)
        .media_storage_sop_instance_uid(text(&clean, tags::SOP_INSTANCE_UID))
        .build()
        .map_err(|_| NotKept::Unreadable)?;
    let mut bytes = vec![0; 128];
    bytes.extend_from_slice(b"DICM");
    meta.write(&mut bytes).map_err(|_| NotKept::Unreadable)?;
    clean
        .write_dataset_with_ts(&mut bytes, syntax)
        .map_err(|_| NotKept::Unreadable)?;
    Ok(bytes)
}

fn refuse_what_shows_more(data_set: &InMemDicomObject) -> Result<(), NotKept> {
    let has_pixels = [
        tags::PIXEL_DATA,
        tags::FLOAT_PIXEL_DATA,
        tags::DOUBLE_FLOAT_PIXEL_DATA,
    ]
    .into_iter()
    .any(|tag| data_set.get(tag).is_some());
    if !has_pixels {
        return Err(NotKept::NoImage);
    }
    let sop_class = text(data_set, tags::SOP_CLASS_UID);
    let is_capture = sop_class
        .strip_prefix(SECONDARY_CAPTURE_ROOT)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    if is_capture || text(data_set, tags::BURNED_IN_ANNOTATION) == "YES" {
        return Err(NotKept::BurnedIn);
    }
    Ok(())
}

fn text(data_set: &InMemDicomObject, tag: Tag) -> String {
    data_set
        .get(tag)
        .and_then(|element| element.to_str().ok())
        .map(|text| text.trim_end_matches(['\0', ' ']).to_owned())
        .unwrap_or_default()
}
