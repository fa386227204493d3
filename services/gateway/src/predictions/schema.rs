use norma_domain::{AnalysisId, AnalysisStatus, MassRunRow, Report, ScanId, Summary};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// The answer to an upload without a patient: a superset of the reference service's `{rows, summary}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Prediction {
    pub id: Uuid,
    /// Whether every study has ended. Where not, `rows` holds those that have; ask `href` again.
    pub finished: bool,
    /// Studies that have not ended yet.
    pub pending: usize,
    /// A row for each study that has ended, in the order of the upload; after them one for each file that cannot be
    /// read and belongs to none of the studies.
    pub rows: Vec<MassRunRow>,
    pub summary: Summary,
    /// Every study of the upload, in its order.
    pub studies: Vec<PredictedStudy>,
    /// Where this prediction is asked for again: `/inference/predictions/{id}`.
    pub href: String,
}

/// One study of a prediction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PredictedStudy {
    /// Where the study lies in the upload.
    pub path_to_study: String,
    pub scan_id: ScanId,
    pub analysis_id: Option<AnalysisId>,
    pub status: Option<AnalysisStatus>,
    /// The complete report, once there is one.
    pub report: Option<Box<Report>>,
}
