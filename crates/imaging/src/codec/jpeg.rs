//! JPEG (ITU-T T.81): which decoder reads a codestream, told by its frame header.

mod entropy;
mod huffman;
mod lossless;
#[cfg(test)]
mod lossless_tests;
mod segments;
mod sequential;

use jpeg_decoder::{Decoder, PixelFormat};

use self::segments::{Process, read_segments};
use super::frame::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

/// Lossless and 12-bit codestreams are decoded here, for speed and because no kept library does the latter;
/// 8-bit ones by the `jpeg-decoder` crate.
pub(super) fn decode(bytes: &[u8], size: FrameSize) -> Result<Samples, ImagingError> {
    let image = read_segments(bytes)?;
    size.expect(image.frame.rows, image.frame.columns)?;
    if image.frame.components != 1 {
        return Err(undecodable("the JPEG is coloured")());
    }
    let values = match image.frame.process {
        Process::Lossless => lossless::decode(&image)?,
        Process::Sequential if image.frame.precision == 12 => sequential::decode(&image)?,
        Process::Sequential | Process::Other if image.frame.precision == 8 => decode_8_bit(bytes)?,
        _ => return Err(undecodable("the JPEG is of a kind that is not read")()),
    };
    Ok(Samples { values, bits: 16 })
}

fn decode_8_bit(bytes: &[u8]) -> Result<Vec<u16>, ImagingError> {
    let mut decoder = Decoder::new(bytes);
    let pixels = decoder
        .decode()
        .map_err(|_| undecodable("the JPEG is damaged")())?;
    match decoder.info().map(|info| info.pixel_format) {
        Some(PixelFormat::L8) => Ok(pixels.into_iter().map(u16::from).collect()),
        _ => Err(undecodable("the JPEG is coloured")()),
    }
}
