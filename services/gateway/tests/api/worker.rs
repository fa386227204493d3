//! What the workers leave behind, written by the functions that they use.

use std::io::Cursor;

use chrono::Utc;
use ndarray::{Array2, Array3};
use norma_domain::{
    AnalysisId, Decision, Finding, KeySlice, MassRunRow, ModelReference, PreparedSummary, Probability,
    ProcessingStatus, QualityCheck, QualityConsequence, Reason, ReasonCode, Report, ScanId, SeriesChoice,
    SliceReference, SpacingMm, Stage, StageOutcome, StageReport, StageResult, StudyInstanceUid, StudySummary,
    Timings, Verdict, VolumeGeometry,
};
use norma_messages::Message;
use norma_object_storage::ObjectKey;
use norma_pipeline::{StageMap, write_volume};
use norma_service::announce;
use norma_test_support::plain_report;
use norma_volume::{CropBox, Volume};

use crate::app::App;

/// Slices, rows, columns of the test volume.
pub(crate) const SHAPE: [usize; 3] = [3, 16, 24];

/// HU of a voxel of the test volume.
pub(crate) fn hounsfield(slice: usize, row: usize, column: usize) -> i16 {
    (slice * 400 + row * 10 + column) as i16 - 1000
}

pub(crate) fn probability(value: f64) -> Probability {
    Probability::new(value).unwrap()
}

fn geometry() -> VolumeGeometry {
    VolumeGeometry {
        slice_places_mm: None,
        shape: SHAPE,
        spacing_mm: SpacingMm::new(2.0, 0.7, 0.7).unwrap(),
        origin_mm: [-100.0, -100.0, 0.0],
        direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
    }
}

fn study() -> StudySummary {
    StudySummary {
        study_instance_uid: Some(StudyInstanceUid::new("1.2.3.4").unwrap()),
        series_instance_uid: None,
        source_format: "DICOM".to_owned(),
        modality: Some("CT".to_owned()),
        manufacturer: None,
        scanner_model: None,
        convolution_kernel: None,
        study_date: Some("20260102".to_owned()),
        patient_age_years: Some(64),
        transfer_syntax_uid: None,
        slice_thickness_mm: Some(2.0),
        contrast_agent: false,
        geometry: geometry(),
        series_choice: SeriesChoice {
            reason: "the only series".to_owned(),
            series_considered: 1,
            left_out: Vec::new(),
        },
    }
}

fn quality() -> Vec<QualityCheck> {
    vec![QualityCheck {
        code: ReasonCode::CoverageIncomplete,
        passed: false,
        measured: Some(0.8),
        limit: Some(0.9),
        unit: "fraction".to_owned(),
        consequence: QualityConsequence::Note,
        message: "the apices are cut".to_owned(),
    }]
}

fn volume() -> Volume {
    Volume {
        hounsfield: Array3::from_shape_fn(SHAPE, |(slice, row, column)| hounsfield(slice, row, column)),
        geometry: geometry(),
    }
}

fn summary() -> PreparedSummary {
    PreparedSummary {
        study: study(),
        slices: (0..SHAPE[0])
            .map(|slice| SliceReference {
                slice,
                sop_instance_uid: None,
                instance_number: Some((SHAPE[0] - slice) as i64),
                table_position_mm: Some(2.0 * slice as f64),
            })
            .collect(),
        selected_slices: vec![0, 2],
        lung_extent: Some([0, 2]),
        lung_volume_ml: 4200.0,
        quality: quality(),
        quantification: None,
        duration_ms: 120,
    }
}

pub(crate) fn outcome(stage: Stage) -> StageOutcome {
    StageOutcome::Completed(StageResult {
        stage,
        models: vec![ModelReference {
            name: stage.to_string(),
            version: "1.0.0".to_owned(),
            sha256: "ef".repeat(32),
        }],
        bundle: None,
        execution_provider: "cpu".to_owned(),
        duration_ms: 30,
        score: (stage != Stage::Typing).then(|| probability(0.75)),
        slice_scores: Vec::new(),
        components: Vec::new(),
        findings: Vec::new(),
        localization: None,
        has_map: stage == Stage::Anomaly,
    })
}

/// What an answer says.
#[derive(Clone, Copy)]
pub(crate) enum Says {
    Pathology(f64),
    Norm(f64),
    Undetermined,
}

