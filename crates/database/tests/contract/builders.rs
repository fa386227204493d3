//! Rows to begin with.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use norma_database::{
    Analysis, Database, DatabaseError, NewAnalysis, NewPrediction, NewScan, OutboxMessage, PatientDetails,
    Rejection, RequestedAnalysis, Scan, ScanIdentity,
};
use norma_domain::{
    AnalysisId, BundleReference, Finding, ModelReference, OperatingPoint, OperatingPointName, PatientId,
    PreparedSummary, Priority, Probability, QualityCheck, QualityConsequence, Reason, ReasonCode, Report,
    ScanId, SeriesChoice, SeriesInstanceUid, SliceScore, SpacingMm, Stage, StageFailure, StageOutcome,
    StageResult, StudyInstanceUid, StudySummary, Summary, Timings, Verdict, VolumeGeometry,
};
use norma_test_support::plain_report;
use uuid::Uuid;

pub(crate) fn probability(value: f64) -> Probability {
    Probability::new(value).unwrap()
}

pub(crate) fn details(first_name: &str, last_name: &str) -> PatientDetails {
    PatientDetails {
        first_name: first_name.to_owned(),
        last_name: last_name.to_owned(),
        description: String::new(),
        ..PatientDetails::default()
    }
}

pub(crate) async fn scan(database: &Database, patient_id: Option<PatientId>) -> Scan {
    try_scan(database, patient_id).await.unwrap()
}

pub(crate) async fn try_scan(
    database: &Database,
    patient_id: Option<PatientId>,
) -> Result<Scan, DatabaseError> {
    database.create_scan(new_scan(patient_id)).await
}

pub(crate) fn new_scan(patient_id: Option<PatientId>) -> NewScan {
    let id = ScanId::generate();
    NewScan {
        id,
        patient_id,
        description: "follow-up".to_owned(),
        file_name: "study.zip".to_owned(),
        sha256: "ab".repeat(32),
        size_bytes: 5_000_000_000,
        object_key: format!("originals/{id}"),
        owner: None,
        identity: ScanIdentity::default(),
        study_uid: None,
        request: None,
    }
}

/// An upload to be noted, of nobody.
pub(crate) fn new_prediction(id: Uuid, scan_ids: Vec<ScanId>, rejections: Vec<Rejection>) -> NewPrediction {
    NewPrediction {
        id,
        scan_ids,
        rejections,
        owner: None,
        request: None,
    }
}

pub(crate) fn message(routing_key: &str) -> OutboxMessage {
    OutboxMessage {
        message_id: Uuid::now_v7(),
        routing_key: routing_key.to_owned(),
        type_name: "norma.pipeline.v1.Test".to_owned(),
        payload: vec![0, 255, 1],
        headers: BTreeMap::from([("traceparent".to_owned(), "00-ab-cd-01".to_owned())]),
    }
}

pub(crate) fn new_analysis(scan_id: ScanId, deadline_at: DateTime<Utc>) -> NewAnalysis {
    NewAnalysis {
        id: AnalysisId::generate(),
        scan_id,
        operating_point: OperatingPointName("youden".to_owned()),
        bundle_version: "0.1.0".to_owned(),
        operating_point_named: false,
        threshold_proposal_id: None,
        deadline_at,
        priority: Priority::Routine,
        requested_by: None,
        most_urgent: Some(2),
        message: message("preprocess"),
    }
}

pub(crate) async fn request(database: &Database, scan_id: ScanId) -> RequestedAnalysis {
    let deadline_at = Utc::now() + TimeDelta::hours(1);
    database
        .request_analysis(new_analysis(scan_id, deadline_at))
        .await
        .unwrap()
}

/// Analyses that wait for their turn.
pub(crate) async fn waiting(database: &Database) -> u64 {
    let lanes = database.waiting_lanes().await.unwrap();
    lanes.iter().map(|lane| lane.count).sum()
}

/// An analysis of a new scan without a patient.
pub(crate) async fn requested(database: &Database) -> Analysis {
    let scan = scan(database, None).await;
    request(database, scan.id).await.analysis
}

/// An analysis of a new scan, prepared.
pub(crate) async fn prepared(database: &Database) -> Analysis {
    let analysis = requested(database).await;
    prepare(database, analysis.id).await;
    database.analysis(analysis.id).await.unwrap().unwrap()
}

pub(crate) async fn prepare(database: &Database, id: AnalysisId) {
    database.begin_preparing(id).await.unwrap().unwrap();
    assert!(
        database
            .record_prepared(id, summary(), message("prepared"))
            .await
            .unwrap()
    );
}

