//! A strict walk over the elements of a DICOM data set (PS3.5 section 7), up to its pixel data.
//!
//! Every length is held against the bytes that are there before anything is read or allocated, so a file
//! costs no more than its own size. Only the elements named by `element_tags.rs` are kept.

use std::ops::Range;

use norma_dicom_elements::{
    ElementCursor, ElementError, ElementHeader, Encoding, ITEM, ITEM_DELIMITER, NO_REPRESENTATION,
    SEQUENCE_DELIMITER,
};

use crate::element_tags::{is_wanted, is_wanted_sequence};

/// Sequences in sequences; real files stay below ten.
const DEPTH_LIMIT: u32 = 24;
/// Wanted elements and items of one file; an enhanced object of 2,000 frames has some 60,000.
const KEPT_LIMIT: usize = 500_000;

const NO_REPRESENTATION_SAID: &str = "an element says no value representation (VR), so that nobody knows where it ends; export the images again, \
     as explicit or as implicit VR throughout";

pub(crate) const PIXEL_DATA: u32 = 0x7FE0_0010;
const FLOAT_PIXEL_DATA: u32 = 0x7FE0_0008;
const DOUBLE_FLOAT_PIXEL_DATA: u32 = 0x7FE0_0009;

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

/// Walks the elements of `data` from `start`; the file is `total` bytes long, of which `data` is the first part.
pub(crate) fn walk_elements(
    data: &[u8],
    start: usize,
    total: u64,
    encoding: Encoding,
) -> Result<(DataSet, Option<PixelElement>), ElementError> {
    let mut walker = Walker::at(data, start, total)?;
    let set = walker
        .data_set(encoding, walker.cursor.total(), End::File, true, 0)
        .map_err(|error| match error {
            // The length is where it seems to be only in an element that says its representation.
            ElementError::Lying { .. } if encoding.explicit && walker.lacks_representation => {
                ElementError::Malformed(NO_REPRESENTATION_SAID)
            }
            error => error,
        })?;
    Ok((set, walker.pixels))
}

/// Walks the file meta information (group 0002, explicit little endian) and says where it ends.
pub(crate) fn walk_meta(data: &[u8], start: usize, total: u64) -> Result<(DataSet, usize), ElementError> {
    let mut walker = Walker::at(data, start, total)?;
    let set = walker.data_set(
        Encoding::EXPLICIT_LITTLE,
        walker.cursor.total(),
        End::Meta,
        true,
        0,
    )?;
    Ok((set, walker.cursor.position))
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
    cursor: ElementCursor<'data>,
    pixels: Option<PixelElement>,
    kept: usize,
    /// Whether an element came that says no value representation.
    lacks_representation: bool,
}

impl<'data> Walker<'data> {
    fn at(data: &'data [u8], start: usize, total: u64) -> Result<Self, ElementError> {
        let total = usize::try_from(total).map_err(|_| ElementError::Malformed("the file is too large"))?;
        Ok(Self {
            cursor: ElementCursor::new(data, start, total),
            pixels: None,
            kept: 0,
            lacks_representation: false,
        })
    }

