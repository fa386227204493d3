//! The elements of a data set before its pixels, copied without what no other reader must trust: private elements,
//! unknown ones of undefined length, and whatever is wrong by its lengths. What is copied is well-formed.

use crate::element_tags::is_short;
use crate::element_walk::{Encoding, WalkError};

const UNDEFINED: u32 = 0xFFFF_FFFF;
const ITEM: u32 = 0xFFFE_E000;
const ITEM_DELIMITER: u32 = 0xFFFE_E00D;
const SEQUENCE_DELIMITER: u32 = 0xFFFE_E0DD;
const DEPTH_LIMIT: u32 = 24;

/// Copies the elements of `data` from `start` up to its pixel data at `end` (or up to the first element of group 7FE0
/// or behind it). An element that cannot be read ends the copy with an error, except behind all others.
pub(crate) fn copy_elements(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
) -> Result<Vec<u8>, WalkError> {
    copy(data, start, end, encoding, false)
}

/// As [`copy_elements`], with private and unknown elements, as far as they are written like the others.
pub(crate) fn copy_all_elements(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
) -> Result<Vec<u8>, WalkError> {
    copy(data, start, end, encoding, true)
}

fn copy(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
    keeps_private: bool,
) -> Result<Vec<u8>, WalkError> {
    let end = end.min(data.len());
    let mut copier = Copier {
        data: &data[..end],
        position: start,
        out: Vec::with_capacity(end.saturating_sub(start).min(1 << 20)),
        keeps_private,
    };
    copier.data_set(encoding, encoding, end, false, true, 0)?;
    Ok(copier.out)
}

struct Copier<'data> {
    data: &'data [u8],
    position: usize,
    out: Vec<u8>,
    keeps_private: bool,
}

struct Header {
    tag: u32,
    vr: [u8; 2],
    length: u32,
    /// Where the element starts.
    start: usize,
}

