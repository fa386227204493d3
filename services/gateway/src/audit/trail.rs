//! Writes events to the audit trail. Requests wait until their event is stored; those that wait together are written
//! in one transaction, so that the trail does not slow reading down to one event for each write to the disk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use norma_database::{Database, DatabaseError, NewAuditEvent};
use tokio::sync::{mpsc, oneshot};

use crate::problem::ApiError;

/// Events that wait for the writer at most; who comes later waits for a place.
const QUEUE: usize = 1024;
/// Events of one transaction at most.
const BATCH: usize = 256;
/// For how long the same look at the same thing is one event.
const WHILE: Duration = Duration::from_secs(600);
/// Remembered looks at most; beyond, the old ones are forgotten, which costs events and loses none.
const REMEMBERED: usize = 10_000;

struct Waiting {
    event: NewAuditEvent,
    written: oneshot::Sender<Result<(), ApiError>>,
}

/// What makes two events the same look at the same thing.
type Look = (String, String, String, String, Option<u16>);

/// The gateway's side of the audit trail.
pub(crate) struct AuditTrail {
    queue: mpsc::Sender<Waiting>,
    looks: Mutex<HashMap<Look, Instant>>,
}

impl AuditTrail {
    /// Starts the writer; it ends when the trail is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(database, waiting));
        Self {
            queue,
            looks: Mutex::default(),
        }
    }

    /// Returns once the event is stored.
    ///
    /// # Errors
    /// Where it is not: the request must not be answered then.
    pub(crate) async fn record(&self, event: NewAuditEvent) -> Result<(), ApiError> {
        let (written, outcome) = oneshot::channel();
        let gone = || ApiError::Internal(anyhow::anyhow!("the writer of the audit trail has ended"));
        self.queue
            .send(Waiting { event, written })
            .await
            .map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    /// The same, unless the same event was stored a short while ago.
    pub(crate) async fn record_once_in_a_while(&self, event: NewAuditEvent) -> Result<(), ApiError> {
        let look = look_of(&event);
        let is_known = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            if looks.len() >= REMEMBERED {
                looks.retain(|_, at| at.elapsed() < WHILE);
            }
            if looks.len() >= REMEMBERED {
                looks.clear();
            }
            looks.get(&look).is_some_and(|at| at.elapsed() < WHILE)
        };
        if is_known {
            return Ok(());
        }
        self.record(event).await?;
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(look, Instant::now());
        Ok(())
    }
}

fn look_of(event: &NewAuditEvent) -> Look {
    let actor = match event.actor.id {
        Some(id) => id.to_string(),
        None => event.source_address.clone(),
    };
    let object = event
        .scan_id
        .map(|id| id.to_string())
        .or_else(|| event.object.as_ref().map(|object| object.id.clone()));
    (
        actor,
        event.source_address.clone(),
        event.action.clone(),
        object.unwrap_or_default(),
        event.status.filter(|status| *status >= 400),
    )
}

async fn write(database: Database, mut waiting: mpsc::Receiver<Waiting>) {
    let mut batch = Vec::with_capacity(BATCH);
    while waiting.recv_many(&mut batch, BATCH).await > 0 {
        let (events, writers): (Vec<_>, Vec<_>) = batch
            .drain(..)
            .map(|waiting| (waiting.event, waiting.written))
            .unzip();
        let outcome = database.append_audit_events(events).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, events = writers.len(), "the audit trail could not be written: the requests are refused");
        }
        for writer in writers {
            // Who no longer waits has been answered by nobody.
            let _ = writer.send(match &outcome {
                Ok(_) => Ok(()),
                Err(error) => Err(failure(error)),
            });
        }
    }
}

fn failure(error: &DatabaseError) -> ApiError {
    ApiError::Unavailable {
        dependency: "database",
        source: anyhow::anyhow!("the audit trail could not be written: {error}"),
    }
}
