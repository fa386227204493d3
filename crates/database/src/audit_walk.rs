//! The check of the whole trail: what was archived, then what is in the database.

use crate::audit_chain::{AuditFault, AuditHead, AuditVerification, Walk, next_rows, stored_head};
use crate::audit_record::AuditRecord;
use crate::audit_row::AuditEventRow;
use crate::{Database, DatabaseError};

/// A check of the trail under way.
pub struct AuditWalk {
    walk: Walk,
    /// Until where the events are in the archive alone.
    pruned: u64,
}

impl AuditWalk {
    /// The next event of the archive. What is in the database too is held against it there.
    pub fn archived(&mut self, record: &AuditRecord) {
        if record.sequence <= self.pruned {
            self.walk.step(&AuditEventRow::from(record), None);
        } else {
            let noted = self.walk.noted.entry(record.sequence).or_default();
            noted.push(record.hash.clone());
        }
    }
}

impl Database {
    /// Reads the whole trail and checks every link. `noted` are heads that were kept outside of the database. Of what was archived and
    /// taken out of the database this knows nothing: its events are missing.
    pub async fn verify_audit(
        &self,
        noted: impl IntoIterator<Item = AuditHead>,
    ) -> Result<AuditVerification, DatabaseError> {
        let walk = self.begin_audit_walk(noted).await?;
        self.finish_audit_walk(walk).await
    }

    /// Begins to check the trail: the events of its archive are to be given in their order, before the database's are read.
    pub async fn begin_audit_walk(
        &self,
        noted: impl IntoIterator<Item = AuditHead>,
    ) -> Result<AuditWalk, DatabaseError> {
        let (left_behind, altered) = self.audit_left_behind().await?;
        let mut walk = Walk::new(noted.into_iter().chain(left_behind));
        for sequence in altered {
            walk.fault(AuditFault::Altered { sequence });
        }
        let pruned = self.audit_pruned().await?.sequence;
        Ok(AuditWalk { walk, pruned })
    }

    /// Checks the events of the database, which follow those that the walk has seen.
    pub async fn finish_audit_walk(&self, walk: AuditWalk) -> Result<AuditVerification, DatabaseError> {
        let AuditWalk { mut walk, pruned } = walk;
        // The head first: events appended meanwhile lie beyond it.
        let head = self.run(stored_head).await?;
        let pruned = i64::try_from(pruned).unwrap_or(i64::MAX);
        loop {
            // Statements of erasure before that were looked at.
            let after = walk.sequence.max(pruned);
            let Some(rows) = self.run(move |connection| next_rows(connection, after)).await? else {
                return Ok(walk.finish(head.as_ref()));
            };
            for row in rows {
                walk.step(&row, head.as_ref());
            }
        }
    }
}
