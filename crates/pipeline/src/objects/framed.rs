//! The frame of a compressed object: eight bytes of kind and version, the length of a JSON header (u32 LE),
//! the header, and one zstd frame of bytes.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Header bytes that are believed; a real one has a few kilobytes.
pub(super) const MOST_HEADER_BYTES: usize = 4 << 20;
/// Uncompressed bytes that are believed: 1,024 slices of 512² twice over.
pub(super) const MOST_BODY_BYTES: usize = 512 << 20;
/// zstd's own default: on prepared slices higher levels cost much time and save little.
const LEVEL: i32 = 3;

/// An object whose bytes are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    #[error("the object does not begin as {expected:?}: another kind, or another version")]
    OtherKind { expected: &'static str },
    #[error("the object ends early: {0}")]
    EndsEarly(&'static str),
    #[error("the object's header cannot be read")]
    Header(#[source] serde_json::Error),
    #[error("the object contradicts itself: {0}")]
    Inconsistent(String),
    #[error("the object cannot be written or read")]
    Io(#[from] std::io::Error),
}

/// A kind of object: its eight first bytes, the last two being the version.
pub(super) type Kind = &'static str;

pub(super) fn encode(kind: Kind, header: &impl Serialize, body: &[&[u8]]) -> Result<Vec<u8>, ObjectError> {
    let header = serde_json::to_vec(header).map_err(ObjectError::Header)?;
    let header_bytes = u32::try_from(header.len())
        .map_err(|_| ObjectError::Inconsistent(format!("a header of {} bytes", header.len())))?;
    let mut bytes = kind.as_bytes().to_vec();
    bytes.extend(header_bytes.to_le_bytes());
    bytes.extend(header);
    let mut encoder = zstd::Encoder::new(bytes, LEVEL)?;
    for part in body {
        std::io::Write::write_all(&mut encoder, part)?;
    }
    Ok(encoder.finish()?)
}

/// The header of an object and its still compressed body.
pub(super) fn decode_header<H: DeserializeOwned>(
    kind: Kind,
    bytes: &[u8],
) -> Result<(H, &[u8]), ObjectError> {
    let Some(rest) = bytes.strip_prefix(kind.as_bytes()) else {
        return Err(ObjectError::OtherKind { expected: kind });
    };
    let (length, rest) = rest
        .split_first_chunk::<4>()
        .ok_or(ObjectError::EndsEarly("no header length"))?;
    let length = u32::from_le_bytes(*length) as usize;
    if length > MOST_HEADER_BYTES {
        return Err(ObjectError::Inconsistent(format!("a header of {length} bytes")));
    }
    let (header, body) = rest
        .split_at_checked(length)
        .ok_or(ObjectError::EndsEarly("within the header"))?;
    let header = serde_json::from_slice(header).map_err(ObjectError::Header)?;
    Ok((header, body))
}

/// Decompresses a body that must hold exactly `expected` bytes.
pub(super) fn decode_body(body: &[u8], expected: Option<usize>) -> Result<Vec<u8>, ObjectError> {
    let expected = expected
        .filter(|expected| *expected <= MOST_BODY_BYTES)
        .ok_or_else(|| ObjectError::Inconsistent("the header's shape is too large".to_owned()))?;
    // One byte more is allowed, so that a body that is too long shows.
    let decoded = zstd::bulk::decompress(body, expected + 1)?;
    if decoded.len() == expected {
        Ok(decoded)
    } else {
        Err(ObjectError::Inconsistent(format!(
            "{} bytes where the header promises {expected}",
            decoded.len()
        )))
    }
}
