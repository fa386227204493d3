//! The anomaly map, read back and compared pixel by pixel with the values that it was made of.

use std::collections::BTreeMap;

use dicom_dictionary_std::{tags, uids};
use dicom_object::InMemDicomObject;
use norma_dicom_results::{DicomResult, Language, ResultKind, ResultsError};
use norma_domain::Verdict;
use norma_phantom::PhantomOptions;

use crate::support::{Study, anomaly_map, build_of, items, parse, report, study, text};
use crate::variants::{decimals, feet_first, not_square, tilted};

fn parametric_maps(results: &[DicomResult]) -> Vec<InMemDicomObject> {
    let maps = results.iter();
    maps.filter(|result| result.kind() == ResultKind::ParametricMap)
        .map(parse)
        .collect()
}

/// Of each frame its pixels, by the UID of the image that it is of; its place is that image's.
fn frames(study: &Study, object: &InMemDicomObject) -> BTreeMap<String, Vec<u16>> {
    let side = |tag| object.get(tag).unwrap().to_int::<usize>().unwrap();
    let size = side(tags::ROWS) * side(tags::COLUMNS);
    let pixels: Vec<u16> = object.get(tags::PIXEL_DATA).unwrap().to_multi_int().unwrap();
    let groups = items(object, tags::PER_FRAME_FUNCTIONAL_GROUPS_SEQUENCE);
    assert_eq!(pixels.len(), size * groups.len());
    assert_eq!(side(tags::NUMBER_OF_FRAMES), groups.len());
    let mut frames = BTreeMap::new();
    for (number, (group, pixels)) in groups.iter().zip(pixels.chunks(size)).enumerate() {
        let content = &items(group, tags::FRAME_CONTENT_SEQUENCE)[0];
        let index = content.get(tags::DIMENSION_INDEX_VALUES).unwrap();
        assert_eq!(index.to_multi_int::<usize>().unwrap(), [number + 1]);
        let derivation = &items(group, tags::DERIVATION_IMAGE_SEQUENCE)[0];
        let source = &items(derivation, tags::SOURCE_IMAGE_SEQUENCE)[0];
        let uid = text(source, tags::REFERENCED_SOP_INSTANCE_UID);
        let images = study.source.images.iter();
        let image = images
            .clone()
            .find(|image| image.sop_instance_uid == uid)
            .unwrap();
        let position = decimals(
            &items(group, tags::PLANE_POSITION_SEQUENCE)[0],
            tags::IMAGE_POSITION_PATIENT,
        );
        for (one, other) in position.iter().zip(image.planes[0].position) {
            assert!((one - other).abs() < 1e-6, "{position:?}");
        }
        assert_eq!(
            frames.insert(uid, pixels.to_vec()),
            None,
            "a frame for each image"
        );
    }
    frames
}

/// Builds the map's object; `in_volume` gives column and row in the slice of column and row on the image.
fn check(study: &Study, in_volume: impl Fn([usize; 2]) -> [usize; 2]) -> InMemDicomObject {
    let map = anomaly_map(study);
    let report = report(study, Verdict::Pathology);
    let results = build_of(study, &report, None, Some(&map), Language::English).unwrap();
    let object = parametric_maps(&results).remove(0);
    let image = &study.source.images[0];
    let (rows, columns) = (usize::from(image.rows), usize::from(image.columns));
    let mut expected = BTreeMap::new();
    for reference in &study.prepared.slices {
        let Some(slice) = map.get(&reference.slice) else {
            continue;
        };
        let pixels = (0..rows * columns).map(|pixel| {
            let [column, row] = in_volume([pixel % columns, pixel / columns]);
            u16::from(slice[[row, column]])
        });
        let uid = reference.sop_instance_uid.as_ref().unwrap();
        expected.insert(uid.as_str().to_owned(), pixels.collect::<Vec<u16>>());
    }
    assert_eq!(expected.len(), 30);
    assert!(frames(study, &object) == expected);
    object
}

