//! Pictures that did not arrive whole, that belong elsewhere, or whose values lie on another scale than the header says.

use dicom_core::VR;
use dicom_dictionary_std::tags;
use norma_domain::ReasonCode::InconsistentSeries;
use norma_imaging::{Acquisition, ImagingError, Limits, list_studies, load_chest_series};

use super::images::{Image, PLACES, files, picture};
use super::right::{Right, Variant, check};
use super::support::archives::{Upload, numbered, zip_of};
use super::support::dicom_files::{COLUMNS, ROWS, put_pixels, put_u16};

fn one(name: &str, right: Right, change: impl Fn(&mut Image)) -> Variant {
    Variant::of_files(name, files(1, change), right)
}

/// In these places the picture is what `make` makes of it.
fn with(name: &str, places: &[usize], make: impl Fn(&Image, Vec<u16>) -> Vec<u16>) -> Variant {
    one(name, Right::Flagged, |image| {
        if places.contains(&image.place) {
            let pixels = make(image, picture(ROWS, COLUMNS, image.phase, image.place));
            put_pixels(&mut image.object, &pixels);
        }
    })
}

#[test]
fn slices_without_a_picture_are_lost_slices() {
    let blank_from = |row: usize, stored: u16| {
        move |_: &Image, mut pixels: Vec<u16>| {
            pixels[row * COLUMNS..].fill(stored);
            pixels
        }
    };
    let mut variants = Vec::new();
    for stored in [0, 24, 1024, 4095] {
        variants.extend([
            with(
                &format!("two slices of {stored} alone"),
                &[8, 9],
                blank_from(0, stored),
            ),
            with(
                &format!("a slice that ends in {stored}"),
                &[8],
                blank_from(ROWS / 2, stored),
            ),
            with(
                &format!("the last slice is {stored} alone"),
                &[PLACES - 1],
                blank_from(0, stored),
            ),
            with(
                &format!("the first slice ends in {stored}"),
                &[0],
                blank_from(ROWS / 2, stored),
            ),
            with(
                &format!("the first columns are {stored}"),
                &[5],
                |_, mut pixels| {
                    for row in pixels.chunks_exact_mut(COLUMNS) {
                        row[..COLUMNS / 2].fill(stored);
                    }
                    pixels
                },
            ),
        ]);
    }
    check(&variants);
}

#[test]
fn pictures_of_elsewhere_are_lost_slices() {
    let of_place = |place: usize| picture(ROWS, COLUMNS, 0, place);
    check(&[
        with("copies of the slices below", &[12, 13], |image, _| {
            of_place(image.place - 6)
        }),
        with("noise", &[8], |_, pixels| {
            (0..pixels.len())
                .map(|index| (index * 7919 % 2003) as u16)
                .collect()
        }),
        with("bytes that are shifted", &[8, 9], |_, mut pixels| {
            pixels.rotate_right(ROWS / 3 * COLUMNS + COLUMNS / 2);
            pixels
        }),
        with("the first slice is noise", &[0], |_, pixels| {
            (0..pixels.len())
                .map(|index| (index * 7919 % 2003) as u16)
                .collect()
        }),
    ]);
}

#[test]
fn mirrored_slices_are_lost_slices() {
    let mut variants = Vec::new();
    for (name, is_turned) in [
        ("left and right", [false, true]),
        ("upside down", [true, false]),
        ("turned round", [true, true]),
    ] {
        for places in [vec![9], vec![0], vec![4, 5, 6, 7]] {
            variants.push(with(&format!("{name} in {places:?}"), &places, |_, pixels| {
                mirrored(&pixels, is_turned)
            }));
        }
        variants.push(one(
            &format!("{name} in half of them"),
            Right::Refused(InconsistentSeries),
            |image| {
                if image.place >= PLACES / 2 {
                    let pixels = picture(ROWS, COLUMNS, image.phase, image.place);
                    put_pixels(&mut image.object, &mirrored(&pixels, is_turned));
                }
            },
        ));
    }
    check(&variants);
}

/// A picture with its rows, its columns or both in the other order.
fn mirrored(pixels: &[u16], [rows, columns]: [bool; 2]) -> Vec<u16> {
    let mut lines: Vec<Vec<u16>> = pixels.chunks_exact(COLUMNS).map(<[u16]>::to_vec).collect();
    if rows {
        lines.reverse();
    }
    if columns {
        lines.iter_mut().for_each(|line| line.reverse());
    }
    lines.concat()
}

fn acquisition(change: &dyn Fn(&mut Image)) -> Result<Acquisition, ImagingError> {
    let upload = Upload::file(&zip_of(&numbered(files(1, change))));
    let studies = list_studies(&upload.path, &Limits::default())?;
    Ok(load_chest_series(&studies[0], &Limits::default())?.acquisition)
}

