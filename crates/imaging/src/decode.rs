//! The slices of a series, decoded side by side into one array.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use crate::claimed_size::{Claim, check_frame_size};
use crate::codec::{Samples, check_pixel_format, decode_frame, decode_native};
use crate::deflated_data_set::read_inflated;
use crate::dicom_header::{InstanceHeader, PixelFormat};
use crate::encapsulation::EncapsulatedFrames;
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, within};
use crate::multiframe::FrameReference;
use crate::rescale::to_hounsfield;
use crate::slice_order::PlacedSlice;
use crate::stored_frames::{StoredFrames, write_samples};
use crate::study::Instance;
use crate::volume_geometry::SliceGrid;

/// How stored values are read where the header's word cannot be true.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct ValueReading {
    /// Signed values as unsigned, or the other way round.
    pub(crate) flips_sign: bool,
    /// All bits allocated, from the lowest on, not those said to be stored.
    pub(crate) takes_all_bits: bool,
    /// Values of two bytes that are not compressed in the other order of bytes.
    pub(crate) swaps_bytes: bool,
}

pub(crate) struct DecodedSeries {
    /// `(z, y, x)`, z ascending to the head.
    pub(crate) hounsfield: Array3<i16>,
    /// The slices that are in the array.
    pub(crate) slices: Vec<PlacedSlice>,
    pub(crate) undecodable: usize,
    /// Whether bits above those stored are set that are no extension of the sign, or may be below them.
    pub(crate) uses_other_bits: bool,
}

/// Decodes `slices` into one array. Slices that cannot be decoded are left out; where none can, the error is
/// the first one's.
pub(crate) fn decode_series(
    instances: &[Instance],
    slices: &[PlacedSlice],
    grid: &SliceGrid,
    reading: ValueReading,
    limits: &Limits,
) -> Result<DecodedSeries, ImagingError> {
    let pixels = grid.rows * grid.columns;
    let voxels = (slices.len() as u64).saturating_mul(pixels as u64);
    if voxels > limits.voxels {
        return Err(ImagingError::VolumeTooLarge {
            voxels,
            limit: limits.voxels,
        });
    }
    check_claims(instances, slices, grid, limits)?;
    let shared = open_shared(instances, slices, limits)?;
    // Each slice is written whole, or left out. Zeros need no pass of their own.
    let mut hounsfield = Array3::zeros((slices.len(), grid.rows, grid.columns));
    let Some(voxels) = hounsfield.as_slice_mut() else {
        return Err(ImagingError::InconsistentSeries(
            "its array is not contiguous".into(),
        ));
    };
    let uses_other_bits = AtomicBool::new(false);
    let results: Vec<Result<(), ImagingError>> = voxels
        .par_chunks_exact_mut(pixels)
        .zip(slices)
        .map(|(out, slice)| {
            let instance = &instances[slice.reference.instance];
            let frame = slice.reference.frame;
            let has_other_bits = match shared.get(&slice.reference.instance) {
                Some(opened) => decode_slice(instance, opened, frame, reading, out, limits),
                None => open_pixels(instance, limits)
                    .and_then(|opened| decode_slice(instance, &opened, frame, reading, out, limits)),
            }?;
            uses_other_bits.fetch_or(has_other_bits, Ordering::Relaxed);
            grid.turn(out);
            Ok(())
        })
        .collect();
    let kept: Vec<usize> = (0..slices.len())
        .filter(|index| results[*index].is_ok())
        .collect();
    let undecodable = slices.len() - kept.len();
    if kept.is_empty() {
        return Err(results
            .into_iter()
            .find_map(Result::err)
            .unwrap_or(ImagingError::InconsistentSeries("it has no slices".into())));
    }
    // A disk that fails is no fault of the upload, and another try may read all of it.
    if let Some(error) = results
        .into_iter()
        .filter_map(Result::err)
        .find(ImagingError::is_retryable)
    {
        return Err(error);
    }
    Ok(DecodedSeries {
        hounsfield: if undecodable == 0 {
            hounsfield
        } else {
            hounsfield.select(Axis(0), &kept)
        },
        slices: kept.into_iter().map(|index| slices[index]).collect(),
        undecodable,
        uses_other_bits: uses_other_bits.into_inner(),
    })
}

/// Refuses what no scanner makes and what so few bytes cannot fill, before it is allocated.
fn check_claims(
    instances: &[Instance],
    slices: &[PlacedSlice],
    grid: &SliceGrid,
    limits: &Limits,
) -> Result<(), ImagingError> {
    check_frame_size(grid.rows as u64, grid.columns as u64, limits)?;
    let mut frames: HashMap<usize, u64> = HashMap::new();
    for slice in slices {
        *frames.entry(slice.reference.instance).or_default() += 1;
    }
    let mut claim = Claim::default();
    for (instance, count) in frames {
        claim.add(&instances[instance], count);
    }
    claim.check(limits)
}

