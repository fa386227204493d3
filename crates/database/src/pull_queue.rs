//! The queue of pulls: each is taken under a lease, and only who holds the lease says how it went.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use norma_domain::PullId;
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::delivery_objects::DeliveryProblem;
use crate::node_schema::pulls;
use crate::pull_state::PullState;
use crate::pulled_studies::{PulledStudy, replace_studies, studies_of};
use crate::pulls::{PullRow, PullWish};
use crate::sql_types::RowId;
use crate::waiting_entries::WaitingEntries;
use crate::{Database, DatabaseError, time};

/// A pull that this process is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedPull {
    pub id: PullId,
    pub wish: PullWish,
    /// This one included.
    pub attempts: u32,
    pub asked_at: DateTime<Utc>,
    /// What is known of earlier attempts.
    pub studies: Vec<PulledStudy>,
    lease: Uuid,
}

impl Database {
    /// Takes the pull that is due for longest, one whose process died included, for `lease`. Nobody else gets it until that is over.
    pub async fn claim_pull(
        &self,
        source: String,
        lease: Duration,
    ) -> Result<Option<ClaimedPull>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let due = pulls::table
                .filter(pulls::source.eq(source))
                .filter(pulls::ended_at.is_null())
                .filter(pulls::next_attempt_at.le(now))
                .order((pulls::next_attempt_at, pulls::id))
                .limit(1)
                .select(pulls::all_columns);
            let row: Option<PullRow> = match connection {
                AnyConnection::Postgres(inner) => due.for_update().skip_locked().first(inner).optional()?,
                // The transaction is the only writer.
                AnyConnection::Sqlite(inner) => due.first(inner).optional()?,
            };
            let Some(row) = row else { return Ok(None) };
            let token = Uuid::new_v4();
            let attempts = row.attempts.saturating_add(1);
            diesel::update(pulls::table.find(row.id))
                .set((
                    pulls::state.eq(PullState::Running.as_str()),
                    pulls::attempts.eq(attempts),
                    pulls::lease.eq(Some(RowId(token))),
                    pulls::next_attempt_at.eq(time::later(now, lease)),
                    pulls::updated_at.eq(now),
                ))
                .execute(connection)?;
            let studies = studies_of(connection, &[row.id])?.remove(&row.id);
            Ok(Some(ClaimedPull {
                id: row.id.into(),
                wish: row.wish()?,
                attempts: u32::try_from(attempts).unwrap_or_default(),
                asked_at: time::from_row(row.asked_at),
                studies: studies.unwrap_or_default(),
                lease: token,
            }))
        })
        .await
    }

    /// Holds a pull for another `lease`. False where it is no longer this process's: it is to be left alone.
    pub async fn renew_pull(&self, claimed: &ClaimedPull, lease: Duration) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let renewed = diesel::update(pulls::table.find(id).filter(pulls::lease.eq(token)))
                .set(pulls::next_attempt_at.eq(time::later(now, lease)))
                .execute(connection)?;
            Ok(renewed == 1)
        })
        .await
    }

    /// Notes what is known of the studies of a pull. False where it is no longer this process's.
    pub async fn note_pulled_studies(
        &self,
        claimed: &ClaimedPull,
        studies: Vec<PulledStudy>,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let own = diesel::update(pulls::table.find(id).filter(pulls::lease.eq(token)))
                .set(pulls::updated_at.eq(now))
                .execute(connection)?;
            if own == 1 {
                replace_studies(connection, id, studies.clone())?;
            }
            Ok(own == 1)
        })
        .await
    }

    /// Ends a pull: everything is here. False where it is no longer this process's.
    pub async fn finish_pull(&self, claimed: &ClaimedPull) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let ended = diesel::update(pulls::table.find(id).filter(pulls::lease.eq(token)))
                .set((
                    pulls::state.eq(PullState::Done.as_str()),
                    pulls::lease.eq(None::<RowId>),
                    pulls::reason_code.eq(None::<String>),
                    pulls::peer_status.eq(None::<String>),
                    pulls::updated_at.eq(now),
                    pulls::ended_at.eq(Some(now)),
                ))
                .execute(connection)?;
            Ok(ended == 1)
        })
        .await
    }

    /// Notes that an attempt failed: to be tried again after `pause`, or given up where there is none. False where it is no longer
    /// this process's.
    pub async fn note_pull_problem(
        &self,
        claimed: &ClaimedPull,
        problem: DeliveryProblem,
        pause: Option<Duration>,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let (state, ended_at) = match pause {
                Some(_) => (PullState::Asked, None),
                None => (PullState::Failed, Some(now)),
            };
            let noted = diesel::update(pulls::table.find(id).filter(pulls::lease.eq(token)))
                .set((
                    pulls::state.eq(state.as_str()),
                    pulls::lease.eq(None::<RowId>),
                    pulls::reason_code.eq(Some(problem.code.clone().into_owned())),
                    pulls::peer_status.eq(problem.peer_status.clone()),
                    pulls::next_attempt_at.eq(time::later(now, pause.unwrap_or_default())),
                    pulls::updated_at.eq(now),
                    pulls::ended_at.eq(ended_at),
                ))
                .execute(connection)?;
            Ok(noted == 1)
        })
        .await
    }

    /// What there is for a source.
    pub async fn waiting_pulls(&self, source: String) -> Result<WaitingEntries, DatabaseError> {
        self.run(move |connection| {
            let waiting = pulls::table
                .filter(pulls::source.eq(&source))
                .filter(pulls::ended_at.is_null());
            let count: i64 = waiting.count().get_result(connection)?;
            let since: Option<NaiveDateTime> = waiting.select(min(pulls::asked_at)).get_result(connection)?;
            let failed: i64 = pulls::table
                .filter(pulls::state.eq(PullState::Failed.as_str()))
                .filter(pulls::source.eq(&source))
                .count()
                .get_result(connection)?;
            let now = time::shared_now(connection)?;
            Ok(WaitingEntries::of(count, failed, since, now))
        })
        .await
    }

    /// Forgets pulls that were done before `keep`: whose studies were asked for is of use no more. How many.
    pub async fn forget_done_pulls(&self, keep: Duration) -> Result<u64, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let Some(before) = time::earlier(now, keep) else {
                return Ok(0);
            };
            let done = pulls::table
                .filter(pulls::state.eq(PullState::Done.as_str()))
                .filter(pulls::ended_at.lt(before));
            Ok(diesel::delete(done).execute(connection)? as u64)
        })
        .await
    }
}
