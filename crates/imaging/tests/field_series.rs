//! What archives of the field do to a series: each kind by itself.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_core::{Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::InMemDicomObject;
use norma_domain::ReasonCode;
use norma_imaging::LoadedSeries;

use support::bodies::{SLICES, body, load_objects, put, slice};
use support::dicom_files::{COLUMNS, ROWS, Slice};

#[test]
fn copies_are_no_phases() {
    let mut objects: Vec<InMemDicomObject> = (0..SLICES).map(|number| slice(number).data_set()).collect();
    // Under another instance UID as well.
    for number in [3, 7, 7] {
        let mut copy = slice(number).data_set();
        put(
            &mut copy,
            tags::SOP_INSTANCE_UID,
            VR::UI,
            format!("1.2.9.{}", objects.len()),
        );
        objects.push(copy);
    }
    let series = load_objects(objects).unwrap();
    assert_eq!(series.acquisition.duplicates_removed, 3);
    assert_eq!(series.volume.geometry.shape[0], SLICES);
}

#[test]
fn uids_that_are_no_uids_group_as_they_stand() {
    for (study, series) in [
        (
            "1355759b-7653-424e-b0b5-1d131628d0e4",
            "1bc8b288-610b-4001-aac8-f814641169da",
        ),
        ("study one", "series/1"),
        ("(no uid)", "1.2.840..5"),
        ("1.2.3", ""),
    ] {
        let objects = (0..SLICES).map(|number| {
            let mut object = slice(number).data_set();
            put(&mut object, tags::STUDY_INSTANCE_UID, VR::LO, study);
            put(&mut object, tags::SERIES_INSTANCE_UID, VR::LO, series);
            put(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "");
            object
        });
        let loaded = load_objects(objects.collect()).unwrap();
        assert_eq!(loaded.volume.geometry.shape[0], SLICES, "{study}");
        assert_eq!(loaded.acquisition.invalid_uids, SLICES, "{study}");
        if study.starts_with("1355") {
            assert_eq!(loaded.study.study_instance_uid.unwrap().as_str(), study);
        }
    }
    let valid = load_objects((0..SLICES).map(|number| slice(number).data_set()).collect()).unwrap();
    assert_eq!(valid.acquisition.invalid_uids, 0);
}

/// A slice with what an examination's images share, and UIDs as `name` makes them.
fn with_uids(number: usize, study: &str, series: &str, frame_of_reference: &str) -> InMemDicomObject {
    let mut object = slice(number).data_set();
    put(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, study);
    put(&mut object, tags::SERIES_INSTANCE_UID, VR::UI, series);
    put(&mut object, tags::STUDY_TIME, VR::TM, "101500");
    put(
        &mut object,
        tags::FRAME_OF_REFERENCE_UID,
        VR::UI,
        frame_of_reference,
    );
    put(&mut object, tags::PATIENT_ID, VR::LO, "7");
    object
}

#[test]
fn a_series_or_study_uid_in_every_slice_is_no_series_of_its_own() {
    let one = |number: usize| format!("1.2.3.{number}");
    let makers: [&dyn Fn(usize) -> InMemDicomObject; 4] = [
        &|number| with_uids(number, "1.2.3", &one(number), "1.2.4"),
        &|number| with_uids(number, &one(number), "1.2.3", "1.2.4"),
        &|number| with_uids(number, &one(number), &one(number), "1.2.4"),
        &|number| with_uids(number, "", "", "1.2.4"),
    ];
    for (index, make) in makers.into_iter().enumerate() {
        let loaded = load_objects((0..SLICES).map(make).collect()).unwrap();
        assert_eq!(loaded.volume.geometry.shape[0], SLICES, "{index}");
    }
}

#[test]
fn files_that_name_nobody_and_nothing_are_refused() {
    let objects = (0..SLICES).map(|number| {
        let mut object = slice(number).data_set();
        for tag in [
            tags::STUDY_INSTANCE_UID,
            tags::SERIES_INSTANCE_UID,
            tags::PATIENT_NAME,
            tags::STUDY_DATE,
        ] {
            object.remove_element(tag);
        }
        object
    });
    let error = load_objects(objects.collect()).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::InconsistentSeries, "{error}");
}

