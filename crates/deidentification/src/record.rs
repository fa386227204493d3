//! What was done, told by the object itself (PS3.15 E.1.1, PS3.3 C.7.1.1 and C.12.1).

use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;

/// Codes of context group 7050, as far as they are claimed.
const METHODS: [(&str, &str); 1] = [("113100", "Basic Application Confidentiality Profile")];
const METHOD: &str = concat!("Norma ", env!("CARGO_PKG_VERSION"), ", PS3.15 2026c");

pub(crate) fn record_method(data_set: &mut InMemDicomObject) {
    put(data_set, tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
    put(data_set, tags::DEIDENTIFICATION_METHOD, VR::LO, METHOD);
    let items: Vec<InMemDicomObject> = METHODS
        .iter()
        .map(|(code, meaning)| {
            let mut item = InMemDicomObject::new_empty();
            put(&mut item, tags::CODE_VALUE, VR::SH, code);
            put(&mut item, tags::CODING_SCHEME_DESIGNATOR, VR::SH, "DCM");
            put(&mut item, tags::CODE_MEANING, VR::LO, meaning);
            item
        })
        .collect();
    data_set.put(DataElement::new(
        tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
        VR::SQ,
        Value::Sequence(DataSetSequence::new(items, Length::UNDEFINED)),
    ));
    put(
        data_set,
        tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED,
        VR::CS,
        "REMOVED",
    );
}

fn put(data_set: &mut InMemDicomObject, tag: Tag, vr: VR, text: &str) {
    data_set.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
}