/// Where the pixels of an instance are had from.
enum OpenPixels {
    /// Native pixels of a file in which any place can be read.
    InPlace,
    /// The whole file.
    Native(Vec<u8>),
    Encapsulated(Vec<u8>, EncapsulatedFrames),
}

/// Opens once what several slices come from.
fn open_shared(
    instances: &[Instance],
    slices: &[PlacedSlice],
    limits: &Limits,
) -> Result<HashMap<usize, OpenPixels>, ImagingError> {
    let mut uses: HashMap<usize, usize> = HashMap::new();
    for slice in slices {
        *uses.entry(slice.reference.instance).or_default() += 1;
    }
    uses.into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|(instance, _)| Ok((instance, open_pixels(&instances[instance], limits)?)))
        .collect()
}

fn open_pixels(instance: &Instance, limits: &Limits) -> Result<OpenPixels, ImagingError> {
    let header = &instance.header;
    let pixels = header
        .pixels
        .ok_or_else(|| ImagingError::UndecodablePixels("there are none".into()))?;
    if pixels.length.is_some() && !header.is_deflated() && instance.blob.is_random_access() {
        return Ok(OpenPixels::InPlace);
    }
    let bytes = if header.is_deflated() {
        read_inflated(&instance.blob, header.data_set_start, header.pixels_end(), limits)?
    } else {
        instance.blob.read_all(limits)?
    };
    let offset = usize::try_from(pixels.offset).unwrap_or(usize::MAX);
    if pixels.length.is_some() {
        return Ok(OpenPixels::Native(bytes));
    }
    let frames = usize::try_from(header.number_of_frames).unwrap_or(usize::MAX);
    let frames = EncapsulatedFrames::locate(&bytes, offset, frames)?;
    Ok(OpenPixels::Encapsulated(bytes, frames))
}

/// Writes a slice to `out`; says whether bits above those stored are used.
fn decode_slice(
    instance: &Instance,
    opened: &OpenPixels,
    frame: usize,
    reading: ValueReading,
    out: &mut [i16],
    limits: &Limits,
) -> Result<bool, ImagingError> {
    let header = &*instance.header;
    let format = header
        .format
        .as_ref()
        .ok_or_else(|| ImagingError::UndecodablePixels("their format is not said".into()))?;
    // What lies below the lowest bit stored is shifted out, though the High Bit (0028,0102) may be the one that is wrong.
    let is_shifted = format.high_bit + 1 > format.bits_stored;
    let mut as_read = Cow::Borrowed(format);
    if reading.takes_all_bits && is_shifted {
        as_read.to_mut().high_bit = format.bits_stored.saturating_sub(1);
    }
    let mut samples = decode_samples(instance, &as_read, opened, frame, limits)?;
    let is_native = !matches!(opened, OpenPixels::Encapsulated(..));
    if reading.swaps_bytes && is_native && format.bits_allocated == 16 && !is_shifted {
        for value in &mut samples.values {
            *value = value.swap_bytes();
        }
    }
    let has_other_bits = is_shifted || samples.use_other_bits(format.is_signed);
    if reading.takes_all_bits {
        samples.bits = u32::from(format.bits_allocated);
    }
    let format = PixelFormat {
        is_signed: format.is_signed != reading.flips_sign,
        ..format.clone()
    };
    to_hounsfield(&samples, &format, header.frames[frame].rescale, out);
    Ok(has_other_bits)
}

fn decode_samples(
    instance: &Instance,
    format: &PixelFormat,
    opened: &OpenPixels,
    frame: usize,
    limits: &Limits,
) -> Result<Samples, ImagingError> {
    let header = &*instance.header;
    check_pixel_format(format, header).map_err(ImagingError::UnsupportedPixelFormat)?;
    match opened {
        OpenPixels::Encapsulated(bytes, frames) => {
            decode_frame(&frames.frame(bytes, frame)?, format, &header.transfer_syntax)
        }
        _ => {
            let bytes = native_frame(instance, header, opened, frame, limits)?;
            decode_native(&bytes, format, header.encoding.big_endian)
        }
    }
}

/// A number for the stored bytes of each frame that can be read: equal pixels have equal numbers. Where the frames are in
/// several transfer syntaxes, a number for their values.
pub(crate) fn fingerprint_frames(
    instances: &[Instance],
    frames: &[FrameReference],
    limits: &Limits,
) -> HashMap<FrameReference, u64> {
    let syntaxes: HashSet<&str> = frames
        .iter()
        .map(|reference| instances[reference.instance].header.transfer_syntax.as_str())
        .collect();
    let by_values = syntaxes.len() > 1;
    let mut by_instance: HashMap<usize, Vec<usize>> = HashMap::new();
    for reference in frames {
        by_instance
            .entry(reference.instance)
            .or_default()
            .push(reference.frame);
    }
    by_instance
        .into_par_iter()
        .flat_map_iter(|(index, frames)| {
            let instance = &instances[index];
            let opened = open_pixels(instance, limits).ok();
            frames.into_iter().filter_map(move |frame| {
                let print = fingerprint(instance, opened.as_ref()?, frame, by_values, limits).ok()?;
                Some((
                    FrameReference {
                        instance: index,
                        frame,
                    },
                    print,
                ))
            })
        })
        .collect()
}