#[test]
fn two_patients_in_one_study_are_refused_whatever_tells_them_apart() {
    for (tag, vr, first, second) in [
        (tags::PATIENT_ID, VR::LO, "1", "2"),
        (tags::PATIENT_NAME, VR::PN, "SECRET^ONE", "SECRET^TWO"),
        (tags::PATIENT_BIRTH_DATE, VR::DA, "19700101", "19480229"),
        (tags::PATIENT_SEX, VR::CS, "M", "F"),
        (tags::ACCESSION_NUMBER, VR::SH, "A1", "A2"),
    ] {
        for series in ["1.2.3.1", "1.2.3.2"] {
            let mut objects = Vec::new();
            for number in 0..SLICES {
                for (person, value) in [(1, first), (2, second)] {
                    let mut slice = slice(number);
                    slice.instance = format!("1.2.3.{person}.{number}");
                    slice.series = if person == 1 {
                        "1.2.3.1".into()
                    } else {
                        series.into()
                    };
                    let mut object = slice.data_set();
                    put(&mut object, tag, vr, value);
                    objects.push(object);
                }
            }
            let error = load_objects(objects).unwrap_err();
            assert_eq!(error.reason().code, ReasonCode::SeveralPatients, "{tag} {series}");
            let told = error.to_string();
            assert!(told.contains("2 values") && !told.contains("SECRET"), "{told}");
        }
    }
}

#[test]
fn a_patient_on_the_side_is_read_with_the_axes_of_the_patient() {
    let upright = load_objects((0..SLICES).map(|number| slice(number).data_set()).collect()).unwrap();
    let turned = (0..SLICES).map(|number| {
        let upright = slice(number);
        // Rows run to the front, columns to the left: the picture of a patient who lies on the right side.
        let mut pixels = Vec::with_capacity(ROWS * COLUMNS);
        for x in 0..COLUMNS {
            for y in (0..ROWS).rev() {
                pixels.push(upright.pixels[y * COLUMNS + x]);
            }
        }
        let mut object = Slice {
            pixels,
            orientation: [0.0, -1.0, 0.0, 1.0, 0.0, 0.0],
            origin_xy: [-20.0, -30.0 + 0.75 * (ROWS - 1) as f64],
            ..upright
        }
        .data_set();
        support::dicom_files::put_u16(&mut object, tags::ROWS, COLUMNS as u16);
        support::dicom_files::put_u16(&mut object, tags::COLUMNS, ROWS as u16);
        object
    });
    let turned = load_objects(turned.collect()).unwrap();
    assert_eq!(turned.volume, upright.volume);
    let askew = load_objects(
        (0..SLICES)
            .map(|number| {
                Slice {
                    orientation: [0.8, 0.6, 0.0, -0.6, 0.8, 0.0],
                    ..slice(number)
                }
                .data_set()
            })
            .collect(),
    )
    .unwrap_err();
    assert_eq!(askew.reason().code, ReasonCode::NotAxial);
    assert!(askew.to_string().contains("turned in their plane"), "{askew}");
}

#[test]
fn refusals_name_their_cause() {
    let without = |tag: Tag, more: Option<(Tag, VR, &str)>| {
        let objects = (0..SLICES).map(|number| {
            let mut object = slice(number).data_set();
            object.remove_element(tag);
            if let Some((tag, vr, text)) = more {
                put(&mut object, tag, vr, text);
            }
            object
        });
        let error = load_objects(objects.collect()).unwrap_err();
        assert_eq!(error.reason().code, ReasonCode::NoChestSeries);
        error.to_string()
    };
    let imager = Some((tags::IMAGER_PIXEL_SPACING, VR::DS, "3\\3"));
    assert!(
        without(tags::PIXEL_SPACING, imager).contains("Imager Pixel Spacing is a distance on the detector")
    );
    assert!(without(tags::PIXEL_SPACING, None).contains("no Pixel Spacing (0028,0030)"));
    assert!(without(tags::IMAGE_POSITION_PATIENT, None).contains("no Image Position (Patient)"));
    assert!(without(tags::IMAGE_ORIENTATION_PATIENT, None).contains("no Image Orientation (Patient)"));
}

#[test]
fn pixels_that_are_not_square_are_made_so() {
    let objects = (0..SLICES).map(|number| {
        let mut object = slice(number).data_set();
        put(&mut object, tags::PIXEL_SPACING, VR::DS, "1.5\\0.75");
        object
    });
    let series = load_objects(objects.collect()).unwrap();
    let geometry = &series.volume.geometry;
    assert_eq!(geometry.spacing_mm.zyx(), [2.0, 0.75, 0.75]);
    assert_eq!(geometry.shape, [SLICES, 2 * ROWS - 1, COLUMNS]);
    assert_eq!(series.acquisition.stored_pixel_spacing_mm, [1.5, 0.75]);
    let plain = body(0, 0)[COLUMNS * 5 + 9];
    assert_eq!(
        i32::from(series.volume.hounsfield[[0, 10, 9]]),
        i32::from(plain) - 1024
    );
}