#[test]
fn each_value_is_on_its_pixel_of_the_image_that_it_came_from() {
    let study = study(&PhantomOptions::small());
    let map = check(&study, |pixel| pixel);
    assert_eq!(text(&map, tags::SOP_CLASS_UID), uids::PARAMETRIC_MAP_STORAGE);
    assert_eq!(text(&map, tags::CONTENT_QUALIFICATION), "RESEARCH");
    assert!(text(&map, tags::SERIES_DESCRIPTION).contains("research use"));
    let image = &study.source.images[0];
    assert_eq!(
        text(&map, tags::FRAME_OF_REFERENCE_UID),
        image.frame_of_reference_uid
    );
    let shared = &items(&map, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0];
    let mapping = &items(shared, tags::REAL_WORLD_VALUE_MAPPING_SEQUENCE)[0];
    let number = |tag| mapping.get(tag).unwrap().to_float64().unwrap();
    let real = |stored: f64| {
        number(tags::REAL_WORLD_VALUE_INTERCEPT) + stored * number(tags::REAL_WORLD_VALUE_SLOPE)
    };
    assert!(
        (real(0.0), real(255.0)) == (0.0, 1.0),
        "{} {}",
        real(0.0),
        real(255.0)
    );
    let last = mapping.get(tags::REAL_WORLD_VALUE_LAST_VALUE_MAPPED).unwrap();
    assert_eq!(last.to_int::<u16>().unwrap(), 255);
    let unit = &items(mapping, tags::MEASUREMENT_UNITS_CODE_SEQUENCE)[0];
    assert_eq!(text(unit, tags::CODE_VALUE), "1");
    let quantity = &items(mapping, tags::QUANTITY_DEFINITION_SEQUENCE)[0];
    let concept = &items(quantity, tags::CONCEPT_CODE_SEQUENCE)[0];
    assert_eq!(text(concept, tags::CODE_VALUE), "anomaly");
}

#[test]
fn pixels_that_are_not_square_keep_their_place() {
    check(&not_square(), |[column, row]| [column, 2 * row]);
}

#[test]
fn a_patient_who_lies_the_other_way_round_keeps_the_sides() {
    let study = feet_first();
    let [_, rows, columns] = study.prepared.study.geometry.shape;
    check(&study, |[column, row]| [columns - 1 - column, rows - 1 - row]);
}

#[test]
fn slices_of_a_leaning_gantry_keep_their_planes() {
    let map = check(&tilted(), |pixel| pixel);
    let shared = &items(&map, tags::SHARED_FUNCTIONAL_GROUPS_SEQUENCE)[0];
    let orientation = &items(shared, tags::PLANE_ORIENTATION_SEQUENCE)[0];
    let numbers = decimals(orientation, tags::IMAGE_ORIENTATION_PATIENT);
    assert!(
        (numbers[4] - 12.0_f64.to_radians().cos()).abs() < 1e-6,
        "{numbers:?}"
    );
}

#[test]
fn a_repeat_gives_the_same_bytes_and_a_map_of_another_volume_none() {
    let study = study(&PhantomOptions::small());
    let report = report(&study, Verdict::Norm);
    let map = anomaly_map(&study);
    let build = |map, language| build_of(&study, &report, None, Some(map), language);
    let of_kind = |results: Vec<DicomResult>| {
        let mut maps = results.into_iter();
        maps.find(|result| result.kind() == ResultKind::ParametricMap)
    };
    let first = of_kind(build(&map, Language::English).unwrap()).unwrap();
    let again = of_kind(build(&map, Language::Russian).unwrap()).unwrap();
    assert_eq!(first, again);
    assert_eq!(first.name, "anomaly-map");
    let other = map
        .iter()
        .map(|(slice, values)| (*slice, values.slice(ndarray::s![1.., ..]).to_owned()))
        .collect();
    assert!(matches!(
        build(&other, Language::English),
        Err(ResultsError::OtherVolume)
    ));
    // Slices that no stored image shows.
    let beyond = BTreeMap::from([(1000, map[&20].clone())]);
    assert_eq!(of_kind(build(&beyond, Language::English).unwrap()), None);
}
