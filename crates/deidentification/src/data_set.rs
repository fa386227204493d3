//! The profile applied to a data set, its sequences included.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::header::Header;
use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;

use crate::dummy::dummy;
use crate::pseudonym::Key;
use crate::record::record_method;
use crate::table::{Action, action_of};

/// Sequences in sequences; what lies deeper is removed.
const DEPTH_LIMIT: u32 = 24;

/// Removes from a data set what identifies its patient and records that it was done.
pub fn deidentify_data_set(data_set: InMemDicomObject, key: &Key) -> InMemDicomObject {
    let patient = text_of(&data_set, tags::PATIENT_ID)
        .or_else(|| text_of(&data_set, tags::PATIENT_NAME))
        .or_else(|| text_of(&data_set, tags::STUDY_INSTANCE_UID))
        .unwrap_or_default();
    let mut clean = apply(data_set, key, 0);
    let pseudonym = key.patient(&patient);
    for (tag, vr) in [(tags::PATIENT_NAME, VR::PN), (tags::PATIENT_ID, VR::LO)] {
        clean.put(DataElement::new(
            tag,
            vr,
            PrimitiveValue::from(pseudonym.as_str()),
        ));
    }
    record_method(&mut clean);
    clean
}

fn text_of(data_set: &InMemDicomObject, tag: Tag) -> Option<String> {
    let text = data_set.get(tag)?.to_str().ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

fn apply(data_set: InMemDicomObject, key: &Key, depth: u32) -> InMemDicomObject {
    InMemDicomObject::from_element_iter(
        data_set
            .into_iter()
            .filter_map(|element| apply_to(element, key, depth)),
    )
}

/// What becomes of an element; None where it is removed.
fn apply_to(element: InMemElement, key: &Key, depth: u32) -> Option<InMemElement> {
    let tag = element.header().tag();
    let vr = element.vr();
    if is_unknown(tag) || (vr == VR::UN && dictionary_vr(tag) == Some(VR::SQ)) {
        return None;
    }
    // A sequence whose item holds attributes of the table is cleaned inside as well.
    match action_of(tag) {
        Some(Action::Remove) => None,
        Some(Action::Empty) => Some(empty(tag, vr)),
        Some(Action::Dummy) => {
            let vr = dictionary_vr(tag).filter(|_| vr == VR::UN).unwrap_or(vr);
            let value = match &element.value() {
                // An empty value is a dummy already.
                Value::Primitive(value) if value.calculate_byte_len() == 0 => return Some(empty(tag, vr)),
                _ if vr == VR::UI => return Some(replace_uids(&element, key)),
                _ => dummy(vr),
            };
            Some(DataElement::new(tag, vr, value))
        }
        Some(Action::ReplaceUid) => Some(replace_uids(&element, key)),
        // Names of persons that the table forgot.
        None if vr == VR::PN => Some(empty(tag, vr)),
        None | Some(Action::KeepSequence) => keep(element, key, depth),
    }
}

/// The element with the items of its sequence cleaned.
fn keep(element: InMemElement, key: &Key, depth: u32) -> Option<InMemElement> {
    let (header, value) = element.into_parts();
    let value = match value {
        Value::Sequence(sequence) => {
            if depth >= DEPTH_LIMIT {
                return None;
            }
            let items: Vec<InMemDicomObject> = sequence
                .into_items()
                .into_iter()
                .map(|item| apply(item, key, depth + 1))
                .collect();
            Value::Sequence(DataSetSequence::new(items, Length::UNDEFINED))
        }
        other => other,
    };
    Some(DataElement::new(header.tag, header.vr(), value))
}

fn empty(tag: Tag, vr: VR) -> InMemElement {
    if vr == VR::SQ {
        DataElement::new(tag, vr, Value::Sequence(DataSetSequence::empty()))
    } else {
        DataElement::new(tag, vr, PrimitiveValue::Empty)
    }
}

/// Each UID of a value replaced; what is no text of UIDs is emptied.
fn replace_uids(element: &InMemElement, key: &Key) -> InMemElement {
    let tag = element.header().tag();
    let Ok(old) = element.to_multi_str().map(|uids| uids.to_vec()).or_else(|_| {
        // As unknown bytes, in files that were copied through systems without a dictionary.
        element.to_bytes().map(|bytes| {
            String::from_utf8_lossy(&bytes)
                .split('\\')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
    }) else {
        return empty(tag, VR::UI);
    };
    let new: Vec<String> = old.iter().map(|uid| key.uid(uid)).collect();
    DataElement::new(tag, VR::UI, PrimitiveValue::from(new.join("\\").as_str()))
}

/// Private attributes, group lengths and what no dictionary knows: nobody can say what they hold.
fn is_unknown(tag: Tag) -> bool {
    !tag.group().is_multiple_of(2) || tag.element() == 0 || StandardDataDictionary.by_tag(tag).is_none()
}

fn dictionary_vr(tag: Tag) -> Option<VR> {
    match StandardDataDictionary.by_tag(tag)?.vr() {
        VirtualVr::Exact(vr) => Some(vr),
        other => Some(other.relaxed()),
    }
}
