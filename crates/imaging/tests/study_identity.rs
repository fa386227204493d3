//! Whose study the files say it is, and by which number a PACS knows a slice.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not marked as tests")]

mod support;

use dicom_core::{DataElement, PrimitiveValue, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::StudyIdentity;
use norma_imaging::{Limits, list_studies, load_chest_series};

use support::archives::{Upload, numbered, zip_of};
use support::dicom_files::{Slice, put_sequence, put_text, write_as};

fn put_bytes(object: &mut InMemDicomObject, tag: dicom_core::Tag, vr: VR, bytes: &[u8]) {
    object.put(DataElement::new(tag, vr, PrimitiveValue::U8(bytes.into())));
}

/// Slices of one study with what `change` puts into each.
fn upload(change: impl Fn(usize, &mut InMemDicomObject)) -> Upload {
    let files = (0..3).map(|number| {
        let mut object = Slice::new(number).data_set();
        change(number, &mut object);
        write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
    });
    Upload::file(&zip_of(&numbered(files)))
}

fn identity(upload: &Upload) -> StudyIdentity {
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    assert_eq!(studies.len(), 1);
    studies[0].identity()
}

#[test]
fn every_attribute_is_read_in_its_characters() {
    let upload = upload(|_, object| {
        put_text(object, tags::SPECIFIC_CHARACTER_SET, VR::CS, "ISO_IR 144");
        // "Петрова^Анна^" and "Клиника" in ISO 8859-5.
        let name = [
            0xBF, 0xD5, 0xE2, 0xE0, 0xDE, 0xD2, 0xD0, b'^', 0xB0, 0xDD, 0xDD, 0xD0, b'^', b' ',
        ];
        put_bytes(object, tags::PATIENT_NAME, VR::PN, &name);
        let clinic = [0xBA, 0xDB, 0xD8, 0xDD, 0xD8, 0xDA, 0xD0, b' '];
        put_bytes(object, tags::INSTITUTION_NAME, VR::LO, &clinic);
        put_text(object, tags::PATIENT_ID, VR::LO, " 4711 ");
        put_text(object, tags::ISSUER_OF_PATIENT_ID, VR::LO, "CITY");
        put_text(object, tags::PATIENT_BIRTH_DATE, VR::DA, "19600515");
        put_text(object, tags::PATIENT_SEX, VR::CS, "F");
        put_text(object, tags::ACCESSION_NUMBER, VR::SH, "ACC7");
        put_text(object, tags::STUDY_TIME, VR::TM, "101500.25");
        put_text(object, tags::STUDY_DESCRIPTION, VR::LO, "Chest");
        put_text(object, tags::REFERRING_PHYSICIAN_NAME, VR::PN, "DOC^HOUSE");
    });
    let text = |text: &str| Some(text.to_owned());
    // Compared without being shown: its debug form tells nothing.
    assert!(
        identity(&upload)
            == StudyIdentity {
                patient_id: text("4711"),
                issuer_of_patient_id: text("CITY"),
                patient_name: text("Петрова^Анна"),
                birth_date: text("19600515"),
                sex: text("F"),
                accession_number: text("ACC7"),
                study_date: text("20260102"),
                study_time: text("101500"),
                study_description: text("Chest"),
                referring_physician: text("DOC^HOUSE"),
                institution: text("Клиника"),
                is_deidentified: false,
                persons: Vec::new(),
            },
        "{:?}",
        identity(&upload).attributes()
    );
}

#[test]
fn a_date_written_otherwise_and_an_issuer_named_by_number_are_read() {
    for (written, birth_date) in [
        ("14.05.1960", Some("19600514")),
        ("1960.05.14", Some("19600514")),
        ("1960-05-14", Some("19600514")),
        ("19600514000000", Some("19600514")),
        ("00000000", None),
        ("14/05/1960", None),
    ] {
        let upload = upload(|_, object| put_text(object, tags::PATIENT_BIRTH_DATE, VR::DA, written));
        assert_eq!(identity(&upload).birth_date.as_deref(), birth_date, "{written}");
    }
    let upload = upload(|_, object| {
        let mut issuer = InMemDicomObject::new_empty();
        put_text(&mut issuer, tags::UNIVERSAL_ENTITY_ID, VR::UT, "1.2.3.4");
        put_sequence(
            object,
            tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE,
            vec![issuer],
        );
    });
    assert_eq!(identity(&upload).issuer_of_patient_id.as_deref(), Some("1.2.3.4"));
}

#[test]
fn what_files_contradict_each_other_about_is_unknown() {
    let upload = upload(|number, object| {
        put_text(
            object,
            tags::PATIENT_ID,
            VR::LO,
            if number == 1 { "B" } else { "A" },
        );
        put_text(object, tags::ACCESSION_NUMBER, VR::SH, "ACC7");
        put_text(object, tags::PATIENT_IDENTITY_REMOVED, VR::CS, "YES");
    });
    let identity = identity(&upload);
    assert_eq!(identity.patient_id, None);
    let ids = identity.persons.iter().map(|person| person.patient_id.as_deref());
    assert_eq!(ids.collect::<Vec<_>>(), [Some("A"), Some("B")]);
    assert_eq!(identity.accession_number.as_deref(), Some("ACC7"));
    assert!(identity.is_deidentified);
}

#[test]
fn nonsense_is_left_out_and_no_part_of_it_is_a_control_character() {
    let upload = upload(|_, object| {
        put_text(object, tags::PATIENT_BIRTH_DATE, VR::DA, "unknown");
        put_text(object, tags::PATIENT_SEX, VR::CS, "FEMALE");
        put_text(object, tags::STUDY_TIME, VR::TM, "noon");
        put_bytes(object, tags::PATIENT_NAME, VR::PN, b"PETROVA\x00\x07^ANNA^^^ ");
    });
    let identity = identity(&upload);
    assert_eq!(
        (identity.birth_date, identity.sex, identity.study_time),
        (None, None, None)
    );
    assert_eq!(identity.patient_name.as_deref(), Some("PETROVA^ANNA"));
}

#[test]
fn a_slice_has_the_number_and_the_place_that_the_pacs_shows() {
    let upload = upload(|number, object| {
        put_text(object, tags::INSTANCE_NUMBER, VR::IS, &(40 - number).to_string());
    });
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    let known: Vec<_> = series
        .slices
        .iter()
        .map(|slice| (slice.slice, slice.instance_number, slice.table_position_mm))
        .collect();
    assert_eq!(
        known,
        [
            (0, Some(40), Some(0.0)),
            (1, Some(39), Some(2.0)),
            (2, Some(38), Some(4.0))
        ]
    );
}

#[test]
fn above_missing_slices_every_slice_has_its_own_number_and_place() {
    let files = (0..12u32)
        .filter(|number| !matches!(number, 4 | 7 | 8))
        .map(|number| {
            let mut object = Slice::new(number as usize).data_set();
            put_text(
                &mut object,
                tags::INSTANCE_NUMBER,
                VR::IS,
                &(40 - number).to_string(),
            );
            write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)
        });
    let upload = Upload::file(&zip_of(&numbered(files)));
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    assert_eq!(series.acquisition.missing_slices, 3);
    let wanted = [0, 1, 2, 3, 5, 6, 9, 10, 11];
    assert_eq!(series.slices.len(), wanted.len());
    for (slice, number) in wanted.into_iter().enumerate() {
        let reference = &series.slices[slice];
        let height = 2.0 * f64::from(number);
        assert_eq!(reference.instance_number, Some(40 - i64::from(number)));
        assert_eq!(reference.table_position_mm, Some(height));
        let position = series.volume.geometry.position_mm([slice as f64, 0.0, 0.0]);
        assert!((position[2] - height).abs() < 1e-9, "{position:?}");
    }
}
