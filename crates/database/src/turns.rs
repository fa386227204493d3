//! Whose turn it is: requested analyses are announced to the workers a few at a time, urgent ones first, and of one priority
//! by what their requesters have used so far.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::{count_star, exists, min, not};
use diesel::prelude::*;
use norma_domain::Priority;

use crate::analyses::is_unfinished;
use crate::connection::AnyConnection;
use crate::schema::{analyses, stage_starts, waiting_analyses};
use crate::sql_types::RowId;
use crate::turn_shares::{Shares, lock_clocks};
use crate::waiting_analyses::announce_waiting;
use crate::{Database, DatabaseError, time};

/// A released analysis that nobody has touched for so long holds nothing up any more: no worker of its stage is there, or its
/// message was lost with the broker's disk.
const STALE_AFTER: Duration = Duration::from_mins(10);

/// What a turn of the relay released.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Released {
    pub count: usize,
}

impl Database {
    /// Announces the analyses whose turn has come: as many as keep `ahead` of them waiting for a worker, or half as many as are
    /// at work where that is more; urgent ones go even where `ahead` more wait. Any number of processes may call this: one of
    /// them releases at a time, the others do nothing.
    pub async fn release_analyses(&self, ahead: u32) -> Result<Released, DatabaseError> {
        let is_any = self
            .run(|connection| {
                Ok(diesel::select(exists(
                    waiting_analyses::table.select(waiting_analyses::analysis_id),
                ))
                .get_result::<bool>(connection)?)
            })
            .await?;
        if !is_any {
            return Ok(Released::default());
        }
        self.change(move |connection| {
            if lock_clocks(connection)?.is_none() {
                return Ok(Released::default());
            }
            let ahead = i64::from(ahead);
            let mut waiting = waiting_for_workers(connection)?;
            let routine_room = ahead.max(at_work(connection)? / 2);
            let mut count = 0;
            for (priority, room) in [
                (Priority::Urgent, routine_room + ahead),
                (Priority::Routine, routine_room),
            ] {
                let mut shares = Shares::read(connection, priority)?;
                while waiting < room && release_next(connection, &mut shares, priority)? {
                    waiting += 1;
                    count += 1;
                }
            }
            Ok(Released { count })
        })
        .await
    }
}

/// Releases the oldest analysis of whoever has used least. False where none waits, or somebody changes that one just now.
fn release_next(
    connection: &mut AnyConnection,
    shares: &mut Shares,
    priority: Priority,
) -> Result<bool, DatabaseError> {
    let heads: Vec<(String, Option<NaiveDateTime>)> = waiting_analyses::table
        .filter(waiting_analyses::priority.eq(priority.as_str()))
        .group_by(waiting_analyses::requester)
        .select((waiting_analyses::requester, min(waiting_analyses::requested_at)))
        .load(connection)?;
    let next = heads
        .into_iter()
        .min_by_key(|(requester, since)| (shares.start_ms(requester), *since));
    let Some((requester, _)) = next else {
        return Ok(false);
    };
    let oldest: Option<RowId> = waiting_analyses::table
        .filter(waiting_analyses::priority.eq(priority.as_str()))
        .filter(waiting_analyses::requester.eq(&requester))
        .order((waiting_analyses::requested_at, waiting_analyses::analysis_id))
        .select(waiting_analyses::analysis_id)
        .first(connection)
        .optional()?;
    let Some(id) = oldest else {
        return Ok(false);
    };
    // The analysis before what hangs on it, as everybody else locks them; and never waited for with the clocks locked.
    let analysis = analyses::table.find(id).select(analyses::id);
    let locked: Option<RowId> = match connection {
        AnyConnection::Postgres(inner) => analysis.for_update().skip_locked().first(inner).optional()?,
        AnyConnection::Sqlite(inner) => analysis.first(inner).optional()?,
    };
    if locked.is_none() {
        return Ok(false);
    }
    let Some(cost_ms) = announce_waiting(connection, id)? else {
        return Ok(false);
    };
    let now = time::shared_now(connection)?;
    diesel::update(analyses::table.find(id))
        .set(analyses::released_at.eq(Some(now)))
        .execute(connection)?;
    shares.released(connection, &requester, cost_ms)?;
    Ok(true)
}

/// Analyses that were released and on which nobody is at work.
pub(crate) fn waiting_for_workers(connection: &mut AnyConnection) -> Result<i64, DatabaseError> {
    let now = time::shared_now(connection)?;
    let stale = now - TimeDelta::from_std(STALE_AFTER).unwrap_or(TimeDelta::MAX);
    let begun = stage_starts::table
        .filter(stage_starts::analysis_id.eq(analyses::id))
        .select(stage_starts::analysis_id);
    Ok(analyses::table
        .filter(is_unfinished())
        .filter(analyses::released_at.is_not_null())
        .filter(
            analyses::released_at
                .gt(stale)
                .assume_not_null()
                .or(analyses::updated_at.gt(stale)),
        )
        .filter(not(exists(begun)))
        .select(count_star())
        .get_result(connection)?)
}

/// Analyses that some worker is at work on.
fn at_work(connection: &mut AnyConnection) -> Result<i64, DatabaseError> {
    let ids: Vec<RowId> = stage_starts::table
        .select(stage_starts::analysis_id)
        .distinct()
        .load(connection)?;
    Ok(i64::try_from(ids.len()).unwrap_or(i64::MAX))
}
