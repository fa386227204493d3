use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use norma_domain::{Reason, ReasonCode};
use norma_queue::{Delivery, QueueError};
use tracing::Instrument;

use super::blocking::BlockingWork;
use super::outage::Outage;
use super::source::Source;
use super::{Handled, HandlerError, MessageHandler};
use crate::telemetry::{StageMetrics, join_trace};
use crate::{Context, Dependency, pause};

/// How often work that outlasts its time is looked at.
const LEFTOVER_LOOK: Duration = Duration::from_secs(5);

/// Handles one delivery, from its receipt to its settlement.
pub(super) struct Attempt {
    pub(super) context: Context,
    pub(super) handler: Arc<dyn MessageHandler>,
    pub(super) source: Source,
    pub(super) timeout: Duration,
    pub(super) metrics: StageMetrics,
}

/// What to do with the message at hand.
enum Task {
    Handle,
    RecordFailure(Reason),
}

/// What becomes of the message.
enum Settlement {
    Acknowledge,
    /// Back to the queue, at once or after the pause that its attempt earns.
    Return {
        after_pause: bool,
    },
}

impl Attempt {
    pub(super) async fn run(self, delivery: Delivery) {
        let message = &delivery.envelope.message;
        let span = tracing::info_span!(
            "handle message",
            otel.kind = "consumer",
            worker = self.source.as_str(),
            routing_key = message.routing_key(),
            analysis_id = %message.analysis_id(),
            attempt = delivery.attempt,
            trace_id = tracing::field::Empty,
        );
        join_trace(&span, &delivery.envelope.headers);
        self.handle_and_settle(delivery).instrument(span).await;
    }

