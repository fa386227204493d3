//! JPEG-LS (ITU-T T.87), by CharLS.

use charls::CharLS;

use super::frame::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

const END_OF_IMAGE: [u8; 2] = [0xFF, 0xD9];

pub(super) fn decode(bytes: &[u8], size: FrameSize) -> Result<Samples, ImagingError> {
    let damaged = undecodable("the JPEG-LS codestream is damaged");
    let mut decoder = CharLS::default();
    let info = decoder.get_frame_info(bytes).map_err(|_| damaged())?;
    size.expect(info.height as usize, info.width as usize)?;
    if info.component_count != 1 {
        return Err(undecodable("the JPEG-LS codestream is coloured")());
    }
    // CharLS reads zeros for ever where a scan ends within a code and nothing follows; it notices a marker.
    let marked = [bytes, &END_OF_IMAGE].concat();
    let pixels = CharLS::default().decode(&marked).map_err(|_| damaged())?;
    let values = if info.bits_per_sample <= 8 {
        pixels.into_iter().map(u16::from).collect()
    } else {
        pixels
            .chunks_exact(2)
            .map(|pair| u16::from_ne_bytes([pair[0], pair[1]]))
            .collect()
    };
    Ok(Samples { values, bits: 16 })
}
