use chrono::{DateTime, Utc};
use norma_domain::{AnalysisId, AnalysisStatus, PatientId, Probability, Reason, ReasonCode, ScanId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
}

/// The patient of a worklist line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct StudyPatient {
    pub id: PatientId,
    pub first_name: String,
    pub last_name: String,
}

/// The most probable finding of the typing stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TopFinding {
    pub label: String,
    pub name_en: String,
    pub name_ru: String,
    pub probability: Probability,
}
