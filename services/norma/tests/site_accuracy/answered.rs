//! A database with answers and readers' words on them.

use norma_database::{Database, NewFeedback, PatientDetails};
use norma_domain::{
    AnalysisId, BundleReference, PatientId, Probability, Reason, ReasonCode, Report, ScanId, SeriesChoice,
    SpacingMm, StudySummary, Verdict, VolumeGeometry,
};
use norma_inference::Bundle;
use norma_object_storage::Objects;
use norma_test_support::plain_report;

use crate::Site;
use crate::studies::{request_again, request_study_of, test_bundle};

pub(crate) struct AnsweredSite {
    pub(crate) database: Database,
    objects: Objects,
    bundle: BundleReference,
}

fn probability(value: f64) -> Probability {
    Probability::new(value).unwrap()
}

fn study_of(model: &str) -> StudySummary {
    StudySummary {
        study_instance_uid: None,
        series_instance_uid: None,
        source_format: "DICOM".to_owned(),
        modality: Some("CT".to_owned()),
        manufacturer: Some("SIEMENS".to_owned()),
        scanner_model: Some(model.to_owned()),
        convolution_kernel: Some("Br40d".to_owned()),
        study_date: None,
        patient_age_years: None,
        transfer_syntax_uid: None,
        slice_thickness_mm: Some(1.0),
        contrast_agent: false,
        geometry: VolumeGeometry {
            shape: [300, 512, 512],
            spacing_mm: SpacingMm::new(1.0, 0.7, 0.7).unwrap(),
            origin_mm: [0.0; 3],
            direction: [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]],
            slice_places_mm: None,
        },
        series_choice: SeriesChoice {
            reason: "it is the only one".to_owned(),
            series_considered: 1,
            left_out: Vec::new(),
        },
    }
}

impl AnsweredSite {
    pub(crate) async fn open(site: &Site) -> Self {
        let data = site.path("data");
        std::fs::create_dir_all(&data).unwrap();
        let database = Database::open(&format!("sqlite://{}", data.join("norma.db").display()))
            .await
            .unwrap();
        Self {
            database,
            objects: Objects::folder(&data.join("objects")).unwrap(),
            bundle: Bundle::load(&test_bundle()).unwrap().reference().clone(),
        }
    }

    pub(crate) async fn patient(&self) -> PatientId {
        let details = PatientDetails {
            first_name: "A".to_owned(),
            last_name: "B".to_owned(),
            ..PatientDetails::default()
        };
        self.database.create_patient(details).await.unwrap().id
    }

    /// A study that was answered with this probability at a threshold of 0.5; None is undetermined.
    pub(crate) async fn answered(
        &self,
        score: Option<f64>,
        patient_id: Option<PatientId>,
    ) -> (ScanId, AnalysisId) {
        self.answered_with(score, patient_id, self.bundle.clone()).await
    }

    /// The same, read with another bundle.
    pub(crate) async fn answered_otherwise(&self, score: f64) -> (ScanId, AnalysisId) {
        let other = BundleReference {
            sha256: "0".repeat(64),
            ..self.bundle.clone()
        };
        self.answered_with(Some(score), None, other).await
    }

    /// Pathology by what was measured, although the models say so little.
    pub(crate) async fn found_by_measures(&self, score: Option<f64>) -> (ScanId, AnalysisId) {
        let bundle = self.bundle.clone();
        self.completed(Verdict::Pathology, score, None, bundle, |_| {})
            .await
    }

    /// A study of this scanner model, answered at a threshold of 0.5.
    pub(crate) async fn answered_on(&self, model: &str, score: f64) -> (ScanId, AnalysisId) {
        let study = study_of(model);
        self.answered_but(Some(score), None, self.bundle.clone(), |report| {
            report.study = Some(study);
        })
        .await
    }

    /// A study of this scanner model whose norm was withheld, for its threshold alone or for another reason too.
    pub(crate) async fn withheld_on(&self, model: &str, score: f64, reasons: &[ReasonCode]) -> ScanId {
        let study = study_of(model);
        let reasons = reasons.iter().map(|code| Reason::new(*code, "")).collect();
        let bundle = self.bundle.clone();
        let (scan_id, _) = self
            .completed(Verdict::Undetermined, Some(score), None, bundle, |report| {
                report.study = Some(study);
                report.reasons = reasons;
            })
            .await;
        scan_id
    }

    async fn answered_with(
        &self,
        score: Option<f64>,
        patient_id: Option<PatientId>,
        bundle: BundleReference,
    ) -> (ScanId, AnalysisId) {
        self.answered_but(score, patient_id, bundle, |_| {}).await
    }

    async fn answered_but(
        &self,
        score: Option<f64>,
        patient_id: Option<PatientId>,
        bundle: BundleReference,
        but: impl FnOnce(&mut Report),
    ) -> (ScanId, AnalysisId) {
        let verdict = match score {
            None => Verdict::Undetermined,
            Some(score) if score >= 0.5 => Verdict::Pathology,
            Some(_) => Verdict::Norm,
        };
        self.completed(verdict, score, patient_id, bundle, but).await
    }

    async fn completed(
        &self,
        verdict: Verdict,
        score: Option<f64>,
        patient_id: Option<PatientId>,
        bundle: BundleReference,
        but: impl FnOnce(&mut Report),
    ) -> (ScanId, AnalysisId) {
        let upload = bytes::Bytes::from_static(b"study");
        let (scan_id, analysis_id) =
            request_study_of(&self.database, &self.objects, upload, patient_id).await;
        self.complete((scan_id, analysis_id), verdict, score, bundle, but)
            .await;
        (scan_id, analysis_id)
    }

    /// A norm that was analysed again: both analyses.
    pub(crate) async fn answered_twice(&self, score: f64) -> [AnalysisId; 2] {
        let (scan_id, first) = self.answered(Some(score), None).await;
        let second = request_again(&self.database, scan_id).await;
        let of = (scan_id, second);
        self.complete(of, Verdict::Norm, Some(score), self.bundle.clone(), |_| {})
            .await;
        [first, second]
    }

    async fn complete(
        &self,
        (scan_id, analysis_id): (ScanId, AnalysisId),
        verdict: Verdict,
        score: Option<f64>,
        bundle: BundleReference,
        but: impl FnOnce(&mut Report),
    ) {
        let mut report = Report {
            probability_of_pathology: score.map(probability),
            anomaly_score: score,
            bundle,
            ..plain_report(analysis_id, scan_id, verdict)
        };
        but(&mut report);
        assert!(self.database.complete_analysis(report).await.unwrap());
    }

    pub(crate) async fn says(&self, analysis_id: AnalysisId, agree: bool, label: Option<&str>) {
        let word = NewFeedback {
            analysis_id,
            agree,
            label: label.map(str::to_owned),
            comment: None,
            user: None,
        };
        self.database.add_feedback(word).await.unwrap();
    }
}
