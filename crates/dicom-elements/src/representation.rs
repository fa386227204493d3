//! What the dictionary (PS3.6) says of elements.

use dicom_core::Tag;
use dicom_core::dictionary::{DataDictionary as _, DataDictionaryEntry as _};
use dicom_dictionary_std::StandardDataDictionary;

/// The value representation of an attribute by the dictionary; UN where it is not in it. What may be one of several is the
/// usual one.
pub fn representation_of(tag: u32) -> [u8; 2] {
    let (group, element) = ((tag >> 16) as u16, tag as u16);
    if element == 0 {
        return *b"UL";
    }
    // A private creator.
    if group & 1 == 1 {
        return if (0x10..=0xFF).contains(&element) {
            *b"LO"
        } else {
            *b"UN"
        };
    }
    let Some(entry) = StandardDataDictionary.by_tag(Tag(group, element)) else {
        return *b"UN";
    };
    let name = entry.vr().relaxed().to_string().as_bytes();
    [name[0], name[1]]
}
