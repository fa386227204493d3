//! Where an analysis stands among those that wait for their turn, as far as that can be told.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::{count_star, min, sql};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use norma_domain::{AnalysisId, Priority};

use crate::connection::AnyConnection;
use crate::schema::{analyses, waiting_analyses};
use crate::sql_types::RowId;
use crate::turn_shares::Shares;
use crate::turns::waiting_for_workers;
use crate::{Database, DatabaseError, time};

/// Over so long it is looked at how quickly analyses end…
const LOOKED_BACK: TimeDelta = TimeDelta::minutes(30);
/// …if as many did.
const FEWEST_ENDED: i64 = 3;

/// An analysis that waits for its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingPlace {
    /// Analyses that begin before it, if nobody asks for more meanwhile.
    pub ahead: u64,
    /// Until it begins, by how quickly analyses have ended of late; None where too few did.
    pub estimated_wait: Option<Duration>,
}

/// The analyses of one priority that wait for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingLane {
    pub priority: Priority,
    pub count: u64,
    /// None where none waits.
    pub oldest: Option<DateTime<Utc>>,
}

impl Database {
    /// None where the analysis does not wait for its turn.
    pub async fn waiting_place(&self, id: AnalysisId) -> Result<Option<WaitingPlace>, DatabaseError> {
        self.run(move |connection| {
            let row: Option<(String, String, NaiveDateTime)> = waiting_analyses::table
                .find(RowId::from(id))
                .select((
                    waiting_analyses::priority,
                    waiting_analyses::requester,
                    waiting_analyses::requested_at,
                ))
                .first(connection)
                .optional()?;
            let Some((priority, requester, requested_at)) = row else {
                return Ok(None);
            };
            let own = Own {
                id: id.into(),
                priority: priority.parse().unwrap_or_default(),
                requester,
                requested_at,
            };
            let mut ahead = waiting_for_workers(connection)? + in_its_lane(connection, &own)?;
            if own.priority == Priority::Routine {
                ahead += waiting_analyses::table
                    .filter(waiting_analyses::priority.eq(Priority::Urgent.as_str()))
                    .count()
                    .get_result::<i64>(connection)?;
            }
            let ahead = u64::try_from(ahead).unwrap_or_default();
            Ok(Some(WaitingPlace {
                ahead,
                estimated_wait: estimate(connection, ahead)?,
            }))
        })
        .await
    }

    /// How many wait for their turn, by priority.
    pub async fn waiting_lanes(&self) -> Result<Vec<WaitingLane>, DatabaseError> {
        self.run(|connection| {
            let rows: Vec<(String, i64, Option<NaiveDateTime>)> = waiting_analyses::table
                .group_by(waiting_analyses::priority)
                .select((
                    waiting_analyses::priority,
                    count_star(),
                    min(waiting_analyses::requested_at),
                ))
                .load(connection)?;
            let lanes = Priority::ALL.into_iter().map(|priority| {
                let row = rows.iter().find(|(name, ..)| name == priority.as_str());
                WaitingLane {
                    priority,
                    count: row.map_or(0, |(_, count, _)| u64::try_from(*count).unwrap_or_default()),
                    oldest: row.and_then(|(_, _, oldest)| *oldest).map(time::from_row),
                }
            });
            Ok(lanes.collect())
        })
        .await
    }
}

struct Own {
    id: RowId,
    priority: Priority,
    requester: String,
    requested_at: NaiveDateTime,
}

/// Of the same priority: its requester's older ones, and of every other requester those that start before it on the clock,
/// each at that requester's average cost.
fn in_its_lane(connection: &mut AnyConnection, own: &Own) -> Result<i64, DatabaseError> {
    // PostgreSQL sums BIGINT to NUMERIC.
    let sum = || sql::<BigInt>("CAST(COALESCE(SUM(cost_ms), 0) AS BIGINT)");
    let shares = Shares::read(connection, own.priority)?;
    let requested_at = waiting_analyses::requested_at;
    let (older, older_ms): (i64, i64) = waiting_analyses::table
        .filter(waiting_analyses::priority.eq(own.priority.as_str()))
        .filter(waiting_analyses::requester.eq(&own.requester))
        .filter(
            requested_at.lt(own.requested_at).or(requested_at
                .eq(own.requested_at)
                .and(waiting_analyses::analysis_id.lt(own.id))),
        )
        .select((count_star(), sum()))
        .first(connection)?;
    let start_ms = shares.start_ms(&own.requester) + older_ms;
    let others: Vec<(String, i64, i64)> = waiting_analyses::table
        .filter(waiting_analyses::priority.eq(own.priority.as_str()))
        .filter(waiting_analyses::requester.ne(&own.requester))
        .group_by(waiting_analyses::requester)
        .select((waiting_analyses::requester, count_star(), sum()))
        .load(connection)?;
    let before = others.iter().map(|(requester, count, cost_ms)| {
        let average_ms = (cost_ms / count.max(&1)).max(1);
        let head_start_ms = start_ms - shares.start_ms(requester);
        // Rounded up: the one that starts before it ends.
        (head_start_ms.max(0) + average_ms - 1)
            .div_euclid(average_ms)
            .min(*count)
    });
    Ok(older + before.sum::<i64>())
}

fn estimate(connection: &mut AnyConnection, ahead: u64) -> Result<Option<Duration>, DatabaseError> {
    // When analyses ended is told by the clocks of their workers.
    let now = time::to_row(time::now());
    let (ended, first): (i64, Option<NaiveDateTime>) = analyses::table
        .filter(analyses::finished_at.ge(now - LOOKED_BACK))
        .select((count_star(), min(analyses::finished_at)))
        .first(connection)?;
    let Some(first) = first.filter(|_| ended >= FEWEST_ENDED) else {
        return Ok(None);
    };
    let each_ms = (now - first).num_milliseconds().max(1) as f64 / ended as f64;
    Ok(Duration::try_from_secs_f64(each_ms / 1000.0 * (ahead + 1) as f64).ok())
}