impl Copier<'_> {
    /// Copies elements up to `end` or, where `is_open`, up to an item delimiter.
    fn data_set(
        &mut self,
        encoding: Encoding,
        outer: Encoding,
        end: usize,
        is_open: bool,
        keep: bool,
        depth: u32,
    ) -> Result<(), WalkError> {
        if depth > DEPTH_LIMIT {
            return Err(WalkError::Malformed("sequences are nested too deeply"));
        }
        while end.saturating_sub(self.position) >= 8 {
            let header = self.header(encoding, end)?;
            match header.tag {
                ITEM_DELIMITER if is_open => return Ok(()),
                0 if is_open && header.length == 0 => return Ok(()),
                ITEM_DELIMITER | SEQUENCE_DELIMITER if !is_open => continue,
                ITEM | ITEM_DELIMITER | SEQUENCE_DELIMITER => {
                    return Err(WalkError::Malformed("an item stands outside a sequence"));
                }
                tag if depth == 0 && tag >> 16 >= 0x7FE0 => return Ok(()),
                _ => {}
            }
            self.element(&header, encoding, outer, end, keep, depth)?;
        }
        if is_open {
            return Err(WalkError::Malformed("an item has no end"));
        }
        self.position = end;
        Ok(())
    }

    fn element(
        &mut self,
        header: &Header,
        encoding: Encoding,
        outer: Encoding,
        end: usize,
        keep: bool,
        depth: u32,
    ) -> Result<(), WalkError> {
        let is_private = header.tag >> 16 & 1 == 1;
        let is_unknown = &header.vr == b"UN";
        // Elements of another encoding than the file's cannot be copied into it.
        let keep = keep && encoding == outer && (self.keeps_private || (!is_private && !is_unknown));
        if header.length != UNDEFINED {
            let value_end = self.bounded(header.length, end)?;
            if !keep {
                self.position = value_end;
            } else if &header.vr == b"SQ" {
                self.sequence(header, encoding, outer, Some(value_end), value_end, keep, depth)?;
                self.position = value_end;
            } else {
                self.out.extend_from_slice(&self.data[header.start..value_end]);
                self.position = value_end;
            }
            return Ok(());
        }
        let inner = match &header.vr {
            b"SQ" | [0, 0] => encoding,
            b"UN" => self.encoding_in_unknown(encoding),
            _ => {
                return Err(WalkError::Malformed(
                    "an element that is no sequence has no length",
                ));
            }
        };
        let keep = keep && inner == outer;
        self.sequence(header, inner, outer, None, end, keep, depth)
    }

    /// Copies a sequence as one of undefined length with items of undefined length.
    #[allow(
        clippy::too_many_arguments,
        reason = "one step of `element`, split off for its length"
    )]
    fn sequence(
        &mut self,
        header: &Header,
        encoding: Encoding,
        outer: Encoding,
        known_end: Option<usize>,
        end: usize,
        keep: bool,
        depth: u32,
    ) -> Result<(), WalkError> {
        if keep {
            self.write_tag(header.tag, encoding);
            if encoding.explicit {
                self.out.extend_from_slice(b"SQ\0\0");
            }
            self.out.extend_from_slice(&UNDEFINED.to_le_bytes());
        }
        while known_end.is_none_or(|known_end| self.position + 8 <= known_end) {
            let item = self.item_header(encoding, end)?;
            match item.tag {
                ITEM => {
                    let (item_end, is_open) = if item.length == UNDEFINED {
                        (end, true)
                    } else {
                        (self.bounded(item.length, end)?, false)
                    };
                    if keep {
                        self.write_tag(ITEM, encoding);
                        self.out.extend_from_slice(&UNDEFINED.to_le_bytes());
                    }
                    if keep || is_open {
                        self.data_set(encoding, outer, item_end, is_open, keep, depth + 1)?;
                    } else {
                        self.position = item_end;
                    }
                    if keep {
                        self.write_tag(ITEM_DELIMITER, encoding);
                        self.out.extend_from_slice(&[0; 4]);
                    }
                }
                SEQUENCE_DELIMITER => break,
                ITEM_DELIMITER => {}
                0 if item.length == 0 => break,
                _ => return Err(WalkError::Malformed("a sequence holds something that is no item")),
            }
        }
        if keep {
            self.write_tag(SEQUENCE_DELIMITER, encoding);
            self.out.extend_from_slice(&[0; 4]);
        }
        Ok(())
    }

    fn write_tag(&mut self, tag: u32, encoding: Encoding) {
        for half in [(tag >> 16) as u16, tag as u16] {
            self.out.extend_from_slice(&if encoding.big_endian {
                half.to_be_bytes()
            } else {
                half.to_le_bytes()
            });
        }
    }

    fn header(&mut self, encoding: Encoding, end: usize) -> Result<Header, WalkError> {
        let start = self.position;
        let Header { tag, length, .. } = self.item_header(encoding, end)?;
        let vr = [self.data[start + 4], self.data[start + 5]];
        if !encoding.explicit || tag >> 16 == 0xFFFE || !vr.iter().all(u8::is_ascii_uppercase) {
            let vr = [0, 0];
            return Ok(Header {
                tag,
                vr,
                length,
                start,
            });
        }
        if is_short(vr) {
            let length = u32::from(encoding.u16([self.data[start + 6], self.data[start + 7]]));
            return Ok(Header {
                tag,
                vr,
                length,
                start,
            });
        }
        let bytes = self.bytes::<4>(end)?;
        let length = encoding.u32(bytes);
        Ok(Header {
            tag,
            vr,
            length,
            start,
        })
    }

    fn item_header(&mut self, encoding: Encoding, end: usize) -> Result<Header, WalkError> {
        let start = self.position;
        let bytes = self.bytes::<8>(end)?;
        let group = encoding.u16([bytes[0], bytes[1]]);
        let element = encoding.u16([bytes[2], bytes[3]]);
        Ok(Header {
            tag: u32::from(group) << 16 | u32::from(element),
            vr: [0, 0],
            length: encoding.u32([bytes[4], bytes[5], bytes[6], bytes[7]]),
            start,
        })
    }

    fn bytes<const COUNT: usize>(&mut self, end: usize) -> Result<[u8; COUNT], WalkError> {
        let next = self.position + COUNT;
        let lying = WalkError::Lying {
            claimed: COUNT as u64,
            available: end.saturating_sub(self.position) as u64,
        };
        if next > end {
            return Err(lying);
        }
        let bytes = self
            .data
            .get(self.position..next)
            .and_then(|bytes| bytes.try_into().ok());
        self.position = next;
        bytes.ok_or(lying)
    }

    fn bounded(&self, length: u32, end: usize) -> Result<usize, WalkError> {
        let available = end.saturating_sub(self.position);
        if length as usize > available {
            return Err(WalkError::Lying {
                claimed: u64::from(length),
                available: available as u64,
            });
        }
        Ok(self.position + length as usize)
    }

    /// As the reader of headers does: implicit little endian, unless the first element has a VR.
    fn encoding_in_unknown(&self, outer: Encoding) -> Encoding {
        match self.data.get(self.position + 12..self.position + 14) {
            Some(vr) if outer.explicit && vr.iter().all(u8::is_ascii_uppercase) => outer,
            _ => Encoding::IMPLICIT_LITTLE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(tag: [u8; 4], vr: &[u8; 2], value: &[u8]) -> Vec<u8> {
        [&tag[..], vr, &(value.len() as u16).to_le_bytes(), value].concat()
    }

    #[test]
    fn unknown_and_private_elements_are_left_out_wherever_they_are() {
        let modality = short([8, 0, 0x60, 0], b"CS", b"CT");
        let private = short([9, 0, 0x10, 0], b"LO", b"NAME");
        let item = |content: &[u8]| {
            [
                &[0xFE, 0xFF, 0, 0xE0][..],
                &(content.len() as u32).to_le_bytes(),
                content,
            ]
            .concat()
        };
        let open = [0xFF; 4];
        let end_item = [0xFE, 0xFF, 0x0D, 0xE0, 0, 0, 0, 0];
        let end = [0xFE, 0xFF, 0xDD, 0xE0, 0, 0, 0, 0];
        let unknown = [
            &[0x10, 0, 0x02, 0x22][..],
            b"UN\0\0",
            &open,
            &item(&modality),
            &[0xFE, 0xFF, 0, 0xE0],
            &open,
            &modality,
            &end_item,
            &end,
        ]
        .concat();
        let inside = [modality.clone(), private.clone(), unknown.clone()].concat();
        let items = item(&inside);
        let sequence = [
            &[0x20, 0, 0x11, 0x91][..],
            b"SQ\0\0",
            &(items.len() as u32).to_le_bytes(),
            &items,
        ]
        .concat();
        let pixels = [0xE0, 0x7F, 0x10, 0, b'O', b'W', 0, 0, 2, 0, 0, 0, 1, 2];
        let set = [
            modality.clone(),
            private,
            unknown,
            sequence,
            pixels.to_vec(),
            b"\nNAME^BEHIND".to_vec(),
        ]
        .concat();
        let copied = copy_elements(&set, 0, set.len(), Encoding::EXPLICIT_LITTLE).unwrap();
        let expected = [
            &modality[..],
            &[0x20, 0, 0x11, 0x91],
            b"SQ\0\0",
            &open,
            &[0xFE, 0xFF, 0, 0xE0],
            &open,
            &modality,
            &end_item,
            &end,
        ]
        .concat();
        assert_eq!(copied, expected);
    }

    #[test]
    fn lies_are_told() {
        let lie = [8, 0, 0x60, 0, b'C', b'S', 200, 0, b'C', b'T'];
        assert!(copy_elements(&lie, 0, lie.len(), Encoding::EXPLICIT_LITTLE).is_err());
    }
}
