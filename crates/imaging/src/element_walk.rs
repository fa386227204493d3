//! A strict walk over the elements of a DICOM data set (PS3.5 section 7), up to its pixel data.
//!
//! Every length is held against the bytes that are there before anything is read or allocated, so a file
//! costs no more than its own size. Only the elements named by `element_tags.rs` are kept.

use std::ops::Range;

use crate::element_tags::{is_short, is_wanted, is_wanted_sequence};

/// Sequences in sequences; real files stay below ten.
const DEPTH_LIMIT: u32 = 24;
/// Wanted elements and items of one file; an enhanced object of 2,000 frames has some 60,000.
const KEPT_LIMIT: usize = 500_000;
const UNDEFINED: u32 = 0xFFFF_FFFF;
const ITEM: u32 = 0xFFFE_E000;
const ITEM_DELIMITER: u32 = 0xFFFE_E00D;
const SEQUENCE_DELIMITER: u32 = 0xFFFE_E0DD;

pub(crate) const PIXEL_DATA: u32 = 0x7FE0_0010;
const FLOAT_PIXEL_DATA: u32 = 0x7FE0_0008;
const DOUBLE_FLOAT_PIXEL_DATA: u32 = 0x7FE0_0009;

/// How elements are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Encoding {
    pub(crate) explicit: bool,
    pub(crate) big_endian: bool,
}

impl Encoding {
    pub(crate) const IMPLICIT_LITTLE: Self = Self {
        explicit: false,
        big_endian: false,
    };
    pub(crate) const EXPLICIT_LITTLE: Self = Self {
        explicit: true,
        big_endian: false,
    };
    pub(crate) const EXPLICIT_BIG: Self = Self {
        explicit: true,
        big_endian: true,
    };

    pub(crate) fn u16(self, bytes: [u8; 2]) -> u16 {
        if self.big_endian {
            u16::from_be_bytes(bytes)
        } else {
            u16::from_le_bytes(bytes)
        }
    }

    pub(crate) fn u32(self, bytes: [u8; 4]) -> u32 {
        if self.big_endian {
            u32::from_be_bytes(bytes)
        } else {
            u32::from_le_bytes(bytes)
        }
    }
}

/// An element that was kept.
#[derive(Debug)]
pub(crate) struct Element {
    /// Group and element, `0xGGGGEEEE`.
    pub(crate) tag: u32,
    pub(crate) value: Value,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// Where the value lies in the bytes that were walked.
    Bytes(Range<usize>),
    Items(Vec<DataSet>),
}

#[derive(Debug, Default)]
pub(crate) struct DataSet {
    pub(crate) elements: Vec<Element>,
}

impl DataSet {
    pub(crate) fn bytes<'data>(&self, tag: u32, data: &'data [u8]) -> Option<&'data [u8]> {
        self.elements
            .iter()
            .find(|element| element.tag == tag)
            .and_then(|element| match &element.value {
                Value::Bytes(range) => data.get(range.clone()),
                Value::Items(_) => None,
            })
    }

    pub(crate) fn items(&self, tag: u32) -> &[DataSet] {
        self.elements
            .iter()
            .find(|element| element.tag == tag)
            .map_or(&[], |element| match &element.value {
                Value::Items(items) => items,
                Value::Bytes(_) => &[],
            })
    }

    /// The only item of a functional group.
    pub(crate) fn first_item(&self, tag: u32) -> Option<&DataSet> {
        self.items(tag).first()
    }
}

/// Where the pixel data of the top level lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PixelElement {
    /// Of its value, from the start of the file.
    pub(crate) offset: u64,
    /// None where undefined: the pixels are encapsulated.
    pub(crate) length: Option<u64>,
    pub(crate) is_float: bool,
}

/// Why a walk ended early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WalkError {
    /// The elements go on past the bytes given, but not past the end of the file.
    NeedMore,
    /// A length reaches past the end of what holds the element.
    Lying {
        claimed: u64,
        available: u64,
    },
    Malformed(&'static str),
}

/// Walks the elements of `data` from `start`; the file is `total` bytes long, of which `data` is the first part.
pub(crate) fn walk_elements(
    data: &[u8],
    start: usize,
    total: u64,
    encoding: Encoding,
) -> Result<(DataSet, Option<PixelElement>), WalkError> {
    let mut walker = Walker {
        data,
        total: usize::try_from(total).map_err(|_| WalkError::Malformed("the file is too large"))?,
        position: start,
        pixels: None,
        kept: 0,
    };
    let set = walker.data_set(encoding, walker.total, End::File, true, 0)?;
    Ok((set, walker.pixels))
}

