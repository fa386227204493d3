//! The older part of the audit trail: read to be written out, and taken out of the database once it was. Statements of erasure stay.
//! Triggers see to it that nothing else goes, and nothing of the last thirty days.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::audit::{NewAuditEvent, append};
use crate::audit_chain::{AuditHead, hash_of};
use crate::audit_record::AuditRecord;
use crate::audit_row::AuditEventRow;
use crate::connection::AnyConnection;
use crate::erasure::ERASED;
use crate::schema::audit_events;
use crate::{Database, DatabaseError, time};

diesel::table! {
    audit_pruned (id) {
        id -> Integer,
        sequence -> BigInt,
        hash -> Text,
    }
}

impl Database {
    /// The last event that was taken out, with everything before it; number 0 and an empty hash where none was.
    pub async fn audit_pruned(&self) -> Result<AuditHead, DatabaseError> {
        self.run(pruned).await
    }

    /// Events that may be written out: those that follow `after` without a gap up to the first that is younger than `until`, at most so
    /// many.
    pub async fn audit_records(
        &self,
        after: u64,
        until: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, DatabaseError> {
        self.run(move |connection| {
            let after = i64::try_from(after).unwrap_or(i64::MAX);
            let rows: Vec<AuditEventRow> = audit_events::table
                .filter(audit_events::sequence.gt(after))
                .order(audit_events::sequence)
                .limit(limit.into())
                .select(AuditEventRow::as_select())
                .load(connection)?;
            let until = time::to_row(until);
            let old = rows.into_iter().take_while(|row| row.at < until);
            Ok(old.map(AuditRecord::from).collect())
        })
        .await
    }

    /// The hash that an event has here; None where it is not.
    pub async fn audit_hash_of(&self, sequence: u64) -> Result<Option<String>, DatabaseError> {
        self.run(move |connection| {
            let sequence = i64::try_from(sequence).unwrap_or(i64::MAX);
            let found = audit_events::table.find(sequence).select(audit_events::hash);
            Ok(found.first(connection).optional()?)
        })
        .await
    }

    /// Takes the events up to `until` out, but for statements of erasure, and tells the trail so, all or nothing. To be called once they
    /// are archived. Gives how many were taken out: none where another process was quicker.
    ///
    /// # Errors
    /// Where `until` is not an event of the trail, is the last one, or it or one before it is younger than thirty days.
    pub async fn prune_audit(&self, until: AuditHead, told: NewAuditEvent) -> Result<u64, DatabaseError> {
        let done = self
            .change(move |connection| {
                let up_to = i64::try_from(until.sequence).unwrap_or(i64::MAX);
                if pruned(connection)?.sequence >= until.sequence {
                    return Ok(0);
                }
                // Takes the trail's lock first, as every writer does.
                append(connection, vec![told])?;
                prune(connection, up_to, until.hash)
            })
            .await?;
        self.forget_deleted().await;
        Ok(done)
    }

    /// Statements of erasure that stayed behind, as heads that the archive has to agree with; and those of them whose content does not
    /// have its hash.
    pub(crate) async fn audit_left_behind(&self) -> Result<(Vec<AuditHead>, Vec<u64>), DatabaseError> {
        self.run(|connection| {
            let pruned = i64::try_from(pruned(connection)?.sequence).unwrap_or(i64::MAX);
            let rows: Vec<AuditEventRow> = audit_events::table
                .filter(audit_events::sequence.le(pruned))
                .order(audit_events::sequence)
                .select(AuditEventRow::as_select())
                .load(connection)?;
            let altered = rows.iter().filter(|row| hash_of(row) != row.hash);
            let altered = altered
                .map(|row| u64::try_from(row.sequence).unwrap_or_default())
                .collect();
            let heads = rows.into_iter().map(|row| AuditHead {
                sequence: u64::try_from(row.sequence).unwrap_or_default(),
                hash: row.hash,
            });
            let heads = heads.collect();
            Ok((heads, altered))
        })
        .await
    }
}

fn pruned(connection: &mut AnyConnection) -> Result<AuditHead, DatabaseError> {
    let row: Option<(i64, String)> = audit_pruned::table
        .find(1)
        .select((audit_pruned::sequence, audit_pruned::hash))
        .first(connection)
        .optional()?;
    let (sequence, hash) = row.ok_or(DatabaseError::CorruptRow {
        table: "audit_pruned",
        column: "id",
    })?;
    Ok(AuditHead {
        sequence: u64::try_from(sequence).unwrap_or_default(),
        hash,
    })
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn prune(connection: &mut AnyConnection, up_to: i64, hash: String) -> Result<u64, DatabaseError> {
    match connection {
        AnyConnection::Postgres(inner) => {
            let pruned: Count = diesel::sql_query("SELECT norma_prune_audit($1, $2) AS count")
                .bind::<BigInt, _>(up_to)
                .bind::<Text, _>(hash)
                .get_result(inner)?;
            Ok(pruned.count.unsigned_abs())
        }
        AnyConnection::Sqlite(inner) => {
            diesel::update(audit_pruned::table.find(1))
                .set((audit_pruned::sequence.eq(up_to), audit_pruned::hash.eq(hash)))
                .execute(inner)?;
            let old = audit_events::table
                .filter(audit_events::sequence.le(up_to))
                .filter(audit_events::action.ne(ERASED));
            Ok(diesel::delete(old).execute(inner)? as u64)
        }
    }
}
