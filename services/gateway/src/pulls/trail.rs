//! What the audit trail is told of a pull: before its archive is asked first, and how it went.

use norma_database::{AuditOutcome, ClaimedPull, Database, DatabaseError, NewAuditEvent, PullWish};

/// Before anything is asked.
pub(super) async fn note_begin(
    database: &Database,
    source: &str,
    claimed: &ClaimedPull,
) -> Result<(), DatabaseError> {
    let event = event_of(claimed, AuditOutcome::Begun, format!("from {source}"));
    database.append_audit_events(vec![event]).await.map(drop)
}

/// `code`: why it failed; None where everything is here.
pub(super) async fn note_end(
    database: &Database,
    source: &str,
    claimed: &ClaimedPull,
    instances: usize,
    code: Option<&str>,
) -> Result<(), DatabaseError> {
    let (outcome, word) = match code {
        None => (AuditOutcome::Success, String::new()),
        Some(code) => (AuditOutcome::Failed, format!(": {code}")),
    };
    let detail = format!("from {source}: {instances} instances{word}");
    let event = event_of(claimed, outcome, detail);
    database.append_audit_events(vec![event]).await.map(drop)
}

fn event_of(claimed: &ClaimedPull, outcome: AuditOutcome, detail: String) -> NewAuditEvent {
    let mut event = NewAuditEvent::of_system("pacs", "pacs.pull").about("pull", claimed.id);
    if let PullWish::Priors { scan_id, .. } = &claimed.wish {
        event.scan_id = Some(*scan_id);
    }
    event.outcome = outcome;
    event.detail = detail;
    event
}
