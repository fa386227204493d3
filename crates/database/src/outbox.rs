//! Messages that a committed change announces, until a relay has published them.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::json;
use crate::schema::outbox;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// A message as the caller built it. Written in the transaction of the change that it announces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxMessage {
    pub message_id: Uuid,
    pub routing_key: String,
    pub type_name: String,
    pub payload: Vec<u8>,
    /// Trace context and the like.
    pub headers: BTreeMap<String, String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = outbox, treat_none_as_default_value = false)]
struct OutboxRow {
    id: RowId,
    routing_key: String,
    type_name: String,
    payload: Vec<u8>,
    headers: serde_json::Value,
    created_at: NaiveDateTime,
    claimed_until: Option<NaiveDateTime>,
    published_at: Option<NaiveDateTime>,
}

impl TryFrom<OutboxRow> for OutboxMessage {
    type Error = DatabaseError;

    fn try_from(row: OutboxRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            message_id: row.id.0,
            routing_key: row.routing_key,
            type_name: row.type_name,
            payload: row.payload,
            headers: json::decode(row.headers, "outbox", "headers")?,
        })
    }
}

/// Adds a message inside the transaction of the change that it announces.
pub(crate) fn insert_message(
    connection: &mut AnyConnection,
    message: OutboxMessage,
) -> Result<(), DatabaseError> {
    let row = OutboxRow {
        id: RowId(message.message_id),
        routing_key: message.routing_key,
        type_name: message.type_name,
        payload: message.payload,
        headers: json::encode(&message.headers, "outbox headers")?,
        created_at: time::to_row(time::now()),
        claimed_until: None,
        published_at: None,
    };
    diesel::insert_into(outbox::table)
        .values(&row)
        .execute(connection)?;
    Ok(())
}

impl Database {
    /// Takes up to `limit` unpublished messages, the oldest first, for `lease`: no other relay gets them until
    /// they are marked as published, released, or the lease has run out. A relay that dies loses nothing; a
    /// message may be published twice.
    pub async fn claim_outbox(
        &self,
        limit: u32,
        lease: Duration,
    ) -> Result<Vec<OutboxMessage>, DatabaseError> {
        self.change(move |connection| {
            // Relays of machines whose clocks differ hold each other's leases for as long as was meant.
            let now = time::shared_now(connection)?;
            let lease_end = time::later(now, lease);
            let claimable = outbox::table
                .filter(outbox::published_at.is_null())
                .filter(outbox::claimed_until.is_null().or(outbox::claimed_until.le(now)))
                .order((outbox::created_at, outbox::id))
                .limit(limit.into())
                .select(outbox::id);
            let ids: Vec<RowId> = match connection {
                AnyConnection::Postgres(inner) => claimable.for_update().skip_locked().load(inner)?,
                // The transaction is the only writer.
                AnyConnection::Sqlite(inner) => claimable.load(inner)?,
            };
            diesel::update(outbox::table.filter(outbox::id.eq_any(&ids)))
                .set(outbox::claimed_until.eq(Some(lease_end)))
                .execute(connection)?;
            let rows: Vec<OutboxRow> = outbox::table
                .filter(outbox::id.eq_any(&ids))
                .order((outbox::created_at, outbox::id))
                .select(OutboxRow::as_select())
                .load(connection)?;
            rows.into_iter().map(OutboxMessage::try_from).collect()
        })
        .await
    }

    /// Marks messages that the broker has confirmed.
    pub async fn mark_published(&self, message_ids: Vec<Uuid>) -> Result<(), DatabaseError> {
        if message_ids.is_empty() {
            return Ok(());
        }
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let ids: Vec<RowId> = message_ids.into_iter().map(RowId).collect();
            diesel::update(outbox::table.filter(outbox::id.eq_any(&ids)))
                .set(outbox::published_at.eq(Some(now)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Gives claimed messages back at once, after publishing failed.
    pub async fn release_outbox(&self, message_ids: Vec<Uuid>) -> Result<(), DatabaseError> {
        if message_ids.is_empty() {
            return Ok(());
        }
        self.change(move |connection| {
            let ids: Vec<RowId> = message_ids.into_iter().map(RowId).collect();
            diesel::update(outbox::table.filter(outbox::id.eq_any(&ids)))
                .set(outbox::claimed_until.eq(None::<NaiveDateTime>))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Messages not yet confirmed, claimed ones included.
    pub async fn count_unpublished(&self) -> Result<u64, DatabaseError> {
        self.run(|connection| {
            let count: i64 = outbox::table
                .filter(outbox::published_at.is_null())
                .count()
                .get_result(connection)?;
            Ok(u64::try_from(count).unwrap_or_default())
        })
        .await
    }

    /// Deletes messages published before `time`; returns how many.
    pub async fn prune_outbox(&self, before: DateTime<Utc>) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            Ok(
                diesel::delete(outbox::table.filter(outbox::published_at.lt(time::to_row(before))))
                    .execute(connection)?,
            )
        })
        .await
    }
}
