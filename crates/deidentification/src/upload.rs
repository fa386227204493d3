//! A whole upload: every study of it, image by image, into a new archive.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use dicom_core::value::PrimitiveValue;
use dicom_core::{DataElement, Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::{FileMetaTableBuilder, InMemDicomObject};
use dicom_transfer_syntax_registry::{TransferSyntaxIndex, TransferSyntaxRegistry};
use norma_imaging::{
    DicomFile, ImagingError, Limits, StoredPixels, StudyFile, list_upload, read_study_files,
};
use serde::{Deserialize, Serialize};
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::data_set::deidentify_data_set;
use crate::nifti::deidentify_nifti;
use crate::pixel_text::may_carry_text;
use crate::pseudonym::Key;

/// Who says that pixels carry no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum PixelCheck {
    /// Nobody has looked: pictures that by their kind may carry text are left out.
    #[default]
    ByKind,
    /// A person has looked at them and answers for it.
    ByPerson,
}

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
    /// Pictures whose pixels may carry text: captured screens, ultrasound, dose pages, and those that say so.
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
    pixels: PixelCheck,
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
                Ok(StudyFile::Dicom(file)) => match deidentify_file(file, key, pixels) {
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

/// The file in explicit little endian, whatever it came in.
fn deidentify_file(file: DicomFile, key: &Key, pixels: PixelCheck) -> Result<Vec<u8>, NotKept> {
    let syntax = TransferSyntaxRegistry
        .get(file.transfer_syntax_uid)
        .ok_or(NotKept::Unreadable)?;
    let data_set = InMemDicomObject::read_dataset_with_ts(file.data_set.as_slice(), syntax)
        .map_err(|_| NotKept::Unreadable)?;
    let stored = file.pixels.ok_or(NotKept::NoImage)?;
    if pixels == PixelCheck::ByKind && may_carry_text(&data_set) {
        return Err(NotKept::BurnedIn);
    }
    let (bits_allocated, bytes) = match stored {
        StoredPixels::Values {
            bits_allocated,
            bytes,
        } => (bits_allocated, bytes),
        StoredPixels::HiddenBits => return Err(NotKept::BurnedIn),
        StoredPixels::NotRead => return Err(NotKept::Unreadable),
    };
    let mut clean = deidentify_data_set(data_set, key);
    let vr = if bits_allocated > 8 { VR::OW } else { VR::OB };
    let mut bytes = bytes;
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    clean.put(DataElement::new(
        tags::PIXEL_DATA,
        vr,
        PrimitiveValue::from(bytes),
    ));
    let written_as = uids::EXPLICIT_VR_LITTLE_ENDIAN;
    let meta = FileMetaTableBuilder::new()
        .transfer_syntax(written_as)
        .media_storage_sop_class_uid(text(&clean, tags::SOP_CLASS_UID))
        .media_storage_sop_instance_uid(text(&clean, tags::SOP_INSTANCE_UID))
        .build()
        .map_err(|_| NotKept::Unreadable)?;
    let mut file = vec![0; 128];
    file.extend_from_slice(b"DICM");
    meta.write(&mut file).map_err(|_| NotKept::Unreadable)?;
    let written_as = TransferSyntaxRegistry
        .get(written_as)
        .ok_or(NotKept::Unreadable)?;
    clean
        .write_dataset_with_ts(&mut file, written_as)
        .map_err(|_| NotKept::Unreadable)?;
    Ok(file)
}

fn text(data_set: &InMemDicomObject, tag: Tag) -> String {
    data_set
        .get(tag)
        .and_then(|element| element.to_str().ok())
        .map(|text| text.trim_end_matches(['\0', ' ']).to_owned())
        .unwrap_or_default()
}
