//! Events of the audit trail as they are kept outside of the database.

use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::audit_chain::hash_of;
use crate::audit_row::AuditEventRow;
use crate::sql_types::RowId;

/// An event as it is kept outside of the database: every column of its row, so that its hash can be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditRecord {
    pub sequence: u64,
    /// UTC, in microseconds.
    pub at: NaiveDateTime,
    pub action: String,
    pub outcome: String,
    pub actor_kind: String,
    pub actor_id: Option<Uuid>,
    pub actor_name: String,
    pub source_address: String,
    pub object_kind: Option<String>,
    pub object_id: Option<String>,
    pub patient_id: Option<Uuid>,
    pub scan_id: Option<Uuid>,
    pub status: Option<i32>,
    pub detail: String,
    pub previous_hash: String,
    pub hash: String,
}

impl AuditRecord {
    /// The hash that its content has, whatever it says.
    pub fn content_hash(&self) -> String {
        hash_of(&AuditEventRow::from(self))
    }
}

impl From<AuditEventRow> for AuditRecord {
    fn from(row: AuditEventRow) -> Self {
        let id = |id: Option<RowId>| id.map(|id| id.0);
        Self {
            sequence: u64::try_from(row.sequence).unwrap_or_default(),
            at: row.at,
            action: row.action,
            outcome: row.outcome,
            actor_kind: row.actor_kind,
            actor_id: id(row.actor_id),
            actor_name: row.actor_name,
            source_address: row.source_address,
            object_kind: row.object_kind,
            object_id: row.object_id,
            patient_id: id(row.patient_id),
            scan_id: id(row.scan_id),
            status: row.status,
            detail: row.detail,
            previous_hash: row.previous_hash,
            hash: row.hash,
        }
    }
}

impl From<&AuditRecord> for AuditEventRow {
    fn from(record: &AuditRecord) -> Self {
        let record = record.clone();
        let id = |id: Option<Uuid>| id.map(RowId);
        Self {
            // No row has a number beyond: it is then none that follows another.
            sequence: i64::try_from(record.sequence).unwrap_or(i64::MAX),
            at: record.at,
            action: record.action,
            outcome: record.outcome,
            actor_kind: record.actor_kind,
            actor_id: id(record.actor_id),
            actor_name: record.actor_name,
            source_address: record.source_address,
            object_kind: record.object_kind,
            object_id: record.object_id,
            patient_id: id(record.patient_id),
            scan_id: id(record.scan_id),
            status: record.status,
            detail: record.detail,
            previous_hash: record.previous_hash,
            hash: record.hash,
        }
    }
}
