use chrono::{DateTime, Utc};
use norma_database as rows;
use norma_domain::{PatientId, ScanId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An event of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditItem {
    /// From 1, without gaps.
    pub sequence: u64,
    pub at: DateTime<Utc>,
    #[schema(example = "report.read")]
    pub action: String,
    /// `begun` (a change, before it is made), `success`, `refused`, `failed`.
    #[schema(example = "success")]
    pub outcome: String,
    pub actor: AuditActorDocument,
    /// Empty for what Norma did by itself.
    pub source_address: String,
    #[schema(example = "scan")]
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    pub patient_id: Option<PatientId>,
    pub scan_id: Option<ScanId>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    pub detail: String,
    /// SHA-256 over this event and the hash of the one before.
    pub hash: String,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditActorDocument {
    /// `user`, `key`, `anonymous`, `system`, `authentication_off`.
    #[schema(example = "user")]
    pub kind: String,
    pub id: Option<Uuid>,
    pub name: String,
}

impl From<rows::AuditEvent> for AuditItem {
    fn from(row: rows::AuditEvent) -> Self {
        let event = row.event;
        let (object_kind, object_id) = event.object.map(|object| (object.kind, object.id)).unzip();
        Self {
            sequence: row.sequence,
            at: event.at,
            action: event.action,
            outcome: event.outcome.as_str().to_owned(),
            actor: AuditActorDocument {
                kind: event.actor.kind,
                id: event.actor.id,
                name: event.actor.name,
            },
            source_address: event.source_address,
            object_kind,
            object_id,
            patient_id: event.patient_id,
            scan_id: event.scan_id,
            status: event.status,
            detail: event.detail,
            hash: row.hash,
        }
    }
}
