//! Data sets of few elements (PS3.5 section 7), little endian: read in place, without allocating by what they say.

use std::io;

use norma_dicom_elements::Encoding;
use norma_dicom_elements::stream::{read_header, skip_value};

/// A data set that is not well-formed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MalformedDataSet;

pub(crate) type Tag = (u16, u16);

const ITEM: Tag = (0xFFFE, 0xE000);
/// Bytes of the delimiter that ends a value without a length.
const DELIMITER_BYTES: usize = 8;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) tag: Tag,
    pub(crate) value: &'a [u8],
}

impl Element<'_> {
    /// The value without what pads it to an even length.
    pub(crate) fn text(&self) -> Option<&str> {
        Some(std::str::from_utf8(self.value).ok()?.trim_matches(['\0', ' ']))
    }
}

/// The elements of a data set, or the items of a sequence, in their order.
pub(crate) struct Elements<'a> {
    rest: &'a [u8],
    encoding: Encoding,
}

impl<'a> Elements<'a> {
    pub(crate) fn of(data_set: &'a [u8], is_explicit: bool) -> Self {
        Self {
            rest: data_set,
            encoding: Encoding {
                explicit: is_explicit,
                big_endian: false,
            },
        }
    }

    fn take(&mut self) -> io::Result<Element<'a>> {
        let header = read_header(&mut self.rest, self.encoding)?;
        let start = self.rest;
        skip_value(&mut self.rest, &header, self.encoding)?;
        let delimiter = if header.is_open() { DELIMITER_BYTES } else { 0 };
        Ok(Element {
            tag: ((header.tag >> 16) as u16, header.tag as u16),
            value: &start[..start.len() - self.rest.len() - delimiter],
        })
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = Result<Element<'a>, MalformedDataSet>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_err() {
            self.rest = &[];
        }
        Some(taken.map_err(|_| MalformedDataSet))
    }
}

/// Writes elements in the order of their tags.
pub(crate) struct Writer {
    bytes: Vec<u8>,
    is_explicit: bool,
}

impl Writer {
    pub(crate) fn new(is_explicit: bool) -> Self {
        Self {
            bytes: Vec::new(),
            is_explicit,
        }
    }

    pub(crate) fn uid(&mut self, tag: Tag, uid: &str) {
        let mut value = uid.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(0);
        }
        self.raw(tag, *b"UI", &value);
    }

    pub(crate) fn number(&mut self, tag: Tag, number: u16) {
        self.raw(tag, *b"US", &number.to_le_bytes());
    }

    /// Padded with a blank, a UID with NUL.
    pub(crate) fn text(&mut self, tag: Tag, representation: [u8; 2], text: &str) {
        if &representation == b"UI" {
            return self.uid(tag, text);
        }
        let mut value = text.as_bytes().to_vec();
        if value.len() % 2 == 1 {
            value.push(b' ');
        }
        self.raw(tag, representation, &value);
    }

    /// A value as it came, in implicit VR.
    pub(crate) fn bytes(&mut self, tag: Tag, value: &[u8]) {
        self.raw(tag, *b"UN", value);
    }

    /// A sequence of the items that these have written.
    pub(crate) fn sequence(&mut self, tag: Tag, items: impl IntoIterator<Item = Self>) {
        let mut value = Vec::new();
        for item in items {
            value.extend(ITEM.0.to_le_bytes());
            value.extend(ITEM.1.to_le_bytes());
            value.extend((item.bytes.len() as u32).to_le_bytes());
            value.extend(item.bytes);
        }
        self.raw(tag, *b"SQ", &value);
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn raw(&mut self, tag: Tag, representation: [u8; 2], value: &[u8]) {
        self.bytes.extend(tag.0.to_le_bytes());
        self.bytes.extend(tag.1.to_le_bytes());
        if !self.is_explicit {
            self.bytes.extend((value.len() as u32).to_le_bytes());
        } else if &representation == b"SQ" {
            self.bytes.extend(b"SQ\0\0");
            self.bytes.extend((value.len() as u32).to_le_bytes());
        } else {
            self.bytes.extend(representation);
            self.bytes.extend((value.len() as u16).to_le_bytes());
        }
        self.bytes.extend(value);
    }
}

#[cfg(test)]
mod tests {
    use norma_dicom_elements::UNDEFINED_LENGTH;

    use super::*;

    const SEQUENCE: Tag = (0x0008, 0x1199);
    const UID: Tag = (0x0008, 0x1155);

    #[test]
    fn items_are_found_whether_their_lengths_are_said_or_not() {
        let item = |is_explicit| {
            let mut item = Writer::new(is_explicit);
            item.uid(UID, "1.2.3");
            item
        };
        for is_explicit in [true, false] {
            let mut said = Writer::new(is_explicit);
            said.sequence(SEQUENCE, [item(is_explicit), item(is_explicit)]);
            let mut open = SEQUENCE.0.to_le_bytes().to_vec();
            open.extend(SEQUENCE.1.to_le_bytes());
            if is_explicit {
                open.extend(b"SQ\0\0");
            }
            open.extend(UNDEFINED_LENGTH.to_le_bytes());
            for _ in 0..2 {
                open.extend(b"\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF");
                open.extend(item(is_explicit).finish());
                open.extend(b"\xFE\xFF\x0D\xE0\0\0\0\0");
            }
            open.extend(b"\xFE\xFF\xDD\xE0\0\0\0\0");
            for data_set in [said.finish(), open] {
                let all: Vec<_> = Elements::of(&data_set, is_explicit)
                    .collect::<Result<_, _>>()
                    .unwrap();
                assert_eq!(all.len(), 1);
                assert_eq!(all[0].tag, SEQUENCE);
                let items = Elements::of(all[0].value, is_explicit);
                let uids: Vec<String> = items
                    .map(|item| {
                        let element = Elements::of(item.unwrap().value, is_explicit).next();
                        element.unwrap().unwrap().text().unwrap().to_owned()
                    })
                    .collect();
                assert_eq!(uids, ["1.2.3", "1.2.3"]);
                for end in 1..data_set.len() {
                    let cut = Elements::of(&data_set[..end], is_explicit).last().unwrap();
                    assert!(cut.is_err(), "cut at {end}");
                }
            }
        }
    }

    #[test]
    fn nothing_is_deeper_than_a_limit() {
        let deep: Vec<u8> = b"\x08\x00\x99\x11\xFF\xFF\xFF\xFF\xFE\xFF\x00\xE0\xFF\xFF\xFF\xFF".repeat(1000);
        assert!(Elements::of(&deep, false).next().unwrap().is_err());
    }
}
