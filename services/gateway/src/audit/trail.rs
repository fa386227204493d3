//! Writes events to the audit trail. Requests wait until their event is stored; those that wait together are written
//! in one transaction, so that the trail does not slow reading down to one event for each write to the disk.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use chrono::SecondsFormat;
use norma_database::{Database, DatabaseError, NewAuditEvent};
use norma_domain::PatientId;
use tokio::sync::{mpsc, oneshot};

use crate::problem::ApiError;

/// Events that wait for the writer at most; who comes later waits for a place.
const QUEUE: usize = 1024;
/// Events of one transaction at most.
const BATCH: usize = 256;
/// For how long the same look at the same thing is one event, and one with the count of those that followed.
const WHILE: Duration = Duration::from_secs(600);
/// How often counts are looked for whose while is over.
const SWEEP: Duration = Duration::from_secs(30);
/// Remembered looks at most; beyond, they are told and forgotten, which costs events and loses none.
const REMEMBERED: usize = 10_000;

struct Waiting {
    event: NewAuditEvent,
    written: oneshot::Sender<Result<(), ApiError>>,
}

/// What makes two events the same look at the same thing.
type Look = (
    String,
    String,
    String,
    String,
    String,
    Option<PatientId>,
    Option<u16>,
);

/// A look that was told, and how often it was had again since.
struct Seen {
    told: Instant,
    event: NewAuditEvent,
    again: u64,
}

impl Seen {
    fn is_over(&self) -> bool {
        self.told.elapsed() >= WHILE
    }

    /// What is told once the while is over; nothing of a look that was had once.
    fn summary(self) -> Option<NewAuditEvent> {
        let until = self.event.at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let again = format!("{} more like this until {until}", self.again);
        let detail = match self.event.detail {
            detail if detail.is_empty() => again,
            detail => format!("{detail}; {again}"),
        };
        (self.again > 0).then_some(NewAuditEvent { detail, ..self.event })
    }
}

type Looks = Mutex<HashMap<Look, Seen>>;

/// The gateway's side of the audit trail.
pub(crate) struct AuditTrail {
    queue: mpsc::Sender<Waiting>,
    looks: Arc<Looks>,
}

impl AuditTrail {
    /// Starts the writer; it ends when the trail is dropped.
    pub(crate) fn start(database: Database) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write(database, waiting));
        let looks = Arc::default();
        tokio::spawn(tell_what_is_over(Arc::downgrade(&looks), queue.downgrade()));
        Self { queue, looks }
    }

    /// Returns once the event is stored.
    ///
    /// # Errors
    /// Where it is not: the request must not be answered then.
    pub(crate) async fn record(&self, event: NewAuditEvent) -> Result<(), ApiError> {
        send(&self.queue, event).await
    }

    /// The same, unless the same event was stored a short while ago: then it is counted, and the count told after that while.
    pub(crate) async fn record_once_in_a_while(&self, event: NewAuditEvent) -> Result<(), ApiError> {
        let look = look_of(&event);
        let mut over = Vec::new();
        {
            let mut looks = lock(&self.looks);
            match looks.get_mut(&look) {
                Some(seen) if !seen.is_over() => {
                    seen.again += 1;
                    seen.event.at = event.at;
                    return Ok(());
                }
                Some(_) => over.extend(looks.remove(&look)),
                None => {}
            }
            if looks.len() >= REMEMBERED {
                over.extend(take_over(&mut looks));
            }
            if looks.len() >= REMEMBERED {
                over.extend(looks.drain().map(|(_, seen)| seen));
            }
        }
        for summary in over.into_iter().filter_map(Seen::summary) {
            self.record(summary).await?;
        }
        self.record(event.clone()).await?;
        let seen = Seen {
            told: Instant::now(),
            event,
            again: 0,
        };
        // Told twice where two came at once: neither count is lost.
        let earlier = lock(&self.looks).insert(look, seen);
        if let Some(summary) = earlier.and_then(Seen::summary) {
            self.record(summary).await?;
        }
        Ok(())
    }

    /// Tells all counts: the process ends.
    pub(crate) async fn tell_counts(&self) {
        let all: Vec<Seen> = lock(&self.looks).drain().map(|(_, seen)| seen).collect();
        for summary in all.into_iter().filter_map(Seen::summary) {
            // That it could not be written was logged.
            let _ = self.record(summary).await;
        }
    }
}

async fn tell_what_is_over(looks: Weak<Looks>, queue: mpsc::WeakSender<Waiting>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        let (Some(looks), Some(queue)) = (looks.upgrade(), queue.upgrade()) else {
            return;
        };
        let over = take_over(&mut lock(&looks));
        for summary in over.into_iter().filter_map(Seen::summary) {
            let _ = send(&queue, summary).await;
        }
    }
}

fn take_over(looks: &mut HashMap<Look, Seen>) -> Vec<Seen> {
    looks
        .extract_if(|_, seen| seen.is_over())
        .map(|(_, seen)| seen)
        .collect()
}

fn lock(looks: &Looks) -> MutexGuard<'_, HashMap<Look, Seen>> {
    looks.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn send(queue: &mpsc::Sender<Waiting>, event: NewAuditEvent) -> Result<(), ApiError> {
    let (written, outcome) = oneshot::channel();
    let gone = || ApiError::Internal(anyhow::anyhow!("the writer of the audit trail has ended"));
    queue.send(Waiting { event, written }).await.map_err(|_| gone())?;
    outcome.await.map_err(|_| gone())?
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
        event.detail.clone(),
        event.patient_id,
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

#[cfg(test)]
mod tests {
    use norma_database::{AuditQuery, Page};

    use super::*;

    #[tokio::test]
    async fn what_is_had_again_is_counted_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("norma.db").display());
        let database = Database::open(&url).await.unwrap();
        let trail = AuditTrail::start(database.clone());
        let look = |action: &str| NewAuditEvent::of_system("a", action);
        for _ in 0..5 {
            trail.record_once_in_a_while(look("scan.search")).await.unwrap();
        }
        let other = NewAuditEvent {
            patient_id: Some(PatientId::generate()),
            ..look("scan.search")
        };
        trail.record_once_in_a_while(other).await.unwrap();
        trail.record_once_in_a_while(look("study.search")).await.unwrap();
        trail.tell_counts().await;
        let events = database.list_audit_events(AuditQuery::default(), Page::default());
        let told: Vec<(String, String)> = events
            .await
            .unwrap()
            .items
            .into_iter()
            .rev()
            .map(|event| (event.event.action, event.event.detail))
            .collect();
        let actions: Vec<&str> = told.iter().map(|(action, _)| action.as_str()).collect();
        assert_eq!(
            actions,
            ["scan.search", "scan.search", "study.search", "scan.search"]
        );
        assert!(told[3].1.starts_with("4 more like this until 2"), "{}", told[3].1);
        assert!(told[..3].iter().all(|(_, detail)| detail.is_empty()));
    }
}
