//! Data sets that are deflated as a whole (PS3.5 annex A.5): how much of one is inflated.

use std::io::{self, Cursor, Read};

use flate2::read::{DeflateDecoder, ZlibDecoder};
use norma_dicom_elements::{DEFLATED_START_BYTES, is_wrapped_as_zlib};

use crate::blob::Blob;
use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, check_ratio, within};

/// Deflate gives no more bytes than this for each of its own (RFC 1951: 258 bytes for two bits).
const MOST_TIMES: u64 = 1032;

/// What the file can inflate to at most.
pub(crate) fn most_inflated(blob: &Blob) -> u64 {
    blob.size().saturating_mul(MOST_TIMES)
}

/// The file meta information as it is and up to `wanted` bytes of the data set, inflated; and whether that is all.
pub(crate) fn inflate_start(
    blob: &Blob,
    data_set_start: usize,
    wanted: u64,
) -> Result<(Vec<u8>, bool), ImagingError> {
    let mut bytes = Vec::new();
    let mut file = blob.stream()?;
    let meta = (&mut file)
        .take(data_set_start as u64)
        .read_to_end(&mut bytes)
        .map_err(damaged)?;
    if meta < data_set_start {
        return Err(ImagingError::UnreadableDicom("it ends in its meta information"));
    }
    let mut start = Vec::new();
    (&mut file)
        .take(DEFLATED_START_BYTES as u64)
        .read_to_end(&mut start)
        .map_err(damaged)?;
    let is_wrapped = is_wrapped_as_zlib(&start);
    let packed = Cursor::new(start).chain(file);
    let inflated = if is_wrapped {
        ZlibDecoder::new(packed).take(wanted).read_to_end(&mut bytes)
    } else {
        DeflateDecoder::new(packed).take(wanted).read_to_end(&mut bytes)
    }
    .map_err(damaged)?;
    Ok((bytes, (inflated as u64) < wanted))
}

/// The file with its data set, which begins at `start`, inflated up to `end`, the end of the pixels that its header
/// speaks of.
pub(crate) fn read_inflated(
    blob: &Blob,
    start: usize,
    end: Option<u64>,
    limits: &Limits,
) -> Result<Vec<u8>, ImagingError> {
    within(LimitKind::FileBytes, end.unwrap_or(0), limits.file_bytes)?;
    check_ratio(blob.compressed_size(), end.unwrap_or(0), limits)?;
    // Where the end is not said, a byte beyond the limit shows that it was exceeded.
    let wanted = end.map_or(limits.file_bytes.saturating_add(1), |end| {
        end.saturating_sub(start as u64)
    });
    let (whole, _) = inflate_start(blob, start, wanted)?;
    within(LimitKind::FileBytes, whole.len() as u64, limits.file_bytes)?;
    check_ratio(blob.compressed_size(), whole.len() as u64, limits)?;
    Ok(whole)
}

fn damaged(error: io::Error) -> ImagingError {
    match error.kind() {
        io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof
        | io::ErrorKind::Other => ImagingError::UnreadableDicom("its deflated data set is damaged"),
        _ => error.into(),
    }
}
