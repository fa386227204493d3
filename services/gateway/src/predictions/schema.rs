use chrono::{DateTime, Utc};
use norma_domain::{
    AnalysisId, AnalysisStatus, MassRunRow, Probability, ProcessingStatus, Report, ScanId, Summary,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::uploads::deidentified::Deidentified;

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
    /// The columns of the upload's one row, as the reference service answers them.
    #[serde(flatten)]
    pub only_row: OnlyRow,
    /// Every study of the upload, in its order.
    pub studies: Vec<PredictedStudy>,
    /// Told by the upload alone: what de-identification did to it; absent where it was stored as it came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deidentified: Option<Deidentified>,
    /// Where this prediction is asked for again: `/inference/predictions/{id}`.
    pub href: String,
}

/// The columns of the row of an upload with one study. Where there is no answer, or several, the values are null and
/// the status is `Failure`, so that a client that reads only these takes nothing for a norm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct OnlyRow {
    pub study_uid: Option<String>,
    pub series_uid: Option<String>,
    pub probability_of_pathology: Option<Probability>,
    /// 1 pathology, 0 norm.
    pub pathology: Option<u8>,
    pub processing_status: ProcessingStatus,
    /// Seconds.
    pub time_of_processing: Option<f64>,
    pub most_dangerous_pathology_type: Option<String>,
    /// `code: message` where there is no answer.
    pub reason: Option<String>,
}

impl OnlyRow {
    pub(crate) fn of(rows: &[MassRunRow], pending: usize) -> Self {
        if let ([row], 0) = (rows, pending) {
            return Self {
                study_uid: row.study_uid.clone(),
                series_uid: row.series_uid.clone(),
                probability_of_pathology: row.probability_of_pathology,
                pathology: row.pathology,
                processing_status: row.processing_status,
                time_of_processing: Some(row.time_of_processing),
                most_dangerous_pathology_type: row.most_dangerous_pathology_type.clone(),
                reason: row.reason.clone(),
            };
        }
        let reason = if pending > 0 {
            "analysis_running: ask again where `href` says"
        } else {
            "several_studies: each study has a row of its own in `rows`"
        };
        Self {
            study_uid: None,
            series_uid: None,
            probability_of_pathology: None,
            pathology: None,
            processing_status: ProcessingStatus::Failure,
            time_of_processing: None,
            most_dangerous_pathology_type: None,
            reason: Some(reason.to_owned()),
        }
    }
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
    /// Told by the upload alone: the earliest scan of the same bytes or the same study that was here before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of: Option<ScanId>,
    /// Told by the upload alone: how many images have other content than those of the same SOP Instance UIDs in that scan. What
    /// was stored stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub other_content: Option<usize>,
}

/// A prediction in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ListedPrediction {
    pub id: Uuid,
    pub created_at: DateTime<Utc>,
    /// Studies of the upload that were not deleted since.
    pub studies: u64,
    /// Studies whose analysis has not ended.
    pub pending: u64,
    /// Studies whose analysis failed.
    pub failed: u64,
    /// Where the prediction is asked for: `/inference/predictions/{id}`.
    pub href: String,
}

impl From<norma_database::ListedPrediction> for ListedPrediction {
    fn from(row: norma_database::ListedPrediction) -> Self {
        Self {
            id: row.id,
            created_at: row.created_at,
            studies: row.studies,
            pending: row.pending,
            failed: row.failed,
            href: format!("/inference/predictions/{}", row.id),
        }
    }
}
