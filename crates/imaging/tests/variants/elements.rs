//! Elements that are written otherwise than the standard says, and names that stand for several images.

use dicom_core::{PrimitiveValue, Tag, VR};
use dicom_dictionary_std::tags;
use dicom_object::mem::InMemElement;
use norma_imaging::{Limits, LoadedSeries, list_studies, load_chest_series};

use super::images::{Image, PLACES, files, images};
use super::right::{Right, Variant, check};
use super::support::archives::{Upload, numbered, zip_of};
use super::support::dicom_files::{COLUMNS, ROWS};

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

#[test]
fn a_representation_that_was_blanked_is_read_by_its_short_length() {
    let short = [
        b"\x08\0\x60\0CS",
        b"\x10\0\x20\0LO",
        b"\x20\0\x0D\0UI",
        b"\x20\0\x32\0DS",
        b"\x28\0\x10\0US",
        b"\x28\0\x30\0DS",
    ];
    let with = |vr: &[u8; 2]| -> Vec<Vec<u8>> {
        let blank = |mut file: Vec<u8>| {
            for head in short {
                let at = file.windows(head.len()).position(|bytes| bytes == head);
                let at = at.unwrap() + 4;
                file[at..at + 2].copy_from_slice(vr);
            }
            file
        };
        files(1, |_| ()).into_iter().map(blank).collect()
    };
    check(&[
        Variant::of_files("blanks", with(b"  "), Right::Whole),
        Variant::of_files("question marks", with(b"??"), Right::Whole),
        Variant::of_files("zeros", with(b"\0\0"), Right::Whole),
    ]);
}

#[test]
fn values_in_the_other_order_of_bytes_are_read_and_noted() {
    let swap = |mut file: Vec<u8>| {
        let pixels = file.len() - 2 * ROWS * COLUMNS;
        file[pixels..]
            .chunks_exact_mut(2)
            .for_each(|value| value.swap(0, 1));
        file
    };
    let swapped = || files(1, |_| ()).into_iter().map(swap).collect::<Vec<_>>();
    check(&[Variant::of_files("swapped", swapped(), Right::Whole)]);
    assert_eq!(load(swapped()).acquisition.corrected_slices, PLACES);
}

#[test]
fn a_length_that_lies_behind_an_element_without_a_representation_is_told_by_that() {
    let sequence = b"\x08\0\x40\x11\0\0\0\0\x02\0\0\0ab";
    let file = |mut file: Vec<u8>| {
        let study = b"\x20\0\x0D\0UI";
        let at = file
            .windows(study.len())
            .position(|bytes| bytes == study)
            .unwrap();
        file.splice(at..at, sequence.iter().copied());
        file
    };
    let broken: Vec<Vec<u8>> = files(1, |_| ()).into_iter().map(file).collect();
    let upload = Upload::file(&zip_of(&numbered(broken)));
    let reason = list_studies(&upload.path, &Limits::default())
        .unwrap_err()
        .reason();
    assert_eq!(reason.code, norma_domain::ReasonCode::UnreadableDicom, "{reason}");
    assert!(reason.message.contains("value representation"), "{reason}");
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
