//! Whether a report says that its threshold is verified on the study's scanner, and what follows where it is not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use chrono::DateTime;
use norma_domain::{
    AnalysisId, Finding, Measure, MeasureCode, MeasureState, ModelReference, PreparedSummary, Probability,
    QualityCheck, QualityConsequence, Quantification, ReasonCode, Report, ScanId, ScannerProfile,
    SeriesChoice, SliceReference, SliceScore, SopInstanceUid, SpacingMm, Stage, StageOutcome, StageResult,
    StudySummary, UnverifiedThreshold, Verdict, VolumeGeometry, VoxelBox,
};
use norma_inference::{Bundle, MeasuredOn};
use norma_pipeline::{MergeInput, merge_report};

/// Random weights, made by the tests of norma-inference; merging opens no model.
fn bundle() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures/bundle");
    Bundle::load(&folder).unwrap()
}

/// All the measures that norm needs, within their range.
fn within() -> Quantification {
    let codes = [MeasureCode::LargestOpacity, MeasureCode::LowAttenuation950];
    let measure = |code| Measure {
        code,
        unit: "ml".to_owned(),
        value: Some(4.0),
        by_side: None,
        by_third: None,
        range: None,
        state: MeasureState::Within,
        why: None,
        decides: true,
    };
    Quantification {
        measures: codes.map(measure).to_vec(),
        nodules_sought: true,
        ..Quantification::default()
    }
}

fn prepared() -> PreparedSummary {
    let geometry = VolumeGeometry {
        shape: [100, 512, 512],
        spacing_mm: SpacingMm::new(2.0, 0.5, 0.5).unwrap(),
        origin_mm: [-128.0, -128.0, 0.0],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    };
    PreparedSummary {
        study: StudySummary {
            study_instance_uid: Some("1.2.3".to_owned().try_into().unwrap()),
            series_instance_uid: Some("1.2.3.4".to_owned().try_into().unwrap()),
            source_format: "DICOM".to_owned(),
            modality: Some("CT".to_owned()),
            manufacturer: None,
            scanner_model: None,
            convolution_kernel: None,
            study_date: None,
            patient_age_years: None,
            transfer_syntax_uid: None,
            slice_thickness_mm: Some(2.0),
            contrast_agent: false,
            geometry,
            series_choice: SeriesChoice {
                reason: "the only series".to_owned(),
                series_considered: 1,
                left_out: Vec::new(),
            },
        },
        slices: (0..100)
            .map(|slice| SliceReference {
                slice,
                sop_instance_uid: SopInstanceUid::new(&format!("1.2.3.4.{slice}")).ok(),
                instance_number: Some(slice as i64 + 1),
                table_position_mm: Some(slice as f64),
            })
            .collect(),
        selected_slices: (20..80).collect(),
        lung_extent: Some([15, 85]),
        lung_volume_ml: 4000.0,
        quality: Vec::new(),
        quantification: Some(within()),
        duration_ms: 700,
    }
}

fn models(bundle: &Bundle, stage: Stage) -> Vec<ModelReference> {
    bundle
        .models_of(stage)
        .iter()
        .map(|model| model.reference())
        .collect()
}

/// A complete result whose score is `score`.
fn result(bundle: &Bundle, stage: Stage, score: f64) -> StageResult {
    let finding = |label: &str, probability: f64, present| Finding {
        label: label.to_owned(),
        name_en: label.to_owned(),
        name_ru: label.to_owned(),
        probability: Probability::new(probability).unwrap(),
        present,
        key_slice: 40,
    };
    let typing = stage == Stage::Typing;
    StageResult {
        stage,
        models: models(bundle, stage),
        bundle: Some(bundle.reference().clone()),
        execution_provider: "cpu".to_owned(),
        duration_ms: 100,
        score: (!typing).then(|| Probability::new(score).unwrap()),
        slice_scores: (20..80)
            .map(|slice| SliceScore {
                slice,
                // In 1024ths, which JSON gives back to the last bit.
                score: (score * (1.0 - (slice as f64 - 50.0).abs() / 100.0) * 1024.0).round() / 1024.0,
            })
            .collect(),
        components: Vec::new(),
        findings: if typing {
            vec![
                finding("consolidation", 0.6, true),
                finding("emphysema", 0.7, true),
                finding("lung_nodule", 0.9, false),
            ]
        } else {
            Vec::new()
        },
        localization: (!typing).then_some(VoxelBox {
            x_min: 100,
            x_max: 700,
            y_min: 50,
            y_max: 60,
            z_min: 48,
            z_max: 52,
        }),
        has_map: !typing,
    }
}

fn input(bundle: &Bundle, prepared: PreparedSummary, outcomes: Vec<StageOutcome>) -> MergeInput<'_> {
    let at = |seconds: i64| DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap();
    MergeInput {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
        prepared,
        outcomes,
        bundle,
        operating_point: bundle.default_operating_point(),
        unverified_threshold: UnverifiedThreshold::Warn,
        requested_at: at(0),
        started_at: Some(at(2)),
        finished_at: at(9),
        path_to_study: "study.zip".to_owned(),
    }
}

fn completed_outcomes(bundle: &Bundle, anomaly: f64, classifier: f64) -> Vec<StageOutcome> {
    [
        (Stage::Typing, 0.9),
        (Stage::Classifier, classifier),
        (Stage::Anomaly, anomaly),
    ]
    .map(|(stage, score)| StageOutcome::Completed(result(bundle, stage, score)))
    .into()
}

