//! The Native DICOM Model (PS3.19 annex A) of a data set: XML that says what the DICOM JSON model says.

use std::fmt::Write as _;

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::StandardDataDictionary;
use serde_json::Value;

/// Components of a name (PN) in their order, and the groups that have them.
pub(crate) const NAME_COMPONENTS: [&str; 5] = [
    "FamilyName",
    "GivenName",
    "MiddleName",
    "NamePrefix",
    "NameSuffix",
];
pub(crate) const NAME_GROUPS: [&str; 3] = ["Alphabetic", "Ideographic", "Phonetic"];

/// The document of a data set that is given in the DICOM JSON model.
pub fn write_native_model<'a>(attributes: impl IntoIterator<Item = (&'a String, &'a Value)>) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<NativeDicomModel xmlns=\"http://dicom.nema.org/PS3.19/models/NativeDICOM\" \
         xml:space=\"preserve\">",
    );
    for (tag, attribute) in attributes {
        write_attribute(&mut text, tag, attribute);
    }
    text.push_str("</NativeDicomModel>\n");
    text
}

// Writing to a string does not fail.
fn write_attribute(text: &mut String, tag: &str, attribute: &Value) {
    let representation = attribute["vr"].as_str().unwrap_or("UN");
    let _ = write!(
        text,
        "<DicomAttribute tag=\"{}\" vr=\"{}\"",
        escaped(tag),
        escaped(representation)
    );
    if let Some(keyword) = keyword_of(tag) {
        let _ = write!(text, " keyword=\"{keyword}\"");
    }
    text.push('>');
    if let Some(base64) = attribute["InlineBinary"].as_str() {
        let _ = write!(text, "<InlineBinary>{}</InlineBinary>", escaped(base64));
    }
    if let Some(uri) = attribute["BulkDataURI"].as_str() {
        let _ = write!(text, "<BulkData uri=\"{}\"/>", escaped(uri));
    }
    for (at, value) in attribute["Value"].as_array().into_iter().flatten().enumerate() {
        let number = at + 1;
        match value {
            // It is told by the number of the next one.
            Value::Null => {}
            Value::Object(item) if representation == "SQ" => {
                let _ = write!(text, "<Item number=\"{number}\">");
                for (tag, attribute) in item {
                    write_attribute(text, tag, attribute);
                }
                text.push_str("</Item>");
            }
            Value::Object(groups) => {
                let _ = write!(text, "<PersonName number=\"{number}\">");
                for group in NAME_GROUPS {
                    if let Some(name) = groups.get(group).and_then(Value::as_str) {
                        write_name(text, group, name);
                    }
                }
                text.push_str("</PersonName>");
            }
            value => {
                let plain = value.as_str().map_or_else(|| value.to_string(), escaped);
                let _ = write!(text, "<Value number=\"{number}\">{plain}</Value>");
            }
        }
    }
    text.push_str("</DicomAttribute>");
}

fn write_name(text: &mut String, group: &str, name: &str) {
    let _ = write!(text, "<{group}>");
    for (component, value) in NAME_COMPONENTS.iter().zip(name.split('^')) {
        if !value.is_empty() {
            let _ = write!(text, "<{component}>{}</{component}>", escaped(value));
        }
    }
    let _ = write!(text, "</{group}>");
}

fn keyword_of(tag: &str) -> Option<&'static str> {
    let number = u32::from_str_radix(tag, 16).ok()?;
    let (group, element) = ((number >> 16) as u16, number as u16);
    Some(StandardDataDictionary.by_tag(Tag(group, element))?.alias())
}

/// Without characters that XML 1.0 does not have.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // A reader makes a line feed of it otherwise.
            '\r' => escaped.push_str("&#13;"),
            '\t' | '\n' => escaped.push(character),
            '\u{FFFE}' | '\u{FFFF}' => {}
            character if character < ' ' => {}
            character => escaped.push(character),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::index::Attributes;
    use crate::native_model_reading::read_native_model;

    fn attributes(document: Value) -> Attributes {
        serde_json::from_value(document).unwrap()
    }

    #[test]
    fn a_data_set_is_the_same_after_it_was_xml() {
        let document = attributes(json!({
            "00080005": {"vr": "CS", "Value": ["ISO_IR 192"]},
            "00080008": {"vr": "CS", "Value": ["ORIGINAL", null, "AXIAL"]},
            "00081140": {"vr": "SQ", "Value": [
                {"00081150": {"vr": "UI", "Value": ["1.2.3"]}}, {"00081160": {"vr": "IS", "Value": [2]}}
            ]},
            "00100010": {"vr": "PN", "Value": [
                {"Alphabetic": "Петр^А^^Dr", "Ideographic": "山田^太郎"}, {"Alphabetic": "B"}
            ]},
            "00100020": {"vr": "LO"},
            "00104000": {"vr": "LT", "Value": [" a < b & \"c\"\r\n> d "]},
            "00200032": {"vr": "DS", "Value": [-1.5, 20.0]},
            "00280010": {"vr": "US", "Value": [512]},
            "00290010": {"vr": "OB", "InlineBinary": "AQIDBA=="},
            "00290011": {"vr": "OB", "BulkDataURI": "http://host/a?b=1&c=\"2\""},
            "00404021": {"vr": "SQ"},
        }));
        let xml = write_native_model(&document);
        assert!(xml.contains("keyword=\"PatientName\""), "{xml}");
        assert!(
            xml.contains("<MiddleName>") || xml.contains("<NamePrefix>Dr</NamePrefix>"),
            "{xml}"
        );
        assert!(xml.contains("<Value number=\"3\">AXIAL</Value>"), "{xml}");
        assert_eq!(read_native_model(xml.as_bytes()).unwrap(), document);
    }

    #[test]
    fn what_xml_has_no_character_for_is_left_out() {
        let document = attributes(json!({"00100020": {"vr": "LO", "Value": ["a\u{1}b\u{FFFF}"]}}));
        let read = read_native_model(write_native_model(&document).as_bytes()).unwrap();
        assert_eq!(json!(read), json!({"00100020": {"vr": "LO", "Value": ["ab"]}}));
    }
}
