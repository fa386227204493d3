//! One connection type over PostgreSQL and SQLite.

use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, R2D2Connection};
use diesel::{Connection as _, PgConnection, RunQueryDsl as _, SqliteConnection};

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
    url: DatabaseUrl,
    patience: Patience,
}

/// How long each kind of waiting takes at most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// PostgreSQL: making a connection.
    pub(crate) connect: Duration,
    /// PostgreSQL: one statement, and a transaction between two of them.
    pub(crate) statement: Duration,
    /// SQLite: another process's transaction.
    pub(crate) busy: Duration,
}

impl ConnectionManager {
    /// What the address says itself of connecting and keeping alive, stays.
    pub(crate) fn new(url: DatabaseUrl, patience: Patience) -> Self {
        let connect = patience.connect.as_secs().max(2).to_string();
        // A peer that is gone without a word is noticed after 5 + 3 · 2 s where nothing was under way, after 10 s where
        // something was. <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS>
        let url = url.with_parameters(&[
            ("connect_timeout", connect),
            ("keepalives", "1".to_owned()),
            ("keepalives_idle", "5".to_owned()),
            ("keepalives_interval", "2".to_owned()),
            ("keepalives_count", "3".to_owned()),
            ("tcp_user_timeout", "10000".to_owned()),
            // Of several hosts the primary; and never one that has become a standby.
            ("target_session_attrs", "read-write".to_owned()),
            ("application_name", "norma".to_owned()),
        ]);
        Self { url, patience }
    }

    fn open_postgres(&self, url: &str) -> Result<PgConnection, ConnectionError> {
        let mut connection = PgConnection::establish(url)?;
        let statement_ms = self.patience.statement.as_millis();
        // A statement that takes longer is cancelled by the server, which keeps its connection. A client that stopped in
        // the middle of a transaction (a frozen process, a lost host) gives its locks back.
        connection.batch_execute(&format!(
            "SET statement_timeout = {statement_ms}; SET lock_timeout = {statement_ms}; \
             SET idle_in_transaction_session_timeout = {statement_ms}; \
             SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;",
        ))?;
        Ok(connection)
    }

    fn open_sqlite(&self, path: &str) -> Result<SqliteConnection, ConnectionError> {
        let mut connection = SqliteConnection::establish(path)?;
        // WAL: readers do not wait for the writer. FULL: a commit is on the disk when it returns, because
        // what was accepted must survive a power cut. Deleted rows are overwritten: they name patients. The timeout comes first: changing to WAL takes a lock.
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
             PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON;",
            self.patience.busy.as_millis()
        ))?;
        Ok(connection)
    }
}

/// Why a connection could not be had or no longer lives.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    #[error("{0}")]
    Unreachable(String),
    #[error("the server is a standby")]
    Standby,
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
            DatabaseUrl::Postgres(url) => Ok(AnyConnection::Postgres(self.open_postgres(url)?)),
            DatabaseUrl::Sqlite(path) => Ok(AnyConnection::Sqlite(self.open_sqlite(path)?)),
        }
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), ConnectionError> {
        match connection {
            // A primary that came back as a standby answers, but takes no writes: it is left.
            AnyConnection::Postgres(inner) => {
                let is_standby = diesel::dsl::sql::<diesel::sql_types::Bool>("pg_is_in_recovery()");
                if diesel::select(is_standby).get_result::<bool>(inner)? {
                    return Err(ConnectionError::Standby);
                }
                Ok(())
            }
            AnyConnection::Sqlite(inner) => Ok(inner.ping()?),
        }
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        std::thread::panicking() || connection.is_broken()
    }
}
