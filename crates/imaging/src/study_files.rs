//! The files of a study, whole, for what rewrites them.

use std::io::Read;

use flate2::read::DeflateDecoder;

use crate::blob::Blob;
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, check_ratio, within};
use crate::study::{Instance, StudyContent, StudySource};

/// A file of a study.
#[derive(Debug)]
pub enum StudyFile {
    Dicom(DicomFile),
    /// A NIfTI-1 file, unpacked.
    Nifti(Vec<u8>),
}

/// The data set of a DICOM file, its elements as they were written.
#[derive(Debug)]
pub struct DicomFile {
    /// What the file meta information says; empty where there is none.
    pub transfer_syntax: String,
    pub is_explicit: bool,
    pub is_big_endian: bool,
    /// Whether the pixels are in fragments.
    pub is_encapsulated: bool,
    /// From the first element after the file meta information on, inflated where it was deflated.
    pub data_set: Vec<u8>,
}

/// Reads the files of a study one after the other.
pub fn read_study_files<'study>(
    study: &'study StudySource,
    limits: &'study Limits,
) -> Box<dyn Iterator<Item = Result<StudyFile, ImagingError>> + 'study> {
    match &study.content {
        StudyContent::Dicom(instances) => Box::new(
            instances
                .iter()
                .map(|instance| read_dicom(instance, limits).map(StudyFile::Dicom)),
        ),
        StudyContent::Nifti(blob) => {
            Box::new(std::iter::once(read_measured(blob, limits).map(StudyFile::Nifti)))
        }
    }
}

fn read_measured(blob: &Blob, limits: &Limits) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    within(LimitKind::FileBytes, blob.size(), limits.file_bytes)?;
    blob.copy_bounded(&mut bytes, limits)?;
    Ok(bytes)
}

fn read_dicom(instance: &Instance, limits: &Limits) -> Result<DicomFile, ImagingError> {
    let header = &instance.header;
    let mut data_set = instance.blob.read_all(limits)?;
    data_set.drain(..header.data_set_start.min(data_set.len()));
    if header.is_deflated() {
        data_set = inflate(&data_set, limits)?;
    }
    Ok(DicomFile {
        transfer_syntax: header.transfer_syntax.clone(),
        is_explicit: header.encoding.explicit,
        is_big_endian: header.encoding.big_endian,
        is_encapsulated: header.pixels.is_some_and(|pixels| pixels.length.is_none()),
        data_set,
    })
}

fn inflate(compressed: &[u8], limits: &Limits) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    DeflateDecoder::new(compressed)
        .take(limits.file_bytes.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|_| ImagingError::UnreadableDicom("its deflated elements are damaged"))?;
    within(LimitKind::FileBytes, bytes.len() as u64, limits.file_bytes)?;
    check_ratio(compressed.len() as u64, bytes.len() as u64, limits)?;
    Ok(bytes)
}
