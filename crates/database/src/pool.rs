//! The connections of a process, and what becomes of those that fell silent.
//!
//! A server that loses its power, or a standby that takes over its address, closes nothing: a thread that waits for its
//! answer waits for as long as the operating system believes in the connection, which is for ever where something
//! between still acknowledges what is sent. So an operation that has no answer in time is given up, and with it every
//! connection that was made before it was: the next operation makes new ones. The threads that still wait end with
//! their connections.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use diesel::r2d2::{NopErrorHandler, Pool, PooledConnection};

use crate::connection::{ConnectionManager, Patience};
use crate::{DatabaseError, DatabaseUrl};

/// A pool that is made anew when its connections do not answer.
pub(crate) struct Connections {
    url: DatabaseUrl,
    size: u32,
    /// How long an operation waits for a connection.
    timeout: Duration,
    patience: Patience,
    current: RwLock<Generation>,
}

/// The connections made since a point in time.
#[derive(Clone)]
pub(crate) struct Generation {
    number: u64,
    pool: Pool<ConnectionManager>,
}

impl Generation {
    pub(crate) fn connection(&self) -> Result<PooledConnection<ConnectionManager>, DatabaseError> {
        self.pool
            .get()
            .map_err(|error| DatabaseError::Unavailable(error.to_string()))
    }
}

impl Connections {
    pub(crate) fn new(url: DatabaseUrl, size: u32, timeout: Duration, patience: Patience) -> Arc<Self> {
        let first = Generation {
            number: 0,
            pool: pool_of(&url, size, timeout, patience),
        };
        Arc::new(Self {
            url,
            size,
            timeout,
            patience,
            current: RwLock::new(first),
        })
    }

    pub(crate) fn current(&self) -> Generation {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Gives up a generation that does not answer, unless another operation has done so already.
    pub(crate) fn give_up(&self, silent: &Generation) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number != silent.number {
            return;
        }
        tracing::warn!("the database does not answer: its connections are given up and made anew");
        metrics::counter!("norma_database_reconnections_total").increment(1);
        *current = Generation {
            number: silent.number + 1,
            pool: pool_of(&self.url, self.size, self.timeout, self.patience),
        };
    }
}

fn pool_of(url: &DatabaseUrl, size: u32, timeout: Duration, patience: Patience) -> Pool<ConnectionManager> {
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .connection_timeout(timeout)
        .test_on_check_out(true)
        // The operation that gets no connection fails and says so; nothing is logged twice.
        .error_handler(Box::new(NopErrorHandler))
        .build_unchecked(ConnectionManager::new(url.clone(), patience))
}
