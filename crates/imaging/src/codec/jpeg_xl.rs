//! JPEG XL (ISO/IEC 18181), by jxl-oxide.

use jxl_oxide::{AllocTracker, JxlImage};

use super::frame::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

/// What the decoder may allocate for one pixel, and beside them.
const BYTES_PER_PIXEL: usize = 64;
const BASE_BYTES: usize = 64 << 20;

pub(super) fn decode(bytes: &[u8], size: FrameSize) -> Result<Samples, ImagingError> {
    let damaged = undecodable("the JPEG XL codestream is damaged");
    let tracker = AllocTracker::with_limit(BASE_BYTES + size.pixels() * BYTES_PER_PIXEL);
    let image = JxlImage::builder()
        .alloc_tracker(tracker)
        .read(bytes)
        .map_err(|_| damaged())?;
    size.expect(image.height() as usize, image.width() as usize)?;
    let bits = image.image_header().metadata.bit_depth.bits_per_sample();
    let frame = image.render_frame(0).map_err(|_| damaged())?;
    let mut stream = frame.stream();
    if stream.channels() != 1 || !(1..=16).contains(&bits) {
        return Err(undecodable(
            "the JPEG XL codestream is not a grey image of at most 16 bits",
        )());
    }
    // The decoder scales samples to the range of their type; undo it to the depth they were stored with.
    let mut scaled = vec![0f32; size.pixels()];
    let written = stream.write_to_buffer(&mut scaled);
    scaled.truncate(written);
    let top = ((1u32 << bits) - 1) as f32;
    Ok(Samples {
        values: scaled
            .iter()
            .map(|value| (value.clamp(0.0, 1.0) * top).round() as u16)
            .collect(),
        bits,
    })
}