fn scanned(model: &str) -> PreparedSummary {
    let mut prepared = prepared();
    prepared.study.manufacturer = Some("SIEMENS".to_owned());
    prepared.study.scanner_model = Some(model.to_owned());
    prepared.study.convolution_kernel = Some("Br40d".to_owned());
    prepared
}

/// The test bundle, its points measured on the scanner `Force`.
fn measured() -> Bundle {
    let scanner = ScannerProfile::of_study(&scanned("Force").study).unwrap();
    let measured_on = MeasuredOn {
        sources: vec!["site".to_owned()],
        scanners: vec![scanner],
    };
    let mut file = bundle().file().clone();
    for point in &mut file.operating_points {
        point.measured_on = Some(measured_on.clone());
    }
    // Beside the models that it names, and gone once it is read.
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures/bundle");
    let folder = tempfile::tempdir().unwrap();
    copy(&models, folder.path());
    file.write(&folder.path().join("bundle.yaml")).unwrap();
    Bundle::load(folder.path()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&copied).unwrap();
            copy(&entry.path(), &copied);
        } else {
            fs::copy(entry.path(), copied).unwrap();
        }
    }
}

fn merged(bundle: &Bundle, prepared: PreparedSummary, score: f64, setting: UnverifiedThreshold) -> Report {
    let outcomes = completed_outcomes(bundle, score, score);
    merge_report(MergeInput {
        unverified_threshold: setting,
        ..input(bundle, prepared, outcomes)
    })
}

#[test]
fn a_norm_says_whether_its_threshold_is_verified_on_the_scanner() {
    let bundle = measured();
    let known = merged(&bundle, scanned("Force"), 0.0, UnverifiedThreshold::Warn);
    let verification = known.threshold_verification.unwrap();
    assert_eq!((known.verdict, verification.verified), (Verdict::Norm, true));
    assert_eq!(verification.measured_on, ["site"]);
    assert_eq!(verification.reason, None);

    let other = merged(&bundle, scanned("Drive"), 0.0, UnverifiedThreshold::Warn);
    let verification = other.threshold_verification.unwrap();
    assert_eq!((other.verdict, verification.verified), (Verdict::Norm, false));
    let reason = verification.reason.unwrap();
    assert_eq!(reason.code, ReasonCode::ThresholdUnverified);
    assert!(
        reason.message.contains("siemens drive, BR40"),
        "{}",
        reason.message
    );
    assert!(other.reasons.is_empty() && other.limitations.is_empty());
}

/// What the files do not tell, what the bundle does not say, and another way of scanning: none is verified.
#[test]
fn nothing_is_verified_without_knowing_the_scanner() {
    let mut contrast = scanned("Force");
    contrast.study.contrast_agent = true;
    let mut thick = scanned("Force");
    thick.study.slice_thickness_mm = Some(5.0);
    let mut kernel = scanned("Force");
    kernel.study.convolution_kernel = Some("Bl64d".to_owned());
    let mut nameless = scanned("Force");
    nameless.study.scanner_model = None;
    for (bundle, prepared) in [
        (measured(), contrast),
        (measured(), thick),
        (measured(), kernel),
        (measured(), nameless),
        (bundle(), scanned("Force")),
    ] {
        let report = merged(&bundle, prepared, 0.0, UnverifiedThreshold::Warn);
        assert!(!report.threshold_verification.unwrap().verified);
    }
}

/// A threshold that is not the bundle's own was measured nowhere, whatever its name.
#[test]
fn the_threshold_itself_has_to_be_the_one_that_was_measured() {
    let bundle = measured();
    let mut point = bundle.default_operating_point();
    point.threshold = Probability::new(0.987).unwrap();
    let outcomes = completed_outcomes(&bundle, 0.0, 0.0);
    let report = merge_report(MergeInput {
        operating_point: point,
        ..input(&bundle, scanned("Force"), outcomes)
    });
    assert!(!report.threshold_verification.unwrap().verified);
}

#[test]
fn withholding_takes_norm_away_and_never_pathology() {
    let bundle = measured();
    let withhold = |model: &str, score| merged(&bundle, scanned(model), score, UnverifiedThreshold::Withhold);
    let norm = withhold("Drive", 0.0);
    assert_eq!(norm.verdict, Verdict::Undetermined);
    let codes: Vec<ReasonCode> = norm.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [ReasonCode::ThresholdUnverified]);
    let pathology = withhold("Drive", 1.0);
    assert_eq!(pathology.verdict, Verdict::Pathology);
    assert!(pathology.limitations.is_empty() && !pathology.threshold_verification.unwrap().verified);
    assert_eq!(withhold("Force", 0.0).verdict, Verdict::Norm);

    // Beside another doubt both are told.
    let mut cut = scanned("Drive");
    cut.quality.push(QualityCheck {
        code: ReasonCode::CoverageIncomplete,
        passed: false,
        measured: None,
        limit: None,
        unit: "mm".to_owned(),
        consequence: QualityConsequence::LimitsView,
        message: "the base is cut".to_owned(),
    });
    let both = merged(&bundle, cut, 0.0, UnverifiedThreshold::Withhold);
    assert_eq!(both.reasons.len(), 2);
}
