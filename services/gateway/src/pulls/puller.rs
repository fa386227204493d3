//! Takes pulls from the queue, one after the other for each source.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures::future::join_all;
use norma_database::{ClaimedPull, Database};
use norma_dicom_network::InstanceSink;
use norma_dicom_spool::StudyKey;
use norma_service::repeat;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::back_off::back_off;
use crate::lease::{LEASE, hold};
use crate::peer_failure::{Failure, FailureKind};
use crate::pulls::attempt::{Attempts, Outcome};
use crate::pulls::priors::PriorsOptions;
use crate::pulls::source::{Source, Sources};
use crate::pulls::trail::{note_begin, note_end};
use crate::pulls::watch::PullWatch;
use crate::turns::{Attempt, IDLE, Queue, Silences, take_turns};

/// Between two attempts at a pull.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);
/// How long a retrieval may take to end in order when the gateway stops.
const STOPS_WITHIN: Duration = Duration::from_secs(15);
/// Pulls that are done are kept so long, for people to look at.
const KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
const FORGOTTEN_EVERY: Duration = Duration::from_secs(3600);

/// Pulls studies from the sources of the settings.
pub(crate) struct Puller {
    sources: Sources,
    attempts: Attempts,
    /// After which a source that does not give what is asked for is asked no more.
    give_up: Duration,
}

/// What a puller is made of.
pub(crate) struct PullerParts {
    pub(crate) database: Database,
    pub(crate) sources: Sources,
    pub(crate) own: norma_dicom_network::AeTitle,
    pub(crate) priors: Option<PriorsOptions>,
    pub(crate) watch: Arc<PullWatch>,
    pub(crate) sink: Arc<dyn InstanceSink>,
    pub(crate) folder: std::path::PathBuf,
    pub(crate) instance_bytes: u64,
    pub(crate) free_floor_bytes: u64,
    pub(crate) give_up: Duration,
}

impl Puller {
    pub(crate) fn new(parts: PullerParts) -> Self {
        Self {
            sources: parts.sources,
            give_up: parts.give_up,
            attempts: Attempts {
                database: parts.database,
                own: parts.own,
                priors: parts.priors,
                watch: parts.watch,
                sink: parts.sink,
                folder: parts.folder,
                instance_bytes: parts.instance_bytes,
                free_floor_bytes: parts.free_floor_bytes,
            },
        }
    }

    /// Knows what comes of studies that were asked for before this process began: before anything comes.
    pub(crate) async fn remember(&self) {
        match self.attempts.database.awaited_studies().await {
            Ok(awaited) => {
                for awaited in awaited {
                    let source = self.sources.all().find(|source| source.name == awaited.source);
                    let Some((study, source)) = StudyKey::from_name(&awaited.study_key).zip(source) else {
                        continue;
                    };
                    let watch = &self.attempts.watch;
                    watch.await_study(&study, awaited.expected, awaited.has_come);
                    if awaited.is_given_up {
                        watch.give_up(&study);
                    } else if awaited.is_prior {
                        watch.await_prior(study, source.title.clone());
                    }
                }
            }
            // They would be analysed, and in parts: more than is wanted, and never less.
            Err(error) => tracing::warn!(%error, "which studies are on their way is not known"),
        }
    }

