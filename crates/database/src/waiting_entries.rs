//! What there is in a queue for one place that its entries go to, or come from.

use std::time::Duration;

use chrono::NaiveDateTime;

use crate::time;

/// What there is in a queue for a destination or a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingEntries {
    /// Those that are tried just now included.
    pub waiting: u64,
    pub failed: u64,
    /// For how long the oldest of those that wait is tried.
    pub oldest: Option<Duration>,
}

impl WaitingEntries {
    /// `since`: when the oldest was queued.
    pub(crate) fn of(waiting: i64, failed: i64, since: Option<NaiveDateTime>, now: NaiveDateTime) -> Self {
        Self {
            waiting: u64::try_from(waiting).unwrap_or_default(),
            failed: u64::try_from(failed).unwrap_or_default(),
            oldest: since.map(|since| time::age(now, since)),
        }
    }
}
