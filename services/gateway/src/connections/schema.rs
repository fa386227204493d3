use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::CountedBy;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::connections::echo::Echo;
use crate::connections::peers::{OwnNode, Peer, PeerService, PeerWay};

/// This node, as peers have to know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct NodeAddress {
    #[schema(example = "NORMA")]
    pub(crate) ae_title: String,
    #[schema(example = "127.0.0.1:11112")]
    pub(crate) address: String,
    /// Associations are taken over TLS alone.
    pub(crate) is_encrypted: bool,
}

impl From<&OwnNode> for NodeAddress {
    fn from(node: &OwnNode) -> Self {
        Self {
            ae_title: node.ae_title.clone(),
            address: node.address.clone(),
            is_encrypted: node.is_encrypted,
        }
    }
}

/// A system that the settings name, and how it has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Connection {
    pub(crate) way: PeerWay,
    /// A name of the settings.
    #[schema(example = "archive")]
    pub(crate) name: String,
    pub(crate) service: PeerService,
    pub(crate) ae_title: Option<String>,
    /// `host:port`, or where its service is, without a path.
    #[schema(example = "pacs.hospital.example:104")]
    pub(crate) address: String,
    pub(crate) is_encrypted: bool,
    /// It can be asked whether it is there.
    pub(crate) can_echo: bool,
    /// When it took, or gave, all that was wanted last.
    pub(crate) last_success_at: Option<DateTime<Utc>>,
    /// Of what waits for another attempt, or was given up: when that failed last, why, and what the peer answered.
    pub(crate) last_failure_at: Option<DateTime<Utc>>,
    pub(crate) last_failure_code: Option<String>,
    pub(crate) last_peer_status: Option<String>,
}

impl Connection {
    pub(super) fn of(peer: &Peer, contact: rows::PeerContact) -> Self {
        Self {
            way: peer.way,
            name: peer.name.clone(),
            service: peer.service,
            ae_title: peer.ae_title(),
            address: peer.address.clone(),
            is_encrypted: peer.is_encrypted,
            can_echo: peer.can_echo(),
            last_success_at: contact.last_success_at,
            last_failure_at: contact.last_failure_at,
            last_failure_code: contact.last_failure_code,
            last_peer_status: contact.last_peer_status,
        }
    }
}

/// Who has sent to this installation by C-STORE, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Caller {
    #[schema(example = "CT1")]
    pub(crate) ae_title: String,
    /// When it sent something last.
    pub(crate) last_at: DateTime<Utc>,
    /// Instances so far.
    pub(crate) taken: u64,
    pub(crate) refused: u64,
    pub(crate) last_refused_at: Option<DateTime<Utc>>,
    /// The status that it was told then, hexadecimal.
    #[schema(example = "0111")]
    pub(crate) last_refusal: Option<String>,
}

impl From<rows::PacsCaller> for Caller {
    fn from(row: rows::PacsCaller) -> Self {
        Self {
            ae_title: row.ae_title,
            last_at: row.last_at,
            taken: row.taken,
            refused: row.refused,
            last_refused_at: row.last_refused_at,
            last_refusal: row.last_refusal,
        }
    }
}

/// The systems that this node speaks with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ConnectionList {
    /// None where this gateway does not listen (`pacs.enabled`).
    pub(crate) node: Option<NodeAddress>,
    pub(crate) items: Vec<Connection>,
    pub(crate) callers: Vec<Caller>,
}

/// Whether a system answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct EchoAnswer {
    /// It is there, and lets this node in.
    pub(crate) is_there: bool,
    pub(crate) duration_ms: u64,
    /// Why not, as of a delivery.
    #[schema(example = "association_rejected")]
    pub(crate) reason_code: Option<String>,
    /// The status of its answer, hexadecimal.
    pub(crate) peer_status: Option<String>,
}

impl From<Echo> for EchoAnswer {
    fn from(echo: Echo) -> Self {
        let (reason_code, peer_status) = match echo.failure {
            Some((code, status)) => (Some(code.to_owned()), status),
            None => (None, None),
        };
        Self {
            is_there: reason_code.is_none(),
            duration_ms: u64::try_from(echo.duration.as_millis()).unwrap_or(u64::MAX),
            reason_code,
            peer_status,
        }
    }
}

/// What a study that comes waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaitsFor {
    /// More of it, or the end of what brings it.
    Quiet,
    /// More of it that was asked for.
    Pull,
    /// Instances that are missing.
    Instances,
    /// Who is to say how many instances there are.
    Count,
}

impl From<rows::WaitsFor> for WaitsFor {
    fn from(waits_for: rows::WaitsFor) -> Self {
        match waits_for {
            rows::WaitsFor::Quiet => Self::Quiet,
            rows::WaitsFor::Pull => Self::Pull,
            rows::WaitsFor::Instances => Self::Instances,
            rows::WaitsFor::Count => Self::Count,
        }
    }
}

/// A study that comes by C-STORE and is not complete yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ArrivingStudy {
    /// None where no instance says so.
    pub(crate) study_instance_uid: Option<String>,
    /// AE titles of who sends it, as far as that is known.
    pub(crate) callers: Vec<String>,
    /// That came so far; what came of it before this time is not among them.
    pub(crate) instances: u32,
    /// Of those that were counted, so many are here…
    pub(crate) came: Option<u32>,
    /// …of so many. None where nobody has said so.
    #[schema(example = 154)]
    pub(crate) expected: Option<u32>,
    /// By whom.
    #[schema(value_type = Option<String>, example = "mpps")]
    pub(crate) counted_by: Option<CountedBy>,
    pub(crate) waits_for: WaitsFor,
    pub(crate) first_at: DateTime<Utc>,
    pub(crate) last_at: DateTime<Utc>,
    /// When it is taken as it is at the latest; None where nobody can say.
    pub(crate) at_latest: Option<DateTime<Utc>>,
}

impl From<rows::ArrivingStudy> for ArrivingStudy {
    fn from(row: rows::ArrivingStudy) -> Self {
        Self {
            study_instance_uid: row.study_instance_uid,
            callers: row.callers,
            instances: row.instances,
            came: row.count.map(|count| count.came),
            expected: row.count.and_then(|count| count.expected),
            counted_by: row.count.map(|count| count.counted_by),
            waits_for: row.waits_for.into(),
            first_at: row.first_at,
            last_at: row.last_at,
            at_latest: row.at_latest,
        }
    }
}

/// The studies that come, those first that came first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct ArrivingStudies {
    pub(crate) items: Vec<ArrivingStudy>,
}
