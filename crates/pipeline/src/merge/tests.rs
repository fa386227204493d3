use std::path::Path;

use norma_domain::{
    Finding, MASS_RUN_COLUMNS, ModelReference, ProcessingStatus, QualityCheck, QualityConsequence, Reason,
    ReasonCode, SeriesChoice, SliceReference, SliceScore, SopInstanceUid, SpacingMm, StageFailure,
    StudySummary, VolumeGeometry,
};

use super::*;

mod evidence;
mod measured;
mod mixed_bundles;
mod score_alone;
mod types;
mod verification;

use measured::within;

/// Random weights, made by the tests of norma-inference; merging opens no model.
fn bundle() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures/bundle");
    Bundle::load(&folder).unwrap()
}

fn prepared() -> PreparedSummary {
    let geometry = VolumeGeometry {
        slice_places_mm: None,
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

/// What can become of a model stage.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Good,
    Failed,
    Missing,
    /// No score; for typing, no finding.
    Empty,
    NotFinite,
    NoSlices,
    OtherModel,
    GoodAndFailed,
}

const FATES: [Fate; 8] = [
    Fate::Good,
    Fate::Failed,
    Fate::Missing,
    Fate::Empty,
    Fate::NotFinite,
    Fate::NoSlices,
    Fate::OtherModel,
    Fate::GoodAndFailed,
];

impl Fate {
    fn outcomes(self, bundle: &Bundle, stage: Stage, score: f64) -> Vec<StageOutcome> {
        let mut result = result(bundle, stage, score);
        let failed = StageOutcome::Failed(StageFailure {
            stage,
            reason: Reason::new(ReasonCode::InferenceFailed, format!("{stage} failed")),
        });
        match self {
            Self::Good => {}
            Self::Failed => return vec![failed],
            Self::Missing => return Vec::new(),
            Self::Empty => {
                result.score = None;
                result.findings.clear();
            }
            Self::NotFinite => result.slice_scores[3].score = f64::NAN,
            Self::NoSlices => result.slice_scores.clear(),
            Self::OtherModel => result.models[0].version = "0.0.0".to_owned(),
            Self::GoodAndFailed => return vec![StageOutcome::Completed(result), failed],
        }
        vec![StageOutcome::Completed(result)]
    }

    fn leaves_a_score(self) -> bool {
        !matches!(self, Self::Failed | Self::Missing | Self::Empty)
    }
}

/// What the preparation can say.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Preparation {
    Good,
    Noted,
    Limited,
    Doubtful,
    ShouldHaveFailed,
    NoLungs,
    NoSlices,
}

impl Preparation {
    const ALL: [Self; 7] = [
        Self::Good,
        Self::Noted,
        Self::Limited,
        Self::Doubtful,
        Self::ShouldHaveFailed,
        Self::NoLungs,
        Self::NoSlices,
    ];

    fn summary(self) -> PreparedSummary {
        let mut prepared = prepared();
        let check = |passed, consequence| QualityCheck {
            code: ReasonCode::SliceGap,
            passed,
            measured: Some(9.0),
            limit: Some(5.0),
            unit: "mm".to_owned(),
            consequence,
            message: "there is a gap of 9 mm between two slices".to_owned(),
        };
        prepared.quality.push(check(true, QualityConsequence::Failed));
        match self {
            Self::Good => {}
            Self::Noted => prepared.quality.push(check(false, QualityConsequence::Note)),
            Self::Limited => prepared
                .quality
                .push(check(false, QualityConsequence::LimitsView)),
            Self::Doubtful => prepared
                .quality
                .push(check(false, QualityConsequence::Undetermined)),
            Self::ShouldHaveFailed => prepared.quality.push(check(false, QualityConsequence::Failed)),
            Self::NoLungs => prepared.lung_extent = None,
            Self::NoSlices => prepared.selected_slices.clear(),
        }
        prepared
    }

    fn allows_a_verdict(self) -> bool {
        matches!(self, Self::Good | Self::Noted | Self::Limited)
    }

    fn allows_norm(self) -> bool {
        matches!(self, Self::Good | Self::Noted)
    }
}

