use chrono::{DateTime, Utc};
use norma_domain::{AnalysisId, AnalysisStatus, Priority, Probability, Reason, ScanId, Stage, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One run of the models over a scan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Analysis {
    pub id: AnalysisId,
    pub scan_id: ScanId,
    pub status: AnalysisStatus,
    /// Name of the operating point that the verdict is made with.
    #[schema(example = "youden")]
    pub operating_point: String,
    /// The model bundle that the gateway knew when the analysis was requested; the report names the one that answered.
    pub bundle_version: String,
    /// How often its preparation was begun.
    pub attempt: u32,
    pub requested_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
    /// Since when it waits for a worker: nobody is at work on it, and its deadline does not run. Null while a worker is,
    /// and once it has ended.
    pub waiting_since: Option<DateTime<Utc>>,
    pub priority: Priority,
    /// Where it stands among those that wait for their turn; null once its turn has come, and in lists and events.
    pub place: Option<WaitingPlace>,
    /// The analysis that this one repeats, because its stages were read with different model bundles.
    pub repeat_of: Option<AnalysisId>,
    /// Why it failed; with status `failed` only.
    pub failure: Option<Reason>,
    /// How far each stage is, in the order of the pipeline.
    pub stages: Vec<StageProgress>,
    /// With status `completed` only.
    pub verdict: Option<Verdict>,
    /// With status `completed` only, and not where the verdict is undetermined for lack of a score.
    pub probability_of_pathology: Option<Probability>,
    /// The reference service's `ok`: false once the analysis failed.
    pub ok: bool,
    /// The reference service's summary: null unless the verdict is norm or pathology.
    pub has_pathology_any: Option<bool>,
    pub links: AnalysisLinks,
}

/// An analysis as the request for it is answered: with what the reference service answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RequestedAnalysis {
    #[serde(flatten)]
    pub analysis: Analysis,
    /// Slices of the series that was read; null where the analysis has not ended, and where nothing could be read.
    pub files_processed: Option<u32>,
}

/// Where an analysis stands that waits for its turn. Others may still be let in before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingPlace {
    /// Analyses that begin before it, if nobody asks for more meanwhile.
    pub ahead: u64,
    /// Until it begins, by how quickly analyses have ended of late; null where too few have.
    pub estimated_wait_seconds: Option<u64>,
}

/// Where an analysis, its scan and its report are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AnalysisLinks {
    pub analysis: String,
    pub scan: String,
    pub report: String,
}

impl AnalysisLinks {
    pub fn new(analysis_id: AnalysisId, scan_id: ScanId) -> Self {
        Self {
            analysis: format!("/api/analyses/{analysis_id}"),
            scan: format!("/api/scans/{scan_id}"),
            report: format!("/api/analyses/{analysis_id}/report"),
        }
    }
}

/// How far a stage is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageProgress {
    pub stage: Stage,
    pub state: StageState,
    /// Compute time, once it ended.
    pub duration_ms: Option<u64>,
}

/// The state of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StageState {
    /// Queued or at work: a queue does not tell which.
    Pending,
    Completed,
    Failed,
    /// The analysis ended without it.
    Skipped,
}
