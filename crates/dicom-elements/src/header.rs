use crate::Encoding;

/// A length that is not said: a delimiter ends the value (PS3.5 section 7.5).
pub const UNDEFINED_LENGTH: u32 = 0xFFFF_FFFF;
pub const ITEM: u32 = 0xFFFE_E000;
pub const ITEM_DELIMITER: u32 = 0xFFFE_E00D;
pub const SEQUENCE_DELIMITER: u32 = 0xFFFE_E0DD;
const GROUP_OF_ITEMS: u32 = 0xFFFE;
const PIXEL_DATA: u32 = 0x7FE0_0010;
/// From here on values are pictures.
const GROUP_OF_OVERLAYS: u32 = 0x6000;

/// Stands for the value representation of an element that has none: one of an implicit data set, an item, a delimiter.
pub const NO_REPRESENTATION: [u8; 2] = [0, 0];

/// What stands before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementHeader {
    /// Group and element, `0xGGGGEEEE`.
    pub tag: u32,
    /// As it stands there, or [`NO_REPRESENTATION`].
    pub vr: [u8; 2],
    pub length: u32,
}

impl ElementHeader {
    /// Reads a header from what `fill` gives, which fills the whole slice or fails.
    ///
    /// # Errors
    /// Those of `fill`.
    pub fn read<E>(encoding: Encoding, mut fill: impl FnMut(&mut [u8]) -> Result<(), E>) -> Result<Self, E> {
        let mut first = [0; 8];
        fill(&mut first)?;
        let mut header = Self::of_item(encoding, first);
        let vr = [first[4], first[5]];
        let short = u32::from(encoding.u16([first[6], first[7]]));
        let is_blanked = stands_for_nothing(header.tag, vr, short);
        // Delimiters have no VR; and some writers slip elements without one into explicit files.
        if !encoding.explicit
            || header.tag >> 16 == GROUP_OF_ITEMS
            || !(is_blanked || vr.iter().all(u8::is_ascii_uppercase))
        {
            return Ok(header);
        }
        if !is_blanked {
            header.vr = vr;
        }
        // Before a length of 32 bits stand two zeros: what a representation that nobody knows has there is its length.
        header.length = if has_short_length(vr) || (!has_long_length(vr) && short != 0) {
            short
        } else {
            let mut length = [0; 4];
            fill(&mut length)?;
            encoding.u32(length)
        };
        Ok(header)
    }

    /// The header of an item or a delimiter: tag and length, whatever the encoding says of other elements.
    pub fn of_item(encoding: Encoding, bytes: [u8; 8]) -> Self {
        let [a, b, c, d, length @ ..] = bytes;
        Self {
            tag: u32::from(encoding.u16([a, b])) << 16 | u32::from(encoding.u16([c, d])),
            vr: NO_REPRESENTATION,
            length: encoding.u32(length),
        }
    }

    /// Whether its value ends where a delimiter stands.
    pub fn is_open(&self) -> bool {
        self.length == UNDEFINED_LENGTH
    }
}

/// Whether two bytes stand where a VR belongs and say nothing: blanks, question marks or zeros. Blanks and question marks would be
/// lengths of thousands of bytes, the latter odd ones; zeros the length of 64 kilobytes or a multiple of it: so long are
/// pixels and what lies behind them, but no text.
fn stands_for_nothing(tag: u32, vr: [u8; 2], short: u32) -> bool {
    const LONGEST_SHORT: u32 = 1024;
    match &vr {
        b"  " | b"??" => true,
        // Pixels of no length are none: it stands behind the zeros.
        [0, 0] if tag == PIXEL_DATA => short == 0,
        [0, 0] => (1..=LONGEST_SHORT).contains(&short) && tag >> 16 < GROUP_OF_OVERLAYS,
        _ => false,
    }
}

/// Whether elements of a VR have a length of 16 bits (PS3.5 table 7.1-2). All others, also those not yet invented, have
/// one of 32.
pub fn has_short_length(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"AE"
            | b"AS"
            | b"AT"
            | b"CS"
            | b"DA"
            | b"DS"
            | b"DT"
            | b"FL"
            | b"FD"
            | b"IS"
            | b"LO"
            | b"LT"
            | b"PN"
            | b"SH"
            | b"SL"
            | b"SS"
            | b"ST"
            | b"TM"
            | b"UI"
            | b"UL"
            | b"US"
    )
}