/// Walks the file meta information (group 0002, explicit little endian) and says where it ends.
pub(crate) fn walk_meta(data: &[u8], start: usize, total: u64) -> Result<(DataSet, usize), WalkError> {
    let mut walker = Walker {
        data,
        total: usize::try_from(total).map_err(|_| WalkError::Malformed("the file is too large"))?,
        position: start,
        pixels: None,
        kept: 0,
    };
    let set = walker.data_set(Encoding::EXPLICIT_LITTLE, walker.total, End::Meta, true, 0)?;
    Ok((set, walker.position))
}

/// What ends a data set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The end of the file, or the pixel data.
    File,
    /// The first element of another group than 0002.
    Meta,
    /// The end of an item of known length.
    Length,
    /// An item delimiter.
    Delimiter,
}

struct Walker<'data> {
    data: &'data [u8],
    total: usize,
    position: usize,
    pixels: Option<PixelElement>,
    kept: usize,
}

struct Header {
    tag: u32,
    vr: [u8; 2],
    length: u32,
}

impl Walker<'_> {
    fn data_set(
        &mut self,
        encoding: Encoding,
        end: usize,
        ends: End,
        keep: bool,
        depth: u32,
    ) -> Result<DataSet, WalkError> {
        if depth > DEPTH_LIMIT {
            return Err(WalkError::Malformed("sequences are nested too deeply"));
        }
        let mut set = DataSet::default();
        while self.position < end {
            if matches!(ends, End::File | End::Meta) && end - self.position < 8 {
                break; // trailing padding
            }
            if ends == End::Meta {
                let group = self
                    .data
                    .get(self.position..self.position + 2)
                    .ok_or(WalkError::NeedMore)?;
                if group != [2, 0] {
                    break;
                }
            }
            let header = self.header(encoding, end)?;
            match header.tag {
                ITEM_DELIMITER if ends == End::Delimiter => return Ok(set),
                // Zeros where a delimiter belongs: the item ends, and so does what holds it.
                0 if header.length == 0 && ends == End::Delimiter => return Ok(set),
                // Some writers close what has a length of its own.
                ITEM_DELIMITER | SEQUENCE_DELIMITER
                    if ends != End::Delimiter && matches!(header.length, 0 | UNDEFINED) =>
                {
                    continue;
                }
                ITEM | ITEM_DELIMITER | SEQUENCE_DELIMITER => {
                    return Err(WalkError::Malformed("an item stands outside a sequence"));
                }
                PIXEL_DATA | FLOAT_PIXEL_DATA | DOUBLE_FLOAT_PIXEL_DATA if ends == End::File => {
                    self.pixels = Some(PixelElement {
                        offset: self.position as u64,
                        length: (header.length != UNDEFINED).then_some(u64::from(header.length)),
                        is_float: header.tag != PIXEL_DATA,
                    });
                    return Ok(set);
                }
                _ => {}
            }
            let wanted = keep && is_wanted(header.tag);
            if let Some(value) = self.value(&header, encoding, end, wanted, depth)? {
                self.count_kept()?;
                set.elements.push(Element {
                    tag: header.tag,
                    value,
                });
            }
        }
        if ends == End::Delimiter {
            return Err(WalkError::Malformed("an item has no end"));
        }
        Ok(set)
    }

    /// Reads or skips the value that follows `header`.
    fn value(
        &mut self,
        header: &Header,
        encoding: Encoding,
        end: usize,
        wanted: bool,
        depth: u32,
    ) -> Result<Option<Value>, WalkError> {
        let inner = if &header.vr == b"UN" {
            self.encoding_in_unknown(encoding, header.length)?
        } else {
            encoding
        };
        if header.length == UNDEFINED {
            return match &header.vr {
                b"SQ" | b"UN" | [0, 0] => {
                    let items = self.items(inner, end, None, wanted, depth + 1)?;
                    Ok(wanted.then_some(Value::Items(items)))
                }
                b"OB" | b"OW" => {
                    self.skip_fragments(encoding, end)?;
                    Ok(None)
                }
                _ => Err(WalkError::Malformed(
                    "an element that is no sequence has no length",
                )),
            };
        }
        let value_end = self.bounded(header.length, end)?;
        let is_sequence =
            &header.vr == b"SQ" || (matches!(&header.vr, b"UN" | [0, 0]) && is_wanted_sequence(header.tag));
        if wanted && is_sequence {
            let items = self.items(inner, value_end, Some(value_end), true, depth + 1)?;
            self.position = value_end;
            return Ok(Some(Value::Items(items)));
        }
        let range = self.position..value_end;
        if wanted && value_end > self.data.len() {
            return Err(WalkError::NeedMore);
        }
        self.position = value_end;
        Ok(wanted.then_some(Value::Bytes(range)))
    }

    /// The items of a sequence, up to `known_end` or the delimiter.
    fn items(
        &mut self,
        encoding: Encoding,
        end: usize,
        known_end: Option<usize>,
        keep: bool,
        depth: u32,
    ) -> Result<Vec<DataSet>, WalkError> {
        if depth > DEPTH_LIMIT {
            return Err(WalkError::Malformed("sequences are nested too deeply"));
        }
        let mut items = Vec::new();
        while known_end.is_none_or(|known_end| self.position < known_end) {
            let (tag, length) = self.item_header(encoding, end)?;
            if keep {
                self.count_kept()?;
            }
            match tag {
                ITEM if length == UNDEFINED => {
                    let item = self.data_set(encoding, end, End::Delimiter, keep, depth + 1)?;
                    if keep {
                        items.push(item);
                    }
                }
                ITEM => {
                    let item_end = self.bounded(length, end)?;
                    if keep {
                        items.push(self.data_set(encoding, item_end, End::Length, keep, depth + 1)?);
                    }
                    self.position = item_end;
                }
                SEQUENCE_DELIMITER => break,
                ITEM_DELIMITER if matches!(length, 0 | UNDEFINED) => {}
                // Zeros where the delimiter belongs.
                0 if length == 0 => break,
                _ => return Err(WalkError::Malformed("a sequence holds something that is no item")),
            }
        }
        Ok(items)
    }

    /// PS3.5 section 6.2.2 note 2: a UN of undefined length is a sequence in implicit little endian. Some writers
    /// change nothing but the VR: then the first element in it has one.
    fn encoding_in_unknown(&self, outer: Encoding, length: u32) -> Result<Encoding, WalkError> {
        let (start, end) = (self.position + 12, self.position + 14);
        match self.data.get(start..end) {
            Some(vr) if outer.explicit && vr.iter().all(u8::is_ascii_uppercase) => Ok(outer),
            None if length == UNDEFINED && end <= self.total => Err(WalkError::NeedMore),
            _ => Ok(Encoding::IMPLICIT_LITTLE),
        }
    }

    fn count_kept(&mut self) -> Result<(), WalkError> {
        self.kept += 1;
        if self.kept > KEPT_LIMIT {
            return Err(WalkError::Malformed("it holds too many elements"));
        }
        Ok(())
    }

    fn skip_fragments(&mut self, encoding: Encoding, end: usize) -> Result<(), WalkError> {
        loop {
            let (tag, length) = self.item_header(encoding, end)?;
            match tag {
                ITEM if length != UNDEFINED => self.position = self.bounded(length, end)?,
                SEQUENCE_DELIMITER => return Ok(()),
                _ => return Err(WalkError::Malformed("encapsulated bytes are not in fragments")),
            }
        }
    }

    fn header(&mut self, encoding: Encoding, end: usize) -> Result<Header, WalkError> {
        let bytes: [u8; 8] = self.take(end)?;
        let tag = tag_of(encoding, &bytes);
        let vr = [bytes[4], bytes[5]];
        // Delimiters have no VR; and some writers slip elements without one into explicit files.
        if !encoding.explicit || tag >> 16 == 0xFFFE || !vr.iter().all(u8::is_ascii_uppercase) {
            let length = encoding.u32([bytes[4], bytes[5], bytes[6], bytes[7]]);
            return Ok(Header {
                tag,
                vr: [0, 0],
                length,
            });
        }
        if is_short(vr) {
            let length = u32::from(encoding.u16([bytes[6], bytes[7]]));
            return Ok(Header { tag, vr, length });
        }
        let length = encoding.u32(self.take(end)?);
        Ok(Header { tag, vr, length })
    }

    fn item_header(&mut self, encoding: Encoding, end: usize) -> Result<(u32, u32), WalkError> {
        let bytes: [u8; 8] = self.take(end)?;
        let length = encoding.u32([bytes[4], bytes[5], bytes[6], bytes[7]]);
        Ok((tag_of(encoding, &bytes), length))
    }

    fn take<const COUNT: usize>(&mut self, end: usize) -> Result<[u8; COUNT], WalkError> {
        let next = self.position + COUNT;
        if next > end {
            return Err(WalkError::Lying {
                claimed: COUNT as u64,
                available: end.saturating_sub(self.position) as u64,
            });
        }
        let bytes = self.data.get(self.position..next).ok_or(WalkError::NeedMore)?;
        self.position = next;
        bytes.try_into().map_err(|_| WalkError::NeedMore)
    }

    /// The end of a value of `length` bytes from here.
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
}

fn tag_of(encoding: Encoding, bytes: &[u8; 8]) -> u32 {
    let group = encoding.u16([bytes[0], bytes[1]]);
    let element = encoding.u16([bytes[2], bytes[3]]);
    u32::from(group) << 16 | u32::from(element)
}

#[cfg(test)]
#[path = "element_walk_tests.rs"]
mod tests;
