//! Takes deliveries from the queue, one after the other for each destination.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use futures::future::join_all;
use norma_database::{ClaimedDelivery, Database};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::back_off::back_off;
use crate::deliveries::commitment::Commitment;
use crate::deliveries::destination::{DeliveryOptions, Destination};
use crate::deliveries::ledger::ObjectLedger;
use crate::deliveries::send::send;
use crate::deliveries::trail::Trail;
use crate::dicom_results::DicomResults;
use crate::lease::{LEASE, hold};
use crate::peer_failure::{Failure, FailureKind};
use crate::problem::ApiError;
use crate::turns::{Attempt, IDLE, Queue, Silences, take_turns};

/// Of an attempt as a whole, making the objects included.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(600);
/// Between two attempts at a delivery.
const LONGEST_PAUSE: Duration = Duration::from_secs(900);

/// Sends the results of analyses to their destinations.
pub(crate) struct Dispatcher {
    options: DeliveryOptions,
    database: Database,
    results: Arc<DicomResults>,
}

impl Dispatcher {
    /// Has results queued for the destinations of the settings from now on.
    ///
    /// # Errors
    /// Where the database cannot be used.
    pub(crate) async fn open(
        options: DeliveryOptions,
        database: Database,
        results: Arc<DicomResults>,
    ) -> anyhow::Result<Self> {
        let queued = options.destinations.iter().map(Destination::queued).collect();
        database
            .set_delivery_destinations(queued)
            .await
            .context("failed to note where results are sent")?;
        Ok(Self {
            options,
            database,
            results,
        })
    }

    /// Sends until `stopping`.
    pub(crate) async fn run(self, stopping: CancellationToken) {
        let destinations = self.options.destinations.iter();
        join_all(destinations.map(|destination| self.serve(destination, &stopping))).await;
    }

    async fn serve(&self, destination: &Destination, stopping: &CancellationToken) {
        tracing::info!(
            destination = destination.name,
            address = destination.target.address(),
            "results are sent"
        );
        let queue = DestinationQueue {
            dispatcher: self,
            destination,
            silences: Silences::default(),
        };
        take_turns(queue, stopping).await;
    }

    async fn attempt(
        &self,
        destination: &Destination,
        claimed: &ClaimedDelivery,
        asked: Instant,
        stopping: &CancellationToken,
    ) -> Attempt {
        let told = Trail::new(&self.database, destination, claimed);
        let objects = ObjectLedger::new(claimed.objects.clone());
        let delivering = timeout(ATTEMPT_LIMIT, self.deliver(destination, claimed, &objects, &told));
        let outcome = tokio::select! {
            outcome = delivering => {
                outcome.unwrap_or_else(|_| Err(Failure::passing("too_slow", "the attempt took too long")))
            }
            () = hold(asked, || self.database.renew_delivery(claimed, LEASE)) => {
                tracing::warn!(delivery_id = %claimed.id, "a delivery is left to another process");
                return Attempt::Lost;
            }
            // Given back at once: nobody waits for the lease.
            () = stopping.cancelled() => Err(Failure::passing("stopped", "the gateway stops")),
        };
        // One moment for the trail and the queue: both have to know whether this was the last attempt.
        let now = Utc::now();
        let pause = match &outcome {
            Ok(()) => None,
            Err(failure) => self.pause_after(failure, claimed, now),
        };
        // Before the queue: an end that the trail does not know did not happen, and the delivery comes again.
        let is_first = claimed.attempts == 1;
        let outcome = match told.end(&outcome, is_first || pause.is_none()).await {
            Ok(()) => outcome,
            Err(error) => Err(Failure::from(error)),
        };
        let (label, attempt, noted) = match outcome {
            Ok(()) => (
                "delivered",
                Attempt::Heard,
                self.database.finish_delivery(claimed, objects.said()).await,
            ),
            Err(failure) => {
                let pause = self.pause_after(&failure, claimed, now);
                tracing::warn!(
                    delivery_id = %claimed.id,
                    analysis_id = %claimed.analysis_id,
                    destination = destination.name,
                    code = failure.code,
                    peer_status = failure.peer_status,
                    retry_in_s = pause.map(|pause| pause.as_secs()),
                    error = failure.detail,
                    "a result was not delivered"
                );
                let attempt = Attempt::failed(failure.kind);
                let label = if pause.is_some() { "deferred" } else { "failed" };
                let noting =
                    self.database
                        .note_delivery_problem(claimed, failure.problem(), objects.said(), pause);
                (label, attempt, noting.await)
            }
        };
        match noted {
            Ok(true) => {
                let name = destination.name.clone();
                metrics::counter!("norma_pacs_deliveries_total", "destination" => name, "outcome" => label)
                    .increment(1);
                attempt
            }
            Ok(false) => Attempt::Lost,
            // It is tried again once the lease is over; the destination knows what it has by its UIDs.
            Err(error) => {
                tracing::warn!(delivery_id = %claimed.id, %error, "how a delivery ended could not be noted");
                Attempt::Lost
            }
        }
    }

    async fn deliver(
        &self,
        destination: &Destination,
        claimed: &ClaimedDelivery,
        objects: &ObjectLedger,
        told: &Trail,
    ) -> Result<(), Failure> {
        let analysis = self.database.analysis(claimed.analysis_id).await?;
        let analysis = analysis.ok_or(ApiError::AnalysisNotFound)?;
        told.is_of(&analysis);
        let commitment = Commitment {
            database: &self.database,
            delivery: claimed.id,
        };
        send(
            &self.options.calling,
            destination,
            &self.results,
            &analysis,
            (objects, &commitment),
            told.begin(),
        )
        .await
    }

    /// Until the next attempt; None where there is none.
    fn pause_after(
        &self,
        failure: &Failure,
        claimed: &ClaimedDelivery,
        now: DateTime<Utc>,
    ) -> Option<Duration> {
        let tried_for = (now - claimed.queued_at).to_std().unwrap_or_default();
        let is_last = failure.kind == FailureKind::Final || tried_for >= self.options.give_up;
        (!is_last).then(|| back_off(claimed.attempts, LONGEST_PAUSE))
    }

    async fn measure(&self, destination: &Destination) {
        let name = || destination.name.clone();
        match self.database.waiting_deliveries(name()).await {
            Ok(counts) => {
                metrics::gauge!("norma_pacs_deliveries_waiting", "destination" => name())
                    .set(counts.waiting as f64);
                metrics::gauge!("norma_pacs_deliveries_failed", "destination" => name())
                    .set(counts.failed as f64);
                metrics::gauge!("norma_pacs_delivery_oldest_seconds", "destination" => name())
                    .set(counts.oldest.unwrap_or_default().as_secs_f64());
            }
            Err(error) => tracing::warn!(%error, "failed to count results that wait"),
        }
    }
}

/// What waits for one destination.
struct DestinationQueue<'a> {
    dispatcher: &'a Dispatcher,
    destination: &'a Destination,
    silences: Silences,
}

impl Queue for DestinationQueue<'_> {
    async fn measure(&self) {
        self.dispatcher.measure(self.destination).await;
    }

    async fn turn(&mut self, stopping: &CancellationToken) -> Duration {
        let asked = Instant::now();
        let database = &self.dispatcher.database;
        let claimed = match database
            .claim_delivery(self.destination.name.clone(), LEASE)
            .await
        {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return IDLE,
            Err(error) => {
                tracing::warn!(%error, "failed to look for results to send");
                return IDLE;
            }
        };
        let attempt = self
            .dispatcher
            .attempt(self.destination, &claimed, asked, stopping);
        self.silences.pause_after(attempt.await)
    }
}
