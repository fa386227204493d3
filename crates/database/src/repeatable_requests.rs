//! Requests that may be sent again: the same key gets what the first request made.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::schema::repeatable_requests;
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::{Database, DatabaseError, Owner, time};

/// A key that a client gave its request, of that client alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestKey {
    pub owner: Option<Owner>,
    pub key: String,
    /// Of this one request: of all with the same key, the one that is carried out may finish.
    pub holder: Uuid,
}

impl RequestKey {
    fn columns(self) -> (String, String) {
        (self.owner.map(String::from).unwrap_or_default(), self.key)
    }
}

/// What is known of a request's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repetition {
    /// It is the first: it is to be carried out, and then noted or forgotten.
    First,
    /// It was carried out: this came of it.
    Of(Uuid),
    /// The first one is under way.
    Running,
    /// The key was used for something else.
    Other,
}

impl Database {
    /// Looks a request's key up, and notes it where it is the first. One that left nothing and was not renewed for
    /// longer than `patience` counts as never begun: its process died.
    pub async fn begin_request(
        &self,
        key: RequestKey,
        fingerprint: String,
        patience: Duration,
    ) -> Result<Repetition, DatabaseError> {
        refuse_nul("key", &key.key)?;
        let holder = RowId(key.holder);
        let (owner, key) = key.columns();
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let row = repeatable_requests::table.find((&owner, &key));
            let dead = time::earlier(now, patience).unwrap_or(NaiveDateTime::MIN);
            let is_dead = repeatable_requests::object_id
                .is_null()
                .and(repeatable_requests::created_at.lt(dead));
            diesel::delete(row.filter(is_dead)).execute(connection)?;
            let insertion = diesel::insert_into(repeatable_requests::table).values((
                repeatable_requests::owner.eq(&owner),
                repeatable_requests::key.eq(&key),
                repeatable_requests::fingerprint.eq(&fingerprint),
                repeatable_requests::holder.eq(holder),
                repeatable_requests::created_at.eq(now),
            ));
            // Of two at once the second waits here for the first one's transaction.
            let inserted = match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            if inserted == 1 {
                return Ok(Repetition::First);
            }
            let (known, object): (String, Option<RowId>) = row
                .select((repeatable_requests::fingerprint, repeatable_requests::object_id))
                .first(connection)?;
            Ok(match object {
                _ if known != fingerprint => Repetition::Other,
                Some(id) => Repetition::Of(id.0),
                None => Repetition::Running,
            })
        })
        .await
    }

    /// Says that the request with this key is still being carried out.
    pub async fn renew_request(&self, key: RequestKey) -> Result<(), DatabaseError> {
        let holder = RowId(key.holder);
        let (owner, key) = key.columns();
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let row = repeatable_requests::table.find((owner, key));
            diesel::update(row.filter(repeatable_requests::holder.eq(holder)))
                .set(repeatable_requests::created_at.eq(now))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Forgets a key whose request failed: sent again, it is the first again.
    pub async fn forget_request(&self, key: RequestKey) -> Result<(), DatabaseError> {
        let holder = RowId(key.holder);
        let (owner, key) = key.columns();
        self.change(move |connection| {
            let unfinished = repeatable_requests::table
                .find((owner, key))
                .filter(repeatable_requests::holder.eq(holder))
                .filter(repeatable_requests::object_id.is_null());
            diesel::delete(unfinished).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Forgets keys of requests older than that.
    pub async fn prune_requests(&self, age: Duration) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let Some(before) = time::earlier(now, age) else {
                return Ok(0);
            };
            let old = repeatable_requests::table.filter(repeatable_requests::created_at.lt(before));
            Ok(diesel::delete(old).execute(connection)?)
        })
        .await
    }
}

/// Notes what a request made, inside the transaction that makes it.
///
/// # Errors
/// [`DatabaseError::RequestSuperseded`] where another request with the key is carried out by now: nothing is made.
pub(crate) fn finish_request(
    connection: &mut AnyConnection,
    key: RequestKey,
    object_id: RowId,
) -> Result<(), DatabaseError> {
    let holder = RowId(key.holder);
    let (owner, key) = key.columns();
    let row = repeatable_requests::table.find((owner, key));
    let noted = diesel::update(row.filter(repeatable_requests::holder.eq(holder)))
        .set(repeatable_requests::object_id.eq(Some(object_id)))
        .execute(connection)?;
    if noted == 0 {
        return Err(DatabaseError::RequestSuperseded);
    }
    Ok(())
}
