//! What stays of the attributes that table E.1-1 does not list: only what cannot name anybody.
//!
//! The table lists what must go and says nothing of the thousands of other attributes, of which some hold names all
//! the same (Patient's Birth Date in Alternative Calendar, Text Value). So what is not listed goes, unless its
//! representation holds numbers or codes only, or it is one of a few texts that describe machine and picture.

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;

/// Texts and bytes that an image cannot be read without, or that describe the machine's type.
const TEXTS: [Tag; 14] = [
    tags::MANUFACTURER,
    tags::MANUFACTURER_MODEL_NAME,
    tags::CONVOLUTION_KERNEL,
    tags::RESCALE_TYPE,
    tags::STACK_ID,
    tags::CODE_VALUE,
    tags::CODING_SCHEME_DESIGNATOR,
    tags::CODING_SCHEME_VERSION,
    tags::FILTER_TYPE,
    tags::MODALITY_LUT_TYPE,
    tags::RED_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::GREEN_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::BLUE_PALETTE_COLOR_LOOKUP_TABLE_DATA,
    tags::LUT_DATA,
];

/// Whether an attribute that the table does not list may stay.
pub(crate) fn is_allowed(tag: Tag, vr: VR) -> bool {
    if tag.group() == 0x0010 || tag.group() == 0x5400 {
        return matches!(vr, VR::SQ);
    }
    if TEXTS.contains(&tag) {
        return true;
    }
    matches!(
        vr,
        VR::CS
            | VR::DS
            | VR::IS
            | VR::US
            | VR::SS
            | VR::UL
            | VR::SL
            | VR::UV
            | VR::SV
            | VR::FL
            | VR::FD
            | VR::AT
            | VR::UI
            | VR::SQ
    )
}

/// Whether the text of a CS holds what a code may (PS3.5 table 6.2-1): capitals, digits, blanks, underscores.
pub(crate) fn is_code(text: &str) -> bool {
    text.split('\\').all(|code| {
        code.len() <= 16
            && code.bytes().all(|byte| {
                byte.is_ascii_uppercase() || byte.is_ascii_digit() || matches!(byte, b' ' | b'_' | 0)
            })
    })
}

/// Whether the text of a DS or IS holds numbers alone.
pub(crate) fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| {
        matches!(
            byte,
            b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E' | b' ' | b'\\' | 0
        )
    })
}
