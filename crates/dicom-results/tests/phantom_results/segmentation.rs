//! Segmentations, read back and compared voxel by voxel with the masks that they were made of.

use std::collections::BTreeMap;

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_dicom_results::{DicomResult, Language, ResultKind, ResultsError};
use norma_domain::{Segment, SegmentOf, Segmentation, Verdict, VoxelMask};
use norma_phantom::PhantomOptions;

use crate::support::{Study, build_with, items, parse, report, study, text};
use crate::variants::{decimals, feet_first, not_square, tilted};

/// Masks that are not alike in any direction: a part of the right lung, of the left lung, and an odd body in the first finding.
pub(crate) fn segmentation(shape: [usize; 3]) -> Segmentation {
    let mask = |is_inside: &dyn Fn([usize; 3]) -> bool| {
        let mut mask = VoxelMask::empty(shape).unwrap();
        for z in 0..shape[0] {
            for y in 0..shape[1] {
                mask.push_row([z, y], 0, (0..shape[2]).map(|x| is_inside([z, y, x])));
            }
        }
        mask
    };
    let [_, rows, columns] = shape;
    let segment = |of, mask| Segment { of, mask };
    Segmentation {
        segments: vec![
            segment(
                SegmentOf::RightLung,
                mask(&|[z, y, x]| (5..50).contains(&z) && y + z < rows && x > 10 && x < columns / 3 + z / 4),
            ),
            segment(
                SegmentOf::LeftLung,
                mask(&|[z, y, x]| (5..55).contains(&z) && y > 2 * z && x > columns / 2 && (x + y) % 7 != 0),
            ),
            segment(
                SegmentOf::Finding(0),
                mask(&|[z, y, x]| {
                    (28..33).contains(&z) && (90..100).contains(&y) && x >= 60 && x < 60 + z / 2
                }),
            ),
        ],
    }
}

fn segmentations(results: &[DicomResult]) -> Vec<InMemDicomObject> {
    results
        .iter()
        .filter(|result| result.kind() == ResultKind::Segmentation)
        .map(parse)
        .collect()
}

/// Of each segment its voxels by the UID of the image that they are drawn on: column and row.
fn drawn(object: &InMemDicomObject) -> BTreeMap<(u16, String), Vec<[usize; 2]>> {
    let side = |tag| object.get(tag).unwrap().to_int::<usize>().unwrap();
    let (rows, columns) = (side(tags::ROWS), side(tags::COLUMNS));
    let bits = object.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
    let mut drawn = BTreeMap::new();
    for (index, frame) in items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE)
        .iter()
        .enumerate()
    {
        let segment = &items(frame, tags::SEGMENT_IDENTIFICATION_SEQUENCE)[0];
        let number = segment.get(tags::REFERENCED_SEGMENT_NUMBER).unwrap();
        let derivation = &items(frame, tags::DERIVATION_IMAGE_SEQUENCE)[0];
        let source = &items(derivation, tags::SOURCE_IMAGE_SEQUENCE)[0];
        let pixels: Vec<[usize; 2]> = (0..rows * columns)
            .filter(|pixel| {
                let at = index * rows * columns + pixel;
                bits[at / 8] >> (at % 8) & 1 == 1
            })
            .map(|pixel| [pixel % columns, pixel / columns])
            .collect();
        assert!(!pixels.is_empty(), "an empty frame says nothing");
        let key = (
            number.to_int().unwrap(),
            text(source, tags::REFERENCED_SOP_INSTANCE_UID),
        );
        assert_eq!(drawn.insert(key, pixels), None, "a frame for each image");
    }
    drawn
}

/// The same of masks; `in_volume` gives column and row in the slice of column and row on the image.
fn expected(
    study: &Study,
    masks: &[&VoxelMask],
    in_volume: impl Fn([usize; 2]) -> [usize; 2],
) -> BTreeMap<(u16, String), Vec<[usize; 2]>> {
    let image = &study.source.images[0];
    let (rows, columns) = (usize::from(image.rows), usize::from(image.columns));
    let mut expected = BTreeMap::new();
    for (mask, number) in masks.iter().zip(1..) {
        let [_, slice_rows, slice_columns] = mask.shape();
        for reference in &study.prepared.slices {
            let mut slice = vec![false; slice_rows * slice_columns];
            for pixels in mask.in_slice(reference.slice) {
                slice[pixels].fill(true);
            }
            let pixels: Vec<[usize; 2]> = (0..rows * columns)
                .map(|pixel| [pixel % columns, pixel / columns])
                .filter(|pixel| {
                    let [column, row] = in_volume(*pixel);
                    slice[row * slice_columns + column]
                })
                .collect();
            if !pixels.is_empty() {
                let uid = reference.sop_instance_uid.as_ref().unwrap();
                expected.insert((number, uid.as_str().to_owned()), pixels);
            }
        }
    }
    expected
}

