//! Peers that asked for storage commitment: a row for each transaction until its peer was told. Each is taken under a lease, and only
//! who holds the lease says how it ended.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::node_schema::storage_commitments;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// An instance that a peer asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommittedInstance {
    pub class_uid: String,
    pub instance_uid: String,
    /// Why it is not committed to (PS3.3 section C.14.1.1); None where it is stored.
    pub failure: Option<u16>,
}

/// What a peer asked, and what it is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageCommitment {
    /// AE title of the peer.
    pub calling: String,
    pub transaction_uid: String,
    pub instances: Vec<CommittedInstance>,
}

/// A transaction that this process is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedCommitment {
    pub commitment: StorageCommitment,
    /// This one included.
    pub attempts: u32,
    pub requested_at: DateTime<Utc>,
    id: Uuid,
    lease: Uuid,
}

/// What there is for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingCommitments {
    pub waiting: u64,
    /// For how long the oldest waits.
    pub oldest: Option<Duration>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = storage_commitments, treat_none_as_default_value = false)]
struct Row {
    id: RowId,
    calling: String,
    transaction_uid: String,
    instances: String,
    attempts: i32,
    requested_at: NaiveDateTime,
    next_attempt_at: NaiveDateTime,
    lease: Option<RowId>,
}

impl Row {
    fn claimed(self, lease: Uuid) -> Result<ClaimedCommitment, DatabaseError> {
        let instances = serde_json::from_str(&self.instances).map_err(|_| DatabaseError::CorruptRow {
            table: "storage_commitments",
            column: "instances",
        })?;
        Ok(ClaimedCommitment {
            commitment: StorageCommitment {
                calling: self.calling,
                transaction_uid: self.transaction_uid,
                instances,
            },
            attempts: u32::try_from(self.attempts).unwrap_or_default(),
            requested_at: time::from_row(self.requested_at),
            id: self.id.0,
            lease,
        })
    }
}

impl Database {
    /// Keeps a transaction and holds it for `lease`: nobody else gets it until that is over. One that the peer has asked before under
    /// the same UID is forgotten. None where `most` transactions of this peer wait.
    pub async fn keep_commitment(
        &self,
        commitment: StorageCommitment,
        lease: Duration,
        most: u32,
    ) -> Result<Option<ClaimedCommitment>, DatabaseError> {
        let instances = serde_json::to_string(&commitment.instances)
            .map_err(|_| DatabaseError::NotStorable("instances"))?;
        self.change(move |connection| {
            let own = storage_commitments::table.filter(storage_commitments::calling.eq(&commitment.calling));
            diesel::delete(
                storage_commitments::table
                    .filter(storage_commitments::calling.eq(&commitment.calling))
                    .filter(storage_commitments::transaction_uid.eq(&commitment.transaction_uid)),
            )
            .execute(connection)?;
            let waiting: i64 = own.count().get_result(connection)?;
            if waiting >= i64::from(most) {
                return Ok(None);
            }
            let now = time::shared_now(connection)?;
            let token = Uuid::new_v4();
            let row = Row {
                id: RowId(Uuid::now_v7()),
                calling: commitment.calling.clone(),
                transaction_uid: commitment.transaction_uid.clone(),
                instances: instances.clone(),
                attempts: 1,
                requested_at: now,
                next_attempt_at: time::later(now, lease),
                lease: Some(RowId(token)),
            };
            diesel::insert_into(storage_commitments::table)
                .values(&row)
                .execute(connection)?;
            row.claimed(token).map(Some)
        })
        .await
    }

    /// Takes the transaction of a peer that is due for longest, one whose process died included, for `lease`.
    pub async fn claim_commitment(
        &self,
        calling: String,
        lease: Duration,
    ) -> Result<Option<ClaimedCommitment>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let due = storage_commitments::table
                .filter(storage_commitments::calling.eq(calling))
                .filter(storage_commitments::next_attempt_at.le(now))
                .order((storage_commitments::next_attempt_at, storage_commitments::id))
                .limit(1)
                .select(storage_commitments::all_columns);
            let row: Option<Row> = match connection {
                AnyConnection::Postgres(inner) => due.for_update().skip_locked().first(inner).optional()?,
                // The transaction is the only writer.
                AnyConnection::Sqlite(inner) => due.first(inner).optional()?,
            };
            let Some(mut row) = row else { return Ok(None) };
            let token = Uuid::new_v4();
            row.attempts = row.attempts.saturating_add(1);
            diesel::update(storage_commitments::table.find(row.id))
                .set((
                    storage_commitments::attempts.eq(row.attempts),
                    storage_commitments::lease.eq(Some(RowId(token))),
                    storage_commitments::next_attempt_at.eq(time::later(now, lease)),
                ))
                .execute(connection)?;
            row.claimed(token).map(Some)
        })
        .await
    }

    /// Forgets a transaction whose peer was told, or is given up. False where it is no longer this process's.
    pub async fn finish_commitment(&self, claimed: &ClaimedCommitment) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let own = storage_commitments::table
                .find(id)
                .filter(storage_commitments::lease.eq(token));
            Ok(diesel::delete(own).execute(connection)? == 1)
        })
        .await
    }

    /// Gives a transaction back, to be told after `pause`. False where it is no longer this process's.
    pub async fn postpone_commitment(
        &self,
        claimed: &ClaimedCommitment,
        pause: Duration,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let own = storage_commitments::table
                .find(id)
                .filter(storage_commitments::lease.eq(token));
            let given_back = diesel::update(own)
                .set((
                    storage_commitments::lease.eq(None::<RowId>),
                    storage_commitments::next_attempt_at.eq(time::later(now, pause)),
                ))
                .execute(connection)?;
            Ok(given_back == 1)
        })
        .await
    }

    /// What there is for a peer.
    pub async fn waiting_commitments(&self, calling: String) -> Result<WaitingCommitments, DatabaseError> {
        self.run(move |connection| {
            let own = storage_commitments::table.filter(storage_commitments::calling.eq(calling));
            let waiting: i64 = own.clone().count().get_result(connection)?;
            let since: Option<NaiveDateTime> = own
                .select(min(storage_commitments::requested_at))
                .get_result(connection)?;
            let now = time::shared_now(connection)?;
            Ok(WaitingCommitments {
                waiting: u64::try_from(waiting).unwrap_or_default(),
                oldest: since.map(|since| time::age(now, since)),
            })
        })
        .await
    }
}
