//! A data set, element by element.

use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_object::InMemDicomObject;

/// Builds a data set.
pub(crate) struct Elements(InMemDicomObject);

impl Elements {
    pub(crate) fn new() -> Self {
        Self(InMemDicomObject::new_empty())
    }

    /// A text of any string representation; empty where there is none (type 2).
    pub(crate) fn text(mut self, tag: Tag, vr: VR, text: impl AsRef<str>) -> Self {
        let text = text.as_ref();
        let value = if text.is_empty() {
            PrimitiveValue::Empty
        } else {
            PrimitiveValue::from(text)
        };
        self.0.put(DataElement::new(tag, vr, value));
        self
    }

    /// A text that is left out where there is none (type 3).
    pub(crate) fn text_if_any(self, tag: Tag, vr: VR, text: Option<&str>) -> Self {
        match text {
            Some(text) if !text.is_empty() => self.text(tag, vr, text),
            _ => self,
        }
    }

    pub(crate) fn number(mut self, tag: Tag, number: u16) -> Self {
        self.0
            .put(DataElement::new(tag, VR::US, PrimitiveValue::from(number)));
        self
    }

    pub(crate) fn numbers(mut self, tag: Tag, numbers: impl IntoIterator<Item = u16>) -> Self {
        let values = PrimitiveValue::U16(numbers.into_iter().collect());
        self.0.put(DataElement::new(tag, VR::US, values));
        self
    }

    pub(crate) fn long_numbers(mut self, tag: Tag, numbers: impl IntoIterator<Item = u32>) -> Self {
        let values = PrimitiveValue::U32(numbers.into_iter().collect());
        self.0.put(DataElement::new(tag, VR::UL, values));
        self
    }

    /// The tag of another element.
    pub(crate) fn tag(mut self, tag: Tag, other: Tag) -> Self {
        let values = PrimitiveValue::Tags([other].into_iter().collect());
        self.0.put(DataElement::new(tag, VR::AT, values));
        self
    }

    pub(crate) fn floats(mut self, tag: Tag, values: impl IntoIterator<Item = f32>) -> Self {
        let values = PrimitiveValue::F32(values.into_iter().collect());
        self.0.put(DataElement::new(tag, VR::FL, values));
        self
    }

    pub(crate) fn double(mut self, tag: Tag, value: f64) -> Self {
        self.0
            .put(DataElement::new(tag, VR::FD, PrimitiveValue::from(value)));
        self
    }

    /// Pixels of 16 bits.
    pub(crate) fn words(mut self, tag: Tag, words: Vec<u16>) -> Self {
        self.0
            .put(DataElement::new(tag, VR::OW, PrimitiveValue::U16(words.into())));
        self
    }

    pub(crate) fn bytes(mut self, tag: Tag, mut bytes: Vec<u8>) -> Self {
        if bytes.len() % 2 == 1 {
            bytes.push(0);
        }
        self.0
            .put(DataElement::new(tag, VR::OB, PrimitiveValue::from(bytes)));
        self
    }

    pub(crate) fn sequence(mut self, tag: Tag, items: Vec<InMemDicomObject>) -> Self {
        let items = Value::Sequence(DataSetSequence::new(items, Length::UNDEFINED));
        self.0.put(DataElement::new(tag, VR::SQ, items));
        self
    }

    pub(crate) fn build(self) -> InMemDicomObject {
        self.0
    }
}

/// A number as a decimal string of 16 characters at most (DS, PS3.5 6.2).
pub(crate) fn decimal(value: f64) -> String {
    let plain = format!("{value:.4}");
    let plain = plain.trim_end_matches('0').trim_end_matches('.').to_owned();
    if plain.len() <= 16 {
        return if plain == "-0" { "0".to_owned() } else { plain };
    }
    format!("{value:.8e}")
}

/// A number as a decimal string with as many of its digits as 16 characters hold.
pub(crate) fn exact_decimal(value: f64) -> String {
    const LENGTH: usize = 16;
    let shortest = format!("{value}");
    if shortest.len() <= LENGTH {
        return if shortest == "-0" {
            "0".to_owned()
        } else {
            shortest
        };
    }
    let rounded = (0..LENGTH).rev().map(|digits| format!("{value:.digits$}"));
    rounded
        .into_iter()
        .find(|text| text.len() <= LENGTH)
        .unwrap_or_else(|| format!("{value:.8e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exact_decimal_keeps_what_16_characters_hold() {
        for (value, text) in [
            (0.703_125, "0.703125"),
            (-0.0, "0"),
            (1.0 / 3.0, "0.33333333333333"),
            (-1.0 / 3.0, "-0.3333333333333"),
            (-161.640_625_000_000_03, "-161.64062500000"),
            (6.123_233_995_736_766e-17, "0.00000000000000"),
            (1e300, "1.00000000e300"),
        ] {
            assert_eq!(exact_decimal(value), text);
            assert!(text.len() <= 16);
        }
    }

    #[test]
    fn a_decimal_string_has_16_characters_at_most() {
        for (value, text) in [
            (34.0, "34"),
            (-420.123_456, "-420.1235"),
            (0.0, "0"),
            (-0.000_001, "0"),
            (1e300, "1.00000000e300"),
        ] {
            assert_eq!(decimal(value), text);
            assert!(text.len() <= 16);
        }
    }
}
