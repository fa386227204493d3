//! What is read of a DICOM file before its pixels.

use dicom_dictionary_std::uids;
use norma_dicom_elements::{ElementError, Encoding};
use norma_domain::{SeriesInstanceUid, SopInstanceUid, StudyIdentity, StudyInstanceUid};

use crate::blob::Blob;
use crate::body_part::BodyPart;
use crate::deflated_data_set::{inflate_start, most_inflated};
use crate::derived_images::is_called_projection;
use crate::element_values::Values;
use crate::element_walk::{DataSet, PixelElement, walk_elements, walk_meta};
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, Spent, within};
use crate::multiframe::{FrameHeader, read_frames, uses_contrast};
use crate::patient_age::{age_years, plain_date};
use crate::patient_marks::PatientMarks;
use crate::study_identity::read_identity;

/// Most headers of single slices fit into this.
const FIRST_PREFIX_BYTES: u64 = 16 << 10;
const PREAMBLE_BYTES: usize = 128;
/// Image Type, and Volume Based Calculation Technique, which enhanced objects have beside it.
const IMAGE_TYPES: [u32; 2] = [0x0008_0008, 0x0008_9207];

/// How the samples of a frame are stored (PS3.3 C.7.6.3).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PixelFormat {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) samples_per_pixel: u16,
    pub(crate) bits_allocated: u16,
    pub(crate) bits_stored: u16,
    pub(crate) high_bit: u16,
    pub(crate) is_signed: bool,
    pub(crate) is_monochrome: bool,
    pub(crate) is_inverted: bool,
    /// (0028,0120), or the range to (0028,0121): stored values that are no measurement.
    pub(crate) padding: Option<(i32, i32)>,
}

impl PixelFormat {
    /// Bytes of one frame without compression; None where it overflows.
    pub(crate) fn frame_bytes(&self) -> Option<u64> {
        (u64::from(self.rows) * u64::from(self.columns))
            .checked_mul(u64::from(self.samples_per_pixel))?
            .checked_mul(u64::from(self.bits_allocated))
            .map(|bits| bits.div_ceil(8))
    }
}

/// What the images of one examination have in common though their UIDs may not say so.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct ExaminationMarks {
    study_date: Option<Box<[u8]>>,
    study_time: Option<Box<[u8]>>,
    study_id: Option<Box<[u8]>>,
}

impl ExaminationMarks {
    fn read(values: &Values<'_>) -> Self {
        Self {
            study_date: values.mark(0x0008_0020),
            study_time: values.mark(0x0008_0030),
            study_id: values.mark(0x0020_0010),
        }
    }

    /// Whether anything says when it was.
    pub(crate) fn say_when(&self) -> bool {
        self.study_date.is_some() && self.study_time.is_some()
    }
}

/// A DICOM file, its pixels left where they are.
#[derive(Debug, Clone)]
pub(crate) struct InstanceHeader {
    pub(crate) study: Option<StudyInstanceUid>,
    pub(crate) series: Option<SeriesInstanceUid>,
    pub(crate) sop_instance: Option<SopInstanceUid>,
    pub(crate) sop_class: String,
    pub(crate) modality: String,
    /// With Volume Based Calculation Technique (0008,9207).
    pub(crate) image_type: Vec<String>,
    /// Its description calls the series a projection of several slices.
    pub(crate) is_called_projection: bool,
    /// What it is called names another part of the body than the chest.
    pub(crate) is_other_body_part: bool,
    /// What shows that images are of one person; compared and nothing else.
    pub(crate) patient: PatientMarks,
    /// What an examination's images have in common beside its UIDs.
    pub(crate) examination: ExaminationMarks,
    /// Frame of Reference UID (0020,0052): the space of the positions.
    pub(crate) frame_of_reference: Option<Box<[u8]>>,
    /// Whether study, series and instance are named by UIDs of the standard.
    pub(crate) has_valid_uids: bool,
    /// Imager Pixel Spacing (0018,1164) stands where Pixel Spacing belongs.
    pub(crate) has_imager_spacing: bool,
    pub(crate) study_date: Option<String>,
    pub(crate) patient_age_years: Option<u16>,
    /// Compared within a volume, and nothing else.
    pub(crate) patient_weight_kg: Option<f64>,
    pub(crate) patient_size_m: Option<f64>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) scanner_model: Option<String>,
    pub(crate) kernel: Option<String>,
    pub(crate) contrast_agent: bool,
    /// (0020,0013).
    pub(crate) instance_number: Option<i64>,
    /// Whose study it is. Identifying: for the database only.
    pub(crate) identity: StudyIdentity,
    pub(crate) has_modality_table: bool,
    pub(crate) transfer_syntax: String,
    pub(crate) encoding: Encoding,
    /// Where the data set starts: after the file meta information.
    pub(crate) data_set_start: usize,
    /// None for objects without an image.
    pub(crate) format: Option<PixelFormat>,
    pub(crate) pixels: Option<PixelElement>,
    /// One for each frame; a single one for a single-frame image.
    pub(crate) frames: Vec<FrameHeader>,
    /// (0028,0008), 1 where absent.
    pub(crate) number_of_frames: u64,
}

