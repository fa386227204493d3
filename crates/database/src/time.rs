//! Times as both databases keep them: UTC, in microseconds.

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, Utc};

/// The present, cut to what PostgreSQL keeps, so that what is returned is what is read back.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

pub(crate) fn to_row(time: DateTime<Utc>) -> NaiveDateTime {
    time.trunc_subsecs(6).naive_utc()
}

pub(crate) fn from_row(time: NaiveDateTime) -> DateTime<Utc> {
    time.and_utc()
}