/// Every combination of what can become of the three stages and of the preparation, each with scores that
/// would be norm and scores that would be pathology.
#[test]
fn no_combination_with_a_failure_gives_norm() {
    let bundle = bundle();
    let mut verdicts = [0; 3];
    for preparation in Preparation::ALL {
        let prepared = preparation.summary();
        for anomaly in FATES {
            for classifier in FATES {
                for typing in FATES {
                    for score in [0.01, 0.99] {
                        let fates = [anomaly, classifier, typing];
                        let outcomes = Stage::MODELS
                            .into_iter()
                            .zip(fates)
                            .flat_map(|(stage, fate)| fate.outcomes(&bundle, stage, score))
                            .collect();
                        let report = merge_report(input(&bundle, prepared.clone(), outcomes));
                        let limited = preparation == Preparation::Limited || fates != [Fate::Good; 3];
                        let a_sound_score = anomaly == Fate::Good || classifier == Fate::Good;
                        let expected = if !preparation.allows_a_verdict() {
                            Verdict::Undetermined
                        } else if a_sound_score && score > 0.5 {
                            Verdict::Pathology
                        } else if preparation.allows_norm() && fates == [Fate::Good; 3] {
                            Verdict::Norm
                        } else {
                            Verdict::Undetermined
                        };
                        let case = format!("{preparation:?} {fates:?} {score}");
                        assert_eq!(report.verdict, expected, "{case}");
                        let undetermined = expected == Verdict::Undetermined;
                        assert_eq!(!report.reasons.is_empty(), undetermined, "{case}");
                        assert_eq!(!report.limitations.is_empty(), limited, "{case}");
                        let scored = (anomaly.leaves_a_score() && classifier.leaves_a_score())
                            || expected == Verdict::Pathology;
                        assert_eq!(report.probability_of_pathology.is_some(), scored, "{case}");
                        assert_eq!(report.anomaly_score.is_some(), scored, "{case}");
                        assert_eq!(report.decided_by.is_some(), scored, "{case}");
                        assert_row_is_consistent(&report, &case);
                        verdicts[expected as usize] += 1;
                    }
                }
            }
        }
    }
    // 7 preparations, 8³ fates, 2 scores. Norm: 2 preparations, every fate good. Pathology: 3 preparations, 15 of 64
    // pairs of fates with a sound score of anomaly or classifier, 8 fates of typing.
    let pathology = 3 * 15 * 8;
    assert_eq!(verdicts, [2, pathology, 7 * 512 * 2 - 2 - pathology]);
}

#[track_caller]
fn assert_row_is_consistent(report: &Report, case: &str) {
    let [row] = report.rows.as_slice() else {
        panic!("{} rows: {case}", report.rows.len());
    };
    if report.verdict == Verdict::Undetermined {
        assert_eq!(row.processing_status, ProcessingStatus::Failure, "{case}");
        assert!(
            row.probability_of_pathology.is_none() && row.pathology.is_none(),
            "{case}"
        );
        assert!(
            row.reason.as_ref().is_some_and(|reason| !reason.is_empty()),
            "{case}"
        );
        assert!(
            row.x_min.is_none() && row.most_dangerous_pathology_type.is_none(),
            "{case}"
        );
        assert_eq!(report.summary.has_pathology_any, None, "{case}");
    } else {
        assert_eq!(row.processing_status, ProcessingStatus::Success, "{case}");
        assert_eq!(
            row.probability_of_pathology, report.probability_of_pathology,
            "{case}"
        );
        let pathology = report.verdict == Verdict::Pathology;
        assert_eq!(row.pathology, Some(u8::from(pathology)), "{case}");
        assert_eq!(report.summary.has_pathology_any, Some(pathology), "{case}");
        assert_eq!(row.reason.is_some(), !report.limitations.is_empty(), "{case}");
    }
    assert_eq!(row.verdict, Some(report.verdict), "{case}");
}

#[test]
fn a_report_of_pathology_says_where_and_why() {
    let bundle = bundle();
    let report = merge_report(input(&bundle, prepared(), completed_outcomes(&bundle, 0.4, 0.9)));
    assert_eq!(report.verdict, Verdict::Pathology);
    assert_eq!(report.decided_by, Some(Decision::Classifier));
    assert_eq!(report.anomaly_score, Some(0.9));
    // sigmoid(5.85 · 0.9 − 3.72)
    let probability = report.probability_of_pathology.unwrap().value();
    assert!((probability - 0.824_190_4).abs() < 1e-6, "{probability}");

    // The crop reached beyond the image; the box does not.
    let region = report.localization.unwrap();
    assert_eq!((region.x_min, region.x_max), (100, 511));
    let [low, high] = report.localization_mm.unwrap();
    assert_eq!(low, [-128.0 + 99.5 * 0.5, -128.0 + 49.5 * 0.5, 47.5 * 2.0]);
    assert_eq!(high, [-128.0 + 511.5 * 0.5, -128.0 + 60.5 * 0.5, 52.5 * 2.0]);

    let row = &report.rows[0];
    // Of the types that are present, not of all; emphysema, the most probable, is none where so little lung lies below −950 HU.
    assert_eq!(
        row.most_dangerous_pathology_type.as_deref(),
        Some("consolidation")
    );
    assert_eq!(row.time_of_processing, 7.0);
    assert_eq!(row.study_uid.as_deref(), Some("1.2.3"));
    assert_eq!((row.z_min, row.z_max), (Some(48), Some(52)));

    let stages: Vec<Stage> = report.stages.iter().map(|stage| stage.stage).collect();
    assert_eq!(stages, Stage::MODELS);
    let links: Vec<&str> = report.maps.iter().map(|link| link.href.as_str()).collect();
    let scan = report.scan_id;
    assert_eq!(
        links,
        [
            format!("/api/scans/{scan}/heatmaps/anomaly/{{n}}"),
            format!("/api/scans/{scan}/heatmaps/classifier/{{n}}")
        ]
    );
    assert_eq!(report.timings.stage_duration_ms[0], (Stage::Preprocess, 700));
    assert_eq!(report.timings.stage_duration_ms.len(), 4);
    assert_eq!(report.bundle, *bundle.reference());
}

