//! Samples without compression.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::frame::{FrameSize, Samples};
use crate::dicom_header::PixelFormat;
use crate::error::ImagingError;

/// The samples in the bytes of one frame. `swapped` is big endian; 8-bit samples are then taken from OW words.
pub(crate) fn decode_native(
    bytes: &[u8],
    format: &PixelFormat,
    swapped: bool,
) -> Result<Samples, ImagingError> {
    let pixels = FrameSize::of(format).pixels();
    let sample_bytes = usize::from(format.bits_allocated / 8);
    let needed = pixels * sample_bytes;
    let frame = bytes.get(..needed).ok_or(ImagingError::LyingLength {
        what: "a frame",
        claimed: needed as u64,
        available: bytes.len() as u64,
    })?;
    let shift = format.high_bit + 1 - format.bits_stored;
    let values = match (sample_bytes, swapped) {
        (1, false) => frame.iter().map(|byte| u16::from(*byte) >> shift).collect(),
        (1, true) => (0..pixels)
            .map(|index| u16::from(bytes.get(index ^ 1).copied().unwrap_or(0)) >> shift)
            .collect(),
        (_, false) => frame
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]) >> shift)
            .collect(),
        (_, true) => frame
            .chunks_exact(2)
            .map(|pair| u16::from_be_bytes([pair[0], pair[1]]) >> shift)
            .collect(),
    };
    Ok(Samples {
        values,
        bits: u32::from(format.bits_stored),
    })
}

/// A frame deflated by itself (PS3.5 section 10.20); no more is inflated than the frame is long.
pub(super) fn inflate_frame(bytes: &[u8], format: &PixelFormat) -> Result<Vec<u8>, ImagingError> {
    let length = FrameSize::of(format).pixels() * usize::from(format.bits_allocated / 8);
    let mut frame = Vec::new();
    DeflateDecoder::new(bytes)
        .take(length as u64)
        .read_to_end(&mut frame)
        .map_err(|_| ImagingError::UndecodablePixels("a deflated frame is damaged".into()))?;
    Ok(frame)
}
