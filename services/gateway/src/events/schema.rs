use chrono::{DateTime, Utc};
use norma_domain::{AnalysisId, AnalysisStatus, Probability, ReasonCode, ScanId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::analysis_document::schema::{Analysis, StageProgress};

/// The data of a server-sent event `analysis`: where an analysis stands now. Holds no patient data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisEvent {
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    pub status: AnalysisStatus,
    pub stages: Vec<StageProgress>,
    /// Since when it waits for a worker; null while one is at work on it, and once it has ended.
    pub waiting_since: Option<DateTime<Utc>>,
    /// With status `completed` only.
    pub verdict: Option<Verdict>,
    pub probability_of_pathology: Option<Probability>,
    /// With status `failed` only.
    pub failure_code: Option<ReasonCode>,
    pub updated_at: DateTime<Utc>,
}

impl From<&Analysis> for AnalysisEvent {
    fn from(analysis: &Analysis) -> Self {
        Self {
            analysis_id: analysis.id,
            scan_id: analysis.scan_id,
            status: analysis.status,
            stages: analysis.stages.clone(),
            waiting_since: analysis.waiting_since,
            verdict: analysis.verdict,
            probability_of_pathology: analysis.probability_of_pathology,
            failure_code: analysis.failure.as_ref().map(|reason| reason.code),
            updated_at: analysis.updated_at,
        }
    }
}