    /// Pulls until `stopping`.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let serving = self.sources.all().map(|source| self.serve(source, &stopping));
        let forgetting = repeat(FORGOTTEN_EVERY, &stopping, || self.forget());
        tokio::join!(join_all(serving), forgetting);
    }

    async fn serve(&self, source: &Source, stopping: &CancellationToken) {
        tracing::info!(
            source = source.name,
            address = source.scu.address,
            "studies are pulled"
        );
        let queue = SourceQueue {
            puller: self,
            source,
            silences: Silences::default(),
        };
        take_turns(queue, stopping).await;
    }

    async fn attempt(
        &self,
        source: &Source,
        claimed: &ClaimedPull,
        asked: Instant,
        stopping: &CancellationToken,
    ) -> Attempt {
        let database = &self.attempts.database;
        if claimed.attempts == 1
            && let Err(error) = note_begin(database, &source.name, claimed).await
        {
            let outcome = Outcome::failed(Failure::from(error));
            return self.end(source, claimed, outcome).await;
        }
        let outcome = tokio::select! {
            outcome = self.attempts.attempt(source, claimed, stopping) => outcome,
            () = hold(asked, || database.renew_pull(claimed, LEASE)) => None,
            // What it has begun is told to end, and given back at once: nobody waits for the lease.
            () = stops(stopping) => Some(Outcome::failed(Failure::passing("stopped", "the gateway stops"))),
        };
        match outcome {
            Some(outcome) => self.end(source, claimed, outcome).await,
            None => {
                tracing::warn!(pull_id = %claimed.id, "a pull is left to another process");
                Attempt::Lost
            }
        }
    }

    async fn end(&self, source: &Source, claimed: &ClaimedPull, outcome: Outcome) -> Attempt {
        let database = &self.attempts.database;
        let now = Utc::now();
        let pause = outcome
            .failure
            .as_ref()
            .and_then(|failure| self.pause_after(failure, claimed, now));
        let code = outcome.failure.as_ref().map(|failure| failure.code);
        // A source that is away for a night leaves two events and not hundreds.
        let is_told = pause.is_none() || outcome.instances > 0 || claimed.attempts == 1;
        let told = match is_told {
            true => note_end(database, &source.name, claimed, outcome.instances, code).await,
            false => Ok(()),
        };
        // An end that the trail does not know did not happen, and the pull comes again.
        let Outcome {
            instances,
            studies,
            failure,
        } = outcome;
        let failure = told.err().map(Failure::from).or(failure);
        let (label, attempt, noted) = match failure {
            None => {
                tracing::info!(pull_id = %claimed.id, source = source.name, instances, "studies were pulled");
                ("done", Attempt::Heard, database.finish_pull(claimed).await)
            }
            Some(failure) => {
                let pause = self.pause_after(&failure, claimed, now);
                tracing::warn!(
                    pull_id = %claimed.id,
                    source = source.name,
                    code = failure.code,
                    peer_status = failure.peer_status,
                    retry_in_s = pause.map(|pause| pause.as_secs()),
                    error = failure.detail,
                    "studies were not pulled"
                );
                let attempt = Attempt::failed(failure.kind);
                let label = if pause.is_some() { "deferred" } else { "failed" };
                if pause.is_none() {
                    for study in &studies {
                        self.attempts.watch.give_up(study);
                    }
                }
                let noting = database.note_pull_problem(claimed, failure.problem(), pause);
                (label, attempt, noting.await)
            }
        };
        match noted {
            Ok(true) => {
                let name = source.name.clone();
                metrics::counter!("norma_pacs_pulls_total", "source" => name, "outcome" => label)
                    .increment(1);
                attempt
            }
            Ok(false) => Attempt::Lost,
            // It is tried again once the lease is over; what came is known by its UIDs.
            Err(error) => {
                tracing::warn!(pull_id = %claimed.id, %error, "how a pull ended could not be noted");
                Attempt::Lost
            }
        }
    }

    /// Until the next attempt; None where there is none.
    fn pause_after(&self, failure: &Failure, claimed: &ClaimedPull, now: DateTime<Utc>) -> Option<Duration> {
        let tried_for = (now - claimed.asked_at).to_std().unwrap_or_default();
        let is_last = failure.kind == FailureKind::Final || tried_for >= self.give_up;
        (!is_last).then(|| back_off(claimed.attempts, LONGEST_PAUSE))
    }

    async fn measure(&self, source: &Source) {
        let name = || source.name.clone();
        match self.attempts.database.waiting_pulls(name()).await {
            Ok(counts) => {
                metrics::gauge!("norma_pacs_pulls_waiting", "source" => name()).set(counts.waiting as f64);
                metrics::gauge!("norma_pacs_pulls_failed", "source" => name()).set(counts.failed as f64);
                metrics::gauge!("norma_pacs_pull_oldest_seconds", "source" => name())
                    .set(counts.oldest.unwrap_or_default().as_secs_f64());
            }
            Err(error) => tracing::warn!(%error, "failed to count studies to pull"),
        }
    }

    async fn forget(&self) {
        if let Err(error) = self.attempts.database.forget_done_pulls(KEPT).await {
            tracing::warn!(%error, "failed to forget pulls that were done long ago");
        }
    }
}

/// What is asked of one source.
struct SourceQueue<'a> {
    puller: &'a Puller,
    source: &'a Source,
    silences: Silences,
}

impl Queue for SourceQueue<'_> {
    async fn measure(&self) {
        self.puller.measure(self.source).await;
    }

    async fn turn(&mut self, stopping: &CancellationToken) -> Duration {
        let asked = Instant::now();
        let database = &self.puller.attempts.database;
        let claimed = match database.claim_pull(self.source.name.clone(), LEASE).await {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return IDLE,
            Err(error) => {
                tracing::warn!(%error, "failed to look for studies to pull");
                return IDLE;
            }
        };
        let attempt = self.puller.attempt(self.source, &claimed, asked, stopping);
        self.silences.pause_after(attempt.await)
    }
}

async fn stops(stopping: &CancellationToken) {
    stopping.cancelled().await;
    sleep(STOPS_WITHIN).await;
}