#[test]
fn a_mass_above_a_cut_base_is_pathology_with_the_limitation_beside_it() {
    let bundle = bundle();
    let prepared = Preparation::Limited.summary();
    let report = merge_report(input(
        &bundle,
        prepared.clone(),
        completed_outcomes(&bundle, 0.4, 0.9),
    ));
    assert_eq!(report.verdict, Verdict::Pathology);
    assert_eq!(report.reasons, []);
    assert_eq!(report.limitations[0].code, ReasonCode::SliceGap);
    let row = &report.rows[0];
    assert_eq!(
        (row.pathology, row.processing_status),
        (Some(1), ProcessingStatus::Success)
    );
    assert_eq!(
        row.reason.as_deref(),
        Some("slice_gap: there is a gap of 9 mm between two slices")
    );
    assert!(report.localization.is_some());

    let below = merge_report(input(&bundle, prepared, completed_outcomes(&bundle, 0.1, 0.2)));
    assert_eq!(below.verdict, Verdict::Undetermined);
    assert_eq!(below.reasons, below.limitations);
}

#[test]
fn a_sound_score_without_the_other_is_a_lower_bound() {
    let bundle = bundle();
    for (missing, left) in [
        (Stage::Anomaly, Stage::Classifier),
        (Stage::Classifier, Stage::Anomaly),
    ] {
        let mut outcomes = Fate::Failed.outcomes(&bundle, missing, 0.0);
        outcomes.extend(Fate::Good.outcomes(&bundle, left, 0.9));
        outcomes.extend(Fate::Good.outcomes(&bundle, Stage::Typing, 0.9));
        let bound = merge_report(input(&bundle, prepared(), outcomes));
        let whole = merge_report(input(&bundle, prepared(), completed_outcomes(&bundle, 0.95, 0.9)));
        assert_eq!(bound.verdict, Verdict::Pathology);
        assert!(bound.probability_of_pathology.unwrap() <= whole.probability_of_pathology.unwrap());
        assert_eq!(bound.limitations[0].code, ReasonCode::InferenceFailed);
    }
}

#[test]
fn key_slices_are_apart_and_the_highest_first() {
    let bundle = bundle();
    let report = merge_report(input(&bundle, prepared(), completed_outcomes(&bundle, 0.4, 0.9)));
    let slices: Vec<usize> = report.key_slices.iter().map(|key| key.slice).collect();
    // Scores fall from slice 50 on both sides; 10 mm are 5 slices.
    assert_eq!(slices, [50, 45, 55, 40, 60]);
    // The first is the highest of the stage that gives the box.
    let stages: Vec<Stage> = report.key_slices.iter().map(|key| key.stage).collect();
    assert_eq!(stages[0], Stage::Anomaly);
    assert!(stages[1..].iter().all(|stage| *stage == Stage::Classifier));
    assert_eq!(
        report.key_slices[0].sop_instance_uid.as_ref().unwrap().as_str(),
        "1.2.3.4.50"
    );
}

#[test]
fn a_report_of_norm_points_at_no_place() {
    let bundle = bundle();
    let report = merge_report(input(&bundle, prepared(), completed_outcomes(&bundle, 0.1, 0.2)));
    assert_eq!(report.verdict, Verdict::Norm);
    assert_eq!(report.localization, None);
    assert_eq!(report.rows[0].most_dangerous_pathology_type, None);
    assert_eq!(report.rows[0].x_min, None);
}

#[test]
fn a_report_is_read_back_from_what_it_writes() {
    let bundle = bundle();
    let report = merge_report(input(&bundle, prepared(), completed_outcomes(&bundle, 0.4, 0.9)));
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&json).unwrap(), report);
    let row = serde_json::to_value(&report.rows[0]).unwrap();
    for column in MASS_RUN_COLUMNS {
        assert!(row.get(column).is_some(), "{column}");
    }
}
