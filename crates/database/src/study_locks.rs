//! Studies that somebody is storing: what comes two ways at one moment, to whichever process, is looked at one after the other.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::node_schema::study_locks;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// Studies that one request, or one received study, stores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StudyLock {
    /// SHA-256 of Study Instance UIDs, in their order: who waits for one holds none that comes later.
    pub study_keys: Vec<String>,
    /// Who locks them. The same holder again, after its process died, has the lock at once.
    pub holder: Uuid,
}

impl Database {
    /// Locks all of these studies, or none. A lock that was not renewed for longer than `patience` is of a process that died.
    pub async fn lock_studies(&self, lock: StudyLock, patience: Duration) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let dead = time::earlier(now, patience).unwrap_or(NaiveDateTime::MIN);
            let dead = study_locks::table.filter(study_locks::renewed_at.lt(dead));
            diesel::delete(dead).execute(connection)?;
            diesel::delete(of(&lock)).execute(connection)?;
            let mut held = 0;
            for key in &lock.study_keys {
                let insertion = diesel::insert_into(study_locks::table).values((
                    study_locks::study_key.eq(key),
                    study_locks::holder.eq(RowId(lock.holder)),
                    study_locks::renewed_at.eq(now),
                ));
                // Of two at once the second waits here for the first one's transaction.
                held += match connection {
                    AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                    AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                };
            }
            let is_locked = held == lock.study_keys.len();
            if !is_locked {
                diesel::delete(of(&lock)).execute(connection)?;
            }
            Ok(is_locked)
        })
        .await
    }

    /// Says that the studies are still being stored. False where another one holds them by now.
    pub async fn renew_study_lock(&self, lock: StudyLock) -> Result<bool, DatabaseError> {
        self.change(move |connection| renew(connection, &lock)).await
    }

    pub async fn unlock_studies(&self, lock: StudyLock) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(of(&lock)).execute(connection)?;
            Ok(())
        })
        .await
    }
}

/// Inside the transaction that stores something of these studies.
///
/// # Errors
/// [`DatabaseError::StudyLockLost`] where another one holds them by now, and may have stored the same: nothing is stored.
pub(crate) fn keep_lock(connection: &mut AnyConnection, lock: &StudyLock) -> Result<(), DatabaseError> {
    // The rows stay locked until the transaction ends: nobody takes them for dead in between.
    if renew(connection, lock)? {
        Ok(())
    } else {
        Err(DatabaseError::StudyLockLost)
    }
}

/// Whether all of them are still held.
fn renew(connection: &mut AnyConnection, lock: &StudyLock) -> Result<bool, DatabaseError> {
    let now = time::shared_now(connection)?;
    let renewed = diesel::update(of(lock))
        .set(study_locks::renewed_at.eq(now))
        .execute(connection)?;
    Ok(renewed == lock.study_keys.len())
}

#[diesel::dsl::auto_type(no_type_alias)]
fn of<'a>(lock: &'a StudyLock) -> _ {
    let holder: RowId = RowId(lock.holder);
    study_locks::table.filter(study_locks::holder.eq(holder))
}
