//! Values of fields: a text cannot end its field (HL7 v2.5.1, chapter 2.7).

use chrono::{DateTime, Utc};
use norma_dicom_results::Code;

/// A text with what would part fields escaped.
pub(super) fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\E\\"),
            '|' => escaped.push_str("\\F\\"),
            '^' => escaped.push_str("\\S\\"),
            '&' => escaped.push_str("\\T\\"),
            '~' => escaped.push_str("\\R\\"),
            '\n' => escaped.push_str("\\.br\\"),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Components, the last empty ones left out.
pub(super) fn components(parts: &[&str]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| text(part)).collect();
    parts.join("^").trim_end_matches('^').to_owned()
}

/// A coded element (CE).
pub(super) fn coded(value: &str, meaning: &str, scheme: &str) -> String {
    components(&[value, meaning, scheme])
}

/// One of a concept.
pub(super) fn concept(code: &Code) -> String {
    coded(code.value(), code.meaning(), code.scheme())
}

/// A moment (TS), in UTC.
pub(super) fn moment(at: DateTime<Utc>) -> String {
    at.format("%Y%m%d%H%M%S+0000").to_string()
}

/// A moment of DICOM's date and time; empty without a date.
pub(super) fn dicom_moment(date: &str, time: &str) -> String {
    if date.is_empty() {
        return String::new();
    }
    let whole = time.split('.').next().unwrap_or_default();
    // Hours alone are no time in HL7.
    let whole = if whole.len() < 4 { "" } else { whole };
    format!("{date}{whole}")
}

/// DICOM's person name (PN) as an extended one (XPN): the suffix comes before the prefix here.
pub(super) fn person_name(name: &str) -> String {
    let alphabetic = name.split('=').next().unwrap_or_default();
    let mut parts = alphabetic.split('^').map(str::trim);
    let [family, given, middle, prefix, suffix] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    components(&[family, given, middle, suffix, prefix])
}

/// A number with four places at most.
pub(super) fn number(value: f64) -> String {
    let plain = format!("{value:.4}");
    let plain = plain.trim_end_matches('0').trim_end_matches('.');
    if plain == "-0" {
        "0".to_owned()
    } else {
        plain.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_end_its_field() {
        assert_eq!(
            text("a|b^c&d~e\\f\r\ng\u{b}h"),
            "a\\F\\b\\S\\c\\T\\d\\R\\e\\E\\f \\.br\\g h"
        );
    }

    #[test]
    fn names_and_moments_are_those_of_hl7() {
        assert_eq!(person_name("Doe^Jane^Q^Dr^Jr=x^y"), "Doe^Jane^Q^Jr^Dr");
        assert_eq!(person_name("Doe^Jane"), "Doe^Jane");
        assert_eq!(person_name("Doe|x"), "Doe\\F\\x");
        assert_eq!(dicom_moment("20261101", "101010.5"), "20261101101010");
        assert_eq!(dicom_moment("20261101", "10"), "20261101");
        assert_eq!(dicom_moment("", "101010"), "");
        assert_eq!(number(-0.00001), "0");
        assert_eq!(number(34.25), "34.25");
    }
}
