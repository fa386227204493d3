//! Deliveries as a person sees them, and sends them again.

use std::collections::{BTreeSet, HashMap};

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{AnalysisId, DeliveryId};

use crate::connection::{AnyConnection, MultiBackend};
use crate::deliveries::{Delivery, DeliveryRow, DeliveryState};
use crate::delivery_objects::{objects_of, replace_objects};
use crate::delivery_queue::waiting_for;
use crate::schema::{analyses, deliveries, delivery_destinations};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Listing, Page, WaitingEntries, time};

/// Which deliveries are wanted; all where nothing is said.
#[derive(Debug, Clone, Default)]
pub struct DeliveryQuery {
    pub state: Option<DeliveryState>,
    pub destination: Option<String>,
    pub analysis_id: Option<AnalysisId>,
}

/// What became of a wish to send again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SentAgain {
    Queued(Box<Delivery>),
    /// It has not ended: it is sent anyway.
    Waiting,
}

/// A destination and what there is for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DestinationState {
    pub name: String,
    /// Results are queued for it; else what is left of it waits until it is set again.
    pub is_set: bool,
    pub waiting: WaitingEntries,
}

/// A delivery as it is queued first.
#[derive(AsChangeset)]
#[diesel(table_name = deliveries, treat_none_as_null = true)]
struct Anew {
    state: &'static str,
    attempts: i32,
    queued_at: NaiveDateTime,
    next_attempt_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    ended_at: Option<NaiveDateTime>,
}

fn anew(now: NaiveDateTime) -> Anew {
    Anew {
        state: DeliveryState::Queued.as_str(),
        attempts: 0,
        queued_at: now,
        next_attempt_at: now,
        updated_at: now,
        ended_at: None,
    }
}

impl Database {
    /// Deliveries, the newest first.
    pub async fn list_deliveries(
        &self,
        query: DeliveryQuery,
        page: Page,
    ) -> Result<Listing<Delivery>, DatabaseError> {
        self.run(move |connection| {
            let mut wanted = deliveries::table.into_boxed::<MultiBackend>();
            let mut counted = deliveries::table.count().into_boxed::<MultiBackend>();
            if let Some(state) = query.state {
                wanted = wanted.filter(deliveries::state.eq(state.as_str()));
                counted = counted.filter(deliveries::state.eq(state.as_str()));
            }
            if let Some(destination) = query.destination {
                wanted = wanted.filter(deliveries::destination.eq(destination.clone()));
                counted = counted.filter(deliveries::destination.eq(destination));
            }
            if let Some(id) = query.analysis_id.map(RowId::from) {
                wanted = wanted.filter(deliveries::analysis_id.eq(id));
                counted = counted.filter(deliveries::analysis_id.eq(id));
            }
            let rows: Vec<DeliveryRow> = wanted
                .order(deliveries::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(DeliveryRow::as_select())
                .load(connection)?;
            let items = with_scans(connection, rows)?;
            Ok(Listing::new(items, counted.get_result(connection)?))
        })
        .await
    }

    /// Queues every delivery that failed as if it were new: of a destination, or of all. How many.
    pub async fn send_failed_deliveries_again(
        &self,
        destination: Option<String>,
    ) -> Result<u64, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let failed = deliveries::table.filter(deliveries::state.eq(DeliveryState::Failed.as_str()));
            let queued = match destination {
                Some(destination) => {
                    let failed = failed.filter(deliveries::destination.eq(destination));
                    diesel::update(failed).set(anew(now)).execute(connection)?
                }
                None => diesel::update(failed).set(anew(now)).execute(connection)?,
            };
            Ok(queued as u64)
        })
        .await
    }

    /// What there is for each destination: those that results are queued for, and others for which something waits or failed.
    pub async fn delivery_destinations(&self) -> Result<Vec<DestinationState>, DatabaseError> {
        self.run(|connection| {
            let set: Vec<String> = delivery_destinations::table
                .select(delivery_destinations::name)
                .load(connection)?;
            let unfinished = DeliveryState::ALL
                .into_iter()
                .filter(|state| *state != DeliveryState::Delivered)
                .map(DeliveryState::as_str);
            let left: Vec<String> = deliveries::table
                .filter(deliveries::state.eq_any(unfinished))
                .select(deliveries::destination)
                .distinct()
                .load(connection)?;
            let names: BTreeSet<String> = set.iter().cloned().chain(left).collect();
            let states = names.into_iter().map(|name| {
                Ok(DestinationState {
                    is_set: set.contains(&name),
                    waiting: waiting_for(connection, &name)?,
                    name,
                })
            });
            states.collect()
        })
        .await
    }

    /// Queues a delivery that has ended as if it were new: what failed with what is missing, what was delivered with all, since a
    /// destination may have lost what it had. None where there is no such delivery.
    pub async fn send_delivery_again(&self, id: DeliveryId) -> Result<Option<SentAgain>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let in_state = |state: DeliveryState| {
                deliveries::table
                    .find(RowId::from(id))
                    .filter(deliveries::state.eq(state.as_str()))
            };
            let failed = in_state(DeliveryState::Failed);
            let mut queued = diesel::update(failed).set(anew(now)).execute(connection)?;
            if queued == 0 {
                let delivered = in_state(DeliveryState::Delivered);
                queued = diesel::update(delivered).set(anew(now)).execute(connection)?;
                if queued == 1 {
                    replace_objects(connection, id.into(), Vec::new())?;
                }
            }
            let found = find(connection, id)?;
            Ok(found.map(|delivery| match queued {
                1 => SentAgain::Queued(Box::new(delivery)),
                _ => SentAgain::Waiting,
            }))
        })
        .await
    }
}

fn find(connection: &mut AnyConnection, id: DeliveryId) -> Result<Option<Delivery>, DatabaseError> {
    let rows: Vec<DeliveryRow> = deliveries::table
        .find(RowId::from(id))
        .select(DeliveryRow::as_select())
        .load(connection)?;
    Ok(with_scans(connection, rows)?.pop())
}

/// Deliveries go with their analysis: each has a scan.
fn with_scans(
    connection: &mut AnyConnection,
    rows: Vec<DeliveryRow>,
) -> Result<Vec<Delivery>, DatabaseError> {
    let ids: Vec<RowId> = rows.iter().map(|row| row.analysis_id).collect();
    let scans: Vec<(RowId, RowId)> = analyses::table
        .filter(analyses::id.eq_any(&ids))
        .select((analyses::id, analyses::scan_id))
        .load(connection)?;
    let scans: HashMap<RowId, RowId> = scans.into_iter().collect();
    let ids: Vec<RowId> = rows.iter().map(|row| row.id).collect();
    let mut objects = objects_of(connection, &ids)?;
    let known = rows.into_iter().filter_map(|row| {
        let scan_id = *scans.get(&row.analysis_id)?;
        let objects = objects.remove(&row.id).unwrap_or_default();
        Some(row.of_scan(scan_id, objects))
    });
    Ok(known.collect())
}
