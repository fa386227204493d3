//! What is measured of each stage. Labels are stages and codes: few values, never an id.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use norma_messages::Envelope;

pub(super) fn describe_metrics() {
    describe_histogram!(
        "norma_stage_queue_seconds",
        Unit::Seconds,
        "Time from the making of a message to its first delivery"
    );
    describe_histogram!(
        "norma_stage_compute_seconds",
        Unit::Seconds,
        "Time of handling one delivery"
    );
    describe_counter!(
        "norma_stage_outcomes_total",
        "Deliveries handled, by outcome (completed, obsolete, rejected, retried) and reason"
    );
    describe_gauge!("norma_stage_in_flight", "Deliveries being handled");
    describe_gauge!("norma_queue_depth", "Messages that wait, by queue");
    describe_gauge!(
        "norma_analyses_waiting",
        "Analyses that wait for their turn, by priority"
    );
    describe_gauge!(
        "norma_analyses_waiting_oldest_seconds",
        Unit::Seconds,
        "How long the oldest of these has waited, by priority"
    );
    describe_counter!(
        "norma_analyses_released_total",
        "Analyses whose turn came and that were announced to the workers"
    );
    describe_gauge!("norma_outbox_unpublished", "Messages that wait to be published");
    describe_counter!("norma_outbox_published_total", "Messages published and confirmed");
    describe_counter!(
        "norma_analyses_overdue_total",
        "Analyses that failed because their deadline passed"
    );
    describe_counter!(
        "norma_queue_reconnections_total",
        "Connections to the broker made anew"
    );
}

/// The metrics of one worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StageMetrics {
    pub(crate) stage: &'static str,
}

impl StageMetrics {
    pub(crate) fn received(self, envelope: &Envelope) {
        if let Some(waited) = envelope
            .occurred_at()
            .and_then(|made| (chrono::Utc::now() - made).to_std().ok())
        {
            histogram!("norma_stage_queue_seconds", "stage" => self.stage).record(waited.as_secs_f64());
        }
    }

    pub(crate) fn handled(self, took: Duration) {
        histogram!("norma_stage_compute_seconds", "stage" => self.stage).record(took.as_secs_f64());
    }

    /// `reason` is a reason's code, or empty.
    pub(crate) fn outcome(self, outcome: &'static str, reason: &'static str) {
        counter!(
            "norma_stage_outcomes_total",
            "stage" => self.stage, "outcome" => outcome, "reason" => reason
        )
        .increment(1);
    }

    pub(crate) fn in_flight(self) -> InFlight {
        let gauge = gauge!("norma_stage_in_flight", "stage" => self.stage);
        gauge.increment(1.0);
        InFlight(gauge)
    }
}

/// Counted until dropped.
pub(crate) struct InFlight(metrics::Gauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
