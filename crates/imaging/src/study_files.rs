//! The files of a study, whole, for what rewrites them: elements that are well-formed, pixels by their values.

use crate::blob::Blob;
use crate::claimed_size::Claim;
use crate::decode::read_stored_frames;
use crate::deflated_data_set::read_inflated;
use crate::element_copy::copy_elements;
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, within};
use crate::study::{Instance, StudyContent, StudySource};

/// A file of a study.
#[derive(Debug)]
pub enum StudyFile {
    Dicom(DicomFile),
    /// A NIfTI-1 file, unpacked.
    Nifti(Vec<u8>),
}

/// A DICOM file taken apart. What stood behind its pixels, private elements and unknown ones are not in it.
#[derive(Debug)]
pub struct DicomFile {
    /// In which `data_set` is written: without compression.
    pub transfer_syntax_uid: &'static str,
    /// The elements before the pixel data.
    pub data_set: Vec<u8>,
    /// None for objects without an image.
    pub pixels: Option<StoredPixels>,
}

/// The pixels of a file by their values, not compressed any more.
#[derive(Debug)]
pub enum StoredPixels {
    /// All frames, little endian, rows × columns × samples; bits beside those stored are cleared or repeat the sign.
    Values { bits_allocated: u16, bytes: Vec<u8> },
    /// Values use bits that the header does not count: an overlay, or a header that lies.
    HiddenBits,
    /// A compressed picture in colour, or a format that is not read.
    NotRead,
}

/// Reads the files of a study one after the other.
pub fn read_study_files<'study>(
    study: &'study StudySource,
    limits: &'study Limits,
) -> Box<dyn Iterator<Item = Result<StudyFile, ImagingError>> + 'study> {
    match &study.content {
        StudyContent::Dicom(instances) => {
            // Each image may be within the limits, and all of them together not.
            let mut claim = Claim::default();
            Box::new(instances.iter().map(move |instance| {
                claim.add(instance, instance.header.number_of_frames);
                claim.check(limits)?;
                read_dicom(instance, limits).map(StudyFile::Dicom)
            }))
        }
        StudyContent::Nifti(blob) => {
            Box::new(std::iter::once(read_measured(blob, limits).map(StudyFile::Nifti)))
        }
    }
}

/// What a file unpacks to is measured, not believed: the size of a gzip file is a bound.
fn read_measured(blob: &Blob, limits: &Limits) -> Result<Vec<u8>, ImagingError> {
    let mut bytes = Vec::new();
    let bounded = Limits {
        uncompressed_bytes: limits.uncompressed_bytes.min(limits.file_bytes),
        ..limits.clone()
    };
    blob.copy_bounded(&mut bytes, &bounded)?;
    within(LimitKind::FileBytes, bytes.len() as u64, limits.file_bytes)?;
    Ok(bytes)
}

fn read_dicom(instance: &Instance, limits: &Limits) -> Result<DicomFile, ImagingError> {
    let header = &instance.header;
    let bytes = if header.is_deflated() {
        read_inflated(&instance.blob, header.data_set_start, header.pixels_end(), limits)?
    } else {
        instance.blob.read_all(limits)?
    };
    let end = header.pixels.map_or(bytes.len(), |pixels| {
        usize::try_from(pixels.offset).unwrap_or(usize::MAX)
    });
    let data_set = copy_elements(&bytes, header.data_set_start, end, header.encoding)
        .map_err(|_| ImagingError::UnreadableDicom("its elements are damaged"))?;
    drop(bytes);
    Ok(DicomFile {
        transfer_syntax_uid: header.encoding.transfer_syntax_uid(),
        data_set,
        pixels: match header.pixels {
            Some(_) => Some(read_pixels(instance, limits)?),
            None => None,
        },
    })
}

fn read_pixels(instance: &Instance, limits: &Limits) -> Result<StoredPixels, ImagingError> {
    let header = &instance.header;
    let Some(format) = &header.format else {
        return Ok(StoredPixels::NotRead);
    };
    let is_native = header.pixels.is_some_and(|pixels| pixels.length.is_some());
    let is_plain = format.samples_per_pixel == 1 && matches!(format.bits_allocated, 8 | 16);
    let is_float = header.pixels.is_some_and(|pixels| pixels.is_float);
    if is_float || (!is_plain && (!is_native || header.encoding.big_endian)) {
        return Ok(StoredPixels::NotRead);
    }
    let frames = read_stored_frames(instance, format, is_plain, limits)?;
    if frames.uses_other_bits && !is_native {
        return Ok(StoredPixels::HiddenBits);
    }
    Ok(StoredPixels::Values {
        bits_allocated: format.bits_allocated,
        bytes: frames.bytes,
    })
}
