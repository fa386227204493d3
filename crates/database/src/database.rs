use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use diesel::RunQueryDsl as _;
use diesel::r2d2::{NopErrorHandler, Pool, PooledConnection};

use crate::connection::{AnyConnection, ConnectionManager, in_transaction};
use crate::{DatabaseError, DatabaseUrl, migrations};

/// How the database is opened.
#[derive(Debug, Clone)]
pub struct DatabaseOptions {
    pub url: DatabaseUrl,
    /// Connections at most.
    pub pool_size: u32,
    /// How long an operation waits for a connection before it fails as retryable.
    pub connection_timeout: Duration,
    /// SQLite: how long a writer waits for another process's transaction.
    pub busy_timeout: Duration,
}

impl DatabaseOptions {
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            pool_size: if url.is_sqlite() { 4 } else { 10 },
            url,
            connection_timeout: Duration::from_secs(5),
            busy_timeout: Duration::from_secs(10),
        }
    }
}

/// The database. Cheap to clone; every operation runs on a blocking thread with a connection of the pool.
#[derive(Clone)]
pub struct Database {
    pool: Pool<ConnectionManager>,
    /// SQLite has one writer at a time: within the process writers queue here instead of polling the file.
    writer: Option<Arc<Mutex<()>>>,
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
    /// [`DatabaseError::Unavailable`] where it cannot be reached.
    pub async fn open_with(options: DatabaseOptions) -> Result<Self, DatabaseError> {
        let database = tokio::task::spawn_blocking(move || Self::connect(options)).await??;
        database.run(migrations::apply).await?;
        Ok(database)
    }

    fn connect(options: DatabaseOptions) -> Result<Self, DatabaseError> {
        if let DatabaseUrl::Sqlite(path) = &options.url
            && let Some(folder) = std::path::Path::new(path).parent()
        {
            std::fs::create_dir_all(folder).map_err(|error| DatabaseError::Unavailable(error.to_string()))?;
        }
        let writer = options.url.is_sqlite().then(Arc::default);
        let pool = Pool::builder()
            .max_size(options.pool_size)
            .min_idle(Some(1))
            .connection_timeout(options.connection_timeout)
            .test_on_check_out(true)
            // The operation that gets no connection fails and says so; nothing is logged twice.
            .error_handler(Box::new(NopErrorHandler))
            .build_unchecked(ConnectionManager {
                url: options.url,
                busy_timeout: options.busy_timeout,
            });
        Ok(Self { pool, writer })
    }

    /// Takes back every migration, and with them every row. For tests and for the operator who means it.
    pub async fn revert_all_migrations(&self) -> Result<(), DatabaseError> {
        self.run(migrations::revert_all).await
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
        let pool = self.pool.clone();
        tokio::task::spawn_blocking(move || work(&mut *checked_out(&pool)?)).await?
    }

    /// Runs changes in one transaction.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let pool = self.pool.clone();
        let writer = self.writer.clone();
        tokio::task::spawn_blocking(move || {
            // A writer that panicked left no half-done work: its connection rolled back.
            let _turn = writer
                .as_deref()
                .map(|writer| writer.lock().unwrap_or_else(PoisonError::into_inner));
            in_transaction(&mut *checked_out(&pool)?, work)
        })
        .await?
    }
}

fn checked_out(pool: &Pool<ConnectionManager>) -> Result<PooledConnection<ConnectionManager>, DatabaseError> {
    pool.get()
        .map_err(|error| DatabaseError::Unavailable(error.to_string()))
}
