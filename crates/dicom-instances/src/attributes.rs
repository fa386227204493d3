//! Attributes by name, and which of them a search answers at which level (PS3.18 tables 10.6.3-3 to 10.6.3-5).

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::StandardDataDictionary;

/// Of the study and its patient.
pub(crate) const STUDY: &[&str] = &[
    "00080020", "00080030", "00080050", "00080090", "00080201", "00081030", "00100010", "00100020",
    "00100021", "00100030", "00100040", "00101010", "00120062", "0020000D", "00200010",
];
/// Of the series and its equipment.
pub(crate) const SERIES: &[&str] = &[
    "00080021", "00080031", "00080060", "00080070", "0008103E", "00081090", "00180015", "00181030",
    "00185100", "0020000E", "00200011", "00200052", "00400244", "00400245",
];
/// Of the instance.
pub(crate) const INSTANCE: &[&str] = &[
    "00080008", "00080016", "00080018", "00083002", "00200013", "00200032", "00280008", "00280010",
    "00280011", "00280100",
];

/// The tag of an attribute that is named by keyword or by eight hexadecimal digits, as eight upper-case digits.
pub fn attribute_tag(name: &str) -> Option<String> {
    if name.len() == 8 && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Some(name.to_ascii_uppercase());
    }
    let Tag(group, element) = StandardDataDictionary.by_name(name)?.tag();
    Some(format!("{group:04X}{element:04X}"))
}