/// Whether elements of a VR are known to have a length of 32 bits (PS3.5 table 7.1-1).
fn has_long_length(vr: [u8; 2]) -> bool {
    matches!(
        &vr,
        b"OB" | b"OD" | b"OF" | b"OL" | b"OV" | b"OW" | b"SQ" | b"SV" | b"UC" | b"UN" | b"UR" | b"UT" | b"UV"
    )
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Tag, representation, length, and how many bytes stand behind the header.
    type Read = (u32, [u8; 2], u32, usize);

    fn read(encoding: Encoding, mut bytes: &[u8]) -> std::io::Result<Read> {
        let header = ElementHeader::read(encoding, |part| bytes.read_exact(part))?;
        Ok((header.tag, header.vr, header.length, bytes.len()))
    }

    #[test]
    fn a_header_is_read_as_its_encoding_writes_it() {
        let explicit = Encoding::EXPLICIT_LITTLE;
        let cases: [(Encoding, &[u8], Read); 15] = [
            (explicit, b"\x08\0\x60\0CS\x02\0CT", (0x0008_0060, *b"CS", 2, 2)),
            (
                explicit,
                b"\x28\0\x10\x12OW\0\0\x04\0\0\0",
                (0x0028_1210, *b"OW", 4, 0),
            ),
            // A representation that nobody knows yet.
            (
                explicit,
                b"\x28\0\x10\x12ZZ\0\0\x04\0\0\0",
                (0x0028_1210, *b"ZZ", 4, 0),
            ),
            // One whose writer gave it a length of 16 bits, in either order of bytes.
            (
                explicit,
                b"\x19\0\x05\x10QQ\x04\0abcd",
                (0x0019_1005, *b"QQ", 4, 4),
            ),
            (
                Encoding::EXPLICIT_BIG,
                b"\0\x19\x10\x05QQ\0\x04abcd",
                (0x0019_1005, *b"QQ", 4, 4),
            ),
            // A long one whose reserved bytes are not zero.
            (
                explicit,
                b"\x19\0\x05\x10OB\x01\0\x02\0\0\0ab",
                (0x0019_1005, *b"OB", 2, 2),
            ),
            // An element without one.
            (
                explicit,
                b"\x08\0\x60\0\x02\0\0\0CT",
                (0x0008_0060, NO_REPRESENTATION, 2, 2),
            ),
            // One whose representation was blanked.
            (
                explicit,
                b"\x08\0\x60\0  \x02\0CT",
                (0x0008_0060, NO_REPRESENTATION, 2, 2),
            ),
            (
                explicit,
                b"\x28\0\x10\x12??\0\0\x04\0\0\0",
                (0x0028_1210, NO_REPRESENTATION, 4, 0),
            ),
            (
                explicit,
                b"\x08\0\x60\0\0\0\x02\0CT",
                (0x0008_0060, NO_REPRESENTATION, 2, 2),
            ),
            (
                explicit,
                b"\xE0\x7F\x10\0\0\0\0\0\x02\0\0\0ab",
                (0x7FE0_0010, NO_REPRESENTATION, 2, 2),
            ),
            // Pixels without one: 512 times 512 of two bytes.
            (
                explicit,
                b"\xE0\x7F\x10\0\0\0\x08\0",
                (0x7FE0_0010, NO_REPRESENTATION, 0x8_0000, 0),
            ),
            (
                explicit,
                b"\xFE\xFF\0\xE0\x41\x41\0\0",
                (ITEM, NO_REPRESENTATION, 0x4141, 0),
            ),
            (
                Encoding::IMPLICIT_LITTLE,
                b"\x08\0\x60\0CS\0\0",
                (0x0008_0060, NO_REPRESENTATION, 0x5343, 0),
            ),
            (
                Encoding::EXPLICIT_BIG,
                b"\0\x08\0\x60CS\0\x02",
                (0x0008_0060, *b"CS", 2, 0),
            ),
        ];
        for (encoding, bytes, expected) in cases {
            assert_eq!(read(encoding, bytes).unwrap(), expected, "{bytes:?}");
            let header = bytes.len() - expected.3;
            for end in 0..header {
                assert!(read(encoding, &bytes[..end]).is_err(), "{bytes:?} cut at {end}");
            }
        }
    }

    #[test]
    fn transfer_syntaxes_have_their_encodings() {
        let of = Encoding::of_transfer_syntax;
        assert_eq!(of("1.2.840.10008.1.2"), Encoding::IMPLICIT_LITTLE);
        assert_eq!(of("1.2.840.10008.1.2.2"), Encoding::EXPLICIT_BIG);
        assert_eq!(of("1.2.840.10008.1.2.4.90"), Encoding::EXPLICIT_LITTLE);
    }
}
