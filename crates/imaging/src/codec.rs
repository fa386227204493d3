//! One compressed frame to its samples.
//!
//! Every decoder is kept from allocating by what the codestream says: its size is read first and held against
//! the rows and columns of the DICOM header. A decoder that panics on a damaged codestream is an error, not an end.

mod frame;
mod jpeg;
mod jpeg2000;
mod jpeg_ls;
mod jpeg_xl;
mod native;
mod rle;

use std::panic::{AssertUnwindSafe, catch_unwind};

use dicom_dictionary_std::uids;

use crate::dicom_header::{InstanceHeader, PixelFormat};
use crate::error::ImagingError;

pub(crate) use frame::{FrameSize, Samples};
pub(crate) use native::decode_native;

/// Families of transfer syntaxes that one decoder reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Family {
    Native,
    Jpeg,
    JpegLs,
    Jpeg2000,
    JpegXl,
    Rle,
    DeflatedFrame,
    /// Encapsulated without compression.
    Uncompressed,
}

fn family(transfer_syntax: &str) -> Option<Family> {
    Some(match transfer_syntax {
        // Without a transfer syntax the pixels tell by themselves.
        ""
        | uids::IMPLICIT_VR_LITTLE_ENDIAN
        | uids::EXPLICIT_VR_LITTLE_ENDIAN
        | uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN
        | "1.2.840.10008.1.2.2" => Family::Native,
        uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN => Family::Uncompressed,
        uids::JPEG_BASELINE8_BIT
        | uids::JPEG_EXTENDED12_BIT
        | uids::JPEG_LOSSLESS
        | uids::JPEG_LOSSLESS_SV1 => Family::Jpeg,
        uids::JPEGLS_LOSSLESS | uids::JPEGLS_NEAR_LOSSLESS => Family::JpegLs,
        uids::JPEG2000_LOSSLESS
        | uids::JPEG2000
        | uids::HTJ2K_LOSSLESS
        | uids::HTJ2K_LOSSLESS_RPCL
        | uids::HTJ2K => Family::Jpeg2000,
        uids::JPEGXL_LOSSLESS | uids::JPEGXLJPEG_RECOMPRESSION | uids::JPEGXL => Family::JpegXl,
        uids::RLE_LOSSLESS => Family::Rle,
        "1.2.840.10008.1.2.8.1" => Family::DeflatedFrame,
        _ => return None,
    })
}

/// Every transfer syntax whose pixels are read.
pub const READABLE_TRANSFER_SYNTAXES: [&str; 21] = [
    uids::IMPLICIT_VR_LITTLE_ENDIAN,
    uids::EXPLICIT_VR_LITTLE_ENDIAN,
    uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    "1.2.840.10008.1.2.2",
    uids::ENCAPSULATED_UNCOMPRESSED_EXPLICIT_VR_LITTLE_ENDIAN,
    uids::JPEG_BASELINE8_BIT,
    uids::JPEG_EXTENDED12_BIT,
    uids::JPEG_LOSSLESS,
    uids::JPEG_LOSSLESS_SV1,
    uids::JPEGLS_LOSSLESS,
    uids::JPEGLS_NEAR_LOSSLESS,
    uids::JPEG2000_LOSSLESS,
    uids::JPEG2000,
    uids::HTJ2K_LOSSLESS,
    uids::HTJ2K_LOSSLESS_RPCL,
    uids::HTJ2K,
    uids::JPEGXL_LOSSLESS,
    uids::JPEGXLJPEG_RECOMPRESSION,
    uids::JPEGXL,
    uids::RLE_LOSSLESS,
    "1.2.840.10008.1.2.8.1",
];

/// Whether pixels in this transfer syntax can be read.
pub(crate) fn is_supported(transfer_syntax: &str) -> bool {
    family(transfer_syntax).is_some()
}

/// Says what of a pixel format is not read.
pub(crate) fn check_pixel_format(format: &PixelFormat, header: &InstanceHeader) -> Result<(), String> {
    if header.pixels.is_some_and(|pixels| pixels.is_float) {
        return Err("floating point samples".into());
    }
    if !matches!(format.bits_allocated, 8 | 16) {
        return Err(format!("{} bits allocated", format.bits_allocated));
    }
    if format.bits_stored == 0
        || format.bits_stored > format.bits_allocated
        || format.high_bit >= format.bits_allocated
        || format.high_bit + 1 < format.bits_stored
    {
        return Err(format!(
            "{} bits stored up to bit {} of {}",
            format.bits_stored, format.high_bit, format.bits_allocated
        ));
    }
    if format.rows == 0 || format.columns == 0 {
        return Err("no rows or columns".into());
    }
    Ok(())
}

/// Decodes one compressed frame.
pub(crate) fn decode_frame(
    bytes: &[u8],
    format: &PixelFormat,
    transfer_syntax: &str,
) -> Result<Samples, ImagingError> {
    let size = FrameSize::of(format);
    let family = match family(transfer_syntax) {
        Some(Family::Native) => sniff(bytes),
        family => family,
    }
    .ok_or_else(|| ImagingError::UnsupportedTransferSyntax {
        uid: transfer_syntax.to_owned(),
    })?;
    let decoded = catch_unwind(AssertUnwindSafe(|| match family {
        Family::Jpeg => jpeg::decode(bytes, size),
        Family::JpegLs => jpeg_ls::decode(bytes, size),
        Family::Jpeg2000 => jpeg2000::decode(bytes, size),
        Family::JpegXl => jpeg_xl::decode(bytes, size),
        Family::Rle => rle::decode(bytes, size, format.bits_allocated),
        Family::DeflatedFrame => {
            native::inflate_frame(bytes, format).and_then(|frame| decode_native(&frame, format, false))
        }
        Family::Native | Family::Uncompressed => decode_native(bytes, format, false),
    }));
    let samples =
        decoded.unwrap_or_else(|_| Err(ImagingError::UndecodablePixels("the decoder gave up".into())))?;
    if samples.values.len() != size.pixels() {
        return Err(ImagingError::UndecodablePixels(format!(
            "{} samples came where {} are expected",
            samples.values.len(),
            size.pixels()
        )));
    }
    // What an encoder calls its precision is what the samples use; the header may claim less.
    Ok(Samples {
        bits: match family {
            Family::Jpeg2000 => samples.bits,
            _ => u32::from(format.bits_stored),
        },
        ..samples
    })
}

/// Encapsulated pixels under a transfer syntax that has none: the codestream tells what it is.
fn sniff(bytes: &[u8]) -> Option<Family> {
    match bytes {
        [0xFF, 0xD8, ..] => Some(Family::Jpeg),
        [0xFF, 0x4F, 0xFF, 0x51, ..] | [0, 0, 0, 0x0C, b'j', b'P', ..] => Some(Family::Jpeg2000),
        [0xFF, 0x0A, ..] => Some(Family::JpegXl),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_called_readable_has_a_decoder() {
        for uid in READABLE_TRANSFER_SYNTAXES {
            assert!(is_supported(uid), "{uid}");
        }
    }
}
