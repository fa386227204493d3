//! Failed sign-ins: how long the next attempt has to wait.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::connection::AnyConnection;
use crate::sign_in_schema::{sign_in_failures, sign_in_sources};
use crate::{Database, DatabaseError, time};

/// How failed sign-ins slow down those that follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInBackoff {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// The wait after the first failure beyond them; doubled with each further one…
    pub first_pause: TimeDelta,
    /// …up to this.
    pub longest_pause: TimeDelta,
}

impl SignInBackoff {
    /// The wait after so many failures in a row.
    fn pause(self, failures: u32) -> TimeDelta {
        let Some(doublings) = failures.checked_sub(self.free_failures + 1) else {
            return TimeDelta::zero();
        };
        let factor = 1_i32 << doublings.min(30);
        self.first_pause
            .checked_mul(factor)
            .map_or(self.longest_pause, |pause| pause.min(self.longest_pause))
    }
}

/// A row that nobody added to for this long is forgotten.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// How long it is remembered where a login has signed in from.
const SOURCE_REMEMBERED: TimeDelta = TimeDelta::days(90);

impl Database {
    /// Counts an attempt before its password is looked at, so that attempts side by side count too. None where it may
    /// go on; otherwise the time to wait for. A success clears the count with [`Database::forget_sign_in_failures`].
    pub async fn begin_sign_in(
        &self,
        subject_hash: [u8; 32],
        backoff: SignInBackoff,
    ) -> Result<Option<DateTime<Utc>>, DatabaseError> {
        self.change(move |connection| {
            let now = time::now();
            let long_ago = time::to_row(now - REMEMBERED);
            diesel::delete(sign_in_failures::table.filter(sign_in_failures::blocked_until.lt(long_ago)))
                .execute(connection)?;
            // The row is there before it is read, and locked while it is: attempts side by side come one after the other.
            let fresh = (
                sign_in_failures::subject_hash.eq(subject_hash.to_vec()),
                sign_in_failures::failures.eq(0),
                sign_in_failures::blocked_until.eq(time::to_row(now)),
            );
            let insert = diesel::insert_into(sign_in_failures::table).values(fresh);
            let row = sign_in_failures::table
                .find(subject_hash.to_vec())
                .select((sign_in_failures::failures, sign_in_failures::blocked_until));
            let (failures, blocked_until): (i32, NaiveDateTime) = match connection {
                AnyConnection::Postgres(inner) => {
                    insert.on_conflict_do_nothing().execute(inner)?;
                    row.for_update().first(inner)?
                }
                // Its transaction is the only writer.
                AnyConnection::Sqlite(inner) => {
                    insert.on_conflict_do_nothing().execute(inner)?;
                    row.first(inner)?
                }
            };
            let blocked_until = time::from_row(blocked_until);
            if blocked_until > now {
                return Ok(Some(blocked_until));
            }
            let failures = failures.saturating_add(1);
            let blocked_until = time::to_row(now + backoff.pause(failures.unsigned_abs()));
            diesel::update(sign_in_failures::table.find(subject_hash.to_vec()))
                .set((
                    sign_in_failures::failures.eq(failures),
                    sign_in_failures::blocked_until.eq(blocked_until),
                ))
                .execute(connection)?;
            Ok(None)
        })
        .await
    }

    /// Whether a login has signed in from a source, by the hash of both, within the last months.
    pub async fn is_known_sign_in_source(&self, subject_hash: [u8; 32]) -> Result<bool, DatabaseError> {
        self.run(move |connection| {
            let since = time::to_row(time::now() - SOURCE_REMEMBERED);
            let known = sign_in_sources::table
                .find(subject_hash.to_vec())
                .filter(sign_in_sources::last_success_at.gt(since))
                .count();
            Ok(known.get_result::<i64>(connection)? > 0)
        })
        .await
    }

    /// Notes that a login has signed in from a source, by the hash of both.
    pub async fn note_sign_in_source(&self, subject_hash: [u8; 32]) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::now();
            let long_ago = time::to_row(now - SOURCE_REMEMBERED);
            diesel::delete(sign_in_sources::table.filter(sign_in_sources::last_success_at.lt(long_ago)))
                .execute(connection)?;
            diesel::delete(sign_in_sources::table.find(subject_hash.to_vec())).execute(connection)?;
            let noted = (
                sign_in_sources::subject_hash.eq(subject_hash.to_vec()),
                sign_in_sources::last_success_at.eq(time::to_row(now)),
            );
            let insert = diesel::insert_into(sign_in_sources::table).values(noted);
            match connection {
                AnyConnection::Postgres(inner) => insert.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insert.on_conflict_do_nothing().execute(inner)?,
            };
            Ok(())
        })
        .await
    }

    /// After a sign-in that succeeded.
    pub async fn forget_sign_in_failures(&self, subject_hash: [u8; 32]) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(sign_in_failures::table.find(subject_hash.to_vec())).execute(connection)?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let backoff = SignInBackoff {
            free_failures: 2,
            first_pause: TimeDelta::seconds(1),
            longest_pause: TimeDelta::seconds(5),
        };
        let pauses: Vec<i64> = (0..8)
            .map(|failures| backoff.pause(failures).num_seconds())
            .collect();
        assert_eq!(pauses, [0, 0, 0, 1, 2, 4, 5, 5]);
        assert_eq!(backoff.pause(u32::MAX).num_seconds(), 5);
    }
}
