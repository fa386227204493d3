//! The profile on an object that holds every attribute of the table, and in its sequences again.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

use dicom_core::dictionary::{DataDictionary, DataDictionaryEntry, VirtualVr};
use dicom_core::header::Header;
use dicom_core::value::{DataSetSequence, PrimitiveValue, Value};
use dicom_core::{DataElement, Length, Tag, VR};
use dicom_dictionary_std::{StandardDataDictionary, tags, uids};
use dicom_object::InMemDicomObject;
use dicom_transfer_syntax_registry::entries::EXPLICIT_VR_LITTLE_ENDIAN;
use norma_deidentification::{Action, Key, basic_profile, deidentify_data_set};

const MARKER: &str = "ZMARKEROVA";
const MARKED_UID: &str = "1.2.826.0.1.999.31415926535";
/// A date and a time that nothing else has.
const DATE: &str = "19411231";
const TIME: &str = "234153";

fn key() -> Key {
    Key::new(b"a key of the tests alone").unwrap()
}

fn vr_of(tag: Tag) -> VR {
    match StandardDataDictionary.by_tag(tag).map(DataDictionaryEntry::vr) {
        Some(VirtualVr::Exact(vr)) => vr,
        Some(other) => other.relaxed(),
        None => VR::LO,
    }
}

/// An element with a value that must not be found again.
fn marked(tag: Tag, items: &dyn Fn() -> InMemDicomObject) -> DataElement<InMemDicomObject> {
    let vr = vr_of(tag);
    let value = match vr {
        VR::SQ => {
            return DataElement::new(
                tag,
                vr,
                Value::Sequence(DataSetSequence::new(vec![items()], Length::UNDEFINED)),
            );
        }
        VR::UI => PrimitiveValue::from(MARKED_UID),
        VR::DA => PrimitiveValue::from(DATE),
        VR::TM => PrimitiveValue::from(TIME),
        VR::DT => PrimitiveValue::from(format!("{DATE}{TIME}")),
        VR::AS => PrimitiveValue::from("089Y"),
        VR::DS | VR::IS => PrimitiveValue::from("31415926"),
        VR::US => PrimitiveValue::from(31_415_u16),
        VR::SS => PrimitiveValue::from(31_415_i16),
        VR::UL => PrimitiveValue::from(31_415_926_u32),
        VR::SL => PrimitiveValue::from(31_415_926_i32),
        VR::FL => PrimitiveValue::from(31_415.925_f32),
        VR::FD => PrimitiveValue::from(31_415.926_f64),
        VR::OB | VR::UN | VR::OW | VR::OF | VR::OD | VR::OL | VR::OV => {
            PrimitiveValue::U8(MARKER.bytes().collect())
        }
        _ => PrimitiveValue::from(MARKER),
    };
    DataElement::new(tag, vr, value)
}

/// An item with names, dates and identifiers of its own.
fn marked_item() -> InMemDicomObject {
    let plain = || InMemDicomObject::new_empty();
    InMemDicomObject::from_element_iter([
        marked(tags::PATIENT_NAME, &plain),
        marked(tags::STUDY_DATE, &plain),
        marked(tags::INSTITUTION_NAME, &plain),
        marked(tags::REFERENCED_SOP_INSTANCE_UID, &plain),
        DataElement::new(Tag(0x0009, 0x0010), VR::LO, PrimitiveValue::from(MARKER)),
    ])
}

/// Every attribute of the table, private ones, unknown ones, and what an image needs.
fn everything() -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for row in basic_profile() {
        object.put(marked(row.tag, &marked_item));
    }
    for tag in [Tag(0x6002, 0x3000), Tag(0x6004, 0x4000), Tag(0x5002, 0x2500)] {
        object.put(DataElement::new(tag, VR::LO, PrimitiveValue::from(MARKER)));
    }
    for (tag, vr) in [
        (Tag(0x0009, 0x0010), VR::LO),
        (Tag(0x0009, 0x1001), VR::PN),
        (Tag(0x0029, 0x1010), VR::UN),
        // In no dictionary.
        (Tag(0x0010, 0xFFFE), VR::LO),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(MARKER)));
    }
    // A sequence of which the table says nothing, nested.
    let inner = DataSetSequence::new(vec![marked_item()], Length::UNDEFINED);
    let mut outer = marked_item();
    outer.put(DataElement::new(
        tags::PURPOSE_OF_REFERENCE_CODE_SEQUENCE,
        VR::SQ,
        Value::Sequence(inner),
    ));
    let outer = DataSetSequence::new(vec![outer], Length::UNDEFINED);
    object.put(DataElement::new(
        tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE,
        VR::SQ,
        Value::Sequence(outer),
    ));
    for (tag, vr, text) in [
        (tags::SOP_CLASS_UID, VR::UI, uids::CT_IMAGE_STORAGE),
        (tags::MODALITY, VR::CS, "CT"),
        (tags::PIXEL_SPACING, VR::DS, "0.5\\0.5"),
        (tags::IMAGE_POSITION_PATIENT, VR::DS, "0\\0\\7"),
        (tags::CONVOLUTION_KERNEL, VR::SH, "B40f"),
        (tags::SLICE_THICKNESS, VR::DS, "2"),
    ] {
        object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
    }
    object.put(DataElement::new(
        tags::PIXEL_DATA,
        VR::OW,
        PrimitiveValue::U16([1_u16, 2, 3, 4].as_slice().into()),
    ));
    object
}

