//! Where the chunks of an encrypted object lie.

use std::ops::Range;

use crate::chunks::{CHUNK_BYTES, TAG_BYTES};
use crate::header::HEADER_BYTES;

const CONTENT: u64 = CHUNK_BYTES as u64;
const STORED: u64 = (CHUNK_BYTES + TAG_BYTES) as u64;
const TAG: u64 = TAG_BYTES as u64;
const HEADER: u64 = HEADER_BYTES as u64;

/// Sizes of an encrypted object, from its size as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    plain_bytes: u64,
    chunks: u64,
}

impl Layout {
    /// None where no whole object has that size: it is cut off.
    pub fn of_stored(stored_bytes: u64) -> Option<Self> {
        let body = stored_bytes.checked_sub(HEADER)?;
        let chunks = body.div_ceil(STORED);
        let last = body.checked_sub(chunks.checked_sub(1)? * STORED)?;
        // The last chunk holds something, unless it is the only one.
        let is_whole = last > TAG || (chunks == 1 && last == TAG);
        is_whole.then(|| Self {
            plain_bytes: body - chunks * TAG,
            chunks,
        })
    }

    /// Bytes of the content.
    pub fn plain_bytes(&self) -> u64 {
        self.plain_bytes
    }

    /// The chunks that hold the bytes `range` of the content, which lies within it and is not empty unless the content is.
    pub fn chunks(&self, range: &Range<u64>) -> Range<u64> {
        let end = range.end.div_ceil(CONTENT).max(1);
        range.start / CONTENT..end.min(self.chunks)
    }

    /// Where these chunks are stored.
    pub fn stored(&self, chunks: &Range<u64>) -> Range<u64> {
        let all = HEADER + self.plain_bytes + self.chunks * TAG;
        HEADER + chunks.start * STORED..(HEADER + chunks.end * STORED).min(all)
    }

    pub fn is_last(&self, chunk: u64) -> bool {
        chunk + 1 == self.chunks
    }

    /// Bytes of a chunk as it is stored.
    pub fn stored_bytes(&self, chunk: u64) -> usize {
        let range = self.stored(&(chunk..chunk + 1));
        usize::try_from(range.end - range.start).expect("a chunk fits into memory")
    }

    /// The first byte of a chunk's content.
    pub fn start(chunk: u64) -> u64 {
        chunk * CONTENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_from_sizes() {
        for (plain, stored) in [
            (0, HEADER + TAG),
            (1, HEADER + 1 + TAG),
            (CONTENT, HEADER + STORED),
            (CONTENT + 1, HEADER + STORED + 1 + TAG),
            (3 * CONTENT, HEADER + 3 * STORED),
        ] {
            let layout = Layout::of_stored(stored).unwrap();
            assert_eq!(layout.plain_bytes(), plain);
            assert_eq!(layout.stored(&(0..layout.chunks)), HEADER..stored);
        }
        for cut in [
            0,
            HEADER,
            HEADER + TAG - 1,
            HEADER + STORED + 1,
            HEADER + STORED + TAG,
        ] {
            assert_eq!(Layout::of_stored(cut), None, "{cut}");
        }
    }

    #[test]
    fn a_range_lies_in_few_chunks() {
        let layout = Layout::of_stored(HEADER + 2 * STORED + 10 + TAG).unwrap();
        for (range, chunks) in [
            (0..1, 0..1),
            (0..CONTENT, 0..1),
            (CONTENT - 1..CONTENT + 1, 0..2),
            (CONTENT..2 * CONTENT, 1..2),
            (2 * CONTENT + 9..2 * CONTENT + 10, 2..3),
            (0..2 * CONTENT + 10, 0..3),
        ] {
            assert_eq!(layout.chunks(&range), chunks, "{range:?}");
        }
        assert_eq!(layout.stored_bytes(0), CHUNK_BYTES + TAG_BYTES);
        assert_eq!(layout.stored_bytes(2), 10 + TAG_BYTES);
        let empty = Layout::of_stored(HEADER + TAG).unwrap();
        assert_eq!(empty.chunks(&(0..0)), 0..1);
    }
}
