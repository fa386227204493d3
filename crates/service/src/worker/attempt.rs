use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use norma_domain::{Reason, ReasonCode};
use norma_queue::{Delivery, QueueError};
use tracing::Instrument;

use super::{Handled, HandlerError, MessageHandler};
use crate::telemetry::{StageMetrics, join_trace};
use crate::{Context, Dependency};

const FIRST_LOOK: Duration = Duration::from_millis(500);
const LONGEST_LOOK: Duration = Duration::from_secs(5);

/// Handles one delivery, from its receipt to its settlement.
pub(super) struct Attempt {
    pub(super) context: Context,
    pub(super) handler: Arc<dyn MessageHandler>,
    pub(super) worker: &'static str,
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
        pause: bool,
    },
}

impl Attempt {
    pub(super) async fn run(self, delivery: Delivery) {
        let message = &delivery.envelope.message;
        let span = tracing::info_span!(
            "handle message",
            otel.kind = "consumer",
            worker = self.worker,
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
            Settlement::Return { pause } => {
                if pause {
                    // Held meanwhile, so that it is not delivered to the next worker at once.
                    tokio::select! {
                        () = self.context.shutdown.cancelled() => {}
                        () = tokio::time::sleep(self.pause_after(attempt)) => {}
                    }
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
        loop {
            let error = match self.perform(&task, delivery).await {
                Ok(handled) => {
                    self.note_success(&task, handled);
                    self.context.wake_outbox();
                    return Settlement::Acknowledge;
                }
                Err(error) => error,
            };
            match (error, &task) {
                (HandlerError::Rejected(reason), Task::Handle) => {
                    tracing::info!(reason = %reason.code, "rejected");
                    task = Task::RecordFailure(reason);
                }
                (HandlerError::Rejected(reason), Task::RecordFailure(_)) => {
                    tracing::error!(reason = %reason.code, "the failure itself was rejected");
                    return self.give_back("rejected failure");
                }
                (HandlerError::Retryable { reason, source }, _) => {
                    if !self.infrastructure_works().await {
                        tracing::warn!(
                            error = &*source as &dyn std::error::Error,
                            "waiting for what is missing"
                        );
                        if !self.wait_for_infrastructure().await {
                            return Settlement::Return { pause: false };
                        }
                        // Nobody's fault: the same delivery again, without being counted.
                        continue;
                    }
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
        }
    }

    /// A panic and a timeout are errors like others.
    async fn perform(&self, task: &Task, delivery: &Delivery) -> Result<Handled, HandlerError> {
        let started = Instant::now();
        let work = match task {
            Task::Handle => self.handler.handle(delivery),
            Task::RecordFailure(reason) => self.handler.record_failure(delivery, reason.clone()),
        };
        let outcome = tokio::time::timeout(self.timeout, AssertUnwindSafe(work).catch_unwind()).await;
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
            (Err(_), Task::Handle) => Err(HandlerError::rejected(
                ReasonCode::StageTimeout,
                format!("the stage did not end within {} s", self.timeout.as_secs()),
            )),
            (Err(_), Task::RecordFailure(_)) => Err(HandlerError::retryable(anyhow::anyhow!(
                "recording the failure took too long"
            ))),
        }
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
        Settlement::Return { pause: true }
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

    /// False where the process is to end before everything is back.
    async fn wait_for_infrastructure(&self) -> bool {
        let mut pause = FIRST_LOOK;
        loop {
            tokio::select! {
                () = self.context.shutdown.cancelled() => return false,
                () = tokio::time::sleep(pause) => {}
            }
            if self.infrastructure_works().await {
                return true;
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }
}