impl InstanceHeader {
    pub(crate) fn is_deflated(&self) -> bool {
        self.transfer_syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
    }

    /// Where the pixels end that the header speaks of; None where that is not said.
    pub(crate) fn pixels_end(&self) -> Option<u64> {
        let pixels = self.pixels?;
        let frames = self
            .format
            .as_ref()?
            .frame_bytes()?
            .checked_mul(self.number_of_frames)?;
        pixels.offset.checked_add(pixels.length?.min(frames))
    }
}

/// Reads the header of a DICOM file; None where the bytes are no DICOM file at all.
pub(crate) fn read_dicom_header(
    blob: &Blob,
    limits: &Limits,
    spent: &Spent,
) -> Result<Option<InstanceHeader>, ImagingError> {
    let mut wanted = FIRST_PREFIX_BYTES;
    loop {
        let data = blob.prefix(wanted)?;
        let is_whole = (data.len() as u64) < wanted || data.len() as u64 >= blob.size();
        match parse(&data, blob, limits, spent) {
            Err(WalkFailure::Walk(ElementError::NeedMore)) if !is_whole => {
                wanted = wanted.saturating_mul(8);
                if wanted.min(blob.size()) > limits.header_bytes {
                    return Err(header_too_long());
                }
            }
            Err(WalkFailure::Walk(error)) => return Err(walk_error(error)),
            Err(WalkFailure::Other(error)) => return Err(error),
            Ok(header) => return Ok(header),
        }
    }
}

enum WalkFailure {
    Walk(ElementError),
    Other(ImagingError),
}

impl From<ElementError> for WalkFailure {
    fn from(error: ElementError) -> Self {
        Self::Walk(error)
    }
}

fn walk_error(error: ElementError) -> ImagingError {
    match error {
        ElementError::NeedMore => ImagingError::UnreadableDicom("it is shorter than announced"),
        ElementError::Lying { claimed, available } => ImagingError::LyingLength {
            what: "a DICOM element",
            claimed,
            available,
        },
        ElementError::Malformed(what) => ImagingError::UnreadableDicom(what),
    }
}

fn header_too_long() -> ImagingError {
    ImagingError::UnreadableDicom("its header is too long")
}

fn parse(
    data: &[u8],
    blob: &Blob,
    limits: &Limits,
    spent: &Spent,
) -> Result<Option<InstanceHeader>, WalkFailure> {
    let has_magic = data.get(PREAMBLE_BYTES..PREAMBLE_BYTES + 4) == Some(b"DICM");
    let Some(start) = start_of_elements(data, has_magic) else {
        return Ok(None);
    };
    let total = blob.size();
    let parsed =
        walk_meta(data, start, total)
            .map_err(WalkFailure::from)
            .and_then(|(meta, data_set_start)| {
                let syntax = Values::new(&meta, data, Encoding::EXPLICIT_LITTLE)
                    .text(0x0002_0010)
                    .unwrap_or_default();
                if syntax == uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN {
                    return parse_deflated(blob, data_set_start, &meta, &syntax, limits, spent);
                }
                parse_data_set(data, data_set_start, total, &meta, &syntax)
            });
    match parsed {
        // Without the magic, what cannot be read was never known to be DICOM.
        Err(WalkFailure::Walk(error)) if !has_magic && error != ElementError::NeedMore => Ok(None),
        Ok(header) if !has_magic && !is_convincing(&header) => Ok(None),
        parsed => parsed.map(Some),
    }
}