fn fingerprint(
    instance: &Instance,
    opened: &OpenPixels,
    frame: usize,
    by_values: bool,
    limits: &Limits,
) -> Result<u64, ImagingError> {
    let mut hasher = DefaultHasher::new();
    match (opened, &instance.header.format) {
        (_, Some(format)) if by_values => {
            let samples = decode_samples(instance, format, opened, frame, limits)?;
            let stored = samples.stored(format.is_signed);
            for raw in &samples.values {
                stored(*raw).hash(&mut hasher);
            }
        }
        (OpenPixels::Encapsulated(bytes, frames), _) => frames.frame(bytes, frame)?.hash(&mut hasher),
        _ => native_frame(instance, &instance.header, opened, frame, limits)?.hash(&mut hasher),
    }
    Ok(hasher.finish())
}

/// The stored values of one frame.
#[cfg(test)]
pub(crate) fn decode_stored(
    instance: &Instance,
    frame: usize,
    limits: &Limits,
) -> Result<Samples, ImagingError> {
    let opened = open_pixels(instance, limits)?;
    let format = instance.header.format.as_ref().ok_or(ImagingError::EmptyUpload)?;
    decode_samples(instance, format, &opened, frame, limits)
}

/// All frames of an instance as bytes, little endian. `is_plain`: of one sample, 8 or 16 bits; others are native and
/// copied as they are.
pub(crate) fn read_stored_frames(
    instance: &Instance,
    format: &PixelFormat,
    is_plain: bool,
    limits: &Limits,
) -> Result<StoredFrames, ImagingError> {
    check_frame_size(u64::from(format.rows), u64::from(format.columns), limits)?;
    let opened = open_pixels(instance, limits)?;
    let count = usize::try_from(instance.header.number_of_frames).unwrap_or(usize::MAX);
    let total = format
        .frame_bytes()
        .and_then(|bytes| bytes.checked_mul(instance.header.number_of_frames))
        .unwrap_or(u64::MAX);
    within(LimitKind::FileBytes, total, limits.file_bytes)?;
    let mut frames = StoredFrames {
        bytes: Vec::new(),
        uses_other_bits: false,
    };
    for frame in 0..count {
        if is_plain {
            let mut samples = decode_samples(instance, format, &opened, frame, limits)?;
            samples.bits = u32::from(format.bits_stored);
            frames.uses_other_bits |= samples.use_other_bits(format.is_signed);
            let stored = samples.stored(format.is_signed);
            write_samples(&samples.values, format, stored, &mut frames.bytes);
        } else {
            let bytes = native_frame(instance, &instance.header, &opened, frame, limits)?;
            frames.bytes.extend_from_slice(&bytes);
        }
    }
    Ok(frames)
}

/// The bytes of one native frame.
fn native_frame<'opened>(
    instance: &Instance,
    header: &InstanceHeader,
    opened: &'opened OpenPixels,
    frame: usize,
    limits: &Limits,
) -> Result<Cow<'opened, [u8]>, ImagingError> {
    let lying = |claimed: u64, available: u64| ImagingError::LyingLength {
        what: "the pixel data",
        claimed,
        available,
    };
    let pixels = header
        .pixels
        .ok_or_else(|| ImagingError::UndecodablePixels("there are none".into()))?;
    let frame_bytes = header
        .format
        .as_ref()
        .and_then(PixelFormat::frame_bytes)
        .filter(|bytes| *bytes <= limits.file_bytes)
        .ok_or_else(|| lying(u64::MAX, limits.file_bytes))?;
    let offset = frame_bytes.saturating_mul(frame as u64);
    let end = offset.saturating_add(frame_bytes);
    let length = pixels.length.unwrap_or(0);
    if end > length {
        return Err(lying(end, length));
    }
    let start = pixels.offset.saturating_add(offset);
    // Below the limit of a file, so it fits.
    let count = usize::try_from(frame_bytes).unwrap_or(usize::MAX);
    match opened {
        OpenPixels::Native(bytes) => {
            let start = usize::try_from(start).unwrap_or(usize::MAX);
            bytes
                .get(start..start.saturating_add(count))
                .map(Cow::Borrowed)
                .ok_or_else(|| lying(frame_bytes, (bytes.len() as u64).saturating_sub(start as u64)))
        }
        _ => instance.blob.read_range(start, count).map(Cow::Owned),
    }
}
