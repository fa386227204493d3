//! The 128 bytes before a DICOM file's `DICM` (PS3.10 section 7.1) mean nothing to DICOM and may hold the start of a
//! program (CVE-2019-11687). They are given back as zeros unless the original is asked for.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};
use norma_domain::ScanId;
use norma_object_storage::{ObjectError, ObjectKey, Objects};

const PREAMBLE: Range<u64> = 0..128;
/// The preamble and the mark after it.
const HEAD_BYTES: u64 = 132;

/// Whether an upload is a single DICOM file with something in its preamble. Files in an archive are not looked at:
/// an archive is given back as it is, and its members are nothing that a machine would start.
pub(crate) async fn holds_a_preamble(
    objects: &Objects,
    scan_id: ScanId,
    size_bytes: u64,
) -> Result<bool, ObjectError> {
    if size_bytes < HEAD_BYTES {
        return Ok(false);
    }
    let head = objects
        .get_range(ObjectKey::Original(scan_id), 0..HEAD_BYTES)
        .await?;
    Ok(is_filled(&head))
}

fn is_filled(head: &[u8]) -> bool {
    head.get(128..132) == Some(b"DICM") && head[..128].iter().any(|byte| *byte != 0)
}

/// The bytes of a stream that starts at `offset` of a file, with those of the preamble as zeros.
pub(crate) fn without_preamble<S>(stream: S, offset: u64) -> impl Stream<Item = Result<Bytes, ObjectError>>
where
    S: Stream<Item = Result<Bytes, ObjectError>>,
{
    stream.scan(offset, |position, chunk| {
        let chunk = chunk.map(|chunk| {
            let start = *position;
            *position += chunk.len() as u64;
            zeroed(chunk, start)
        });
        std::future::ready(Some(chunk))
    })
}

fn zeroed(chunk: Bytes, start: u64) -> Bytes {
    let Some(left) = PREAMBLE.end.checked_sub(start).filter(|left| *left > 0) else {
        return chunk;
    };
    let count = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
    let mut bytes = BytesMut::from(&chunk[..]);
    bytes[..count].fill(0);
    bytes.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_lies_in_the_preamble_is_zeroed() {
        let file: Vec<u8> = (0..200).map(|index| index as u8 | 1).collect();
        for start in [0_usize, 1, 100, 127, 128, 150] {
            for end in [start + 1, 128.max(start + 1), 200] {
                let part = zeroed(Bytes::copy_from_slice(&file[start..end]), start as u64);
                for (index, byte) in part.iter().enumerate() {
                    let position = start + index;
                    let expected = if position < 128 { 0 } else { file[position] };
                    assert_eq!(*byte, expected, "{start}..{end} at {position}");
                }
            }
        }
    }

    #[test]
    fn only_dicom_has_a_preamble() {
        let mut file = vec![0; 132];
        file[128..].copy_from_slice(b"DICM");
        assert!(!is_filled(&file));
        file[..2].copy_from_slice(b"MZ");
        assert!(is_filled(&file));
        file[128] = b'd';
        assert!(!is_filled(&file));
    }
}