/// Where the elements begin: after preamble and mark; after either of them where some writer left out the other; or at once.
fn start_of_elements(data: &[u8], has_magic: bool) -> Option<usize> {
    let mark = b"DICM".len();
    if has_magic {
        return Some(PREAMBLE_BYTES + mark);
    }
    let begins_at = |start: usize| {
        data.get(start..)
            .is_some_and(looks_like_elements)
            .then_some(start)
    };
    let after_mark = data.starts_with(b"DICM").then(|| begins_at(mark)).flatten();
    let is_blank = data
        .get(..PREAMBLE_BYTES)
        .is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    let after_preamble = is_blank.then(|| begins_at(PREAMBLE_BYTES)).flatten();
    begins_at(0).or(after_mark).or(after_preamble)
}

/// Inflates no more than the elements before the pixel data, and counts every byte of it.
fn parse_deflated(
    blob: &Blob,
    start: usize,
    meta: &DataSet,
    syntax: &str,
    limits: &Limits,
    spent: &Spent,
) -> Result<InstanceHeader, WalkFailure> {
    let most = most_inflated(blob).saturating_add(start as u64);
    let longest = limits.header_bytes.min(limits.file_bytes);
    let mut wanted = FIRST_PREFIX_BYTES.min(longest);
    loop {
        let (data, is_whole) = inflate_start(blob, start, wanted).map_err(WalkFailure::Other)?;
        spent
            .add_uncompressed((data.len() - start) as u64, limits)
            .map_err(WalkFailure::Other)?;
        let total = if is_whole { data.len() as u64 } else { most };
        match parse_data_set(&data, start, total, meta, syntax) {
            // More of the file itself would not help: so these are no errors of the walk.
            Err(WalkFailure::Walk(ElementError::NeedMore)) if is_whole => {
                return Err(WalkFailure::Other(walk_error(ElementError::NeedMore)));
            }
            Err(WalkFailure::Walk(ElementError::NeedMore)) if wanted >= longest => {
                within(LimitKind::FileBytes, wanted.saturating_add(1), limits.file_bytes)
                    .map_err(WalkFailure::Other)?;
                return Err(WalkFailure::Other(header_too_long()));
            }
            Err(WalkFailure::Walk(ElementError::NeedMore)) => {
                wanted = wanted.saturating_mul(8).min(longest);
            }
            parsed => return parsed,
        }
    }
}

fn is_convincing(header: &InstanceHeader) -> bool {
    !header.sop_class.is_empty() || header.study.is_some() || !header.modality.is_empty()
}

/// Whether bytes without a preamble may start with an element of group 0002 or 0008.
fn looks_like_elements(data: &[u8]) -> bool {
    matches!(
        data.get(..4),
        Some([2 | 8, 0, _, 0] | [0, 8, 0, _] | [8, 0, _, _])
    ) && data.len() >= 16
}

fn parse_data_set(
    data: &[u8],
    start: usize,
    total: u64,
    meta: &DataSet,
    syntax: &str,
) -> Result<InstanceHeader, WalkFailure> {
    let encoding = encoding_of(syntax, data.get(start..).unwrap_or(&[]));
    let (set, pixels) = walk_elements(data, start, total, encoding)?;
    Ok(read_header(
        &Values::new(&set, data, encoding),
        &Values::new(meta, data, Encoding::EXPLICIT_LITTLE),
        syntax.to_owned(),
        start,
        pixels,
    ))
}

