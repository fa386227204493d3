//! Frames by their stored values, as they are written anew.

use crate::dicom_header::PixelFormat;

/// Frames as they are to be written.
pub(crate) struct StoredFrames {
    pub(crate) bytes: Vec<u8>,
    pub(crate) uses_other_bits: bool,
}

/// Values of one sample each as bytes, with nothing in the bits beside those stored but the sign.
pub(crate) fn write_samples(
    values: &[u16],
    format: &PixelFormat,
    stored: impl Fn(u16) -> i32,
    out: &mut Vec<u8>,
) {
    let shift = format.high_bit + 1 - format.bits_stored;
    for raw in values {
        let value = (stored(*raw) << shift) as u16;
        if format.bits_allocated == 8 {
            out.push(value as u8);
        } else {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}