    async fn handle_and_settle(self, delivery: Delivery) {
        let _in_flight = self.metrics.in_flight();
        if delivery.attempt == 1 {
            self.metrics.received(&delivery.envelope);
        }
        let settlement = self.handle(&delivery).await;
        let attempt = delivery.attempt;
        let settled = match settlement {
            Settlement::Acknowledge => delivery.ack().await,
            Settlement::Return { after_pause } => {
                if after_pause {
                    // Held meanwhile, so that it is not delivered to the next worker at once.
                    pause(self.pause_after(attempt), &self.context.shutdown).await;
                }
                delivery.retry().await
            }
        };
        match settled {
            Ok(()) => {}
            // It comes again and is found done.
            Err(QueueError::DeliveryLost) => tracing::debug!("the message went back before it was settled"),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "failed to settle the message"
                );
            }
        }
    }

    async fn handle(&self, delivery: &Delivery) -> Settlement {
        let mut task = Task::Handle;
        let mut outage: Option<Outage> = None;
        loop {
            let error = match self.perform(&task, delivery).await {
                Ok(handled) => {
                    if outage.is_some() {
                        self.report_outage(None);
                    }
                    self.note_success(&task, handled);
                    self.context.wake_outbox();
                    return Settlement::Acknowledge;
                }
                Err(error) => error,
            };
            let (is_certain, reason, source) = match (error, &task) {
                (HandlerError::Rejected(reason), Task::Handle) => {
                    tracing::info!(reason = %reason.code, "rejected");
                    task = Task::RecordFailure(reason);
                    continue;
                }
                (HandlerError::Rejected(reason), Task::RecordFailure(_)) => {
                    tracing::error!(reason = %reason.code, "the failure itself was rejected");
                    return self.give_back("rejected failure");
                }
                (HandlerError::Infrastructure { is_certain, source }, _) => (Some(is_certain), None, source),
                (HandlerError::Retryable { reason, source }, _) => (None, reason, source),
            };
            // It waits again, for whatever.
            self.leave_stage(delivery).await;
            let is_missing = !self.infrastructure_works().await;
            let lasting = outage.get_or_insert_with(Outage::begin);
            if is_missing || is_certain.is_some_and(|is_certain| lasting.is_believed(is_certain)) {
                // Nobody's fault: the same delivery again, without being counted.
                tracing::warn!(
                    error = &*source as &dyn std::error::Error,
                    "waiting for what is missing"
                );
                self.report_outage(Some(format!("waiting: {source}")));
                if !self.wait_out(lasting).await {
                    return Settlement::Return { after_pause: false };
                }
                if lasting.is_held_too_long() && self.send_anew(delivery).await {
                    return Settlement::Acknowledge;
                }
                continue;
            }
            self.report_outage(None);
            match (reason, &task) {
                (Some(reason), Task::Handle) if self.is_last(delivery) => {
                    tracing::error!(reason = %reason, "failed for the last time");
                    task = Task::RecordFailure(reason);
                }
                _ => {
                    tracing::warn!(
                        error = &*source as &dyn std::error::Error,
                        "failed, to be tried again"
                    );
                    return self.give_back("");
                }
            }
        }
    }

    /// In readiness: a worker that waits for a disk is not ready, and says for what it waits.
    fn report_outage(&self, problem: Option<String>) {
        let name = format!("work of {}", self.source.as_str());
        self.context.report_dependency(&name, problem);
    }

    /// Nobody is at work on the stage any more. Where the database cannot be told, its next begin tells it.
    async fn leave_stage(&self, delivery: &Delivery) {
        if let Source::Stage(stage) = self.source {
            let analysis_id = delivery.envelope.message.analysis_id();
            if let Err(error) = self.context.database.leave_stage(analysis_id, stage).await {
                tracing::debug!(%error, "failed to say that the stage waits");
            }
        }
    }

    /// A new message in the place of the one that is held. Not of a dead letter, which would go to its stage again.
    async fn send_anew(&self, delivery: &Delivery) -> bool {
        let Source::Stage(_) = self.source else {
            return false;
        };
        match self.context.queue.publish(&delivery.envelope).await {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "failed to send the message anew"
                );
                false
            }
        }
    }

    /// A panic and a timeout are errors like others.
    async fn perform(&self, task: &Task, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let started = Instant::now();
        let work = match task {
            Task::Handle => self.handler.handle(delivery),
            Task::RecordFailure(reason) => self.handler.record_failure(delivery, reason.clone()),
        };
        let blocking = BlockingWork::default();
        let work = blocking.noting(AssertUnwindSafe(work).catch_unwind());
        let outcome = tokio::time::timeout(self.timeout, work).await;
        if outcome.is_err() {
            self.wait_for_leftovers(&blocking).await;
        }
        if matches!(task, Task::Handle) {
            self.metrics.handled(started.elapsed());
        }
        match (outcome, task) {
            (Ok(Ok(outcome)), _) => outcome,
            // What was thrown may hold anything, so it is not repeated; the panic hook has printed where.
            (Ok(Err(_)), _) => Err(HandlerError::retryable_with(Reason::new(
                ReasonCode::Internal,
                "the stage panicked",
            ))),
            (Err(_), Task::Handle) => Err(HandlerError::retryable_with(Reason::new(
                ReasonCode::StageTimeout,
                format!("the stage did not end within {} s", self.timeout.as_secs()),
            ))),
            (Err(_), Task::RecordFailure(_)) => Err(HandlerError::retryable(anyhow::anyhow!(
                "recording the failure took too long"
            ))),
        }
    }

    /// The stage's time is up, and what it runs on a thread cannot be stopped: no other message is begun beside it.
    async fn wait_for_leftovers(&self, blocking: &BlockingWork) {
        tracing::warn!(
            timeout_s = self.timeout.as_secs(),
            "the stage's time is up; waiting for what it left running"
        );
        while !blocking.ended(LEFTOVER_LOOK).await {
            self.report_outage(Some(
                "the work of a stage whose time is up does not end".to_owned(),
            ));
            if self.context.shutdown.is_cancelled() {
                break;
            }
        }
        self.report_outage(None);
    }

    fn note_success(&self, task: &Task, handled: Handled) {
        match (task, handled) {
            (_, Handled::Obsolete) => self.metrics.outcome("obsolete", ""),
            (Task::Handle, Handled::Completed) => self.metrics.outcome("completed", ""),
            (Task::RecordFailure(reason), Handled::Completed) => {
                self.metrics.outcome("rejected", reason.code.as_str());
            }
        }
    }

    fn give_back(&self, reason: &'static str) -> Settlement {
        self.metrics.outcome("retried", reason);
        Settlement::Return { after_pause: true }
    }

    /// Whether the queue would make a dead letter of it next.
    fn is_last(&self, delivery: &Delivery) -> bool {
        delivery.attempt > self.context.settings.queue.delivery_limit
    }

    /// Doubled with each attempt.
    fn pause_after(&self, attempt: u32) -> Duration {
        let workers = &self.context.settings.workers;
        let doubled = workers
            .retry_pause_ms
            .saturating_mul(1 << attempt.saturating_sub(1).min(20));
        Duration::from_millis(doubled.min(workers.retry_pause_max_ms))
    }

    async fn infrastructure_works(&self) -> bool {
        let dependencies = self.context.check_infrastructure().await;
        dependencies.iter().all(|Dependency { ready, .. }| *ready)
    }

    /// Waits a while, and until everything is back; false where the process is to end before.
    async fn wait_out(&self, outage: &mut Outage) -> bool {
        while pause(outage.next_pause(), &self.context.shutdown).await {
            if self.infrastructure_works().await || outage.is_held_too_long() {
                return true;
            }
        }
        false
    }
}
