//! Which pictures may show text that names somebody: told by what they are, since nobody has looked at them.

use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Classes of pictures that a scanner computes and that hold no writing unless they say so (PS3.4 table B.5-1):
/// CT, MR, PET, nuclear medicine, radiography and angiography with their enhanced kin. All others are left out:
/// ultrasound and captured screens carry the patient's name as a rule, photographs may show a face.
const COMPUTED: [&str; 26] = [
    "1.2.840.10008.5.1.4.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.1.1",
    "1.2.840.10008.5.1.4.1.1.1.2",
    "1.2.840.10008.5.1.4.1.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.1.3",
    "1.2.840.10008.5.1.4.1.1.1.3.1",
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.2.1",
    "1.2.840.10008.5.1.4.1.1.2.2",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.4.1",
    "1.2.840.10008.5.1.4.1.1.4.3",
    "1.2.840.10008.5.1.4.1.1.4.4",
    "1.2.840.10008.5.1.4.1.1.12.1",
    "1.2.840.10008.5.1.4.1.1.12.1.1",
    "1.2.840.10008.5.1.4.1.1.12.2",
    "1.2.840.10008.5.1.4.1.1.12.2.1",
    "1.2.840.10008.5.1.4.1.1.13.1.1",
    "1.2.840.10008.5.1.4.1.1.13.1.2",
    "1.2.840.10008.5.1.4.1.1.13.1.3",
    "1.2.840.10008.5.1.4.1.1.20",
    "1.2.840.10008.5.1.4.1.1.128",
    "1.2.840.10008.5.1.4.1.1.128.1",
    "1.2.840.10008.5.1.4.1.1.130",
    "1.2.840.10008.5.1.4.1.1.481.2",
];
/// Words of Image Type (0008,0008) on pages that are written, not measured.
const WRITTEN: [&str; 8] = [
    "SCREEN", "SAVE", "CAPTURE", "DOSE", "REPORT", "SUMMARY", "PROTOCOL", "RESULT",
];
/// Classes whose pictures lie in the patient by position and orientation: one without is a page.
const PLACED: [&str; 3] = [
    "1.2.840.10008.5.1.4.1.1.2",
    "1.2.840.10008.5.1.4.1.1.4",
    "1.2.840.10008.5.1.4.1.1.128",
];

/// Whether the pixels may carry text.
pub(crate) fn may_carry_text(data_set: &InMemDicomObject) -> bool {
    let says_yes = |tag: Tag| {
        // Anything but a plain NO is a yes, however it is written.
        texts(data_set, tag)
            .iter()
            .any(|text| !text.is_empty() && text != "NO")
    };
    let sop_class = texts(data_set, tags::SOP_CLASS_UID).join("");
    let is_written = || {
        texts(data_set, tags::IMAGE_TYPE)
            .iter()
            .any(|part| WRITTEN.iter().any(|word| part.contains(word)))
    };
    let is_capture = || {
        texts(data_set, tags::CONVERSION_TYPE)
            .iter()
            .any(|text| !text.is_empty())
    };
    let is_page = || {
        PLACED.contains(&sop_class.as_str())
            && data_set.get(tags::IMAGE_POSITION_PATIENT).is_none()
            && data_set.get(tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE).is_none()
    };
    says_yes(tags::BURNED_IN_ANNOTATION)
        || says_yes(tags::RECOGNIZABLE_VISUAL_FEATURES)
        || !COMPUTED.contains(&sop_class.as_str())
        || is_written()
        || is_capture()
        || is_page()
}

/// The values of a text, in capitals and without padding.
fn texts(data_set: &InMemDicomObject, tag: Tag) -> Vec<String> {
    data_set
        .get(tag)
        .and_then(|element| element.to_multi_str().ok().map(|texts| texts.to_vec()))
        .unwrap_or_default()
        .into_iter()
        .map(|text| {
            text.trim_matches(['\0', ' ', '\t', '\n', '\r'])
                .to_ascii_uppercase()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use dicom_core::{DataElement, PrimitiveValue, VR};
    use dicom_dictionary_std::uids;

    use super::*;

    fn slice(changes: &[(Tag, VR, &str)]) -> InMemDicomObject {
        let mut object = InMemDicomObject::new_empty();
        let plain = [
            (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
            (tags::IMAGE_TYPE, VR::CS, "ORIGINAL\\PRIMARY\\AXIAL"),
            (tags::IMAGE_POSITION_PATIENT, VR::DS, "0\\0\\0"),
        ];
        for (tag, vr, text) in plain.iter().chain(changes) {
            object.put(DataElement::new(*tag, *vr, PrimitiveValue::from(*text)));
        }
        object
    }

    #[test]
    fn a_slice_carries_no_text_unless_it_says_so() {
        assert!(!may_carry_text(&slice(&[])));
        assert!(!may_carry_text(&slice(&[(
            tags::BURNED_IN_ANNOTATION,
            VR::CS,
            "NO "
        )])));
        for (tag, vr, text) in [
            (tags::BURNED_IN_ANNOTATION, VR::CS, "YES"),
            (tags::BURNED_IN_ANNOTATION, VR::CS, " YES "),
            (tags::BURNED_IN_ANNOTATION, VR::CS, "yes"),
            (tags::RECOGNIZABLE_VISUAL_FEATURES, VR::CS, "YES"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\SCREEN SAVE"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\SAVE"),
            (tags::IMAGE_TYPE, VR::CS, "DERIVED\\SECONDARY\\DOSE_INFO"),
            (tags::SOP_CLASS_UID, VR::UI, uids::SECONDARY_CAPTURE_IMAGE_STORAGE),
            (tags::SOP_CLASS_UID, VR::UI, uids::ULTRASOUND_IMAGE_STORAGE),
            (
                tags::SOP_CLASS_UID,
                VR::UI,
                uids::ULTRASOUND_MULTI_FRAME_IMAGE_STORAGE,
            ),
            (tags::SOP_CLASS_UID, VR::UI, "1.2.3.4"),
            (tags::CONVERSION_TYPE, VR::CS, "WSD"),
        ] {
            assert!(may_carry_text(&slice(&[(tag, vr, text)])), "{tag} {text}");
        }
        let mut page = slice(&[]);
        page.remove_element(tags::IMAGE_POSITION_PATIENT);
        assert!(may_carry_text(&page));
    }
}
