//! Enhanced multi-frame CT: geometry and rescale come from functional groups.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests are not marked as tests"
)]

mod support;

use dicom_core::VR;
use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_domain::ReasonCode;
use norma_imaging::{ImagingError, Limits, LoadedSeries, list_studies, load_chest_series};

use support::archives::{Upload, zip_of};
use support::dicom_files::{
    BIG_ENDIAN, COLUMNS, ROWS, SERIES, STUDY, put_fragments, put_pixel_format, put_pixels, put_sequence,
    put_text, ramp, rle_frame, write_as,
};

const FRAMES: usize = 6;
/// Frames stand in this order in the file.
const ORDER: [usize; FRAMES] = [4, 0, 5, 1, 3, 2];

fn group(
    tag: dicom_core::Tag,
    fill: impl FnOnce(&mut InMemDicomObject),
) -> (dicom_core::Tag, InMemDicomObject) {
    let mut item = InMemDicomObject::new_empty();
    fill(&mut item);
    (tag, item)
}

fn groups(parts: Vec<(dicom_core::Tag, InMemDicomObject)>) -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    for (tag, item) in parts {
        put_sequence(&mut object, tag, vec![item]);
    }
    object
}

/// The slope of a frame's rescale; frames differ.
fn slope(number: usize) -> f64 {
    if number.is_multiple_of(2) { 1.0 } else { 2.0 }
}

fn enhanced() -> InMemDicomObject {
    let mut object = InMemDicomObject::new_empty();
    put_text(
        &mut object,
        tags::SOP_CLASS_UID,
        VR::UI,
        uids::ENHANCED_CT_IMAGE_STORAGE,
    );
    put_text(&mut object, tags::SOP_INSTANCE_UID, VR::UI, "1.2.3.4.5");
    put_text(&mut object, tags::STUDY_INSTANCE_UID, VR::UI, STUDY);
    put_text(&mut object, tags::SERIES_INSTANCE_UID, VR::UI, SERIES);
    put_text(&mut object, tags::MODALITY, VR::CS, "CT");
    put_text(
        &mut object,
        tags::IMAGE_TYPE,
        VR::CS,
        "ORIGINAL\\PRIMARY\\VOLUME\\NONE",
    );
    put_text(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, &FRAMES.to_string());
    put_pixel_format(&mut object, false);
    let shared = groups(vec![
        group(tags::PLANE_ORIENTATION_SEQUENCE, |item| {
            put_text(item, tags::IMAGE_ORIENTATION_PATIENT, VR::DS, "1\\0\\0\\0\\1\\0");
        }),
        group(tags::PIXEL_MEASURES_SEQUENCE, |item| {
            put_text(item, tags::PIXEL_SPACING, VR::DS, "0.75\\0.75");
            put_text(item, tags::SLICE_THICKNESS, VR::DS, "1.5");
        }),
        group(tags::CT_RECONSTRUCTION_SEQUENCE, |item| {
            put_text(item, tags::CONVOLUTION_KERNEL, VR::SH, "Br40");
        }),
        group(tags::CONTRAST_BOLUS_USAGE_SEQUENCE, |item| {
            put_text(item, tags::CONTRAST_BOLUS_AGENT_ADMINISTERED, VR::CS, "YES");
        }),
    ]);
    put_sequence(&mut object, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE, vec![shared]);
    let per_frame = ORDER
        .iter()
        .map(|number| {
            groups(vec![
                group(tags::PLANE_POSITION_SEQUENCE, |item| {
                    let z = *number as f64 * 1.5;
                    put_text(
                        item,
                        tags::IMAGE_POSITION_PATIENT,
                        VR::DS,
                        &format!("-10\\-20\\{z}"),
                    );
                }),
                group(tags::PIXEL_VALUE_TRANSFORMATION_SEQUENCE, |item| {
                    put_text(item, tags::RESCALE_SLOPE, VR::DS, &slope(*number).to_string());
                    put_text(item, tags::RESCALE_INTERCEPT, VR::DS, "-1024");
                    put_text(item, tags::RESCALE_TYPE, VR::LO, "HU");
                }),
            ])
        })
        .collect();
    put_sequence(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, per_frame);
    object
}

