//! JPEG baseline, extended and lossless (ITU-T T.81).

use jpeg_decoder::{Decoder, PixelFormat};

use super::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

pub(super) fn decode(bytes: &[u8], size: FrameSize) -> Result<Samples, ImagingError> {
    let mut decoder = Decoder::new(bytes);
    decoder
        .read_info()
        .map_err(|_| undecodable("the JPEG header is damaged or of an unknown kind")())?;
    let info = decoder.info().ok_or_else(undecodable("the JPEG has no header"))?;
    size.expect(usize::from(info.height), usize::from(info.width))?;
    let pixels = decoder
        .decode()
        .map_err(|_| undecodable("the JPEG is damaged")())?;
    let values = match info.pixel_format {
        PixelFormat::L8 => pixels.into_iter().map(u16::from).collect(),
        PixelFormat::L16 => pixels
            .chunks_exact(2)
            .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
            .collect(),
        PixelFormat::RGB24 | PixelFormat::CMYK32 => return Err(undecodable("the JPEG is coloured")()),
    };
    Ok(Samples { values, bits: 16 })
}