impl App {
    /// What the preprocess worker leaves: summary and volume.
    pub(crate) async fn prepare(&self, scan_id: ScanId, analysis_id: AnalysisId) {
        self.prepare_with(scan_id, analysis_id, &volume(), summary())
            .await;
    }

    /// What the preprocess worker leaves of a study of the test's own.
    pub(crate) async fn prepare_with(
        &self,
        scan_id: ScanId,
        analysis_id: AnalysisId,
        volume: &Volume,
        summary: PreparedSummary,
    ) {
        self.database.begin_preparing(analysis_id).await.unwrap().unwrap();
        self.put_volume(analysis_id, volume).await;
        let message = announce(Message::StudyPrepared { analysis_id, scan_id });
        assert!(
            self.database
                .record_prepared(analysis_id, summary, message)
                .await
                .unwrap()
        );
    }

    /// What the preprocess worker leaves of a study that it could read and had to refuse.
    pub(crate) async fn refuse(&self, analysis_id: AnalysisId) {
        self.database.begin_preparing(analysis_id).await.unwrap().unwrap();
        self.put_volume(analysis_id, &volume()).await;
        let refused = PreparedSummary {
            selected_slices: Vec::new(),
            lung_extent: None,
            ..summary()
        };
        self.objects
            .put(
                ObjectKey::RefusedSummary(analysis_id),
                serde_json::to_vec(&refused).unwrap().into(),
            )
            .await
            .unwrap();
        self.fail(analysis_id).await;
    }

    async fn put_volume(&self, analysis_id: AnalysisId, volume: &Volume) {
        let mut object = Cursor::new(Vec::new());
        write_volume(volume, &mut object).unwrap();
        self.objects
            .put(ObjectKey::PreparedVolume(analysis_id), object.into_inner().into())
            .await
            .unwrap();
    }

    /// What a model stage's worker leaves: the outcome, and a map of the anomaly stage.
    pub(crate) async fn finish_stage(&self, scan_id: ScanId, analysis_id: AnalysisId, stage: Stage) {
        if stage == Stage::Anomaly {
            let map = StageMap {
                slices: vec![0, 2],
                maps: Array3::from_elem((2, 8, 8), 200),
                crops: vec![
                    CropBox {
                        y: 0.0,
                        x: 0.0,
                        side: 16.0
                    };
                    2
                ],
            };
            self.objects
                .put(
                    ObjectKey::StageMap(analysis_id, stage),
                    map.encode().unwrap().into(),
                )
                .await
                .unwrap();
        }
        let message = announce(Message::StageCompleted {
            analysis_id,
            scan_id,
            stage,
        });
        assert!(
            self.database
                .record_stage_outcome(analysis_id, outcome(stage), message)
                .await
                .unwrap()
        );
    }

    /// The whole line: prepared, three stages, report.
    pub(crate) async fn complete(&self, scan_id: ScanId, analysis_id: AnalysisId, says: Says) -> Report {
        self.prepare(scan_id, analysis_id).await;
        self.finish(scan_id, analysis_id, says).await
    }

    /// What follows on the preparation: three stages, report.
    pub(crate) async fn finish(&self, scan_id: ScanId, analysis_id: AnalysisId, says: Says) -> Report {
        for stage in Stage::MODELS {
            self.finish_stage(scan_id, analysis_id, stage).await;
        }
        let scan = self.database.scan(scan_id).await.unwrap().unwrap();
        let report = report(scan_id, analysis_id, &scan.file_name, says);
        assert!(self.database.complete_analysis(report.clone()).await.unwrap());
        report
    }

    /// A scan whose report is changed before it ends the analysis.
    pub(crate) async fn answered_but(&self, says: Says, change: impl FnOnce(&mut Report)) -> ScanId {
        let scan_id = self.upload(b"not a study, but nobody reads it here").await;
        let analysis_id = self.analyze(scan_id).await;
        self.prepare(scan_id, analysis_id).await;
        let mut report = report(scan_id, analysis_id, "study.zip", says);
        change(&mut report);
        assert!(self.database.complete_analysis(report).await.unwrap());
        scan_id
    }

