//! Values of the elements that a walk has kept.

use std::hash::{DefaultHasher, Hash, Hasher};

use norma_dicom_elements::Encoding;
use norma_domain::SeriesInstanceUid;

use crate::element_walk::DataSet;

/// Longest text that is taken over; all attributes read here are shorter (PS3.5 table 6.2-1).
const TEXT_LIMIT: usize = 64;
/// Of a value that is only compared.
const MARK_LIMIT: usize = 256;
/// Dimensions of an enhanced object; four are many.
const LONGS_LIMIT: usize = 8;

/// A data set with the bytes its values lie in.
#[derive(Clone, Copy)]
pub(crate) struct Values<'data> {
    set: &'data DataSet,
    data: &'data [u8],
    encoding: Encoding,
}

impl<'data> Values<'data> {
    pub(crate) fn new(set: &'data DataSet, data: &'data [u8], encoding: Encoding) -> Self {
        Self { set, data, encoding }
    }

    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The items of a sequence.
    pub(crate) fn items(&self, tag: u32) -> &'data [DataSet] {
        self.set.items(tag)
    }

    pub(crate) fn item(&self, item: &'data DataSet) -> Self {
        Self { set: item, ..*self }
    }

    /// The first item of a sequence.
    pub(crate) fn group(&self, tag: u32) -> Option<Self> {
        self.set.first_item(tag).map(|item| self.item(item))
    }

    /// The bytes of an element as they stand.
    pub(crate) fn bytes(&self, tag: u32) -> Option<&'data [u8]> {
        self.set.bytes(tag, self.data)
    }

    /// The values of a text element, without padding and without anything that is not printable ASCII.
    pub(crate) fn texts(&self, tag: u32) -> Vec<String> {
        let Some(bytes) = self.set.bytes(tag, self.data) else {
            return Vec::new();
        };
        bytes.split(|byte| *byte == b'\\').map(clean).collect()
    }

    pub(crate) fn text(&self, tag: u32) -> Option<String> {
        self.texts(tag).into_iter().next().filter(|text| !text.is_empty())
    }

    /// The numbers of a DS, FD or FL element; None where one of them is none.
    pub(crate) fn numbers<const COUNT: usize>(&self, tag: u32) -> Option<[f64; COUNT]> {
        let bytes = self.set.bytes(tag, self.data)?;
        let mut numbers = [0.0; COUNT];
        if bytes.len() == COUNT * 8 && !is_decimal_text(bytes) {
            for (number, chunk) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
                let raw: [u8; 8] = chunk.try_into().ok()?;
                *number = if self.encoding.big_endian {
                    f64::from_be_bytes(raw)
                } else {
                    f64::from_le_bytes(raw)
                };
            }
        } else if let Some(singles) = self.singles(bytes) {
            numbers = singles;
        } else {
            let mut parts = bytes.split(|byte| *byte == b'\\');
            for number in &mut numbers {
                // Some writers take the decimal comma of their language.
                *number = clean(parts.next()?).replace(',', ".").parse().ok()?;
            }
        }
        numbers.iter().all(|number| number.is_finite()).then_some(numbers)
    }

    /// The numbers of an FL element; None of what is no number that stands in such a place.
    fn singles<const COUNT: usize>(&self, bytes: &[u8]) -> Option<[f64; COUNT]> {
        if bytes.len() != COUNT * 4 || is_decimal_text(bytes) {
            return None;
        }
        let mut numbers = [0.0; COUNT];
        for (number, chunk) in numbers.iter_mut().zip(bytes.chunks_exact(4)) {
            let raw: [u8; 4] = chunk.try_into().ok()?;
            *number = f64::from(f32::from_bits(self.encoding.u32(raw)));
        }
        // Words of four letters are very large or very small numbers.
        let is_plausible = |number: &f64| *number == 0.0 || PLAUSIBLE_SINGLE.contains(&number.abs());
        numbers.iter().all(is_plausible).then_some(numbers)
    }

    pub(crate) fn number(&self, tag: u32) -> Option<f64> {
        self.numbers::<1>(tag).map(|[number]| number)
    }

    /// The value as it stands there, without padding; None where it is empty.
    pub(crate) fn mark(&self, tag: u32) -> Option<Box<[u8]>> {
        let bytes = self.set.bytes(tag, self.data)?;
        let is_padding = |byte: &u8| matches!(byte, 0 | b' ');
        let start = bytes.iter().position(|byte| !is_padding(byte))?;
        let end = bytes.iter().rposition(|byte| !is_padding(byte))?;
        Some(bytes[start..=end].iter().take(MARK_LIMIT).copied().collect())
    }

    /// The text that names a study, a series or an instance, though it may be no UID; what is no plain text gets a
    /// name that stands for it alone.
    pub(crate) fn identifier(&self, tag: u32) -> Option<String> {
        let mark = self.mark(tag)?;
        let text = clean(&mark);
        if text.as_bytes() == &*mark && text.len() <= TEXT_LIMIT && SeriesInstanceUid::new(&text).is_ok() {
            return Some(text);
        }
        let mut hasher = DefaultHasher::new();
        self.set.bytes(tag, self.data)?.hash(&mut hasher);
        Some(format!("unnamed-{:016x}", hasher.finish()))
    }

    /// The numbers of a UL element.
    pub(crate) fn longs(&self, tag: u32) -> Vec<u32> {
        let bytes = self.set.bytes(tag, self.data).unwrap_or_default();
        bytes
            .chunks_exact(4)
            .take(LONGS_LIMIT)
            .map(|chunk| self.encoding.u32([chunk[0], chunk[1], chunk[2], chunk[3]]))
            .collect()
    }

    /// The number of an IS element.
    pub(crate) fn integer(&self, tag: u32) -> Option<i64> {
        self.text(tag)?.parse().ok()
    }

    /// The number of a US or SS element, as its 16 bits.
    pub(crate) fn u16(&self, tag: u32) -> Option<u16> {
        let bytes = self.set.bytes(tag, self.data)?;
        let raw: [u8; 2] = bytes.get(..2)?.try_into().ok()?;
        Some(self.encoding.u16(raw))
    }

    /// Convolution Kernel (0018,1210) or, in enhanced objects, (0018,9315) is a text or a group's text.
    pub(crate) fn kernel(&self) -> Option<String> {
        let own = |values: &Self| values.text(0x0018_1210).or_else(|| values.text(0x0018_9315));
        own(self).or_else(|| {
            let shared = self.group(0x5200_9229)?;
            own(&shared.group(0x0018_9314)?)
        })
    }
}

/// Distances, directions, slopes and intercepts.
const PLAUSIBLE_SINGLE: std::ops::RangeInclusive<f64> = 1e-12..=1e9;

/// DS holds only these (PS3.5 table 6.2-1), and a comma where it is written wrongly; eight such bytes may also be one double, but no plausible one.
fn is_decimal_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| {
        matches!(
            byte,
            b'0'..=b'9' | b'+' | b'-' | b'.' | b',' | b'e' | b'E' | b' ' | b'\\' | 0
        )
    }) && bytes.iter().any(u8::is_ascii_digit)
}

fn clean(bytes: &[u8]) -> String {
    let text: String = bytes
        .iter()
        .filter(|byte| byte.is_ascii_graphic() || **byte == b' ')
        .take(TEXT_LIMIT)
        .map(|byte| char::from(*byte))
        .collect();
    text.trim().to_owned()
}
