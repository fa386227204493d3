//! Times as both databases keep them: UTC, in microseconds.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, SubsecRound as _, TimeDelta, Utc};
use diesel::RunQueryDsl as _;
use diesel::dsl::sql;
use diesel::sql_types::Timestamp;

use crate::DatabaseError;
use crate::connection::AnyConnection;

/// The present, cut to what PostgreSQL keeps, so that what is returned is what is read back.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// The present by the clock that all processes of an installation share: the server's for PostgreSQL, this machine's for
/// a SQLite file. For what one process writes and another compares, such as the end of a lease.
pub(crate) fn shared_now(connection: &mut AnyConnection) -> Result<NaiveDateTime, DatabaseError> {
    match connection {
        AnyConnection::Postgres(inner) => {
            let clock = sql::<Timestamp>("clock_timestamp() AT TIME ZONE 'UTC'");
            Ok(diesel::select(clock).get_result(inner)?)
        }
        AnyConnection::Sqlite(_) => Ok(to_row(now())),
    }
}

/// The present, and later than an earlier change in any case: a version of a row is told by when it was changed.
pub(crate) fn after(earlier: Option<DateTime<Utc>>) -> DateTime<Utc> {
    let now = now();
    earlier.map_or(now, |earlier| now.max(earlier + TimeDelta::microseconds(1)))
}

/// So long after `now`; the last moment that there is where it would be beyond that.
pub(crate) fn later(now: NaiveDateTime, pause: Duration) -> NaiveDateTime {
    let pause = TimeDelta::from_std(pause).unwrap_or(TimeDelta::MAX);
    now.checked_add_signed(pause).unwrap_or(NaiveDateTime::MAX)
}

/// So long before `now`; None where that is before all times: nothing is so old.
pub(crate) fn earlier(now: NaiveDateTime, age: Duration) -> Option<NaiveDateTime> {
    now.checked_sub_signed(TimeDelta::from_std(age).ok()?)
}

/// For how long it has been; nothing where it is to come.
pub(crate) fn age(now: NaiveDateTime, since: NaiveDateTime) -> Duration {
    (now - since).to_std().unwrap_or_default()
}

pub(crate) fn to_row(time: DateTime<Utc>) -> NaiveDateTime {
    time.trunc_subsecs(6).naive_utc()
}

pub(crate) fn from_row(time: NaiveDateTime) -> DateTime<Utc> {
    time.and_utc()
}
