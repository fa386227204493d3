//! The objects of real phantom studies, from the files to the bytes.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{TimeZone as _, Utc};
use dicom_core::Tag;
use dicom_dictionary_std::{tags, uids};
use dicom_object::{InMemDicomObject, OpenFileOptions};
use ndarray::Array2;
use norma_dicom_results::{
    DicomResult, Language, ResultsError, ResultsInput, SourceStudy, build_results, read_source_studies,
    slices_to_show,
};
use norma_domain::{
    AnalysisId, BundleReference, KeySlice, LungSide, LungThird, MeasuredFinding, NoduleDensity, NoduleDetail,
    OperatingPoint, OperatingPointName, PathologyType, PreparedSummary, Probability, Quantification, Reason,
    ReasonCode, Report, ScanId, Stage, Summary, Timings, Verdict, VoxelBox,
};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_phantom::{PhantomOptions, phantom_zip};

/// A study as preparation sees it; what it measured is given by the test.
struct Study {
    source: SourceStudy,
    prepared: PreparedSummary,
    slices: Vec<Array2<i16>>,
}

const REGION: VoxelBox = VoxelBox {
    x_min: 60,
    x_max: 79,
    y_min: 90,
    y_max: 99,
    z_min: 28,
    z_max: 32,
};

fn study(options: &PhantomOptions) -> Study {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("study.zip");
    phantom_zip(options, &upload).unwrap();
    read(&upload)
}

fn read(upload: &Path) -> Study {
    let limits = Limits::default();
    let studies = list_studies(upload, &limits).unwrap();
    let series = load_chest_series(&studies[0], &limits).unwrap();
    let slices = series
        .volume
        .hounsfield
        .outer_iter()
        .map(|slice| slice.to_owned());
    Study {
        source: read_source_studies(upload, &limits).unwrap().remove(0),
        slices: slices.collect(),
        prepared: PreparedSummary {
            study: series.study,
            slices: series.slices,
            selected_slices: vec![20, 30],
            lung_extent: Some([5, 55]),
            lung_volume_ml: 4000.0,
            quality: Vec::new(),
            quantification: Some(Quantification {
                measures: Vec::new(),
                findings: vec![MeasuredFinding {
                    pathology: PathologyType::PleuralEffusion,
                    side: LungSide::Right,
                    third: LungThird::Lower,
                    volume_ml: 34.25,
                    mean_hu: 12.5,
                    region: REGION,
                    key_slice: 30,
                    decides: true,
                    nodule: None,
                }],
                duration_ms: 1,
                nodules_sought: false,
            }),
            duration_ms: 1,
        },
    }
}

fn report(study: &Study, verdict: Verdict) -> Report {
    let at = Utc.with_ymd_and_hms(2026, 11, 26, 12, 30, 5).unwrap();
    let reason = Reason::new(ReasonCode::CoverageIncomplete, "the apices are cut");
    Report {
        schema: norma_domain::REPORT_SCHEMA.to_owned(),
        analysis_id: "019ab1c2-0000-7000-8000-000000000001"
            .parse::<AnalysisId>()
            .unwrap(),
        scan_id: ScanId::generate(),
        verdict,
        reasons: Vec::from_iter((verdict == Verdict::Undetermined).then_some(reason)),
        limitations: Vec::new(),
        probability_of_pathology: Some(Probability::new(0.87).unwrap()),
        anomaly_score: Some(0.9),
        operating_point: OperatingPoint {
            name: OperatingPointName("youden".to_owned()),
            threshold: Probability::new(0.5).unwrap(),
        },
        decided_by: None,
        threshold_verification: None,
        measures: Vec::new(),
        measured_findings: Vec::new(),
        coverage: Vec::new(),
        grounds: Vec::new(),
        study: Some(study.prepared.study.clone()),
        quality: Vec::new(),
        stages: Vec::new(),
        findings: Vec::new(),
        localization: Some(VoxelBox {
            x_min: 10,
            x_max: 20,
            ..REGION
        }),
        localization_mm: None,
        key_slices: vec![KeySlice {
            slice: 40,
            sop_instance_uid: study.prepared.slices[40].sop_instance_uid.clone(),
            instance_number: None,
            table_position_mm: None,
            score: 0.9,
            stage: Stage::Anomaly,
        }],
        selected_slices: vec![20, 30],
        lung_extent: Some([5, 55]),
        maps: Vec::new(),
        bundle: BundleReference {
            name: "test".to_owned(),
            version: "1.0.0".to_owned(),
            sha256: "ab".repeat(32),
        },
        timings: Timings {
            requested_at: at,
            started_at: Some(at),
            finished_at: at,
            stage_duration_ms: Vec::new(),
        },
        rows: Vec::new(),
        summary: Summary {
            has_pathology_any: Some(true),
        },
        disclaimer: "For research use only.".to_owned(),
    }
}

fn build(study: &Study, report: &Report, language: Language) -> Result<Vec<DicomResult>, ResultsError> {
    let slices: BTreeMap<usize, Array2<i16>> = slices_to_show(report, &study.prepared)
        .into_iter()
        .map(|slice| (slice, study.slices[slice].clone()))
        .collect();
    build_results(&ResultsInput {
        report,
        prepared: &study.prepared,
        source: &study.source,
        slices: &slices,
        language,
    })
}

fn parse(result: &DicomResult) -> InMemDicomObject {
    let object = OpenFileOptions::new()
        .from_reader(result.bytes.as_slice())
        .unwrap();
    assert_eq!(
        object.meta().media_storage_sop_instance_uid(),
        result.sop_instance_uid
    );
    assert_eq!(object.meta().media_storage_sop_class_uid(), result.sop_class_uid);
    object.into_inner()
}

fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let text = object.get(tag).and_then(|element| element.to_str().ok());
    text.unwrap_or_default().trim_end_matches(['\0', ' ']).to_owned()
}

fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object
        .get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
}

/// Every content item below, the item itself first.
fn tree(item: &InMemDicomObject) -> Vec<&InMemDicomObject> {
    let children = items(item, tags::CONTENT_SEQUENCE).iter().flat_map(tree);
    std::iter::once(item).chain(children).collect()
}

fn name(item: &InMemDicomObject) -> String {
    let name = items(item, tags::CONCEPT_NAME_CODE_SEQUENCE).first();
    name.map(|name| text(name, tags::CODE_MEANING))
        .unwrap_or_default()
}

fn value(item: &InMemDicomObject) -> String {
    let code = items(item, tags::CONCEPT_CODE_SEQUENCE).first();
    code.map_or_else(
        || text(item, tags::TEXT_VALUE),
        |code| {
            format!(
                "{} {}",
                text(code, tags::CODE_VALUE),
                text(code, tags::CODING_SCHEME_DESIGNATOR)
            )
        },
    )
}

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
    assert!(all.iter().any(|item| value(item) == "lung_nodule 99NORMA"));
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
    assert_eq!(names, ["report", "verdict", "key-slice-1", "key-slice-2"]);
    let page = parse(&results[1]);
    let slice = parse(&results[2]);
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
    assert_eq!(first[0], russian[0]);
    assert_ne!(first[1].sop_instance_uid, russian[1].sop_instance_uid);
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