    fn data_set(
        &mut self,
        encoding: Encoding,
        end: usize,
        ends: End,
        keep: bool,
        depth: u32,
    ) -> Result<DataSet, ElementError> {
        if depth > DEPTH_LIMIT {
            return Err(ElementError::Malformed("sequences are nested too deeply"));
        }
        let mut set = DataSet::default();
        while self.cursor.position < end {
            if matches!(ends, End::File | End::Meta) && end - self.cursor.position < 8 {
                break; // trailing padding
            }
            if ends == End::Meta {
                let group = self
                    .cursor
                    .data()
                    .get(self.cursor.position..self.cursor.position + 2)
                    .ok_or(ElementError::NeedMore)?;
                if group != [2, 0] {
                    break;
                }
            }
            let header = self.cursor.header(encoding, end)?;
            self.lacks_representation |= header.vr == NO_REPRESENTATION && header.tag >> 16 != ITEM >> 16;
            match header.tag {
                ITEM_DELIMITER if ends == End::Delimiter => return Ok(set),
                // Zeros where a delimiter belongs: the item ends, and so does what holds it.
                0 if header.length == 0 && ends == End::Delimiter => return Ok(set),
                // Some writers close what has a length of its own.
                ITEM_DELIMITER | SEQUENCE_DELIMITER
                    if ends != End::Delimiter && (header.length == 0 || header.is_open()) =>
                {
                    continue;
                }
                ITEM | ITEM_DELIMITER | SEQUENCE_DELIMITER => {
                    return Err(ElementError::Malformed("an item stands outside a sequence"));
                }
                PIXEL_DATA | FLOAT_PIXEL_DATA | DOUBLE_FLOAT_PIXEL_DATA if ends == End::File => {
                    self.pixels = Some(PixelElement {
                        offset: self.cursor.position as u64,
                        length: (!header.is_open()).then_some(u64::from(header.length)),
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
            return Err(ElementError::Malformed("an item has no end"));
        }
        Ok(set)
    }

    /// Reads or skips the value that follows `header`.
    fn value(
        &mut self,
        header: &ElementHeader,
        encoding: Encoding,
        end: usize,
        wanted: bool,
        depth: u32,
    ) -> Result<Option<Value>, ElementError> {
        let inner = if &header.vr == b"UN" {
            self.cursor.encoding_in_unknown(encoding, header.is_open())?
        } else {
            encoding
        };
        if header.is_open() {
            return match &header.vr {
                b"SQ" | b"UN" | &NO_REPRESENTATION => {
                    let items = self.items(inner, end, None, wanted, depth + 1)?;
                    Ok(wanted.then_some(Value::Items(items)))
                }
                b"OB" | b"OW" => {
                    self.skip_fragments(encoding, end)?;
                    Ok(None)
                }
                _ => Err(ElementError::Malformed(
                    "an element that is no sequence has no length",
                )),
            };
        }
        let value_end = self.cursor.end_of(header.length, end)?;
        let is_sequence = &header.vr == b"SQ"
            || (matches!(&header.vr, b"UN" | &NO_REPRESENTATION) && is_wanted_sequence(header.tag));
        if wanted && is_sequence {
            let items = self.items(inner, value_end, Some(value_end), true, depth + 1)?;
            self.cursor.position = value_end;
            return Ok(Some(Value::Items(items)));
        }
        let range = self.cursor.position..value_end;
        if wanted && value_end > self.cursor.data().len() {
            return Err(ElementError::NeedMore);
        }
        self.cursor.position = value_end;
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
    ) -> Result<Vec<DataSet>, ElementError> {
        if depth > DEPTH_LIMIT {
            return Err(ElementError::Malformed("sequences are nested too deeply"));
        }
        let mut items = Vec::new();
        while known_end.is_none_or(|known_end| self.cursor.position < known_end) {
            let item = self.cursor.item_header(encoding, end)?;
            if keep {
                self.count_kept()?;
            }
            match item.tag {
                ITEM if item.is_open() => {
                    let item = self.data_set(encoding, end, End::Delimiter, keep, depth + 1)?;
                    if keep {
                        items.push(item);
                    }
                }
                ITEM => {
                    let item_end = self.cursor.end_of(item.length, end)?;
                    if keep {
                        items.push(self.data_set(encoding, item_end, End::Length, keep, depth + 1)?);
                    }
                    self.cursor.position = item_end;
                }
                SEQUENCE_DELIMITER => break,
                ITEM_DELIMITER if item.length == 0 || item.is_open() => {}
                // Zeros where the delimiter belongs.
                0 if item.length == 0 => break,
                _ => {
                    return Err(ElementError::Malformed(
                        "a sequence holds something that is no item",
                    ));
                }
            }
        }
        Ok(items)
    }

    fn count_kept(&mut self) -> Result<(), ElementError> {
        self.kept += 1;
        if self.kept > KEPT_LIMIT {
            return Err(ElementError::Malformed("it holds too many elements"));
        }
        Ok(())
    }

    fn skip_fragments(&mut self, encoding: Encoding, end: usize) -> Result<(), ElementError> {
        loop {
            let item = self.cursor.item_header(encoding, end)?;
            match item.tag {
                ITEM if !item.is_open() => self.cursor.position = self.cursor.end_of(item.length, end)?,
                SEQUENCE_DELIMITER => return Ok(()),
                _ => return Err(ElementError::Malformed("encapsulated bytes are not in fragments")),
            }
        }
    }
}

#[cfg(test)]
#[path = "element_walk_tests.rs"]
mod tests;
