//! Progress of analyses for everybody who listens.
//!
//! The workers may be other processes, so the database is the source: one task of the gateway asks it each second
//! for the analyses that changed, as long as anybody listens, and passes each change on once. The order is the one that
//! the database gives ([`norma_database::AnalysisChange::sequence`]): no clock takes part in it, and a look that fails
//! is taken again from the same place.

use std::sync::Arc;
use std::time::Duration;

use norma_database::{AnalysisChange, Database};
use tokio::sync::{Mutex, broadcast};
use tokio_util::sync::CancellationToken;

use crate::analysis_document::describe_analysis;
use crate::events::schema::AnalysisEvent;
use crate::problem::ApiError;

/// How often the database is asked.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Events that a slow listener may lag behind before it is sent away to come back with `Last-Event-ID`.
const BACKLOG: usize = 1024;
/// Analyses asked for at once.
const AT_ONCE: u32 = 200;
/// Analyses that a returning listener is told of at once; it comes back for the rest.
const CATCH_UP: usize = 1000;

/// An event with its place in the order.
#[derive(Debug)]
pub(crate) struct NumberedEvent {
    pub(crate) sequence: u64,
    pub(crate) event: AnalysisEvent,
}

/// The feed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventFeed {
    sender: broadcast::Sender<Arc<NumberedEvent>>,
    /// The last change that was told; None while nobody listens.
    told: Arc<Mutex<Option<u64>>>,
}

impl EventFeed {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
            told: Arc::default(),
        }
    }

    /// Everything that changes from now on, and the number of the last change before.
    pub(crate) async fn subscribe(
        &self,
        database: &Database,
    ) -> Result<(broadcast::Receiver<Arc<NumberedEvent>>, u64), ApiError> {
        let mut told = self.told.lock().await;
        let receiver = self.sender.subscribe();
        let head = match *told {
            Some(told) => told,
            None => *told.insert(database.latest_change().await?),
        };
        Ok((receiver, head))
    }

    /// Asks the database until `stopping`.
    pub(crate) async fn run(self, database: Database, stopping: CancellationToken) {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_database_lost = false;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = ticks.tick() => {}
            }
            let looked = tokio::select! {
                () = stopping.cancelled() => return,
                looked = self.look(&database) => looked,
            };
            match looked {
                Ok(()) => is_database_lost = false,
                Err(error) if !is_database_lost => {
                    is_database_lost = true;
                    tracing::warn!(%error, "progress events pause: the database does not answer");
                }
                Err(_) => {}
            }
        }
    }

    /// Tells what changed since the last look. Where that fails, the next look begins at the same place.
    async fn look(&self, database: &Database) -> Result<(), ApiError> {
        let mut told = self.told.lock().await;
        if self.sender.receiver_count() == 0 {
            *told = None;
            return Ok(());
        }
        let mut last = match *told {
            Some(last) => last,
            None => database.latest_change().await?,
        };
        loop {
            let changes = database.changes_after(last, AT_ONCE).await?;
            let is_all = changes.len() < AT_ONCE as usize;
            for event in numbered(database, changes).await? {
                last = event.sequence;
                // An error says that the last listener has gone meanwhile.
                let _ = self.sender.send(Arc::new(event));
            }
            *told = Some(last);
            if is_all {
                return Ok(());
            }
        }
    }
}

async fn numbered(database: &Database, changes: Vec<AnalysisChange>) -> Result<Vec<NumberedEvent>, ApiError> {
    let mut events = Vec::with_capacity(changes.len());
    for change in changes {
        let described = describe_analysis(database, change.progress.analysis).await?;
        events.push(NumberedEvent {
            sequence: change.sequence,
            event: AnalysisEvent::from(&described),
        });
    }
    Ok(events)
}

/// What a listener missed that comes back.
pub(crate) struct Missed {
    pub(crate) events: Vec<Arc<NumberedEvent>>,
    /// There is more: it is to come back for it.
    pub(crate) is_partial: bool,
}

/// The changes after the last one seen, up to `head`.
pub(crate) async fn missed_events(
    database: &Database,
    last_seen: u64,
    head: u64,
) -> Result<Missed, ApiError> {
    // A number that was never given comes from an earlier version or another database: the latest changes are told.
    let mut last = if last_seen > head {
        head.saturating_sub(CATCH_UP as u64)
    } else {
        last_seen
    };
    let mut events = Vec::new();
    while events.len() < CATCH_UP {
        let changes = database.changes_after(last, AT_ONCE).await?;
        let is_all = changes.len() < AT_ONCE as usize;
        for event in numbered(database, changes).await? {
            last = event.sequence;
            events.push(Arc::new(event));
        }
        if is_all {
            return Ok(Missed {
                events,
                is_partial: false,
            });
        }
    }
    Ok(Missed {
        events,
        is_partial: true,
    })
}
