use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{
    AnalysisId, AnalysisStatus, IdentityAttribute, PatientId, Probability, Reason, ReasonCode, ScanId,
    StudyIdentity, Verdict,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::feedback::schema::Feedback;

/// A line of the worklist: a scan with its latest analysis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StudyRow {
    pub scan_id: ScanId,
    /// None where no analysis was requested yet.
    pub analysis_id: Option<AnalysisId>,
    pub status: Option<AnalysisStatus>,
    pub verdict: Option<Verdict>,
    pub probability_of_pathology: Option<Probability>,
    /// The threshold of the operating point that the verdict was made with.
    pub threshold: Option<f64>,
    pub operating_point: Option<String>,
    pub top_finding: Option<TopFinding>,
    /// Why the latest analysis failed.
    pub failure: Option<Reason>,
    /// None for a prediction without a patient.
    pub patient: Option<StudyPatient>,
    /// Whose study its files say it is; null where they say nothing.
    pub identity: Option<StudyIdentity>,
    /// In what the files contradict the patient that a person chose nonetheless.
    pub patient_mismatch: Vec<IdentityAttribute>,
    /// (0008,0020) as `YYYYMMDD`, known after preprocessing.
    pub study_date: Option<String>,
    pub study_uid: Option<String>,
    /// Slices of the series that was read, known after preprocessing.
    pub slices: Option<u32>,
    /// Codes of the quality checks that did not pass.
    pub quality_flags: Vec<ReasonCode>,
    pub description: String,
    pub file_name: String,
    pub size_bytes: u64,
    pub uploaded_at: DateTime<Utc>,
    /// When the latest analysis was requested.
    pub requested_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Since when the latest analysis waits for a worker: nobody is at work on it. Null while a worker is, and once it has
    /// ended.
    pub waiting_since: Option<DateTime<Utc>>,
    /// The analysis that the latest one repeats, because its stages were read with different model bundles.
    pub repeat_of: Option<AnalysisId>,
    /// What readers said against the verdict, on this analysis or an earlier one, the oldest first.
    pub contradictions: Vec<Feedback>,
}

/// The patient of a worklist line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StudyPatient {
    pub id: PatientId,
    pub first_name: String,
    pub last_name: String,
    /// Patient ID (0010,0020) as registered.
    pub dicom_patient_id: Option<String>,
    /// `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// `M`, `F` or `O`.
    pub sex: Option<String>,
}

/// The most probable finding of the typing stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopFinding {
    pub label: String,
    pub name_en: String,
    pub name_ru: String,
    pub probability: Probability,
}

impl From<rows::StudyRow> for StudyRow {
    fn from(row: rows::StudyRow) -> Self {
        let scan = row.scan;
        let identity = row.identity.unwrap_or_default();
        let analysis = row.analysis.as_ref();
        let answer = row.answer.as_ref();
        let time_of = |time: fn(&rows::Analysis) -> Option<DateTime<Utc>>| analysis.and_then(time);
        Self {
            scan_id: scan.id,
            analysis_id: analysis.map(|analysis| analysis.id),
            status: analysis.map(|analysis| analysis.status),
            verdict: answer.map(|answer| answer.verdict),
            probability_of_pathology: answer.and_then(|answer| answer.probability),
            threshold: answer.map(|answer| answer.threshold.value()),
            operating_point: analysis.map(|analysis| analysis.operating_point.0.clone()),
            top_finding: answer
                .and_then(|answer| answer.top_finding.clone())
                .map(|finding| TopFinding {
                    label: finding.label,
                    name_en: finding.name_en,
                    name_ru: finding.name_ru,
                    probability: finding.probability,
                }),
            failure: analysis.and_then(|analysis| analysis.failure.clone()),
            quality_flags: analysis.map_or_else(Vec::new, |analysis| analysis.quality_flags.clone()),
            requested_at: time_of(|analysis| Some(analysis.requested_at)),
            finished_at: time_of(|analysis| analysis.finished_at),
            waiting_since: row.waiting_since,
            contradictions: row.contradictions.into_iter().map(Feedback::from).collect(),
            repeat_of: analysis.and_then(|analysis| analysis.repeat_of),
            patient: row.patient.map(|patient| StudyPatient {
                id: patient.id,
                first_name: patient.first_name,
                last_name: patient.last_name,
                dicom_patient_id: patient.identity.dicom_patient_id,
                birth_date: patient.identity.birth_date,
                sex: patient.identity.sex,
            }),
            identity: Some(identity.study).filter(|study| !study.is_empty()),
            patient_mismatch: identity.confirmed_conflicts,
            study_date: scan.study_date,
            study_uid: scan.study_uid.map(String::from),
            slices: scan.slice_count,
            description: scan.description,
            file_name: scan.file_name,
            size_bytes: scan.size_bytes,
            uploaded_at: scan.created_at,
        }
    }
}
