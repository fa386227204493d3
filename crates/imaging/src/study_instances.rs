//! The DICOM files of a study one by one: where each lies in the upload, its elements, its frames.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use dicom_dictionary_std::uids;
use norma_dicom_elements::Encoding;

use crate::decode::read_stored_frames;
use crate::deflated_data_set::read_inflated;
use crate::dicom_header::PixelFormat;
use crate::element_copy::copy_all_elements;
use crate::error::ImagingError;
use crate::limits::Limits;
use crate::study::{Instance, StudyContent, StudySource};

/// Preamble and mark of a DICOM file (PS3.10 section 7.1).
const HEAD_BYTES: usize = 132;
/// Names who wrote the head of a file that came without one; a UUID made once.
const IMPLEMENTATION_CLASS_UID: &str = "2.25.302573113270484183318371164906563301723";

/// One DICOM file of a study.
#[derive(Clone, Copy)]
pub struct StudyInstance<'study>(&'study Instance);

/// Where a file lies in an upload that is an archive or the file itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredPlace {
    pub offset: u64,
    /// Bytes there.
    pub length: u64,
    /// Whether these are compressed (RFC 1951).
    pub is_deflated: bool,
    /// Bytes of the file.
    pub size: u64,
}

/// The elements of a file before its pixels, well-formed, private ones included.
pub struct InstanceElements {
    pub encoding: Encoding,
    pub bytes: Vec<u8>,
}

/// How a file's pixels are stored.
#[derive(Debug, Clone, PartialEq)]
pub struct InstancePixels {
    pub rows: u16,
    pub columns: u16,
    pub samples_per_pixel: u16,
    pub bits_allocated: u16,
    pub bits_stored: u16,
    pub high_bit: u16,
    pub is_signed: bool,
    pub is_float: bool,
    pub frames: u64,
    /// Of one frame that is not compressed.
    pub frame_bytes: u64,
    /// Offset in the file and length of frames that are neither compressed nor big endian.
    pub native: Option<(u64, u64)>,
    /// Slope and intercept of each frame; one where they are all alike.
    pub rescale: Vec<[f64; 2]>,
}

/// The DICOM files of a study; none of a NIfTI volume.
pub fn study_instances(study: &StudySource) -> impl Iterator<Item = StudyInstance<'_>> {
    let instances = match &study.content {
        StudyContent::Dicom(instances) => instances.as_slice(),
        StudyContent::Nifti(_) => &[],
    };
    instances.iter().map(StudyInstance)
}

