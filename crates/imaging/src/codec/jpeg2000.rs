//! JPEG 2000 and High-Throughput JPEG 2000 (ITU-T T.800, T.814), by the Rust port of OpenJPEG.

use jpeg2k::{DecodeParameters, Image};

use super::frame::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

const START_OF_CODESTREAM: &[u8] = &[0xFF, 0x4F, 0xFF, 0x51];

pub(super) fn decode(bytes: &[u8], size: FrameSize) -> Result<Samples, ImagingError> {
    check_size(bytes, size)?;
    // Strict: a codestream that is cut short is an error, not a blurred slice.
    let image = Image::from_bytes_with(bytes, DecodeParameters::new().strict(true))
        .map_err(|_| undecodable("the JPEG 2000 codestream is damaged")())?;
    let [component] = image.components() else {
        return Err(undecodable("the JPEG 2000 codestream is coloured")());
    };
    size.expect(component.height() as usize, component.width() as usize)?;
    let precision = component.precision();
    if !(1..=16).contains(&precision) {
        return Err(undecodable("the JPEG 2000 codestream has more than 16 bits")());
    }
    Ok(Samples {
        values: component.data().iter().map(|value| *value as u16).collect(),
        bits: precision,
    })
}

/// Holds the image size of the SIZ marker segment (T.800 A.5.1) against the header's, and bounds the tiles.
fn check_size(bytes: &[u8], size: FrameSize) -> Result<(), ImagingError> {
    let damaged = undecodable("the JPEG 2000 codestream has no size");
    let start =
        memchr::memmem::find(&bytes[..bytes.len().min(4096)], START_OF_CODESTREAM).ok_or_else(&damaged)?;
    let segment = bytes.get(start + 4..start + 4 + 38).ok_or_else(&damaged)?;
    let field = |offset: usize| {
        u32::from_be_bytes([
            segment[offset],
            segment[offset + 1],
            segment[offset + 2],
            segment[offset + 3],
        ])
    };
    let (width, height, left, top) = (field(4), field(8), field(12), field(16));
    let (tile_width, tile_height) = (field(20), field(24));
    let (Some(columns), Some(rows)) = (width.checked_sub(left), height.checked_sub(top)) else {
        return Err(damaged());
    };
    size.expect(rows as usize, columns as usize)?;
    if tile_width == 0 || tile_height == 0 {
        return Err(damaged());
    }
    let tiles = u64::from(width.div_ceil(tile_width)) * u64::from(height.div_ceil(tile_height));
    if tiles > 65_535 {
        return Err(undecodable("the JPEG 2000 codestream has too many tiles")());
    }
    let components = u16::from_be_bytes([segment[36], segment[37]]);
    if components != 1 {
        return Err(undecodable("the JPEG 2000 codestream is coloured")());
    }
    Ok(())
}
