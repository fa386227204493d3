//! The profile applied to a data set, its sequences included.

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::header::Header;
use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags};
use dicom_object::InMemDicomObject;
use dicom_object::mem::InMemElement;
use norma_imaging::{age_years, called_projection};

use crate::allowed::{is_allowed, is_code, is_number};
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
    let minor = age_of_minor(&data_set);
    let projection = text_of(&data_set, tags::SERIES_DESCRIPTION).and_then(|text| called_projection(&text));
    let mut clean = apply(data_set, key, 0);
    if let Some(years) = minor {
        // Readers of adults must know: the profile's option to retain characteristics, for minors alone.
        let age = format!("{years:03}Y");
        clean.put(DataElement::new(
            tags::PATIENT_AGE,
            VR::AS,
            PrimitiveValue::from(age.as_str()),
        ));
    }
    if let Some(technique) = projection {
        // Its description goes, and readers must know that these are no slices of a scan.
        clean.put(DataElement::new(
            tags::VOLUME_BASED_CALCULATION_TECHNIQUE,
            VR::CS,
            PrimitiveValue::from(technique),
        ));
    }
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

/// The age in whole years of a patient under 18, as every reader of the study takes it from the same attributes.
fn age_of_minor(data_set: &InMemDicomObject) -> Option<u16> {
    let text = |tag| text_of(data_set, tag);
    let study_date = [
        tags::STUDY_DATE,
        tags::SERIES_DATE,
        tags::ACQUISITION_DATE,
        tags::CONTENT_DATE,
    ]
    .into_iter()
    .find_map(text);
    age_years(
        text(tags::PATIENT_AGE).as_deref(),
        text(tags::PATIENT_BIRTH_DATE).as_deref(),
        study_date.as_deref(),
    )
    .filter(|years| *years < 18)
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
        Some(Action::KeepSequence) => keep(element, key, depth),
        None => keep_unlisted(element, key, depth),
    }
}

/// What the table does not list goes, but for what cannot name anybody.
fn keep_unlisted(element: InMemElement, key: &Key, depth: u32) -> Option<InMemElement> {
    let (tag, vr) = (element.header().tag(), element.vr());
    if tag == tags::CODE_MEANING {
        // Demanded wherever a code stands; the code says what it means.
        return Some(DataElement::new(tag, vr, dummy(vr)));
    }
    if vr == VR::PN {
        return Some(empty(tag, vr));
    }
    let vr_of_tag = if vr == VR::UN { dictionary_vr(tag)? } else { vr };
    if !is_allowed(tag, vr_of_tag) {
        return None;
    }
    let text = || element.to_str().unwrap_or_default().into_owned();
    match vr_of_tag {
        VR::CS if !is_code(&text()) => None,
        VR::DS | VR::IS if !is_number(&text()) => None,
        VR::UI => Some(replace_uids(&element, key)),
        _ => keep(element, key, depth),
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
    // Groups 0002 and below belong to files and messages, not to data sets.
    !tag.group().is_multiple_of(2)
        || tag.group() < 0x0008
        || tag.element() == 0
        || StandardDataDictionary.by_tag(tag).is_none()
}

fn dictionary_vr(tag: Tag) -> Option<VR> {
    match StandardDataDictionary.by_tag(tag)?.vr() {
        VirtualVr::Exact(vr) => Some(vr),
        other => Some(other.relaxed()),
    }
}