    /// Ends an analysis with a report that this version cannot read, as one that a newer version wrote: the database's own
    /// functions store none.
    pub(crate) async fn complete_unreadably(&self, scan_id: ScanId, analysis_id: AnalysisId, says: Says) {
        self.complete(scan_id, analysis_id, says).await;
        let change = "import sqlite3, sys\n\
                      database = sqlite3.connect(sys.argv[1], timeout=30)\n\
                      changed = database.execute(\
                      \"UPDATE reports SET report = json_set(report, '$.findings', 'in words of a newer version') \"\
                      \"WHERE analysis_id = ?\", (bytes.fromhex(sys.argv[2].replace('-', '')),))\n\
                      assert changed.rowcount == 1\n\
                      database.commit()";
        let changed = std::process::Command::new("python3")
            .args(["-c", change])
            .arg(self.folder.path().join("norma.db"))
            .arg(analysis_id.to_string())
            .output()
            .unwrap();
        assert!(changed.status.success(), "{changed:?}");
        assert!(self.database.report(analysis_id).await.is_err(), "it can be read");
    }

    pub(crate) async fn fail(&self, analysis_id: AnalysisId) {
        let reason = Reason::new(ReasonCode::NoLungs, "no lungs were found");
        assert!(self.database.fail_analysis(analysis_id, reason).await.unwrap());
    }

    /// A scan with a completed analysis.
    pub(crate) async fn answered(&self, says: Says) -> (ScanId, AnalysisId) {
        let scan_id = self.upload(b"not a study, but nobody reads it here").await;
        let analysis_id = self.analyze(scan_id).await;
        self.complete(scan_id, analysis_id, says).await;
        (scan_id, analysis_id)
    }
}

fn report(scan_id: ScanId, analysis_id: AnalysisId, path_to_study: &str, says: Says) -> Report {
    let (verdict, value) = match says {
        Says::Pathology(value) => (Verdict::Pathology, Some(probability(value))),
        Says::Norm(value) => (Verdict::Norm, Some(probability(value))),
        Says::Undetermined => (Verdict::Undetermined, None),
    };
    let pathology = match verdict {
        Verdict::Pathology => Some(1),
        Verdict::Norm => Some(0),
        Verdict::Undetermined => None,
    };
    let reason = Reason::new(ReasonCode::StageTimeout, "the classifier took too long");
    let finding = Finding {
        label: "emphysema".to_owned(),
        name_en: "Emphysema".to_owned(),
        name_ru: "Эмфизема".to_owned(),
        probability: probability(0.8),
        present: verdict == Verdict::Pathology,
        key_slice: 2,
    };
    Report {
        reasons: if pathology.is_none() {
            vec![reason.clone()]
        } else {
            Vec::new()
        },
        probability_of_pathology: value,
        anomaly_score: value.map(Probability::value),
        decided_by: value.map(|_| Decision::Anomaly),
        study: Some(study()),
        quality: quality(),
        stages: Stage::MODELS
            .into_iter()
            .map(|stage| StageReport::from(outcome(stage)))
            .collect(),
        findings: vec![finding],
        key_slices: vec![KeySlice {
            slice: 2,
            sop_instance_uid: None,
            instance_number: Some(1),
            table_position_mm: Some(4.0),
            score: 0.75,
            stage: Stage::Anomaly,
        }],
        selected_slices: vec![0, 2],
        lung_extent: Some([0, 2]),
        timings: Timings {
            requested_at: Utc::now(),
            started_at: None,
            finished_at: Utc::now(),
            stage_duration_ms: vec![(Stage::Anomaly, 30)],
        },
        rows: vec![MassRunRow {
            path_to_study: path_to_study.to_owned(),
            study_uid: Some("1.2.3.4".to_owned()),
            series_uid: None,
            probability_of_pathology: pathology.and(value),
            pathology,
            processing_status: if pathology.is_some() {
                ProcessingStatus::Success
            } else {
                ProcessingStatus::Failure
            },
            time_of_processing: 1.5,
            most_dangerous_pathology_type: (pathology == Some(1)).then(|| "emphysema".to_owned()),
            x_min: None,
            x_max: None,
            y_min: None,
            y_max: None,
            z_min: None,
            z_max: None,
            reason: pathology.is_none().then(|| reason.to_string()),
            slice_count: Some(SHAPE[0]),
            image_first: None,
            image_last: None,
            table_position_first_mm: None,
            table_position_last_mm: None,
            verdict: Some(verdict),
        }],
        ..plain_report(analysis_id, scan_id, verdict)
    }
}

/// The HU of one slice of the test volume as the interface writes them.
pub(crate) fn slice_bytes(slice: usize) -> Vec<u8> {
    Array2::from_shape_fn((SHAPE[1], SHAPE[2]), |(row, column)| {
        hounsfield(slice, row, column)
    })
    .iter()
    .flat_map(|value| value.to_le_bytes())
    .collect()
}
