//! Deliveries as a person sees them, and sends them again.

use diesel::prelude::*;
use norma_domain::{AnalysisId, DeliveryId};

use crate::connection::{AnyConnection, MultiBackend};
use crate::deliveries::{Delivery, DeliveryRow, DeliveryState};
use crate::schema::deliveries;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, Listing, Page, time};

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
    Queued(Delivery),
    /// It has not ended: it is sent anyway.
    Waiting,
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
            let items = rows.into_iter().map(Delivery::from).collect();
            Ok(Listing::new(items, counted.get_result(connection)?))
        })
        .await
    }

    /// Queues a delivery that has ended as if it were new. None where there is no such delivery.
    pub async fn send_delivery_again(&self, id: DeliveryId) -> Result<Option<SentAgain>, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let ended = deliveries::table
                .find(RowId::from(id))
                .filter(deliveries::ended_at.is_not_null());
            let queued = diesel::update(ended)
                .set((
                    deliveries::state.eq(DeliveryState::Queued.as_str()),
                    deliveries::attempts.eq(0),
                    deliveries::queued_at.eq(now),
                    deliveries::next_attempt_at.eq(now),
                    deliveries::updated_at.eq(now),
                    deliveries::ended_at.eq(None::<chrono::NaiveDateTime>),
                ))
                .execute(connection)?;
            let found = find(connection, id)?;
            Ok(found.map(|delivery| match queued {
                1 => SentAgain::Queued(delivery),
                _ => SentAgain::Waiting,
            }))
        })
        .await
    }
}

fn find(connection: &mut AnyConnection, id: DeliveryId) -> Result<Option<Delivery>, DatabaseError> {
    let row: Option<DeliveryRow> = deliveries::table
        .find(RowId::from(id))
        .select(DeliveryRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Delivery::from))
}
