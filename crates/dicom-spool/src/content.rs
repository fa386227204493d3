//! Whether an instance that came again is the same.

use std::io::{self, BufRead, BufReader, Read};

use crate::element_walk::transfer_syntax_before_data_set;

const BUFFER_BYTES: usize = 256 << 10;

/// Whether two files of one SOP Instance UID hold the same data set, byte by byte. What stands before it (who sent it, who wrote
/// the file) does not count. One in another transfer syntax is taken for the same: other bytes are what that is for.
pub fn hold_same_data_set(one: impl Read, other: impl Read) -> io::Result<bool> {
    let mut one = BufReader::with_capacity(BUFFER_BYTES, one);
    let mut other = BufReader::with_capacity(BUFFER_BYTES, other);
    let of_one = transfer_syntax_before_data_set(&mut one)?;
    if of_one != transfer_syntax_before_data_set(&mut other)? {
        return Ok(true);
    }
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(transfer_syntax: &str, sender: &str, data_set: &[u8]) -> Vec<u8> {
        let mut meta = b"\x02\0\x10\0UI".to_vec();
        meta.extend((transfer_syntax.len() as u16).to_le_bytes());
        meta.extend(transfer_syntax.bytes());
        meta.extend(b"\x02\0\x16\0AE");
        meta.extend((sender.len() as u16).to_le_bytes());
        meta.extend(sender.bytes());
        let mut bytes = vec![0; 128];
        bytes.extend(b"DICM\x02\0\0\0UL\x04\0");
        bytes.extend((meta.len() as u32).to_le_bytes());
        bytes.extend(meta);
        bytes.extend(data_set);
        bytes
    }

    #[test]
    fn the_data_set_counts_and_nothing_before_it() {
        let explicit = |sender, data_set: &[u8]| file("1.2.840.10008.1.2.1\0", sender, data_set);
        let same = |one: &[u8], other: &[u8]| hold_same_data_set(one, other).unwrap();
        let long = vec![7; BUFFER_BYTES * 2];
        let mut other = long.clone();
        let last = other.len() - 1;
        other[last] = 8;
        assert!(same(&explicit("CT1 ", &long), &explicit("ARCHIVE ", &long)));
        assert!(!same(&explicit("CT1 ", &long), &explicit("CT1 ", &other)));
        assert!(!same(&explicit("CT1 ", &long), &explicit("CT1 ", &long[..last])));
        assert!(!same(&explicit("CT1 ", &[]), &explicit("CT1 ", &[0])));
        let implicit = file("1.2.840.10008.1.2\0", "CT1 ", &other);
        assert!(same(&explicit("CT1 ", &long), &implicit));
    }
}