fn read_header(
    values: &Values<'_>,
    meta: &Values<'_>,
    transfer_syntax: String,
    data_set_start: usize,
    pixels: Option<PixelElement>,
) -> InstanceHeader {
    let is_signed = values.u16(0x0028_0103) == Some(1);
    let date = |tag| plain_date(&values.text(tag)?);
    let study_date = date(0x0008_0020);
    // Series, acquisition and content follow the study within hours.
    let some_date = study_date
        .clone()
        .or_else(|| date(0x0008_0021))
        .or_else(|| date(0x0008_0022))
        .or_else(|| date(0x0008_0023))
        .or_else(|| plain_date(values.text(0x0008_002A)?.get(..8)?));
    let study = values
        .identifier(0x0020_000D)
        .and_then(|uid| StudyInstanceUid::new(&uid).ok());
    let series = values
        .identifier(0x0020_000E)
        .and_then(|uid| SeriesInstanceUid::new(&uid).ok());
    let sop_instance = values
        .identifier(0x0008_0018)
        .and_then(|uid| SopInstanceUid::new(&uid).ok());
    let positive = |tag| values.number(tag).filter(|number| *number > 0.0);
    let number_of_frames = values
        .integer(0x0028_0008)
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(1)
        .max(1);
    InstanceHeader {
        has_valid_uids: study.as_ref().is_some_and(StudyInstanceUid::is_valid)
            && series.as_ref().is_some_and(SeriesInstanceUid::is_valid)
            && sop_instance.as_ref().is_some_and(SopInstanceUid::is_valid),
        study,
        series,
        sop_instance,
        patient: PatientMarks::read(values),
        examination: ExaminationMarks::read(values),
        frame_of_reference: values.mark(0x0020_0052),
        has_imager_spacing: values.mark(0x0018_1164).is_some(),
        sop_class: values
            .text(0x0008_0016)
            .or_else(|| meta.text(0x0002_0002))
            .unwrap_or_default(),
        modality: values.text(0x0008_0060).unwrap_or_default().to_ascii_uppercase(),
        image_type: IMAGE_TYPES
            .into_iter()
            .flat_map(|tag| values.texts(tag))
            .map(|text| text.to_ascii_uppercase())
            .collect(),
        is_called_projection: is_called_projection(values),
        is_other_body_part: BodyPart::read(values).is_other(),
        patient_age_years: age_years(
            values.text(0x0010_1010).as_deref(),
            values.text(0x0010_0030).as_deref(),
            some_date.as_deref(),
        ),
        patient_weight_kg: positive(0x0010_1030),
        patient_size_m: positive(0x0010_1020),
        study_date,
        manufacturer: values.text(0x0008_0070),
        scanner_model: values.text(0x0008_1090),
        kernel: values.kernel(),
        contrast_agent: uses_contrast(values),
        instance_number: values.integer(0x0020_0013),
        identity: read_identity(values),
        has_modality_table: !values.items(0x0028_3000).is_empty(),
        transfer_syntax,
        encoding: values.encoding(),
        data_set_start,
        format: read_format(values, is_signed),
        pixels,
        frames: read_frames(values, number_of_frames),
        number_of_frames,
    }
}

fn read_format(values: &Values<'_>, is_signed: bool) -> Option<PixelFormat> {
    let bits_allocated = values.u16(0x0028_0100)?;
    let bits_stored = values.u16(0x0028_0101).unwrap_or(bits_allocated);
    let photometric = values.text(0x0028_0004).unwrap_or_default().to_ascii_uppercase();
    let stored = |tag| values.u16(tag).map(|raw| stored_value(raw, is_signed));
    let padding = stored(0x0028_0120).map(|first| {
        let last = stored(0x0028_0121).unwrap_or(first);
        (first.min(last), first.max(last))
    });
    Some(PixelFormat {
        rows: values.u16(0x0028_0010)?,
        columns: values.u16(0x0028_0011)?,
        samples_per_pixel: values.u16(0x0028_0002).unwrap_or(1),
        bits_allocated,
        bits_stored,
        high_bit: values
            .u16(0x0028_0102)
            .unwrap_or_else(|| bits_stored.saturating_sub(1)),
        is_signed,
        is_monochrome: photometric.is_empty() || photometric.starts_with("MONOCHROME"),
        is_inverted: photometric == "MONOCHROME1",
        padding,
    })
}

fn stored_value(raw: u16, is_signed: bool) -> i32 {
    if is_signed {
        i32::from(raw.cast_signed())
    } else {
        i32::from(raw)
    }
}

/// The encoding that the transfer syntax names, corrected by what the first element looks like: a missing
/// transfer syntax and one that contradicts the bytes are both met in archives.
fn encoding_of(syntax: &str, data: &[u8]) -> Encoding {
    let named = Encoding::of_transfer_syntax(syntax);
    let Some(&[first, second, _, _, v, r, ..]) = data.get(..8) else {
        return named;
    };
    let has_vr = v.is_ascii_uppercase() && r.is_ascii_uppercase();
    let big_endian = match (first, second) {
        (0, 2..=0x20) => true,
        (2..=0x20, 0) => false,
        _ => named.big_endian,
    };
    match (has_vr, big_endian) {
        (true, true) => Encoding::EXPLICIT_BIG,
        (true, false) => Encoding::EXPLICIT_LITTLE,
        (false, _) => Encoding::IMPLICIT_LITTLE,
    }
}