fn bytes_of(object: &InMemDicomObject) -> Vec<u8> {
    let mut bytes = Vec::new();
    object
        .write_dataset_with_ts(&mut bytes, &EXPLICIT_VR_LITTLE_ENDIAN.erased())
        .unwrap();
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn of_every_attribute_of_the_table_nothing_is_left() {
    let before = everything();
    let marks = [MARKER, MARKED_UID, DATE, TIME, "089Y", "31415926"];
    let written = bytes_of(&before);
    for mark in marks {
        assert!(holds(&written, mark), "{mark} is in the test's object");
    }
    let clean = deidentify_data_set(before, &key());
    let written = bytes_of(&clean);
    for mark in marks {
        assert!(!holds(&written, mark), "{mark} is found");
    }
    for row in basic_profile() {
        let element = clean.get(row.tag);
        // Written anew by the record of what was done, or the pseudonym.
        let is_ours = [
            tags::PATIENT_ID,
            tags::PATIENT_NAME,
            tags::DEIDENTIFICATION_METHOD,
            tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE,
        ]
        .contains(&row.tag);
        match row.action {
            _ if is_ours => {}
            Action::Remove => assert!(element.is_none(), "{} {} is there", row.tag, row.name),
            Action::Empty => {
                let is_empty = element.is_none_or(|element| match element.value() {
                    Value::Sequence(sequence) => sequence.items().is_empty(),
                    value => value
                        .primitive()
                        .is_some_and(|value| value.calculate_byte_len() == 0),
                });
                assert!(is_empty, "{} {} is not empty", row.tag, row.name);
            }
            Action::Dummy | Action::ReplaceUid | Action::KeepSequence => {
                // What no dictionary knows (retired long ago), and commands and file meta, which are no part of a data set, are removed instead.
                let is_known = row.tag.group() >= 8 && StandardDataDictionary.by_tag(row.tag).is_some();
                assert_eq!(element.is_some(), is_known, "{} {}", row.tag, row.name);
            }
        }
    }
    assert!(
        clean
            .iter()
            .all(|element| element.header().tag().group() % 2 == 0),
        "private"
    );
}

#[test]
fn what_an_image_needs_stays() {
    let before = everything();
    let clean = deidentify_data_set(before.clone(), &key());
    for tag in [
        tags::SOP_CLASS_UID,
        tags::MODALITY,
        tags::PIXEL_SPACING,
        tags::IMAGE_POSITION_PATIENT,
        tags::CONVOLUTION_KERNEL,
        tags::SLICE_THICKNESS,
    ] {
        assert_eq!(clean.get(tag), before.get(tag), "{tag}");
    }
    // Pixels are written anew by value, with the upload (tests/uploads.rs): nothing may hide behind them.
    assert!(clean.get(tags::PIXEL_DATA).is_none());
}

#[test]
fn references_still_point_to_what_they_named() {
    let clean = deidentify_data_set(everything(), &key());
    let uid = |object: &InMemDicomObject, tag| object.get(tag).unwrap().to_str().unwrap().into_owned();
    let expected = key().uid(MARKED_UID);
    assert_eq!(uid(&clean, tags::STUDY_INSTANCE_UID), expected);
    assert_eq!(uid(&clean, tags::SOP_INSTANCE_UID), expected);
    let items = clean
        .get(tags::REFERENCED_IMAGE_SEQUENCE)
        .unwrap()
        .items()
        .unwrap();
    assert_eq!(uid(&items[0], tags::REFERENCED_SOP_INSTANCE_UID), expected);
    let other = deidentify_data_set(everything(), &Key::random());
    assert_ne!(uid(&other, tags::STUDY_INSTANCE_UID), expected);
}

#[test]
fn what_was_done_is_recorded() {
    let clean = deidentify_data_set(everything(), &key());
    let text = |object: &InMemDicomObject, tag| object.get(tag).unwrap().to_str().unwrap().trim().to_owned();
    assert_eq!(text(&clean, tags::PATIENT_IDENTITY_REMOVED), "YES");
    assert!(text(&clean, tags::DEIDENTIFICATION_METHOD).starts_with("Norma "));
    let codes = clean
        .get(tags::DEIDENTIFICATION_METHOD_CODE_SEQUENCE)
        .unwrap()
        .items()
        .unwrap();
    assert_eq!(codes.len(), 1, "only what is done is claimed");
    assert_eq!(text(&codes[0], tags::CODE_VALUE), "113100");
    assert_eq!(text(&codes[0], tags::CODING_SCHEME_DESIGNATOR), "DCM");
    assert_eq!(
        text(&clean, tags::LONGITUDINAL_TEMPORAL_INFORMATION_MODIFIED),
        "REMOVED"
    );
    assert_eq!(text(&clean, tags::PATIENT_ID), text(&clean, tags::PATIENT_NAME));
    assert!(text(&clean, tags::PATIENT_ID).starts_with("NORMA-"));
}

/// An object with one element.
fn with(tag: Tag, vr: VR, text: &str) -> InMemDicomObject {
    let mut object = everything();
    object.put(DataElement::new(tag, vr, PrimitiveValue::from(text)));
    object
}

#[test]
fn what_the_table_does_not_list_stays_only_where_it_can_name_nobody() {
    for (tag, vr) in [
        (Tag(0x0010, 0x0033), VR::LO), // Patient's Birth Date in Alternative Calendar
        (Tag(0x0010, 0x0034), VR::LO),
        (Tag(0x0008, 0x1167), VR::UI), // Multi-frame Source SOP Instance UID
        (Tag(0x0020, 0x0242), VR::UI), // SOP Instance UID of Concatenation Source
        (Tag(0x0040, 0xA160), VR::UT), // Text Value
        (Tag(0x5400, 0x1010), VR::OW), // Waveform Data
        (Tag(0x0028, 0x1055), VR::LO), // Window Center & Width Explanation
        (Tag(0x0018, 0x1400), VR::LO), // Acquisition Device Processing Description
        (Tag(0x6000, 0x0022), VR::LO), // Overlay Description
        (Tag(0x6004, 0x1500), VR::LO), // Overlay Label
        (Tag(0x0018, 0x0015), VR::CS), // a code that is none
    ] {
        let name = if vr == VR::UI {
            MARKED_UID
        } else {
            "SECRETNAME^PATIENT"
        };
        let written = bytes_of(&deidentify_data_set(with(tag, vr, name), &key()));
        assert!(!holds(&written, name), "{tag}");
    }
}

#[test]
fn of_a_minor_the_age_stays() {
    let age = |tag, vr, text| {
        let clean = deidentify_data_set(with(tag, vr, text), &key());
        clean
            .get(tags::PATIENT_AGE)
            .map(|age| age.to_str().unwrap().trim().to_owned())
    };
    assert_eq!(age(tags::PATIENT_AGE, VR::AS, "009Y").as_deref(), Some("009Y"));
    assert_eq!(age(tags::PATIENT_AGE, VR::AS, "030M").as_deref(), Some("002Y"));
    assert_eq!(age(tags::PATIENT_AGE, VR::AS, "064Y"), None);
    // A child by the date of birth is one, however the date is written and whatever age is stated.
    let by_dates = |age: &str, birth: &str| {
        let mut object = with(tags::PATIENT_AGE, VR::AS, age);
        for (tag, date) in [(tags::PATIENT_BIRTH_DATE, birth), (tags::STUDY_DATE, "20250314")] {
            object.put(DataElement::new(tag, VR::DA, PrimitiveValue::from(date)));
        }
        let clean = deidentify_data_set(object, &key());
        clean
            .get(tags::PATIENT_AGE)
            .map(|age| age.to_str().unwrap().trim().to_owned())
    };
    for birth in ["20130101", "2013.01.01", "2013-01-01", "01.01.2013"] {
        for stated in ["", "055Y"] {
            assert_eq!(
                by_dates(stated, birth).as_deref(),
                Some("012Y"),
                "{stated} {birth}"
            );
        }
    }
    for birth in ["25560101", ""] {
        // Of the Buddhist calendar; and an age in other words than the standard's.
        let stated = if birth.is_empty() { "12 years" } else { "" };
        assert_eq!(by_dates(stated, birth).as_deref(), Some("012Y"), "{birth}");
    }
    assert_eq!(by_dates("055Y", "19700101"), None);
    assert_eq!(by_dates("055Y", "20250314"), None, "dates made equal");
}

#[test]
fn a_projection_stays_one_when_its_description_goes() {
    let technique = |description| {
        let clean = deidentify_data_set(with(tags::SERIES_DESCRIPTION, VR::LO, description), &key());
        assert!(
            clean
                .get(tags::SERIES_DESCRIPTION)
                .is_none_or(|text| text.to_str().unwrap().trim().is_empty())
        );
        clean
            .get(tags::VOLUME_BASED_CALCULATION_TECHNIQUE)
            .map(|technique| technique.to_str().unwrap().trim().to_owned())
    };
    assert_eq!(technique("Doe Thorax MIP 10/2").as_deref(), Some("MAX_IP"));
    assert_eq!(technique("Doe Thorax 1.0"), None);
}

#[test]
fn a_contrast_agent_stays_a_contrast_agent_and_none_stays_none() {
    for (agent, expected) in [("Omnipaque 350", "REMOVED"), ("", "")] {
        let mut object = everything();
        object.put(DataElement::new(
            tags::CONTRAST_BOLUS_AGENT,
            VR::LO,
            PrimitiveValue::from(agent),
        ));
        let clean = deidentify_data_set(object, &key());
        let agent = clean.get(tags::CONTRAST_BOLUS_AGENT).unwrap().to_str().unwrap();
        assert_eq!(agent.trim(), expected);
    }
}
