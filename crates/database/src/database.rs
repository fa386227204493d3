use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::RunQueryDsl as _;
use diesel::connection::SimpleConnection as _;

use crate::connection::{AnyConnection, Patience, in_transaction};
use crate::pool::Connections;
use crate::roles::Roles;
use crate::{DatabaseError, DatabaseUrl, migrations};

/// What an operation may take beyond its longest statement before its connection counts as silent.
const SILENCE_MARGIN: Duration = Duration::from_secs(2);

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    pub url: DatabaseUrl,
    /// Connections at most.
    pub pool_size: u32,
    /// How long an operation waits for a connection before it fails as retryable.
    pub connection_timeout: Duration,
    /// PostgreSQL: how long making a connection may take.
    pub connect_timeout: Duration,
    /// PostgreSQL: how long a statement may take. An operation that has no answer 2 s after that is given up, and its
    /// connections with it.
    pub statement_timeout: Duration,
    /// SQLite: how long a writer waits for another process's transaction.
    pub busy_timeout: Duration,
    /// PostgreSQL: the role that workers sign in as. Whoever brings the schema up to date grants it what they need; as this role
    /// itself, the schema is left alone.
    pub worker_role: Option<String>,
    /// The same for the other processes: it reads and writes rows, and owns no table.
    pub application_role: Option<String>,
}

impl DatabaseOptions {
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            pool_size: if url.is_sqlite() { 4 } else { 10 },
            url,
            connection_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            busy_timeout: Duration::from_secs(10),
            worker_role: None,
            application_role: None,
        }
    }
}

/// The database. Cheap to clone; every operation runs on a blocking thread with a connection of the pool.
#[derive(Clone)]
pub struct Database {
    connections: Arc<Connections>,
    /// SQLite has one writer at a time: within the process writers queue here instead of polling the file.
    writer: Option<Arc<Mutex<()>>>,
    /// After which an operation is given up; None for SQLite, whose file does not fall silent.
    limit: Option<Duration>,
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = if self.writer.is_some() {
            "sqlite"
        } else {
            "postgresql"
        };
        formatter.debug_tuple("Database").field(&side).finish()
    }
}

impl Database {
    /// Opens `sqlite://path` or `postgresql://…` with the default options.
    ///
    /// # Errors
    /// See [`Database::open_with`].
    pub async fn open(url: &str) -> Result<Self, DatabaseError> {
        Self::open_with(DatabaseOptions::new(DatabaseUrl::parse(url)?)).await
    }

    /// Opens the database and brings its schema up to date. The folder of a SQLite file is made if it is missing.
    ///
    /// # Errors
    /// [`DatabaseError::NewerSchema`] where a newer program has used the database,
    /// [`DatabaseError::Unavailable`] where it cannot be reached, [`DatabaseError::OlderSchema`] where its user may not change
    /// the schema and somebody has to, [`DatabaseError::Role`] where there is no such role.
    pub async fn open_with(options: DatabaseOptions) -> Result<Self, DatabaseError> {
        let roles = Roles {
            application: options.application_role.clone(),
            worker: options.worker_role.clone(),
        };
        let database = tokio::task::spawn_blocking(move || Self::connect(options)).await??;
        database
            .run_long(move |connection| migrations::apply(connection, &roles))
            .await?;
        Ok(database)
    }

    fn connect(options: DatabaseOptions) -> Result<Self, DatabaseError> {
        if let DatabaseUrl::Sqlite(path) = &options.url
            && let Some(folder) = std::path::Path::new(path).parent()
        {
            std::fs::create_dir_all(folder).map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        }
        let is_sqlite = options.url.is_sqlite();
        let patience = Patience {
            connect: options.connect_timeout,
            statement: options.statement_timeout,
            busy: options.busy_timeout,
        };
        Ok(Self {
            connections: Connections::new(
                options.url,
                options.pool_size,
                options.connection_timeout,
                patience,
            ),
            writer: is_sqlite.then(Arc::default),
            limit: (!is_sqlite).then_some(options.statement_timeout + SILENCE_MARGIN),
        })
    }

    /// Takes back every migration, and with them every row. For tests and for the operator who means it.
    pub async fn revert_all_migrations(&self) -> Result<(), DatabaseError> {
        self.run_long(migrations::revert_all).await
    }

    /// Whether the database answers: for readiness.
    pub async fn ping(&self) -> Result<(), DatabaseError> {
        self.run(|connection| {
            diesel::sql_query("SELECT 1").execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Runs queries that need no transaction.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.with_connection(self.limit, work).await
    }

    /// Runs what may take any time, such as a change of the schema.
    async fn run_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        // Whether the server answers at all is found out before.
        self.ping().await?;
        self.with_connection(None, work).await
    }

    /// Runs changes in one transaction.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let writer = self.writer.clone();
        self.with_turn(self.limit, writer, |connection| in_transaction(connection, work))
            .await
    }

    /// Takes what was deleted out of SQLite's journal, too: pages in it hold rows as they were. To be called after a
    /// deletion, which stands whether or not this succeeds: where somebody reads just now, the next one does it.
    pub(crate) async fn forget_deleted(&self) {
        if self.writer.is_none() {
            return;
        }
        let done = self
            .with_turn(self.limit, self.writer.clone(), |connection| {
                if let AnyConnection::Sqlite(inner) = connection {
                    inner.batch_execute("PRAGMA wal_checkpoint(TRUNCATE)")?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = done {
            tracing::warn!(%error, "the database's journal still holds rows that were deleted");
        }
    }

    async fn with_connection<T: Send + 'static>(
        &self,
        limit: Option<Duration>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        self.with_turn(limit, None, work).await
    }

    async fn with_turn<T: Send + 'static>(
        &self,
        limit: Option<Duration>,
        writer: Option<Arc<Mutex<()>>>,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let generation = self.connections.current();
        let used = generation.clone();
        let working = tokio::task::spawn_blocking(move || {
            // A writer that panicked left no half-done work: its connection rolled back.
            let _turn = writer
                .as_deref()
                .map(|writer| writer.lock().unwrap_or_else(PoisonError::into_inner));
            work(&mut *used.connection()?)
        });
        let Some(limit) = limit else {
            return working.await?;
        };
        match tokio::time::timeout(limit, working).await {
            Ok(outcome) => {
                let outcome = outcome?;
                if matches!(&outcome, Err(error) if error.is_of_standby()) {
                    self.connections.give_up(&generation);
                }
                outcome
            }
            Err(_) => {
                self.connections.give_up(&generation);
                Err(DatabaseError::Silent(limit))
            }
        }
    }
}
