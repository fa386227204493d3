//! What the audit trail is told of a delivery: before anything leaves, and how it ended.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use norma_database::{Analysis, AuditOutcome, ClaimedDelivery, Database, DatabaseError, NewAuditEvent};
use norma_domain::{AnalysisId, ScanId};

use crate::deliveries::destination::Destination;
use crate::peer_failure::Failure;

/// Of one attempt.
pub(super) struct Trail {
    database: Database,
    analysis: AnalysisId,
    scan: OnceLock<ScanId>,
    /// `to archive`.
    to: String,
    has_begun: Arc<AtomicBool>,
}

impl Trail {
    pub(super) fn new(database: &Database, destination: &Destination, claimed: &ClaimedDelivery) -> Self {
        Self {
            database: database.clone(),
            analysis: claimed.analysis_id,
            scan: OnceLock::new(),
            to: format!("to {}", destination.name),
            has_begun: Arc::default(),
        }
    }

    pub(super) fn is_of(&self, analysis: &Analysis) {
        let _ = self.scan.set(analysis.scan_id);
    }

    fn event(&self, outcome: AuditOutcome, detail: String) -> NewAuditEvent {
        let mut event = NewAuditEvent::of_system("pacs", "pacs.deliver").about("analysis", self.analysis);
        event.scan_id = self.scan.get().copied();
        event.detail = detail;
        event.outcome = outcome;
        event
    }

    /// Tells that something is about to leave. Where that fails, nothing may.
    pub(super) fn begin(&self) -> impl Future<Output = Result<(), DatabaseError>> + Send + use<> {
        let event = self.event(AuditOutcome::Begun, self.to.clone());
        let (database, has_begun) = (self.database.clone(), Arc::clone(&self.has_begun));
        async move {
            // First: an attempt that is stopped while this is written has an end, too.
            has_begun.store(true, Ordering::Release);
            database.append_audit_events(vec![event]).await.map(drop)
        }
    }

    /// Tells how the attempt ended: where something left, and where nothing did if `is_told`, so that a destination that is away
    /// for a night leaves two events and not hundreds.
    pub(super) async fn end(
        &self,
        outcome: &Result<(), Failure>,
        is_told: bool,
    ) -> Result<(), DatabaseError> {
        if !is_told && !self.has_begun.load(Ordering::Acquire) {
            return Ok(());
        }
        let event = match outcome {
            Ok(()) => self.event(AuditOutcome::Success, self.to.clone()),
            Err(failure) => self.event(AuditOutcome::Failed, format!("{}: {}", self.to, failure.code)),
        };
        self.database.append_audit_events(vec![event]).await.map(drop)
    }
}
