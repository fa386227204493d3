//! Elements of a stream, of which no more is held than the value that is asked for.

use std::io::{self, BufRead};

use crate::{ElementHeader, Encoding, ITEM, ITEM_DELIMITER, SEQUENCE_DELIMITER};

/// Open sequences and items in one another; real files stay below twenty.
const DEEPEST: u32 = 32;

/// The header that comes next.
///
/// # Errors
/// Where the stream ends before it does, or fails.
pub fn read_header(reader: &mut dyn BufRead, encoding: Encoding) -> io::Result<ElementHeader> {
    ElementHeader::read(encoding, |bytes| reader.read_exact(bytes))
}

/// Goes behind the value of an element whose header was read, and behind its delimiter.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] where the stream ends before the value does; [`io::ErrorKind::InvalidData`] where the
/// value of an element without a length is not in items.
pub fn skip_value(reader: &mut dyn BufRead, header: &ElementHeader, encoding: Encoding) -> io::Result<()> {
    skip_nested(reader, header, encoding, 0)
}

/// Goes on by so many bytes.
///
/// # Errors
/// [`io::ErrorKind::UnexpectedEof`] where there are fewer.
pub fn skip_bytes(reader: &mut dyn BufRead, bytes: u64) -> io::Result<()> {
    let skipped = io::copy(&mut io::Read::take(reader, bytes), &mut io::sink())?;
    if skipped < bytes {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(())
}

fn skip_nested(
    reader: &mut dyn BufRead,
    header: &ElementHeader,
    encoding: Encoding,
    depth: u32,
) -> io::Result<()> {
    if !header.is_open() {
        return skip_bytes(reader, header.length.into());
    }
    if depth >= DEEPEST {
        return Err(malformed());
    }
    let is_item = header.tag == ITEM;
    // A sequence whose representation nobody knew is implicit inside (PS3.5 section 6.2.2).
    let inner = if &header.vr == b"UN" {
        Encoding::IMPLICIT_LITTLE
    } else {
        encoding
    };
    loop {
        let next = read_header(reader, inner)?;
        match next.tag {
            ITEM_DELIMITER if is_item => return Ok(()),
            SEQUENCE_DELIMITER if !is_item => return Ok(()),
            _ if is_item || next.tag == ITEM => skip_nested(reader, &next, inner, depth + 1)?,
            _ => return Err(malformed()),
        }
    }
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
