//! One connection type over PostgreSQL and SQLite.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{Connection as _, PgConnection, SqliteConnection};

pub(crate) use multi::{AnyConnection, MultiBackend, MultiRawValue};

use crate::{DatabaseError, DatabaseUrl};

mod multi {
    // The derive writes `pub` items into a private module.
    #![allow(unreachable_pub)]

    use diesel::{PgConnection, SqliteConnection};

    /// Both databases behind one set of queries.
    #[derive(diesel::MultiConnection)]
    pub enum AnyConnection {
        Postgres(PgConnection),
        Sqlite(SqliteConnection),
    }
}

/// Runs `work` in a transaction that is committed if it succeeds. On SQLite the transaction takes the write
/// lock at its start (`BEGIN IMMEDIATE`): a transaction that reads first and writes later could otherwise
/// find the database changed under it, which no waiting helps.
pub(crate) fn in_transaction<T>(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    match connection {
        AnyConnection::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner)?,
        AnyConnection::Sqlite(inner) => {
            AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
        }
    }
    match work(connection) {
        Ok(value) => {
            <AnyConnection as diesel::Connection>::TransactionManager::commit_transaction(connection)?;
            Ok(value)
        }
        Err(error) => {
            // A rollback that fails marks the connection as broken: the pool drops it. The first error counts.
            let _ =
                <AnyConnection as diesel::Connection>::TransactionManager::rollback_transaction(connection);
            Err(error)
        }
    }
}

/// Opens connections for the pool and tells it which ones still live.
pub(crate) struct ConnectionManager {
    pub(crate) url: DatabaseUrl,
    /// How long a SQLite writer waits for another process's transaction.
    pub(crate) busy_timeout: Duration,
}

impl ConnectionManager {
    fn open_sqlite(&self, path: &str) -> Result<SqliteConnection, ConnectionError> {
        let mut connection = SqliteConnection::establish(path)?;
        // WAL: readers do not wait for the writer. FULL: a commit is on the disk when it returns, because
        // what was accepted must survive a power cut. The timeout comes first: changing to WAL takes a lock.
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON;",
            self.busy_timeout.as_millis()
        ))?;
        Ok(connection)
    }
}

/// Why a connection could not be had or no longer lives.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("{0}")]
    Unreachable(String),
    #[error("the connection does not answer")]
    Broken(#[from] diesel::result::Error),
}

impl From<diesel::ConnectionError> for ConnectionError {
    fn from(error: diesel::ConnectionError) -> Self {
        let message = error.to_string();
        // What libpq says of an address that it cannot read may quote a part of the password.
        let is_plain = message.starts_with("connection to server at")
            || message.starts_with("Unable to open the database file");
        Self::Unreachable(if is_plain {
            message.lines().next().unwrap_or_default().to_owned()
        } else {
            "no connection could be made".to_owned()
        })
    }
}

impl ManageConnection for ConnectionManager {
    type Connection = AnyConnection;
    type Error = ConnectionError;

    fn connect(&self) -> Result<AnyConnection, ConnectionError> {
        match &self.url {
            DatabaseUrl::Postgres(url) => Ok(AnyConnection::Postgres(PgConnection::establish(url)?)),
            DatabaseUrl::Sqlite(path) => Ok(AnyConnection::Sqlite(self.open_sqlite(path)?)),
        }
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), ConnectionError> {
        Ok(connection.ping()?)
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}
