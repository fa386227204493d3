//! Studies and their reports.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{TimeZone as _, Utc};
use dicom_core::Tag;
use dicom_dictionary_std::tags;
use dicom_object::{InMemDicomObject, OpenFileOptions};
use ndarray::Array2;
use norma_dicom_results::{
    DicomResult, Language, ResultsError, ResultsInput, SourceStudy, build_results, read_source_studies,
    slices_to_show,
};
use norma_domain::{
    AnalysisId, KeySlice, LungSide, LungThird, MeasuredFinding, PathologyType, PreparedSummary, Probability,
    Quantification, Reason, ReasonCode, Report, ScanId, Segmentation, Stage, Summary, Timings, Verdict,
    VoxelBox,
};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_phantom::{PhantomOptions, phantom_zip};
use norma_test_support::plain_report;

/// A study as preparation sees it; what it measured is given by the test.
pub(crate) struct Study {
    pub(crate) source: SourceStudy,
    pub(crate) prepared: PreparedSummary,
    pub(crate) slices: Vec<Array2<i16>>,
}

pub(crate) const REGION: VoxelBox = VoxelBox {
    x_min: 60,
    x_max: 79,
    y_min: 90,
    y_max: 99,
    z_min: 28,
    z_max: 32,
};

pub(crate) fn study(options: &PhantomOptions) -> Study {
    let folder = tempfile::tempdir().unwrap();
    let upload = folder.path().join("study.zip");
    phantom_zip(options, &upload).unwrap();
    read(&upload)
}

pub(crate) fn read(upload: &Path) -> Study {
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

pub(crate) fn report(study: &Study, verdict: Verdict) -> Report {
    let at = Utc.with_ymd_and_hms(2026, 11, 26, 12, 30, 5).unwrap();
    let reason = Reason::new(ReasonCode::CoverageIncomplete, "the apices are cut");
    let analysis_id = "019ab1c2-0000-7000-8000-000000000001"
        .parse::<AnalysisId>()
        .unwrap();
    Report {
        reasons: Vec::from_iter((verdict == Verdict::Undetermined).then_some(reason)),
        probability_of_pathology: Some(Probability::new(0.87).unwrap()),
        anomaly_score: Some(0.9),
        study: Some(study.prepared.study.clone()),
        localization: Some(VoxelBox {
            x_min: 10,
            x_max: 20,
            ..REGION
        }),
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
        timings: Timings {
            requested_at: at,
            started_at: Some(at),
            finished_at: at,
            stage_duration_ms: Vec::new(),
        },
        summary: Summary {
            has_pathology_any: Some(true),
        },
        disclaimer: "For research use only.".to_owned(),
        ..plain_report(analysis_id, ScanId::generate(), verdict)
    }
}

pub(crate) fn build(
    study: &Study,
    report: &Report,
    language: Language,
) -> Result<Vec<DicomResult>, ResultsError> {
    build_with(study, report, None, language)
}

/// A map of slices 18 to 47 that is not alike in any direction.
pub(crate) fn anomaly_map(study: &Study) -> BTreeMap<usize, Array2<u8>> {
    let [_, rows, columns] = study.prepared.study.geometry.shape;
    let value = |z: usize, y: usize, x: usize| ((7 * z + 3 * y + 5 * x) % 256) as u8;
    let slice = |z| Array2::from_shape_fn((rows, columns), |(y, x)| value(z, y, x));
    (18..48).map(|z| (z, slice(z))).collect()
}

pub(crate) fn build_with(
    study: &Study,
    report: &Report,
    segmentation: Option<&Segmentation>,
    language: Language,
) -> Result<Vec<DicomResult>, ResultsError> {
    build_of(study, report, segmentation, None, language)
}

pub(crate) fn build_of(
    study: &Study,
    report: &Report,
    segmentation: Option<&Segmentation>,
    anomaly_map: Option<&BTreeMap<usize, Array2<u8>>>,
    language: Language,
) -> Result<Vec<DicomResult>, ResultsError> {
    let slices: BTreeMap<usize, Array2<i16>> = slices_to_show(report, &study.prepared)
        .into_iter()
        .map(|slice| (slice, study.slices[slice].clone()))
        .collect();
    build_results(&ResultsInput {
        report,
        prepared: &study.prepared,
        source: &study.source,
        slices: &slices,
        segmentation,
        anomaly_map,
        language,
    })
}

pub(crate) fn parse(result: &DicomResult) -> InMemDicomObject {
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

pub(crate) fn text(object: &InMemDicomObject, tag: Tag) -> String {
    let text = object.get(tag).and_then(|element| element.to_str().ok());
    text.unwrap_or_default().trim_end_matches(['\0', ' ']).to_owned()
}

pub(crate) fn items(object: &InMemDicomObject, tag: Tag) -> &[InMemDicomObject] {
    object
        .get(tag)
        .and_then(|element| element.items())
        .unwrap_or_default()
}

/// Every content item below, the item itself first.
pub(crate) fn tree(item: &InMemDicomObject) -> Vec<&InMemDicomObject> {
    let children = items(item, tags::CONTENT_SEQUENCE).iter().flat_map(tree);
    std::iter::once(item).chain(children).collect()
}

pub(crate) fn name(item: &InMemDicomObject) -> String {
    let name = items(item, tags::CONCEPT_NAME_CODE_SEQUENCE).first();
    name.map(|name| text(name, tags::CODE_MEANING))
        .unwrap_or_default()
}

pub(crate) fn value(item: &InMemDicomObject) -> String {
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
