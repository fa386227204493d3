use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{AnalysisId, DeliveryId, ScanId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It waits for its next attempt.
    Queued,
    /// A gateway is at it.
    Sending,
    /// The destination said that it has everything.
    Delivered,
    /// Refused, or given up: it is sent no more until a person has it sent again.
    Failed,
}

impl From<DeliveryState> for rows::DeliveryState {
    fn from(state: DeliveryState) -> Self {
        match state {
            DeliveryState::Queued => Self::Queued,
            DeliveryState::Sending => Self::Sending,
            DeliveryState::Delivered => Self::Delivered,
            DeliveryState::Failed => Self::Failed,
        }
    }
}

impl From<rows::DeliveryState> for DeliveryState {
    fn from(state: rows::DeliveryState) -> Self {
        match state {
            rows::DeliveryState::Queued => Self::Queued,
            rows::DeliveryState::Sending => Self::Sending,
            rows::DeliveryState::Delivered => Self::Delivered,
            rows::DeliveryState::Failed => Self::Failed,
        }
    }
}

/// The results of an analysis on their way to a PACS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: DeliveryId,
    pub analysis_id: AnalysisId,
    pub scan_id: ScanId,
    /// A name of the settings `pacs.destinations`.
    #[schema(example = "archive")]
    pub destination: String,
    pub state: DeliveryState,
    /// Begun so far; from 0 again where somebody has it sent again.
    pub attempts: u32,
    /// Since when it is tried.
    pub queued_at: DateTime<Utc>,
    /// Where it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed: `peer_unreachable`, `peer_silent`, `association_rejected`, `tls_failed`, `connection_lost`,
    /// `peer_out_of_resources`, `peer_failed`, `refused_by_peer`, `class_not_accepted`, `not_authorized`, `no_such_service`,
    /// `commitment_awaited`, `not_committed`, `too_slow`, `stopped`, or the code of a problem here.
    #[schema(example = "peer_unreachable")]
    pub reason_code: Option<String>,
    /// The status of the destination's answer: hexadecimal (PS3.4 annex B.2.3), or of HTTP.
    #[schema(example = "A900")]
    pub peer_status: Option<String>,
    /// Those that the destination answered for, by name. What it has is not sent again, unless a delivery that was delivered is
    /// sent again: then all are. Messages have none.
    pub objects: Vec<DeliveryObject>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Where it is delivered or failed.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<rows::Delivery> for Delivery {
    fn from(row: rows::Delivery) -> Self {
        Self {
            id: row.id,
            analysis_id: row.analysis_id,
            scan_id: row.scan_id,
            destination: row.destination,
            state: row.state.into(),
            attempts: row.attempts,
            queued_at: row.queued_at,
            next_attempt_at: row.next_attempt_at,
            reason_code: row.reason_code,
            peer_status: row.peer_status,
            objects: row.objects.into_iter().map(Into::into).collect(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            ended_at: row.ended_at,
        }
    }
}

/// An object of a result, and what the destination said of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryObject {
    /// `report`, `segmentation-lungs`, `segmentation-findings`, `anomaly-map`, `key-objects`, `verdict`, or `key-slice-1` and so on.
    #[schema(example = "report")]
    pub name: String,
    pub sop_instance_uid: String,
    /// The destination has it; else it refused it.
    pub is_taken: bool,
    /// Why it refused it: `refused_by_peer` or `class_not_accepted`.
    #[schema(example = "class_not_accepted")]
    pub reason_code: Option<String>,
    /// The status of its answer, hexadecimal (PS3.4 annex B.2.3).
    #[schema(example = "A900")]
    pub peer_status: Option<String>,
}

impl From<rows::DeliveredObject> for DeliveryObject {
    fn from(row: rows::DeliveredObject) -> Self {
        let (reason_code, peer_status) = match row.refusal {
            Some(problem) => (Some(problem.code.into_owned()), problem.peer_status),
            None => (None, None),
        };
        Self {
            name: row.name,
            sop_instance_uid: row.sop_instance_uid,
            is_taken: reason_code.is_none(),
            reason_code,
            peer_status,
        }
    }
}

/// A place that results are sent to, and what there is for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeliveryDestination {
    /// A name of the settings `pacs.destinations`.
    #[schema(example = "archive")]
    pub(crate) name: String,
    /// The settings name it. What is left of one that they name no more waits until they do again.
    pub(crate) is_set: bool,
    /// Queued or being sent.
    pub(crate) waiting: u64,
    pub(crate) failed: u64,
    /// For how long the oldest of those that wait is tried.
    pub(crate) oldest_seconds: Option<u64>,
}

impl From<rows::DestinationState> for DeliveryDestination {
    fn from(row: rows::DestinationState) -> Self {
        Self {
            name: row.name,
            is_set: row.is_set,
            waiting: row.waiting.waiting,
            failed: row.waiting.failed,
            oldest_seconds: row.waiting.oldest.map(|oldest| oldest.as_secs()),
        }
    }
}

/// The destinations, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct DeliveryDestinations {
    pub(crate) items: Vec<DeliveryDestination>,
}

/// What was queued again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct QueuedAgain {
    pub(crate) queued: u64,
}
