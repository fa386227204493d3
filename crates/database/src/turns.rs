//! Whose turn it is: requested analyses are announced to the workers a few at a time, urgent ones first, and of one priority
//! by what their requesters have used so far.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::dsl::{count_star, exists, min, not};
use diesel::prelude::*;
use norma_domain::Priority;

use crate::connection::AnyConnection;
use crate::schema::{analyses, stage_starts, waiting_analyses};
use crate::sql_types::RowId;
use crate::turn_shares::{Shares, lock_clocks};
use crate::unfinished::is_unfinished;
use crate::waiting_analyses::announce_waiting;
use crate::{Database, DatabaseError, time};

/// A released analysis that nobody has touched for so long holds nothing up any more: no worker of its stage is there, or its
/// message was lost with the broker's disk.
const STALE_AFTER: TimeDelta = TimeDelta::minutes(10);

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
        let ahead = i64::from(ahead);
        // Asked by every process all the time: without the clocks, which lock and write.
        let may_release = self.run(move |connection| {
            let mut lanes = Vec::new();
            for priority in Priority::ALL {
                if is_waiting(connection, priority)? {
                    lanes.push(priority);
                }
            }
            if lanes.is_empty() {
                return Ok(false);
            }
            let room = Room::read(connection, ahead)?;
            Ok(lanes.into_iter().any(|priority| room.is_left(priority)))
        });
        if !may_release.await? {
            return Ok(Released::default());
        }
        self.change(move |connection| {
            if !lock_clocks(connection)? {
                return Ok(Released::default());
            }
            let mut room = Room::read(connection, ahead)?;
            let mut count = 0;
            for priority in [Priority::Urgent, Priority::Routine] {
                if !room.is_left(priority) {
                    continue;
                }
                let mut shares = Shares::read(connection, priority)?;
                while room.is_left(priority) && release_next(connection, &mut shares, priority)? {
                    room.waiting += 1;
                    count += 1;
                }
            }
            Ok(Released { count })
        })
        .await
    }
}

/// Released analyses that wait for a worker, and how many routine ones may.
struct Room {
    waiting: i64,
    routine: i64,
    ahead: i64,
}

impl Room {
    fn read(connection: &mut AnyConnection, ahead: i64) -> Result<Self, DatabaseError> {
        Ok(Self {
            waiting: waiting_for_workers(connection)?,
            routine: ahead.max(at_work(connection)? / 2),
            ahead,
        })
    }

    fn is_left(&self, priority: Priority) -> bool {
        let beyond = match priority {
            Priority::Urgent => self.ahead,
            Priority::Routine => 0,
        };
        self.waiting < self.routine + beyond
    }
}

fn is_waiting(connection: &mut AnyConnection, priority: Priority) -> Result<bool, DatabaseError> {
    let waiting = waiting_analyses::table.filter(waiting_analyses::priority.eq(priority.as_str()));
    Ok(diesel::select(exists(waiting)).get_result(connection)?)
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
    let stale = time::shared_now(connection)? - STALE_AFTER;
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
