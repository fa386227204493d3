//! RLE Lossless (PS3.5 annex G).

use super::frame::{FrameSize, Samples, undecodable};
use crate::error::ImagingError;

const HEADER_BYTES: usize = 64;

pub(super) fn decode(bytes: &[u8], size: FrameSize, bits_allocated: u16) -> Result<Samples, ImagingError> {
    let damaged = undecodable("the RLE segments are damaged");
    let header = bytes.get(..HEADER_BYTES).ok_or_else(&damaged)?;
    let mut fields = header
        .chunks_exact(4)
        .map(|field| u32::from_le_bytes([field[0], field[1], field[2], field[3]]) as usize);
    let count = fields.next().ok_or_else(&damaged)?;
    if count != usize::from(bits_allocated / 8) {
        return Err(undecodable(
            "the RLE frame has not one segment for each byte of a sample",
        )());
    }
    let mut ends: Vec<usize> = fields.take(count).collect();
    ends.push(bytes.len());
    let mut values = vec![0u16; size.pixels()];
    // The most significant byte comes first.
    for segment in ends.windows(2) {
        let packed = bytes.get(segment[0]..segment[1]).ok_or_else(&damaged)?;
        unpack(packed, &mut values).ok_or_else(&damaged)?;
    }
    Ok(Samples { values, bits: 16 })
}

/// Unpacks one segment into the next lower byte of each value; None where it is too short.
fn unpack(packed: &[u8], values: &mut [u16]) -> Option<()> {
    let mut source = packed.iter().copied();
    let mut target = values.iter_mut();
    while target.len() > 0 {
        match source.next()? {
            128 => {}
            control @ 0..=127 => {
                for value in target.by_ref().take(usize::from(control) + 1) {
                    *value = *value << 8 | u16::from(source.next()?);
                }
            }
            control => {
                let byte = u16::from(source.next()?);
                for value in target.by_ref().take(257 - usize::from(control)) {
                    *value = *value << 8 | byte;
                }
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(segments: &[&[u8]]) -> Vec<u8> {
        let mut bytes = vec![0u8; HEADER_BYTES];
        bytes[..4].copy_from_slice(&u32::try_from(segments.len()).unwrap().to_le_bytes());
        for (index, segment) in segments.iter().enumerate() {
            let offset = u32::try_from(bytes.len()).unwrap().to_le_bytes();
            bytes[4 + index * 4..8 + index * 4].copy_from_slice(&offset);
            bytes.extend_from_slice(segment);
        }
        bytes
    }

    #[test]
    fn runs_and_literals_of_both_bytes() {
        let size = FrameSize { rows: 1, columns: 5 };
        let bytes = frame(&[&[0xFC, 1], &[1, 7, 8, 0x80, 0xFE, 9, 0]]);
        assert_eq!(
            decode(&bytes, size, 16).unwrap().values,
            [0x107, 0x108, 0x109, 0x109, 0x109]
        );
        assert!(decode(&bytes, size, 8).is_err());
        assert!(decode(&frame(&[&[0xFC, 1], &[1, 7]]), size, 16).is_err());
        assert!(decode(&bytes[..40], size, 16).is_err());
    }
}