impl StudyInstance<'_> {
    /// Whether study, series and instance are named by UIDs of the standard.
    pub fn has_valid_uids(&self) -> bool {
        self.0.header.has_valid_uids
    }

    pub fn study_instance_uid(&self) -> &str {
        self.0.header.study.as_ref().map_or("", |uid| uid.as_str())
    }

    pub fn series_instance_uid(&self) -> &str {
        self.0.header.series.as_ref().map_or("", |uid| uid.as_str())
    }

    pub fn sop_instance_uid(&self) -> &str {
        self.0.header.sop_instance.as_ref().map_or("", |uid| uid.as_str())
    }

    pub fn sop_class_uid(&self) -> &str {
        &self.0.header.sop_class
    }

    pub fn modality(&self) -> &str {
        &self.0.header.modality
    }

    /// As the file says, or as its elements look where it says nothing.
    pub fn transfer_syntax_uid(&self) -> &str {
        let header = &self.0.header;
        match (header.transfer_syntax.as_str(), header.encoding.explicit) {
            ("", _) if header.encoding.big_endian => "1.2.840.10008.1.2.2",
            ("", true) => uids::EXPLICIT_VR_LITTLE_ENDIAN,
            ("", false) => uids::IMPLICIT_VR_LITTLE_ENDIAN,
            (named, _) => named,
        }
    }

    /// Where the file lies in `upload`; None where it lies in an archive of the upload that had to be unpacked, and where it
    /// lacks the head of PS3.10.
    pub fn place_in(&self, upload: &Path) -> Result<Option<StoredPlace>, ImagingError> {
        if !self.has_head()? {
            return Ok(None);
        }
        let upload = std::fs::metadata(upload)?;
        let file = (upload.dev(), upload.ino());
        Ok(self
            .0
            .blob
            .run_of_bytes(file)?
            .map(|(offset, length, is_deflated)| StoredPlace {
                offset,
                length,
                is_deflated,
                size: self.0.blob.size(),
            }))
    }

    fn has_head(&self) -> Result<bool, ImagingError> {
        let head = self.0.blob.prefix(HEAD_BYTES as u64)?;
        Ok(head.get(128..HEAD_BYTES) == Some(b"DICM"))
    }

    /// Writes the file, with the head of PS3.10 where it came without.
    pub fn write_file(&self, out: &mut dyn Write, limits: &Limits) -> Result<(), ImagingError> {
        if !self.has_head()? {
            out.write_all(&[0; 128])?;
            out.write_all(b"DICM")?;
            if self.0.header.data_set_start == 0 {
                out.write_all(&self.meta_information())?;
            }
        }
        self.0.blob.copy_bounded(out, limits)?;
        Ok(())
    }

    /// The file meta information (PS3.10 section 7.1) of a file that has none.
    fn meta_information(&self) -> Vec<u8> {
        let mut elements = [2, 0, 1, 0].to_vec();
        elements.extend_from_slice(b"OB\0\0");
        elements.extend_from_slice(&2_u32.to_le_bytes());
        elements.extend_from_slice(&[0, 1]);
        for (element, uid) in [
            (0x02, self.sop_class_uid()),
            (0x03, self.sop_instance_uid()),
            (0x10, self.transfer_syntax_uid()),
            (0x12, IMPLEMENTATION_CLASS_UID),
        ] {
            let padded = uid.len().next_multiple_of(2);
            elements.extend_from_slice(&[2, 0, element, 0]);
            elements.extend_from_slice(b"UI");
            elements.extend_from_slice(&(padded as u16).to_le_bytes());
            elements.extend_from_slice(uid.as_bytes());
            elements.resize(elements.len() + padded - uid.len(), 0);
        }
        let length = (elements.len() as u32).to_le_bytes();
        let mut meta = [2, 0, 0, 0].to_vec();
        meta.extend_from_slice(b"UL\x04\0");
        meta.extend_from_slice(&length);
        meta.extend_from_slice(&elements);
        meta
    }

    /// The elements before the pixels.
    pub fn elements(&self, limits: &Limits) -> Result<InstanceElements, ImagingError> {
        let header = &self.0.header;
        let bytes = match header.pixels {
            _ if header.is_deflated() => {
                read_inflated(&self.0.blob, header.data_set_start, header.pixels_end(), limits)?
            }
            Some(pixels) => self.0.blob.prefix(pixels.offset)?,
            None => self.0.blob.read_all(limits)?,
        };
        let end = header.pixels.map_or(bytes.len(), |pixels| {
            usize::try_from(pixels.offset).unwrap_or(usize::MAX)
        });
        Ok(InstanceElements {
            encoding: header.encoding,
            bytes: copy_all_elements(&bytes, header.data_set_start, end, header.encoding)
                .map_err(|_| ImagingError::UnreadableDicom("its elements are damaged"))?,
        })
    }

    /// How the pixels are stored; None for what has none, and for frames of one bit a pixel that begin within a byte: none of
    /// them can be given alone.
    pub fn pixels(&self) -> Option<InstancePixels> {
        let header = &self.0.header;
        let (element, format) = header.pixels.zip(header.format.as_ref())?;
        let frame_bytes = format.frame_bytes()?;
        let pixels = u64::from(format.rows) * u64::from(format.columns);
        if format.bits_allocated == 1 && header.number_of_frames > 1 && !pixels.is_multiple_of(8) {
            return None;
        }
        let is_native = !header.is_deflated() && !header.encoding.big_endian;
        let mut rescale: Vec<[f64; 2]> = header
            .frames
            .iter()
            .map(|frame| {
                frame
                    .rescale
                    .map_or([1.0, 0.0], |rescale| [rescale.slope, rescale.intercept])
            })
            .collect();
        if rescale.windows(2).all(|pair| pair[0] == pair[1]) {
            rescale.truncate(1);
        }
        let PixelFormat {
            rows,
            columns,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            is_signed,
            ..
        } = *format;
        Some(InstancePixels {
            rows,
            columns,
            samples_per_pixel,
            bits_allocated,
            bits_stored,
            high_bit,
            is_signed,
            is_float: element.is_float,
            frames: header.number_of_frames,
            frame_bytes,
            native: element
                .length
                .filter(|_| is_native)
                .map(|length| (element.offset, length)),
            rescale,
        })
    }

    /// All frames one after the other, not compressed, little endian.
    pub fn decoded_frames(&self, limits: &Limits) -> Result<Vec<u8>, ImagingError> {
        let header = &self.0.header;
        let format = header
            .format
            .as_ref()
            .filter(|_| header.pixels.is_some())
            .ok_or_else(|| ImagingError::UndecodablePixels("there are none".into()))?;
        let is_native = header.pixels.is_some_and(|pixels| pixels.length.is_some());
        let is_float = header.pixels.is_some_and(|pixels| pixels.is_float);
        let is_plain = !is_float && format.samples_per_pixel == 1 && matches!(format.bits_allocated, 8 | 16);
        let is_copied = is_native && !header.encoding.big_endian;
        if !is_plain && !is_copied {
            return Err(ImagingError::UnsupportedPixelFormat(
                "compressed colour, or big endian that is no grey picture".into(),
            ));
        }
        Ok(read_stored_frames(self.0, format, is_plain, limits)?.bytes)
    }
}
