//! How a deflated data set begins (PS3.5 annex A.5).

/// So many bytes tell it.
pub const DEFLATED_START_BYTES: usize = 5;

/// Whether a data set that should be bare deflate (RFC 1951) is wrapped as a zlib stream (RFC 1950), as some writers do.
/// `start` are its first [`DEFLATED_START_BYTES`].
pub fn is_wrapped_as_zlib(start: &[u8]) -> bool {
    let &[method, flags, second, third, fourth] = start else {
        return false;
    };
    let has_dictionary = flags & 0x20 != 0;
    let is_header = method & 0x0F == 8
        && method >> 4 <= 7
        && u16::from_be_bytes([method, flags]).is_multiple_of(31)
        && !has_dictionary;
    // As bare deflate these bytes begin a stored block, whose length is written twice.
    let is_stored_block = third == !flags && fourth == !second;
    is_header && !is_stored_block
}

#[cfg(test)]
mod tests {
    use super::is_wrapped_as_zlib;

    #[test]
    fn a_wrapped_stream_is_told_from_a_bare_one() {
        // By level of compression, as zlib writes them, before a block with dynamic codes, fixed codes, or stored.
        for flags in [0x01, 0x5E, 0x9C, 0xDA] {
            for block in [[0xED, 0xBD, 0x07], [0x4B, 0x4C, 0x4A], [0x01, 0x05, 0x00]] {
                let [first, second, third] = block;
                assert!(
                    is_wrapped_as_zlib(&[0x78, flags, first, second, third]),
                    "{flags:x}"
                );
            }
        }
        // Dynamic and fixed codes, the last block and not, and stored blocks, of which one begins like a wrapped stream.
        for bare in [
            [0xED, 0xBD, 0x07, 0x60, 0x1C],
            [0x4B, 0x4C, 0x4A, 0x4E, 0x49],
            [0x01, 0x05, 0x00, 0xFA, 0xFF],
            [0x00, 0xFF, 0x7F, 0x00, 0x80],
            [0x78, 0x9C, 0x01, !0x9C, !0x01],
        ] {
            assert!(!is_wrapped_as_zlib(&bare), "{bare:x?}");
        }
        assert!(!is_wrapped_as_zlib(&[0x78, 0x9C]), "too short to tell");
    }
}
