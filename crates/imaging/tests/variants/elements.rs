//! Elements that are written otherwise than the standard says, and names that stand for several images.

use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::mem::InMemElement;
use norma_imaging::{Limits, LoadedSeries, list_studies, load_chest_series};

use super::images::{Image, PLACES, files, images};
use super::right::{Right, Variant, check};
use super::support::archives::{Upload, numbered, zip_of};

fn put_singles(image: &mut Image, tag: Tag, numbers: &[f32]) {
    let value = PrimitiveValue::F32(numbers.iter().copied().collect());
    image.object.put(InMemElement::new(tag, VR::FL, value));
}

#[test]
fn numbers_of_single_precision_are_read() {
    let rescaled = |image: &mut Image| {
        put_singles(image, tags::RESCALE_SLOPE, &[1.0]);
        put_singles(image, tags::RESCALE_INTERCEPT, &[-1024.0]);
    };
    let placed = |image: &mut Image| {
        let height = image.height() as f32;
        put_singles(image, tags::IMAGE_POSITION_PATIENT, &[-20.0, -30.0, height]);
        put_singles(
            image,
            tags::IMAGE_ORIENTATION_PATIENT,
            &[1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
        );
        put_singles(image, tags::PIXEL_SPACING, &[0.75, 0.75]);
    };
    // What is no number stays none: four letters are no thickness of 10^27 mm.
    let worded = |image: &mut Image| image.set(tags::SLICE_THICKNESS, VR::LO, "2 mm");
    check(&[
        Variant::of_files("rescale", files(1, rescaled), Right::Whole),
        Variant::of_files("place", files(1, placed), Right::Whole),
        Variant::of_files("words", files(1, worded), Right::Whole),
    ]);
    assert_eq!(load(files(1, worded)).study.slice_thickness_mm, None);
}

#[test]
fn a_representation_that_nobody_knows_may_have_a_short_length() {
    let study = b"\x20\0\x0D\0UI";
    let with = |element: &[u8]| -> Vec<Vec<u8>> {
        let insert = |mut file: Vec<u8>| {
            let at = file
                .windows(study.len())
                .position(|bytes| bytes == study)
                .unwrap();
            file.splice(at..at, element.iter().copied());
            file
        };
        files(1, |_| ()).into_iter().map(insert).collect()
    };
    check(&[
        Variant::of_files("short", with(b"\x19\0\x05\x10QQ\x04\0abcd"), Right::Whole),
        Variant::of_files("long", with(b"\x19\0\x05\x10QQ\0\0\x04\0\0\0abcd"), Right::Whole),
    ]);
}

fn load(files: Vec<Vec<u8>>) -> LoadedSeries {
    let upload = Upload::file(&zip_of(&numbered(files)));
    let studies = list_studies(&upload.path, &Limits::default()).unwrap();
    load_chest_series(&studies[0], &Limits::default()).unwrap()
}

fn unnamed(series: &LoadedSeries) -> usize {
    let without = |slice: &&norma_domain::SliceReference| slice.sop_instance_uid.is_none();
    series.slices.iter().filter(without).count()
}

#[test]
fn a_name_that_several_images_have_names_none_of_them() {
    let named = |name: &dyn Fn(&Image) -> String| {
        load(files(1, |image| {
            let name = name(image);
            image.set(tags::SOP_INSTANCE_UID, VR::UI, name);
        }))
    };
    let one = named(&|_| "1.2.3".into());
    assert_eq!((one.slices.len(), unnamed(&one)), (PLACES, PLACES));
    assert_eq!(one.acquisition.invalid_uids, PLACES);
    // Two of them, and the others by names of their own.
    let pair = named(&|image| format!("1.2.3.{}", image.place.max(1)));
    assert_eq!((unnamed(&pair), pair.acquisition.invalid_uids), (2, 2));

    // Copies of one image share its name rightly.
    let mut twice = images(1, |_| ());
    let copies: Vec<Image> = twice.iter().map(Image::copy).collect();
    twice.extend(copies);
    let twice = load(twice.into_iter().map(Image::bytes).collect());
    assert_eq!(twice.acquisition.duplicates_removed, PLACES);
    assert_eq!((unnamed(&twice), twice.acquisition.invalid_uids), (0, 0));
}

#[test]
fn other_pixels_under_a_known_name_give_no_mixture() {
    // The second phase took the names of the first in some places, and says by its time that it is another one.
    let again = |keeps_time: bool| {
        let all = images(2, |image| {
            if image.phase == 1 {
                image.set(
                    tags::SOP_INSTANCE_UID,
                    VR::UI,
                    format!("{}.0.{}", super::support::dicom_files::SERIES, image.place),
                );
                if !keeps_time {
                    image.set(tags::ACQUISITION_TIME, VR::TM, "111500");
                }
            } else {
                image.set(tags::ACQUISITION_TIME, VR::TM, "101500");
            }
            if keeps_time {
                image.number(1);
                image.set(tags::ACQUISITION_TIME, VR::TM, "101500");
            }
        });
        let some = all
            .into_iter()
            .filter(|image| image.phase == 0 || (5..15).contains(&image.place));
        some.map(Image::bytes).collect::<Vec<_>>()
    };
    check(&[
        Variant::of_files(
            "nothing tells them apart",
            again(true),
            Right::Refused(norma_domain::ReasonCode::InconsistentSeries),
        ),
        Variant::of_files("their time does", again(false), Right::Whole),
    ]);
    let told = load(again(false));
    assert_eq!((unnamed(&told), told.acquisition.invalid_uids), (10, 10));
}
