//! What a deletion of a patient leaves behind: an event that says, in numbers and hashes, what was erased.

use diesel::prelude::*;
use norma_domain::{PatientId, ScanId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit_list::AuditQuery;
use crate::connection::AnyConnection;
use crate::object_deletions::DeletedScan;
use crate::schema::{object_deletions, scans};
use crate::sql_types::RowId;
use crate::{AuditActor, AuditEvent, Database, DatabaseError, NewAuditEvent, Page};

/// The action of the event.
pub(crate) const ERASED: &str = "patient.erase";

/// What was erased of a patient. Nothing of it names anybody: the ids are of nothing any more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// The scans, in the order of their ids.
    pub scans: Vec<ScanId>,
    pub analyses: u64,
    /// Of the originals.
    pub size_bytes: u64,
    /// SHA-256 over a line `{scan id} {SHA-256 of the original}\n` for each scan, in lower-case hexadecimal.
    pub originals_sha256: String,
}

impl Erased {
    pub(crate) fn event(&self, id: PatientId, by: AuditActor, source_address: String) -> NewAuditEvent {
        let mut event = NewAuditEvent::of_system("", ERASED).about("patient", id);
        event.actor = by;
        event.source_address = source_address;
        event.patient_id = Some(id);
        event.detail = serde_json::to_string(self).expect("numbers and texts are JSON");
        event
    }
}

/// Scans that are about to be deleted, as they stand in the statement.
pub(crate) struct Originals {
    rows: Vec<(RowId, String, i64)>,
}

impl Originals {
    pub(crate) fn of_patient(connection: &mut AnyConnection, id: PatientId) -> Result<Self, DatabaseError> {
        let rows = scans::table
            .filter(scans::patient_id.eq(RowId::from(id)))
            .order(scans::id)
            .select((scans::id, scans::sha256, scans::size_bytes))
            .load(connection)?;
        Ok(Self { rows })
    }

    pub(crate) fn scan_ids(&self) -> Vec<ScanId> {
        self.rows.iter().map(|(id, ..)| ScanId::from(*id)).collect()
    }

    pub(crate) fn erased(&self, deleted: &[DeletedScan]) -> Erased {
        let mut hash = Sha256::new();
        for (id, sha256, _) in &self.rows {
            hash.update(format!("{} {sha256}\n", ScanId::from(*id)));
        }
        Erased {
            scans: self.scan_ids(),
            analyses: deleted.iter().map(|scan| scan.analysis_ids.len() as u64).sum(),
            size_bytes: self.rows.iter().map(|(_, _, size)| size.unsigned_abs()).sum(),
            originals_sha256: hex::encode(hash.finalize()),
        }
    }
}

/// A deletion of a patient, as the audit trail holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    pub erased: Erased,
    /// Who, when, and where in the chain.
    pub event: AuditEvent,
    /// Scans of it whose files are not deleted for good yet: they are looked for once more after a while, because a worker may
    /// have stored some meanwhile.
    pub scans_with_files: u64,
}

impl Database {
    /// The deletion of a patient; None where none is known.
    pub async fn erasure_of(&self, id: PatientId) -> Result<Option<Erasure>, DatabaseError> {
        let query = AuditQuery {
            patient_id: Some(id),
            action: Some(ERASED.to_owned()),
            ..AuditQuery::default()
        };
        let events = self
            .list_audit_events(query, Page { limit: 1, offset: 0 })
            .await?;
        let Some(event) = events.items.into_iter().next() else {
            return Ok(None);
        };
        let erased: Erased =
            serde_json::from_str(&event.event.detail).map_err(|_| DatabaseError::CorruptRow {
                table: "audit_events",
                column: "detail",
            })?;
        let ids: Vec<RowId> = erased.scans.iter().copied().map(RowId::from).collect();
        let scans_with_files = self
            .run(move |connection| {
                let mut waiting = 0_i64;
                for part in ids.chunks(500) {
                    let of_part = object_deletions::table.filter(object_deletions::scan_id.eq_any(part));
                    waiting += of_part.count().get_result::<i64>(connection)?;
                }
                Ok(waiting.unsigned_abs())
            })
            .await?;
        Ok(Some(Erasure {
            erased,
            event,
            scans_with_files,
        }))
    }
}
