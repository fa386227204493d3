//! The elements of a data set before its pixels, copied without what no other reader must trust: private elements,
//! unknown ones of undefined length, and whatever is wrong by its lengths. What is copied is well-formed.

use norma_dicom_elements::{
    ElementCursor, ElementError, ElementHeader, Encoding, ITEM, ITEM_DELIMITER, NO_REPRESENTATION,
    SEQUENCE_DELIMITER, UNDEFINED_LENGTH, has_short_length, representation_of,
};

const DEPTH_LIMIT: u32 = 24;

/// Copies the elements of `data` from `start` up to its pixel data at `end` (or up to the first element of group 7FE0
/// or behind it). An element that cannot be read ends the copy with an error, except behind all others.
pub(crate) fn copy_elements(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
) -> Result<Vec<u8>, ElementError> {
    copy(data, start, end, encoding, false)
}

/// As [`copy_elements`], with private and unknown elements, as far as they are written like the others.
pub(crate) fn copy_all_elements(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
) -> Result<Vec<u8>, ElementError> {
    copy(data, start, end, encoding, true)
}

fn copy(
    data: &[u8],
    start: usize,
    end: usize,
    encoding: Encoding,
    keeps_private: bool,
) -> Result<Vec<u8>, ElementError> {
    let end = end.min(data.len());
    let mut copier = Copier {
        cursor: ElementCursor::new(&data[..end], start, end),
        out: Vec::with_capacity(end.saturating_sub(start).min(1 << 20)),
        keeps_private,
    };
    copier.data_set(encoding, encoding, end, false, true, 0)?;
    Ok(copier.out)
}

struct Copier<'data> {
    cursor: ElementCursor<'data>,
    out: Vec<u8>,
    keeps_private: bool,
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
    ) -> Result<(), ElementError> {
        if depth > DEPTH_LIMIT {
            return Err(ElementError::Malformed("sequences are nested too deeply"));
        }
        while end.saturating_sub(self.cursor.position) >= 8 {
            let start = self.cursor.position;
            let header = self.cursor.header(encoding, end)?;
            match header.tag {
                ITEM_DELIMITER if is_open => return Ok(()),
                0 if is_open && header.length == 0 => return Ok(()),
                ITEM_DELIMITER | SEQUENCE_DELIMITER if !is_open => continue,
                ITEM | ITEM_DELIMITER | SEQUENCE_DELIMITER => {
                    return Err(ElementError::Malformed("an item stands outside a sequence"));
                }
                tag if depth == 0 && tag >> 16 >= 0x7FE0 => return Ok(()),
                _ => {}
            }
            self.element(&header, start, encoding, outer, end, keep, depth)?;
        }
        if is_open {
            return Err(ElementError::Malformed("an item has no end"));
        }
        self.cursor.position = end;
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one step of `data_set`, split off for its length"
    )]
    fn element(
        &mut self,
        header: &ElementHeader,
        start: usize,
        encoding: Encoding,
        outer: Encoding,
        end: usize,
        keep: bool,
        depth: u32,
    ) -> Result<(), ElementError> {
        let is_private = header.tag >> 16 & 1 == 1;
        let is_unknown = &header.vr == b"UN";
        // Elements of another encoding than the file's cannot be copied into it.
        let keep = keep && encoding == outer && (self.keeps_private || (!is_private && !is_unknown));
        if !header.is_open() {
            let value_end = self.cursor.end_of(header.length, end)?;
            if !keep {
                self.cursor.position = value_end;
                return Ok(());
            }
            let lacks_vr = encoding.explicit && header.vr == NO_REPRESENTATION;
            let vr = if lacks_vr {
                representation_of(header.tag)
            } else {
                header.vr
            };
            if &vr == b"SQ" {
                self.sequence(header, encoding, outer, Some(value_end), value_end, keep, depth)?;
            } else if lacks_vr {
                self.write_header(header, vr, encoding);
                let value = self.cursor.position..value_end;
                self.out.extend_from_slice(&self.cursor.data()[value]);
            } else {
                self.out.extend_from_slice(&self.cursor.data()[start..value_end]);
            }
            self.cursor.position = value_end;
            return Ok(());
        }
        let inner = match &header.vr {
            b"SQ" | &NO_REPRESENTATION => encoding,
            b"UN" => self.cursor.encoding_in_unknown(encoding, true)?,
            _ => {
                return Err(ElementError::Malformed(
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
        header: &ElementHeader,
        encoding: Encoding,
        outer: Encoding,
        known_end: Option<usize>,
        end: usize,
        keep: bool,
        depth: u32,
    ) -> Result<(), ElementError> {
        if keep {
            self.write_tag(header.tag, encoding);
            if encoding.explicit {
                self.out.extend_from_slice(b"SQ\0\0");
            }
            self.out.extend_from_slice(&UNDEFINED_LENGTH.to_le_bytes());
        }
        while known_end.is_none_or(|known_end| self.cursor.position + 8 <= known_end) {
            let item = self.cursor.item_header(encoding, end)?;
            match item.tag {
                ITEM => {
                    let (item_end, is_open) = if item.is_open() {
                        (end, true)
                    } else {
                        (self.cursor.end_of(item.length, end)?, false)
                    };
                    if keep {
                        self.write_tag(ITEM, encoding);
                        self.out.extend_from_slice(&UNDEFINED_LENGTH.to_le_bytes());
                    }
                    if keep || is_open {
                        self.data_set(encoding, outer, item_end, is_open, keep, depth + 1)?;
                    } else {
                        self.cursor.position = item_end;
                    }
                    if keep {
                        self.write_tag(ITEM_DELIMITER, encoding);
                        self.out.extend_from_slice(&[0; 4]);
                    }
                }
                SEQUENCE_DELIMITER => break,
                ITEM_DELIMITER => {}
                0 if item.length == 0 => break,
                _ => {
                    return Err(ElementError::Malformed(
                        "a sequence holds something that is no item",
                    ));
                }
            }
        }
        if keep {
            self.write_tag(SEQUENCE_DELIMITER, encoding);
            self.out.extend_from_slice(&[0; 4]);
        }
        Ok(())
    }

    fn write_header(&mut self, header: &ElementHeader, vr: [u8; 2], encoding: Encoding) {
        self.write_tag(header.tag, encoding);
        self.out.extend_from_slice(&vr);
        let short = u16::try_from(header.length).ok().filter(|_| has_short_length(vr));
        match short {
            Some(length) if encoding.big_endian => self.out.extend_from_slice(&length.to_be_bytes()),
            Some(length) => self.out.extend_from_slice(&length.to_le_bytes()),
            None => {
                self.out.extend_from_slice(&[0, 0]);
                self.out.extend_from_slice(&if encoding.big_endian {
                    header.length.to_be_bytes()
                } else {
                    header.length.to_le_bytes()
                });
            }
        }
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
