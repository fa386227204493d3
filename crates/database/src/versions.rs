//! Versions of a row, told by when it was changed last.

use chrono::{DateTime, Utc};

use crate::DatabaseError;

/// Refuses a change that was meant for another version of what is there; any will do where none is expected.
pub(crate) fn require_unchanged(
    what: &'static str,
    changed_at: Option<DateTime<Utc>>,
    expected: Option<DateTime<Utc>>,
) -> Result<(), DatabaseError> {
    match (changed_at, expected) {
        (Some(changed_at), Some(expected)) if changed_at != expected => {
            Err(DatabaseError::ChangedMeanwhile(what))
        }
        _ => Ok(()),
    }
}
