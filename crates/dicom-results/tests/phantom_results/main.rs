//! The objects of real phantom studies, from the files to the bytes.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

mod key_objects;
mod parametric_map;
mod segmentation;
mod statement;
mod support;
mod variants;

use dicom_dictionary_std::{tags, uids};
use norma_dicom_results::{Language, ResultsError};
use norma_domain::{AnalysisId, NoduleDensity, NoduleDetail, PathologyType, Report, Verdict};
use norma_phantom::PhantomOptions;
use support::{REGION, Study, build, items, name, parse, report, study, text, tree, value};

#[test]
fn the_report_says_the_verdict_and_draws_what_was_found_on_the_stored_images() {
    let study = study(&PhantomOptions::small());
    let report = report(&study, Verdict::Pathology);
    let results = build(&study, &report, Language::English).unwrap();
    assert_eq!(results[0].name, "report");
    assert_eq!(results[0].sop_class_uid, uids::COMPREHENSIVE3_DSR_STORAGE);
    let document = parse(&results[0]);
    let all = tree(&document);

    let verdict = all.iter().find(|item| name(item) == "Verdict").unwrap();
    assert_eq!(value(verdict), "pathology 99NORMA");
    assert!(all.iter().any(|item| value(item).contains("research use")));
    assert!(all.iter().any(|item| value(item) == "60046008 SCT"));

    // Two outlines: the measured finding, and where the models point.
    let outlines: Vec<_> = all
        .iter()
        .filter(|item| text(item, tags::VALUE_TYPE) == "SCOORD")
        .collect();
    assert_eq!(outlines.len(), 2);
    let points = outlines[0]
        .get(tags::GRAPHIC_DATA)
        .unwrap()
        .to_multi_float32()
        .unwrap();
    let axis = |axis: usize| -> Vec<f32> { points.iter().skip(axis).step_by(2).copied().collect() };
    let within = |values: &[f32]| {
        let least = values.iter().copied().fold(f32::MAX, f32::min);
        (least, values.iter().copied().fold(f32::MIN, f32::max))
    };
    let near = |(low, high): (f32, f32), expected: (f32, f32)| {
        assert!(
            (low - expected.0).abs() < 0.01 && (high - expected.1).abs() < 0.01,
            "{low} {high}"
        );
    };
    near(within(&axis(0)), (60.0, 80.0));
    near(within(&axis(1)), (90.0, 100.0));
    let image = &items(outlines[0], tags::CONTENT_SEQUENCE)[0];
    let referenced = &items(image, tags::REFERENCED_SOP_SEQUENCE)[0];
    assert_eq!(
        text(referenced, tags::REFERENCED_SOP_INSTANCE_UID),
        study.prepared.slices[30]
            .sop_instance_uid
            .as_ref()
            .unwrap()
            .as_str()
    );
    assert_eq!(
        text(referenced, tags::REFERENCED_SOP_CLASS_UID),
        uids::CT_IMAGE_STORAGE
    );
    // A group without coordinates fails viewers.
    for group in all.iter().filter(|item| name(item) == "Measurement Group") {
        assert!(
            tree(group)
                .iter()
                .any(|item| text(item, tags::VALUE_TYPE) == "SCOORD")
        );
    }
    let volume = all.iter().find(|item| name(item) == "Volume").unwrap();
    let measured = &items(volume, tags::MEASURED_VALUE_SEQUENCE)[0];
    assert_eq!(text(measured, tags::NUMERIC_VALUE), "34.25");
}

#[test]
fn a_nodule_has_its_diameter() {
    let mut study = study(&PhantomOptions::small());
    let finding = &mut study.prepared.quantification.as_mut().unwrap().findings[0];
    finding.pathology = PathologyType::LungNodule;
    finding.nodule = Some(NoduleDetail {
        diameter_mm: 8.5,
        density: NoduleDensity::Solid,
        score: 0.9,
    });
    let results = build(&study, &report(&study, Verdict::Pathology), Language::English).unwrap();
    let document = parse(&results[0]);
    let all = tree(&document);
    assert!(all.iter().any(|item| value(item) == "27925004 SCT"));
    let diameter = all.iter().find(|item| name(item) == "Diameter").unwrap();
    let measured = &items(diameter, tags::MEASURED_VALUE_SEQUENCE)[0];
    assert_eq!(text(measured, tags::NUMERIC_VALUE), "8.5");
}

#[test]
fn the_evidence_is_every_image_that_was_read_in_the_studys_own_series() {
    let study = study(&PhantomOptions::small());
    let results = build(&study, &report(&study, Verdict::Norm), Language::English).unwrap();
    let document = parse(&results[0]);
    let evidence = items(&document, tags::CURRENT_REQUESTED_PROCEDURE_EVIDENCE_SEQUENCE);
    assert_eq!(evidence.len(), 1);
    let read = &study.prepared.study;
    assert_eq!(
        text(&evidence[0], tags::STUDY_INSTANCE_UID),
        read.study_instance_uid.as_ref().unwrap().as_str()
    );
    let series = items(&evidence[0], tags::REFERENCED_SERIES_SEQUENCE);
    assert_eq!(series.len(), 1);
    assert_eq!(
        text(&series[0], tags::SERIES_INSTANCE_UID),
        read.series_instance_uid.as_ref().unwrap().as_str()
    );
    assert_eq!(
        items(&series[0], tags::REFERENCED_SOP_SEQUENCE).len(),
        study.prepared.slices.len()
    );
}