#[test]
fn an_uneven_stack_is_resampled_to_where_its_slices_lie() {
    let place = |number: usize| number as f64 * 2.0 + if number % 2 == 1 { 0.6 } else { 0.0 };
    let objects = (0..SLICES + 1).map(|number| {
        let mut slice = slice(number);
        slice.z = place(number);
        // A ramp along z in the whole body.
        slice
            .pixels
            .iter_mut()
            .for_each(|value| *value = 1024 + (slice.z * 10.0) as u16);
        slice.data_set()
    });
    let series = load_objects(objects.collect()).unwrap();
    let geometry = &series.volume.geometry;
    for index in 0..geometry.shape[0] {
        let z = geometry.position_mm([index as f64, 0.0, 0.0])[2];
        let value = f64::from(series.volume.hounsfield[[index, 20, 30]]);
        assert!((value - 10.0 * z).abs() <= 1.0, "{index}: {value} at {z}");
    }
    assert!((series.acquisition.spacing_variation - 0.6).abs() < 0.2);
}

#[test]
fn values_that_contradict_the_header_are_read_as_they_must_be() {
    let set_u16 = support::dicom_files::put_u16;
    let air_of = |series: &LoadedSeries| series.volume.hounsfield[[0, 0, 0]];
    let body_of = |series: &LoadedSeries| series.volume.hounsfield[[0, 24, 32]];
    let make = |bits: u16, signed: u16, intercept: &str, stored: &dyn Fn(usize, i32) -> i32| {
        let objects = (0..SLICES).map(|number| {
            let mut slice = slice(number);
            slice.pixels = slice
                .pixels
                .iter()
                .enumerate()
                .map(|(index, value)| stored(index, i32::from(*value) - 1024) as u16)
                .collect();
            let mut object = slice.data_set();
            set_u16(&mut object, tags::BITS_STORED, bits);
            set_u16(&mut object, tags::HIGH_BIT, bits - 1);
            set_u16(&mut object, tags::PIXEL_REPRESENTATION, signed);
            put(&mut object, tags::RESCALE_INTERCEPT, VR::DS, intercept);
            object
        });
        load_objects(objects.collect()).unwrap()
    };
    let is_outside = |index: usize| {
        let (dy, dx) = ((index / COLUMNS) as f64 - 23.5, (index % COLUMNS) as f64 - 31.5);
        dy * dy + dx * dx > 900.0
    };
    // −2000 around the field of view under an unsigned header of 16 or of 12 bits.
    for (bits, mask) in [(16, 0xFFFF), (12, 0x0FFF)] {
        let ring = make(bits, 0, "-1024", &|index, hounsfield| {
            if is_outside(index) {
                -2000 & mask
            } else {
                hounsfield + 1024
            }
        });
        assert_eq!(air_of(&ring), -1024, "{bits}");
        assert!((40..50).contains(&body_of(&ring)), "{bits}");
        assert!(ring.acquisition.has_hounsfield && ring.acquisition.corrected_slices > 0);
        // Two's complement throughout.
        let signed = make(bits, 0, "0", &|_, hounsfield| hounsfield & mask);
        assert!(
            (-1000..-980).contains(&air_of(&signed)),
            "{bits}: {}",
            air_of(&signed)
        );
        assert!((40..50).contains(&body_of(&signed)), "{bits}");
        assert!(signed.acquisition.corrected_slices > 0);
    }
    // Fewer bits said to be stored than are: soft tissue goes over their end.
    let cut = make(10, 0, "-1024", &|_, hounsfield| hounsfield + 1024);
    assert!((40..50).contains(&body_of(&cut)), "{}", body_of(&cut));
    // One slice on another scale.
    let shifted = (0..SLICES).map(|number| {
        let mut object = slice(number).data_set();
        if number == 9 {
            put(&mut object, tags::RESCALE_INTERCEPT, VR::DS, "0");
        }
        object
    });
    let shifted = load_objects(shifted.collect()).unwrap();
    assert!(!shifted.acquisition.has_hounsfield);
    let sound = load_objects((0..SLICES).map(|number| slice(number).data_set()).collect()).unwrap();
    assert!(sound.acquisition.has_hounsfield && sound.acquisition.corrected_slices == 0);
}