fn check(study: &Study, in_volume: impl Fn([usize; 2]) -> [usize; 2]) -> Vec<InMemDicomObject> {
    let segmentation = segmentation(study.prepared.study.geometry.shape);
    let report = report(study, Verdict::Pathology);
    let results = build_with(study, &report, Some(&segmentation), Language::English).unwrap();
    let objects = segmentations(&results);
    let [right, left, finding] = segmentation.segments.as_slice() else {
        unreachable!("three were made")
    };
    assert_eq!(objects.len(), 2);
    let lungs = expected(study, &[&right.mask, &left.mask], &in_volume);
    assert!(lungs.len() > 80, "{}", lungs.len());
    assert!(drawn(&objects[0]) == lungs);
    assert!(drawn(&objects[1]) == expected(study, &[&finding.mask], &in_volume));
    objects
}

#[test]
fn each_voxel_is_on_its_pixel_of_the_image_that_it_came_from() {
    let study = study(&PhantomOptions::small());
    let objects = check(&study, |pixel| pixel);
    let lungs = &objects[0];
    assert_eq!(text(lungs, tags::SOP_CLASS_UID), uids::SEGMENTATION_STORAGE);
    assert_eq!(text(lungs, tags::MODALITY), "SEG");
    assert_eq!(text(lungs, tags::SEGMENTATION_TYPE), "BINARY");
    assert_eq!(text(lungs, tags::SEGMENTS_OVERLAP), "NO");
    let image = &study.source.images[0];
    assert!(!image.frame_of_reference_uid.is_empty());
    assert_eq!(
        text(lungs, tags::FRAME_OF_REFERENCE_UID),
        image.frame_of_reference_uid
    );
    let series = &items(lungs, tags::REFERENCED_SERIES_SEQUENCE)[0];
    assert_eq!(text(series, tags::SERIES_INSTANCE_UID), image.series_instance_uid);
    assert_eq!(
        items(series, tags::REFERENCED_INSTANCE_SEQUENCE).len(),
        study.prepared.slices.len()
    );
    let coded = |item: &InMemDicomObject, tag| {
        let code = &items(item, tag)[0];
        format!(
            "{} {}",
            text(code, tags::CODE_VALUE),
            text(code, tags::CODING_SCHEME_DESIGNATOR)
        )
    };
    let segments = items(lungs, tags::SEGMENT_SEQUENCE);
    assert_eq!(segments.len(), 2);
    for (segment, side) in segments.iter().zip(["24028007 SCT", "7771000 SCT"]) {
        let of_type = &items(segment, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE)[0];
        assert_eq!(text(of_type, tags::CODE_VALUE), "39607008");
        let modifier = tags::SEGMENTED_PROPERTY_TYPE_MODIFIER_CODE_SEQUENCE;
        assert_eq!(coded(of_type, modifier), side);
    }
    let finding = &items(&objects[1], tags::SEGMENT_SEQUENCE)[0];
    assert_eq!(
        coded(finding, tags::SEGMENTED_PROPERTY_TYPE_CODE_SEQUENCE),
        "60046008 SCT"
    );
    assert_eq!(
        text(finding, tags::SEGMENT_LABEL),
        "Pleural effusion 1, right lower third"
    );
    // The finding of the structured report is the same.
    assert_eq!(text(finding, tags::TRACKING_ID), "finding-1");
}

#[test]
fn pixels_that_are_not_square_and_rows_that_are_not_as_many_as_columns_keep_their_place() {
    let study = not_square();
    let [_, rows, columns] = study.prepared.study.geometry.shape;
    // The volume has square pixels.
    assert_eq!((rows, columns), (207, 208));
    check(&study, |[column, row]| [column, 2 * row]);
}

#[test]
fn a_patient_who_lies_the_other_way_round_keeps_the_sides() {
    let study = feet_first();
    let [_, rows, columns] = study.prepared.study.geometry.shape;
    check(&study, |[column, row]| [columns - 1 - column, rows - 1 - row]);
}

#[test]
fn slices_of_a_leaning_gantry_keep_their_planes() {
    let study = tilted();
    let objects = check(&study, |pixel| pixel);
    let shared = &items(&objects[0], tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0];
    let orientation = &items(shared, tags::PLANE_ORIENTATION_SEQUENCE)[0];
    let numbers = decimals(orientation, tags::IMAGE_ORIENTATION_PATIENT);
    let cosine = 12.0_f64.to_radians().cos();
    assert!((numbers[4] - cosine).abs() < 1e-6, "{numbers:?}");
}

#[test]
fn a_repeat_gives_the_same_bytes_and_a_mask_of_another_volume_none() {
    let study = study(&PhantomOptions::small());
    let segmentation = segmentation(study.prepared.study.geometry.shape);
    let report = report(&study, Verdict::Norm);
    let build = |segmentation, language| build_with(&study, &report, Some(segmentation), language);
    let first = build(&segmentation, Language::English).unwrap();
    let again = build(&segmentation, Language::Russian).unwrap();
    assert_eq!(first[1..3], again[1..3]);
    assert_ne!(first[1].sop_instance_uid, first[2].sop_instance_uid);
    let other = Segmentation {
        segments: vec![Segment {
            of: SegmentOf::RightLung,
            mask: VoxelMask::empty([60, 208, 207]).unwrap(),
        }],
    };
    assert!(matches!(
        build(&other, Language::English),
        Err(ResultsError::OtherVolume)
    ));
}