fn load(bytes: &[u8]) -> Result<LoadedSeries, ImagingError> {
    let upload = Upload::file(bytes);
    let studies = list_studies(&upload.path, &Limits::default())?;
    load_chest_series(&studies[0], &Limits::default())
}

fn assert_frames(series: &LoadedSeries) {
    assert_eq!(series.volume.geometry.shape, [FRAMES, ROWS, COLUMNS]);
    assert_eq!(series.volume.geometry.spacing_mm.zyx(), [1.5, 0.75, 0.75]);
    assert_eq!(series.study.convolution_kernel.as_deref(), Some("Br40"));
    // Frames whose slopes differ by turns show no patient: whether they are in HU is not asked of them.
    assert!(series.study.contrast_agent);
    for number in 0..FRAMES {
        let frame = series.volume.hounsfield.index_axis(ndarray::Axis(0), number);
        for (value, stored) in frame.iter().zip(ramp(number)) {
            assert_eq!(
                f64::from(*value),
                f64::from(stored) * slope(number) - 1024.0,
                "frame {number}"
            );
        }
    }
}

#[test]
fn native_frames_in_any_order() {
    for syntax in [
        uids::EXPLICIT_VR_LITTLE_ENDIAN,
        uids::IMPLICIT_VR_LITTLE_ENDIAN,
        BIG_ENDIAN,
    ] {
        let mut object = enhanced();
        let pixels: Vec<u16> = ORDER.iter().flat_map(|number| ramp(*number)).collect();
        put_pixels(&mut object, &pixels);
        let bytes = write_as(object, syntax);
        assert_frames(&load(&bytes).unwrap());
        // Deflated in an archive, so that no frame can be read in its place.
        assert_frames(&load(&zip_of(&[("enhanced".into(), bytes)])).unwrap());
    }
}

#[test]
fn encapsulated_frames() {
    let mut object = enhanced();
    put_fragments(
        &mut object,
        ORDER.iter().map(|number| rle_frame(&ramp(*number))).collect(),
    );
    assert_frames(&load(&write_as(object, uids::RLE_LOSSLESS)).unwrap());
}

#[test]
fn a_frame_without_functional_groups_is_counted_as_lost() {
    let mut object = enhanced();
    put_text(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, "7");
    let frames = ORDER.iter().chain([&6]);
    put_pixels(
        &mut object,
        &frames.flat_map(|number| ramp(*number)).collect::<Vec<_>>(),
    );
    let series = load(&write_as(object.clone(), uids::EXPLICIT_VR_LITTLE_ENDIAN)).unwrap();
    assert_eq!(series.acquisition.undecodable_slices, 1);
    assert_frames(&series);
    object.remove_element(tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    let error = load(&write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::NoChestSeries);
}

#[test]
fn functional_groups_without_number_are_refused() {
    let mut object = enhanced();
    let empty = vec![InMemDicomObject::new_empty(); 600_000];
    put_sequence(&mut object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE, empty);
    put_pixels(&mut object, &ramp(0));
    let error = load(&write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::UnreadableDicom);
}

#[test]
fn more_frames_claimed_than_there_are() {
    let mut object = enhanced();
    put_text(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, "4000000");
    put_pixels(
        &mut object,
        &ORDER.iter().flat_map(|number| ramp(*number)).collect::<Vec<_>>(),
    );
    let error = load(&write_as(object, uids::EXPLICIT_VR_LITTLE_ENDIAN)).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::LyingLength);
    let mut object = enhanced();
    put_text(&mut object, tags::NUMBER_OF_FRAMES, VR::IS, "4000000");
    put_fragments(
        &mut object,
        ORDER.iter().map(|number| rle_frame(&ramp(*number))).collect(),
    );
    let error = load(&write_as(object, uids::RLE_LOSSLESS)).unwrap_err();
    assert_eq!(error.reason().code, ReasonCode::UndecodablePixels);
}