#[test]
fn a_norm_shows_no_place_that_the_models_point_at() {
    let study = study(&PhantomOptions::small());
    let results = build(&study, &report(&study, Verdict::Norm), Language::English).unwrap();
    let document = parse(&results[0]);
    let outlines = tree(&document)
        .iter()
        .filter(|item| text(item, tags::VALUE_TYPE) == "SCOORD")
        .count();
    assert_eq!(outlines, 1);
}

#[test]
fn an_undetermined_study_says_why() {
    let study = study(&PhantomOptions::small());
    let results = build(&study, &report(&study, Verdict::Undetermined), Language::English).unwrap();
    let document = parse(&results[0]);
    let all = tree(&document);
    let verdict = all.iter().find(|item| name(item) == "Verdict").unwrap();
    assert_eq!(value(verdict), "undetermined 99NORMA");
    assert!(
        all.iter()
            .any(|item| value(item) == "coverage_incomplete: the apices are cut")
    );
}

#[test]
fn pictures_are_a_page_and_key_slices_with_their_boxes() {
    let study = study(&PhantomOptions::small());
    let report = report(&study, Verdict::Pathology);
    let results = build(&study, &report, Language::English).unwrap();
    let names: Vec<&str> = results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(
        names,
        ["report", "key-objects", "verdict", "key-slice-1", "key-slice-2"]
    );
    let page = parse(&results[2]);
    let slice = parse(&results[3]);
    assert_eq!(
        text(&page, tags::SERIES_INSTANCE_UID),
        text(&slice, tags::SERIES_INSTANCE_UID)
    );
    assert_eq!(text(&slice, tags::INSTANCE_NUMBER), "2");
    let side = |tag| slice.get(tag).unwrap().to_int::<usize>().unwrap();
    let (rows, columns) = (side(tags::ROWS), side(tags::COLUMNS));
    // 208 pixels are enlarged by four.
    assert_eq!(columns, 832);
    assert!(rows > 832);
    let pixels = slice.get(tags::PIXEL_DATA).unwrap().to_bytes().unwrap();
    assert_eq!(pixels.len(), rows * columns * 3);
    let at = |row: usize, column: usize| {
        let start = (row * columns + column) * 3;
        [pixels[start], pixels[start + 1], pixels[start + 2]]
    };
    let is_grey = |[red, green, blue]: [u8; 3]| red == green && green == blue;
    // The box begins just outside of the region, and nothing hides what is in it.
    assert!(!is_grey(at(REGION.y_min * 4 - 1, 70 * 4)));
    assert!(!is_grey(at(95 * 4, (REGION.x_max + 1) * 4)));
    for row in REGION.y_min * 4..(REGION.y_max + 1) * 4 {
        for column in REGION.x_min * 4..(REGION.x_max + 1) * 4 {
            assert!(is_grey(at(row, column)), "{row} {column}");
        }
    }
}

#[test]
fn a_repeat_gives_the_same_bytes_and_another_analysis_other_uids() {
    let study = study(&PhantomOptions::small());
    let report = report(&study, Verdict::Pathology);
    let first = build(&study, &report, Language::English).unwrap();
    assert_eq!(first, build(&study, &report, Language::English).unwrap());
    let russian = build(&study, &report, Language::Russian).unwrap();
    assert_eq!(first[..2], russian[..2]);
    assert_ne!(first[2].sop_instance_uid, russian[2].sop_instance_uid);
    let other = Report {
        analysis_id: AnalysisId::generate(),
        ..report
    };
    let other = build(&study, &other, Language::English).unwrap();
    for (one, other) in first.iter().zip(&other) {
        assert_ne!(one.sop_instance_uid, other.sop_instance_uid);
    }
    let mut uids: Vec<_> = first.iter().map(|result| &result.sop_instance_uid).collect();
    uids.sort();
    uids.dedup();
    assert_eq!(uids.len(), first.len());
}

#[test]
fn names_in_any_letters_stay_the_patients() {
    let mut study = study(&PhantomOptions::small());
    // As they are read; the phantom's own files are in ASCII.
    study.source.attributes.patient_name = "Петрова^Анна".to_owned();
    study.source.attributes.patient_id = "ПАЦ-7".to_owned();
    for result in build(&study, &report(&study, Verdict::Pathology), Language::Russian).unwrap() {
        let object = parse(&result);
        assert_eq!(
            text(&object, tags::PATIENT_NAME),
            "Петрова^Анна",
            "{}",
            result.name
        );
        assert_eq!(text(&object, tags::PATIENT_ID), "ПАЦ-7");
    }
}

#[test]
fn a_leaning_gantry_is_outlined_where_its_slices_lie() {
    let study = study(&PhantomOptions {
        tilt_degrees: 12.0,
        ..PhantomOptions::small()
    });
    let results = build(&study, &report(&study, Verdict::Pathology), Language::English).unwrap();
    let document = parse(&results[0]);
    let all = tree(&document);
    let outline = all
        .iter()
        .find(|item| text(item, tags::VALUE_TYPE) == "SCOORD")
        .unwrap();
    let points = outline
        .get(tags::GRAPHIC_DATA)
        .unwrap()
        .to_multi_float32()
        .unwrap();
    // The volume has the slices' own rows and columns.
    assert!(
        (points[0] - 60.0).abs() < 0.05 && (points[1] - 90.0).abs() < 0.05,
        "{points:?}"
    );
}

#[test]
fn files_of_another_study_are_refused() {
    let (mine, other) = (
        study(&PhantomOptions::small()),
        study(&PhantomOptions {
            seed: 7,
            ..PhantomOptions::small()
        }),
    );
    let mixed = Study {
        source: other.source,
        ..mine
    };
    let report = report(&mixed, Verdict::Pathology);
    assert!(matches!(
        build(&mixed, &report, Language::English),
        Err(ResultsError::OtherStudy)
    ));
}
