//! The queue of deliveries: each is taken under a lease, and only who holds the lease says how it ended.

use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use norma_domain::{AnalysisId, DeliveryId};
use uuid::Uuid;

use crate::connection::AnyConnection;
use crate::deliveries::DeliveryState;
use crate::delivery_objects::{DeliveredObject, DeliveryProblem, objects_of, replace_objects};
use crate::schema::deliveries;
use crate::sql_types::RowId;
use crate::waiting_entries::WaitingEntries;
use crate::{Database, DatabaseError, time};

/// A delivery that this process is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    pub id: DeliveryId,
    pub analysis_id: AnalysisId,
    /// This one included.
    pub attempts: u32,
    pub queued_at: DateTime<Utc>,
    /// What the destination said of objects in earlier attempts.
    pub objects: Vec<DeliveredObject>,
    lease: Uuid,
}

impl Database {
    /// Takes the delivery that is due for longest, one whose process died included, for `lease`. Nobody else gets it until
    /// that is over.
    pub async fn claim_delivery(
        &self,
        destination: String,
        lease: Duration,
    ) -> Result<Option<ClaimedDelivery>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let due = deliveries::table
                .filter(deliveries::destination.eq(destination))
                .filter(deliveries::ended_at.is_null())
                .filter(deliveries::next_attempt_at.le(now))
                .order((deliveries::next_attempt_at, deliveries::id))
                .limit(1)
                .select((
                    deliveries::id,
                    deliveries::analysis_id,
                    deliveries::attempts,
                    deliveries::queued_at,
                ));
            let row: Option<(RowId, RowId, i32, NaiveDateTime)> = match connection {
                AnyConnection::Postgres(inner) => due.for_update().skip_locked().first(inner).optional()?,
                // The transaction is the only writer.
                AnyConnection::Sqlite(inner) => due.first(inner).optional()?,
            };
            let Some((id, analysis_id, begun, queued_at)) = row else {
                return Ok(None);
            };
            let token = Uuid::new_v4();
            let attempts = begun.saturating_add(1);
            diesel::update(deliveries::table.find(id))
                .set((
                    deliveries::state.eq(DeliveryState::Sending.as_str()),
                    deliveries::attempts.eq(attempts),
                    deliveries::lease.eq(Some(RowId(token))),
                    deliveries::next_attempt_at.eq(time::later(now, lease)),
                    deliveries::updated_at.eq(now),
                ))
                .execute(connection)?;
            let objects = objects_of(connection, &[id])?.remove(&id).unwrap_or_default();
            Ok(Some(ClaimedDelivery {
                id: id.into(),
                analysis_id: analysis_id.into(),
                attempts: u32::try_from(attempts).unwrap_or_default(),
                queued_at: time::from_row(queued_at),
                objects,
                lease: token,
            }))
        })
        .await
    }

    /// Holds a delivery for another `lease`. False where it is no longer this process's: it is to be left alone.
    pub async fn renew_delivery(
        &self,
        claimed: &ClaimedDelivery,
        lease: Duration,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let renewed = diesel::update(deliveries::table.find(id).filter(deliveries::lease.eq(token)))
                .set(deliveries::next_attempt_at.eq(time::later(now, lease)))
                .execute(connection)?;
            Ok(renewed == 1)
        })
        .await
    }

    /// Ends a delivery as delivered. `objects`: all that the destination said of objects so far. False where it is no longer this
    /// process's.
    pub async fn finish_delivery(
        &self,
        claimed: &ClaimedDelivery,
        objects: Vec<DeliveredObject>,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let ended = diesel::update(deliveries::table.find(id).filter(deliveries::lease.eq(token)))
                .set((
                    deliveries::state.eq(DeliveryState::Delivered.as_str()),
                    deliveries::lease.eq(None::<RowId>),
                    deliveries::reason_code.eq(None::<String>),
                    deliveries::peer_status.eq(None::<String>),
                    deliveries::updated_at.eq(now),
                    deliveries::ended_at.eq(Some(now)),
                ))
                .execute(connection)?;
            if ended == 1 {
                replace_objects(connection, id, objects)?;
            }
            Ok(ended == 1)
        })
        .await
    }

    /// Notes that an attempt failed: to be tried again after `pause`, or given up where there is none. `objects`: as
    /// [`Database::finish_delivery`]. False where it is no longer this process's.
    pub async fn note_delivery_problem(
        &self,
        claimed: &ClaimedDelivery,
        problem: DeliveryProblem,
        objects: Vec<DeliveredObject>,
        pause: Option<Duration>,
    ) -> Result<bool, DatabaseError> {
        let (id, token) = (RowId::from(claimed.id), RowId(claimed.lease));
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let (state, ended_at) = match pause {
                Some(_) => (DeliveryState::Queued, None),
                None => (DeliveryState::Failed, Some(now)),
            };
            let noted = diesel::update(deliveries::table.find(id).filter(deliveries::lease.eq(token)))
                .set((
                    deliveries::state.eq(state.as_str()),
                    deliveries::lease.eq(None::<RowId>),
                    deliveries::reason_code.eq(Some(problem.code.into_owned())),
                    deliveries::peer_status.eq(problem.peer_status),
                    deliveries::next_attempt_at.eq(time::later(now, pause.unwrap_or_default())),
                    deliveries::updated_at.eq(now),
                    deliveries::ended_at.eq(ended_at),
                ))
                .execute(connection)?;
            if noted == 1 {
                replace_objects(connection, id, objects)?;
            }
            Ok(noted == 1)
        })
        .await
    }

    /// What there is for a destination.
    pub async fn waiting_deliveries(&self, destination: String) -> Result<WaitingEntries, DatabaseError> {
        self.run(move |connection| waiting_for(connection, &destination))
            .await
    }
}

pub(crate) fn waiting_for(
    connection: &mut AnyConnection,
    destination: &str,
) -> Result<WaitingEntries, DatabaseError> {
    let waiting = deliveries::table
        .filter(deliveries::destination.eq(destination))
        .filter(deliveries::ended_at.is_null());
    let count: i64 = waiting.count().get_result(connection)?;
    let since: Option<NaiveDateTime> = waiting
        .select(min(deliveries::queued_at))
        .get_result(connection)?;
    let failed: i64 = deliveries::table
        .filter(deliveries::state.eq(DeliveryState::Failed.as_str()))
        .filter(deliveries::destination.eq(destination))
        .count()
        .get_result(connection)?;
    let now = time::shared_now(connection)?;
    Ok(WaitingEntries::of(count, failed, since, now))
}
