//! What is no single scan though its identifiers say so: slices of two days, scanners or persons, and projections of slices.

use std::io::Write;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use norma_domain::ReasonCode::{InconsistentSeries, NoChestSeries, SeveralPatients};

use super::images::{Image, PLACES, files, images};
use super::right::{Right, Variant, check};
use super::support::dicom_files::{put_sequence, put_text, write_data_set, write_file};

/// The lower half has the first value, the upper one the second.
fn halves(name: &str, right: Right, tag: Tag, vr: VR, values: [&str; 2]) -> Variant {
    let change = |image: &mut Image| image.set(tag, vr, values[usize::from(image.place >= PLACES / 2)]);
    Variant::of_files(name, files(1, change), right)
}

#[test]
fn slices_of_two_days_scanners_or_persons_are_no_scan() {
    let refused = Right::Refused(InconsistentSeries);
    check(&[
        halves(
            "study dates",
            refused,
            tags::STUDY_DATE,
            VR::DA,
            ["20190311", "20211104"],
        ),
        halves(
            "acquisition dates",
            refused,
            tags::ACQUISITION_DATE,
            VR::DA,
            ["20190311", "20190313"],
        ),
        halves(
            "over a new year",
            refused,
            tags::ACQUISITION_DATE,
            VR::DA,
            ["20191230", "20200101"],
        ),
        halves(
            "makers",
            refused,
            tags::MANUFACTURER,
            VR::LO,
            ["SIEMENS", "GE MEDICAL SYSTEMS"],
        ),
        halves(
            "models",
            refused,
            tags::MANUFACTURER_MODEL_NAME,
            VR::LO,
            ["Scope", "Revolution"],
        ),
        halves("weights", refused, tags::PATIENT_WEIGHT, VR::DS, ["58", "104"]),
        halves("sizes", refused, tags::PATIENT_SIZE, VR::DS, ["1.61", "1.88"]),
    ]);
}

#[test]
fn one_scan_may_go_on_past_midnight_and_be_written_in_two_ways() {
    check(&[
        halves(
            "midnight",
            Right::Whole,
            tags::ACQUISITION_DATE,
            VR::DA,
            ["20190228", "20190301"],
        ),
        halves(
            "a date in two forms",
            Right::Whole,
            tags::STUDY_DATE,
            VR::DA,
            ["20190228", "2019.02.28"],
        ),
        halves(
            "a date that some lack",
            Right::Whole,
            tags::ACQUISITION_DATE,
            VR::DA,
            ["20190228", ""],
        ),
        halves(
            "capitals",
            Right::Whole,
            tags::MANUFACTURER,
            VR::LO,
            ["Siemens", "SIEMENS"],
        ),
        halves(
            "a model that some lack",
            Right::Whole,
            tags::MANUFACTURER_MODEL_NAME,
            VR::LO,
            ["Scope", ""],
        ),
        halves(
            "rounding",
            Right::Whole,
            tags::PATIENT_WEIGHT,
            VR::DS,
            ["71.5", "72"],
        ),
        halves(
            "no weight",
            Right::Whole,
            tags::PATIENT_WEIGHT,
            VR::DS,
            ["71.5", "0"],
        ),
    ]);
    // Dates that a tool made up slice by slice to hide the real ones tell no scans apart.
    let made_up = files(1, |image: &mut Image| {
        let day = 1 + image.place;
        image.set(tags::ACQUISITION_DATE, VR::DA, format!("201903{day:02}"));
    });
    check(&[Variant::of_files("a date in each slice", made_up, Right::Whole)]);
}

#[test]
fn one_id_of_two_hospitals_told_by_universal_identifiers_is_of_two_persons() {
    let of = |ids: [&str; 2]| {
        files(1, |image: &mut Image| {
            let mut issuer = InMemDicomObject::new_empty();
            let id = ids[usize::from(image.place >= PLACES / 2)];
            put_text(&mut issuer, tags::UNIVERSAL_ENTITY_ID, VR::UT, id);
            put_sequence(
                &mut image.object,
                tags::ISSUER_OF_PATIENT_ID_QUALIFIERS_SEQUENCE,
                vec![issuer],
            );
        })
    };
    check(&[
        Variant::of_files("two", of(["1.2.3", "1.2.4"]), Right::Refused(SeveralPatients)),
        Variant::of_files("one", of(["1.2.3", "1.2.3"]), Right::Whole),
    ]);
}

#[test]
fn projections_and_differences_are_no_scan_whatever_says_so() {
    let called = |name: &str, right, tag, vr, value: &str| {
        let change = |image: &mut Image| image.set(tag, vr, value);
        Variant::of_files(name, files(1, change), right)
    };
    let refused = Right::Refused(NoChestSeries);
    let (description, technique) = (tags::SERIES_DESCRIPTION, tags::VOLUME_BASED_CALCULATION_TECHNIQUE);
    check(&[
        called("described", refused, description, VR::LO, "Chest MIP 10/2"),
        called("described as darkest", refused, description, VR::LO, "Lung MinIP"),
        called("by technique", refused, technique, VR::CS, "MAX_IP"),
        called(
            "by difference",
            refused,
            tags::IMAGE_TYPE,
            VR::CS,
            "DERIVED\\PRIMARY\\AXIAL\\SUBTRACTION",
        ),
        called(
            "by type",
            refused,
            tags::IMAGE_TYPE,
            VR::CS,
            "DERIVED\\PRIMARY\\VOLUME\\MAXIMUM",
        ),
        called(
            "a part of a word",
            Right::Whole,
            description,
            VR::LO,
            "Chest mipmap",
        ),
        called("no technique", Right::Whole, technique, VR::CS, "NONE"),
    ]);
}

#[test]
fn a_deflated_data_set_that_is_wrapped_as_zlib_is_read() {
    let wrapped = |level: u32| {
        images(1, |_| {})
            .into_iter()
            .map(|image| {
                let data_set = write_data_set(&image.object, uids::EXPLICIT_VR_LITTLE_ENDIAN);
                // The meta information of a file that is deflated rightly.
                let mut bytes = write_file(image.object, uids::DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN);
                let meta = u32::from_le_bytes(bytes[140..144].try_into().unwrap()) as usize;
                bytes.truncate(144 + meta);
                let mut encoder = ZlibEncoder::new(bytes, Compression::new(level));
                encoder.write_all(&data_set).unwrap();
                encoder.finish().unwrap()
            })
            .collect()
    };
    check(&[
        Variant::of_files("fast", wrapped(1), Right::Whole),
        Variant::of_files("best", wrapped(9), Right::Whole),
        Variant::of_files("stored", wrapped(0), Right::Whole),
    ]);
}
