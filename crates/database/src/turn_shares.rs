//! What requesters have used of the workers, each on the clock of its priority: start-time fair queueing (P. Goyal, H. Vin,
//! H. Cheng, "Start-Time Fair Queuing", IEEE/ACM Transactions on Networking 5(5), 1997, section III).
//!
//! A requester's next analysis starts where its last one ended on that clock, or where the clock stands, whichever is later:
//! who was away saves nothing up, and a newcomer starts where those who were released last did.

use std::collections::HashMap;

use diesel::prelude::*;
use norma_domain::{AnalysisId, Priority, Stage};

use crate::connection::AnyConnection;
use crate::schema::{analyses, scans, stage_starts, turn_clocks, turn_shares};
use crate::sql_types::RowId;
use crate::{DatabaseError, time};

/// What every study costs, however small it is: the models read as many slices of each.
const COST_OF_A_STUDY_MS: i64 = 5000;
/// Reading an original, on two cores: 20 MB/s.
const BYTES_IN_A_MS: i64 = 20_000;
/// A worker that stood still with its machine is nobody's cost.
const LONGEST_OVERRUN_MS: i64 = 900_000;

/// As rows of turns name requesters: empty is nobody who is told apart.
pub(crate) fn requester(requested_by: Option<String>) -> String {
    requested_by.unwrap_or_default()
}

/// Milliseconds of work that the analysis of an original of that size is reckoned to be. What preparing it takes beyond is
/// charged afterwards.
pub(crate) fn reckoned_ms(size_bytes: i64) -> i64 {
    COST_OF_A_STUDY_MS + size_bytes.max(0) / BYTES_IN_A_MS
}

/// Locks the clocks; false where another process releases.
pub(crate) fn lock_clocks(connection: &mut AnyConnection) -> Result<bool, DatabaseError> {
    let rows = turn_clocks::table
        .order(turn_clocks::priority)
        .select(turn_clocks::priority);
    let locked: Vec<String> = match connection {
        AnyConnection::Postgres(inner) => rows.for_update().skip_locked().load(inner)?,
        // The transaction is the only writer.
        AnyConnection::Sqlite(inner) => rows.load(inner)?,
    };
    Ok(locked.len() == Priority::ALL.len())
}

/// The clock of a priority and who stands where on it.
pub(crate) struct Shares {
    priority: Priority,
    clock_ms: i64,
    used_ms: HashMap<String, i64>,
}

impl Shares {
    pub(crate) fn read(connection: &mut AnyConnection, priority: Priority) -> Result<Self, DatabaseError> {
        let clock_ms = turn_clocks::table
            .find(priority.as_str())
            .select(turn_clocks::used_ms)
            .first(connection)?;
        let used: Vec<(String, i64)> = turn_shares::table
            .filter(turn_shares::priority.eq(priority.as_str()))
            .select((turn_shares::requester, turn_shares::used_ms))
            .load(connection)?;
        Ok(Self {
            priority,
            clock_ms,
            used_ms: used.into_iter().collect(),
        })
    }

    /// Where a requester's next analysis starts on the clock.
    pub(crate) fn start_ms(&self, requester: &str) -> i64 {
        let used = self.used_ms.get(requester).copied().unwrap_or_default();
        used.max(self.clock_ms)
    }

    /// Notes that an analysis of the requester was released.
    pub(crate) fn released(
        &mut self,
        connection: &mut AnyConnection,
        requester: &str,
        cost_ms: i64,
    ) -> Result<(), DatabaseError> {
        let start_ms = self.start_ms(requester);
        self.clock_ms = start_ms;
        let used_ms = start_ms.saturating_add(cost_ms);
        self.used_ms.insert(requester.to_owned(), used_ms);
        diesel::update(turn_clocks::table.find(self.priority.as_str()))
            .set(turn_clocks::used_ms.eq(start_ms))
            .execute(connection)?;
        set_share(connection, self.priority.as_str(), requester, used_ms)?;
        // Who stands where the clock does, or behind, is as good as new.
        diesel::delete(
            turn_shares::table
                .filter(turn_shares::priority.eq(self.priority.as_str()))
                .filter(turn_shares::used_ms.le(start_ms)),
        )
        .execute(connection)?;
        Ok(())
    }
}

fn set_share(
    connection: &mut AnyConnection,
    priority: &str,
    requester: &str,
    used_ms: i64,
) -> Result<(), DatabaseError> {
    let known = diesel::update(turn_shares::table.find((priority, requester)))
        .set(turn_shares::used_ms.eq(used_ms))
        .execute(connection)?;
    if known == 0 {
        let row = (
            turn_shares::priority.eq(priority),
            turn_shares::requester.eq(requester),
            turn_shares::used_ms.eq(used_ms),
        );
        let insertion = diesel::insert_into(turn_shares::table).values(row);
        match connection {
            AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
        };
    }
    Ok(())
}

/// Charges the requester with what the preparation at hand has taken beyond what was reckoned: a study that is small and slow
/// is no bargain. To be called before its start is forgotten.
pub(crate) fn charge_overrun(connection: &mut AnyConnection, id: AnalysisId) -> Result<(), DatabaseError> {
    let at_work = stage_starts::table
        .inner_join(analyses::table.on(stage_starts::analysis_id.eq(analyses::id)))
        .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
        .filter(stage_starts::analysis_id.eq(RowId::from(id)))
        .filter(stage_starts::stage.eq(Stage::Preprocess.as_str()))
        .select((
            stage_starts::started_at,
            scans::size_bytes,
            analyses::priority,
            analyses::requested_by,
        ))
        .first::<(chrono::NaiveDateTime, i64, String, Option<String>)>(connection)
        .optional()?;
    let Some((started_at, size_bytes, priority, requested_by)) = at_work else {
        return Ok(());
    };
    let took_ms = (time::shared_now(connection)? - started_at).num_milliseconds();
    let overrun_ms = (took_ms - reckoned_ms(size_bytes)).min(LONGEST_OVERRUN_MS);
    if overrun_ms <= 0 {
        return Ok(());
    }
    let requester = requester(requested_by);
    let charged = diesel::update(turn_shares::table.find((&priority, &requester)))
        .set(turn_shares::used_ms.eq(turn_shares::used_ms + overrun_ms))
        .execute(connection)?;
    if charged == 0 {
        let clock_ms: Option<i64> = turn_clocks::table
            .find(&priority)
            .select(turn_clocks::used_ms)
            .first(connection)
            .optional()?;
        let used_ms = clock_ms.unwrap_or_default().saturating_add(overrun_ms);
        set_share(connection, &priority, &requester, used_ms)?;
    }
    Ok(())
}
