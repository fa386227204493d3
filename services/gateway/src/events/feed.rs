//! Progress of analyses for everybody who listens.
//!
//! The workers may be other processes, so the database is the source: one task of the gateway asks it each second
//! for the analyses that changed, as long as anybody listens, and passes each change on once.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use norma_database::Database;
use norma_domain::AnalysisId;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::analysis_document::describe_analysis;
use crate::events::schema::AnalysisEvent;
use crate::problem::ApiError;

/// How often the database is asked.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A transaction that began earlier may commit later: changes this far back are looked at again.
const OVERLAP: TimeDelta = TimeDelta::seconds(5);
/// Events that a slow listener may lag behind before it is sent away to come back with `Last-Event-ID`.
const BACKLOG: usize = 1024;
/// How far back a returning listener is told what it missed.
const LONGEST_CATCH_UP: TimeDelta = TimeDelta::hours(1);

/// The feed. Cheap to clone.
#[derive(Clone)]
pub(crate) struct EventFeed {
    sender: broadcast::Sender<Arc<AnalysisEvent>>,
}

impl EventFeed {
    pub(crate) fn new() -> Self {
        Self {
            sender: broadcast::Sender::new(BACKLOG),
        }
    }

    /// Everything that changes from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<AnalysisEvent>> {
        self.sender.subscribe()
    }

    /// Asks the database until `stopping`.
    pub(crate) async fn run(self, database: Database, stopping: CancellationToken) {
        let mut changes = Changes::from_now();
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut is_database_lost = false;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if self.sender.receiver_count() == 0 {
                changes = Changes::from_now();
                continue;
            }
            match changes.next(&database).await {
                Ok(events) => {
                    is_database_lost = false;
                    for event in events {
                        // An error says that the last listener has gone meanwhile.
                        let _ = self.sender.send(Arc::new(event));
                    }
                }
                Err(error) if !is_database_lost => {
                    is_database_lost = true;
                    tracing::warn!(%error, "progress events pause: the database does not answer");
                }
                Err(_) => {}
            }
        }
    }
}

/// What changed since the last look.
struct Changes {
    since: DateTime<Utc>,
    /// What was told of the analyses that changed within the overlap.
    told: HashMap<AnalysisId, DateTime<Utc>>,
}

impl Changes {
    fn from_now() -> Self {
        Self {
            since: Utc::now(),
            told: HashMap::new(),
        }
    }

    async fn next(&mut self, database: &Database) -> Result<Vec<AnalysisEvent>, ApiError> {
        let looked_at = Utc::now();
        let changed = database.analyses_changed_since(self.since - OVERLAP).await?;
        let mut events = Vec::new();
        for progress in changed {
            let analysis = progress.analysis;
            let is_told = self
                .told
                .get(&analysis.id)
                .is_some_and(|told| *told >= analysis.updated_at);
            if !is_told {
                self.told.insert(analysis.id, analysis.updated_at);
                events.push(AnalysisEvent::from(&describe_analysis(database, analysis).await?));
            }
        }
        self.since = looked_at;
        self.told
            .retain(|_, updated_at| *updated_at >= looked_at - OVERLAP * 2);
        Ok(events)
    }
}

/// The changes at or after `since` (an hour back at most), for a listener that comes back.
pub(crate) async fn missed_events(
    database: &Database,
    since: DateTime<Utc>,
) -> Result<Vec<AnalysisEvent>, ApiError> {
    let since = since.max(Utc::now() - LONGEST_CATCH_UP);
    let mut events = Vec::new();
    for progress in database.analyses_changed_since(since).await? {
        events.push(AnalysisEvent::from(
            &describe_analysis(database, progress.analysis).await?,
        ));
    }
    Ok(events)
}