pub(crate) fn summary() -> PreparedSummary {
    let check = |code, passed| QualityCheck {
        code,
        passed,
        measured: Some(2.5),
        limit: Some(5.0),
        unit: "mm".to_owned(),
        consequence: QualityConsequence::Note,
        message: "slices".to_owned(),
    };
    PreparedSummary {
        study: StudySummary {
            study_instance_uid: Some(StudyInstanceUid::new("1.2.3").unwrap()),
            series_instance_uid: Some(SeriesInstanceUid::new("1.2.3.4").unwrap()),
            source_format: "DICOM".to_owned(),
            modality: Some("CT".to_owned()),
            manufacturer: None,
            scanner_model: None,
            convolution_kernel: None,
            study_date: Some("20240131".to_owned()),
            patient_age_years: Some(64),
            transfer_syntax_uid: None,
            slice_thickness_mm: Some(2.5),
            contrast_agent: false,
            geometry: VolumeGeometry {
                slice_places_mm: None,
                shape: [154, 512, 512],
                spacing_mm: SpacingMm::new(2.0, 0.7, 0.7).unwrap(),
                origin_mm: [0.1, -0.2, 1e-9],
                direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            },
            series_choice: SeriesChoice {
                reason: "the only one".to_owned(),
                series_considered: 1,
                left_out: vec![],
            },
        },
        slices: vec![],
        selected_slices: vec![3, 4],
        lung_extent: Some([10, 140]),
        lung_volume_ml: 4321.25,
        quality: vec![
            check(ReasonCode::SliceGap, true),
            check(ReasonCode::ContrastAgent, false),
            check(ReasonCode::GantryTilt, false),
        ],
        quantification: None,
        duration_ms: 812,
    }
}

pub(crate) fn completed(stage: Stage) -> StageOutcome {
    StageOutcome::Completed(StageResult {
        stage,
        models: vec![ModelReference {
            name: "classifier".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "cd".repeat(32),
        }],
        bundle: None,
        execution_provider: "cpu".to_owned(),
        duration_ms: 1234,
        score: Some(probability(0.1 + 0.2)),
        slice_scores: vec![SliceScore {
            slice: 7,
            score: 1.0 / 3.0,
        }],
        components: vec![],
        findings: vec![],
        localization: None,
        has_map: true,
    })
}

pub(crate) fn failed(stage: Stage) -> StageOutcome {
    StageOutcome::Failed(StageFailure {
        stage,
        reason: Reason::new(ReasonCode::InferenceFailed, "no answer"),
    })
}

pub(crate) fn report(analysis: &Analysis, verdict: Verdict, value: Option<f64>) -> Report {
    let finding = |label: &str, value, present| Finding {
        label: label.to_owned(),
        name_en: label.to_uppercase(),
        name_ru: "Эмфизема".to_owned(),
        probability: probability(value),
        present,
        key_slice: 9,
    };
    Report {
        probability_of_pathology: value.map(probability),
        anomaly_score: value,
        operating_point: OperatingPoint {
            name: analysis.operating_point.clone(),
            threshold: probability(0.53),
        },
        study: Some(summary().study),
        quality: summary().quality,
        findings: vec![
            finding("lung_nodule", 0.9, false),
            finding("emphysema", 0.8, true),
            finding("atelectasis", 0.6, true),
        ],
        selected_slices: vec![3, 4],
        bundle: BundleReference {
            name: "norma-first".to_owned(),
            version: "0.1.0".to_owned(),
            sha256: "ef".repeat(32),
        },
        timings: Timings {
            requested_at: analysis.requested_at,
            started_at: analysis.started_at,
            finished_at: Utc::now(),
            stage_duration_ms: vec![(Stage::Anomaly, 5)],
        },
        summary: Summary {
            has_pathology_any: Some(true),
        },
        ..plain_report(analysis.id, analysis.scan_id, verdict)
    }
}

/// An analysis of a new scan that ended with a report.
pub(crate) async fn answered(
    database: &Database,
    patient_id: Option<PatientId>,
    verdict: Verdict,
    value: Option<f64>,
) -> Analysis {
    let scan = scan(database, patient_id).await;
    let analysis = request(database, scan.id).await.analysis;
    prepare(database, analysis.id).await;
    assert!(
        database
            .complete_analysis(report(&analysis, verdict, value))
            .await
            .unwrap()
    );
    database.analysis(analysis.id).await.unwrap().unwrap()
}
