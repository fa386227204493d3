//! The file that is written beside an upload: bytes, then the index as JSON, then where that begins.

use std::io::{self, Write};

use crate::index::{InstanceIndex, Span};

const MAGIC: &[u8; 8] = b"norma-i1";
/// The last bytes of a container.
pub const TRAILER_BYTES: u64 = 24;

/// Writes a container.
pub(crate) struct ContainerWriter<W> {
    out: W,
    position: u64,
}

impl<W: Write> ContainerWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, position: 0 }
    }

    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<Span> {
        let start = self.position;
        self.write_all(bytes)?;
        Ok(self.since(start))
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    pub(crate) fn since(&self, start: u64) -> Span {
        Span {
            offset: start,
            length: self.position - start,
        }
    }

    pub(crate) fn finish(mut self, index: &InstanceIndex) -> io::Result<()> {
        let json = serde_json::to_vec(index).map_err(io::Error::other)?;
        let span = self.append(&json)?;
        self.out.write_all(&span.offset.to_le_bytes())?;
        self.out.write_all(&span.length.to_le_bytes())?;
        self.out.write_all(MAGIC)?;
        self.out.flush()
    }
}

impl<W: Write> Write for ContainerWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.position += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Where the index lies in a container of `size` bytes, from its last [`TRAILER_BYTES`]; None where it is none.
pub fn find_index(trailer: &[u8], size: u64) -> Option<Span> {
    let trailer: &[u8; TRAILER_BYTES as usize] = trailer.try_into().ok()?;
    let (numbers, magic) = trailer.split_at(16);
    if magic != MAGIC {
        return None;
    }
    let number = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
    let span = Span {
        offset: number(&numbers[..8])?,
        length: number(&numbers[8..])?,
    };
    let end = span.offset.checked_add(span.length)?;
    (end.checked_add(TRAILER_BYTES)? == size).then_some(span)
}

/// The index out of its bytes.
///
/// # Errors
/// Where they are none.
pub fn read_index(json: &[u8]) -> serde_json::Result<InstanceIndex> {
    serde_json::from_slice(json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_tells_where_its_index_is() {
        let mut bytes = Vec::new();
        let mut writer = ContainerWriter::new(&mut bytes);
        let span = writer.append(b"metadata").unwrap();
        assert_eq!((span.offset, span.length), (0, 8));
        let index = InstanceIndex {
            unnamed: 3,
            ..InstanceIndex::default()
        };
        writer.finish(&index).unwrap();
        let trailer = &bytes[bytes.len() - TRAILER_BYTES as usize..];
        let found = find_index(trailer, bytes.len() as u64).unwrap();
        let json = &bytes[found.offset as usize..][..found.length as usize];
        assert!(read_index(json).unwrap() == index);
        assert_eq!(find_index(trailer, bytes.len() as u64 + 1), None);
        assert_eq!(find_index(&bytes[..24], bytes.len() as u64), None);
    }
}