#[test]
fn values_on_another_scale_are_no_hounsfield_units() {
    let is_read_as_hounsfield = |change: &dyn Fn(&mut Image)| match acquisition(change) {
        Ok(acquisition) => acquisition.has_hounsfield,
        // By turns they are two pictures.
        Err(error) => {
            assert_eq!(error.reason().code, InconsistentSeries, "{error}");
            false
        }
    };
    assert!(is_read_as_hounsfield(&|_| ()));
    let slope = |image: &mut Image, slope: &str| image.set(tags::RESCALE_SLOPE, VR::DS, slope);
    assert!(!is_read_as_hounsfield(&|image| slope(image, "0")));
    assert!(!is_read_as_hounsfield(&|image| slope(image, "NaN")));
    for every in [2, 3, PLACES / 2, PLACES] {
        for (lie, intercept) in [("2", -1024), ("0.5", -1024), ("-1", 1024)] {
            let some = |image: &mut Image| {
                if image.place.is_multiple_of(every) {
                    slope(image, lie);
                    image.set(tags::RESCALE_INTERCEPT, VR::DS, intercept);
                }
            };
            assert!(!is_read_as_hounsfield(&some), "times {lie} in every {every}");
        }
        let shifted = |image: &mut Image| {
            if image.place.is_multiple_of(every) {
                image.set(tags::RESCALE_INTERCEPT, VR::DS, -800);
            }
        };
        assert!(!is_read_as_hounsfield(&shifted), "higher in every {every}");
    }
    // Dark is bright.
    assert!(!is_read_as_hounsfield(&|image| {
        slope(image, "-1");
        image.set(tags::RESCALE_INTERCEPT, VR::DS, 1024);
    }));
    assert!(!is_read_as_hounsfield(&|image| {
        image.stored(|hounsfield| 4095 - (hounsfield + 1024));
        image.set(tags::PHOTOMETRIC_INTERPRETATION, VR::CS, "MONOCHROME1");
    }));
    // A slope of its own in every slice, with the values that belong to it.
    assert!(is_read_as_hounsfield(&|image| {
        let factor = [1, 2, 4][image.place % 3];
        image.stored(|hounsfield| (hounsfield + 1024) * 2 / factor);
        slope(image, ["0.5", "1", "2"][image.place % 3]);
    }));
}

#[test]
fn a_high_bit_that_is_wrong_is_noticed() {
    let high_bit = |image: &mut Image, bit: u16| put_u16(&mut image.object, tags::HIGH_BIT, bit);
    let twelve = |image: &mut Image| put_u16(&mut image.object, tags::BITS_STORED, 12);
    check(&[
        one("15, not shifted", Right::Whole, |image| {
            twelve(image);
            high_bit(image, 15);
        }),
        one("15, shifted", Right::Whole, |image| {
            image.stored(|hounsfield| (hounsfield + 1024) << 4);
            twelve(image);
            high_bit(image, 15);
        }),
        one("13, not shifted", Right::Whole, |image| {
            twelve(image);
            high_bit(image, 13);
        }),
    ]);
    let told = acquisition(&|image| {
        twelve(image);
        high_bit(image, 15);
    })
    .unwrap();
    assert_eq!(told.corrected_slices, PLACES);
}

#[test]
fn numbers_with_a_decimal_comma_are_read() {
    check(&[one("comma", Right::Whole, |image| {
        image.set(tags::PIXEL_SPACING, VR::DS, "0,75\\0,75");
        image.set(tags::RESCALE_SLOPE, VR::DS, "1,0");
        image.set(tags::RESCALE_INTERCEPT, VR::DS, "-1024,00");
        image.set(tags::SLICE_THICKNESS, VR::DS, "2,0");
        let height = image.height();
        let place = format!("-20,0\\-30,0\\{height:.1}").replace('.', ",");
        image.set(tags::IMAGE_POSITION_PATIENT, VR::DS, place);
    })]);
}

#[test]
fn a_child_by_the_date_of_birth_is_a_child() {
    let series = |birth: &'static str| {
        let files = files(1, |image| {
            image.set(tags::PATIENT_AGE, VR::AS, "055Y");
            image.set(tags::PATIENT_BIRTH_DATE, VR::DA, birth);
        });
        let upload = Upload::file(&zip_of(&numbered(files)));
        let studies = list_studies(&upload.path, &Limits::default()).unwrap();
        load_chest_series(&studies[0], &Limits::default())
            .unwrap()
            .study
            .patient_age_years
    };
    assert_eq!(series("20130101"), Some(13));
    assert_eq!(series("19700101"), Some(55));
}

#[test]
fn an_age_that_one_file_states_is_the_patients() {
    let files = files(1, |image| {
        image.drop(tags::PATIENT_AGE);
        if image.place == 7 {
            image.set(tags::PATIENT_AGE, VR::AS, "012Y");
        }
    });
    let upload = Upload::file(&zip_of(&numbered(files)));
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    let loaded = load_chest_series(&studies[0], &Limits::default()).unwrap();
    assert_eq!(loaded.study.patient_age_years, Some(12));
}
