//! Results on their way to a PACS: where they go, and one row for an analysis and a destination, written in the transaction
//! that ends the analysis. `delivery_queue` moves the rows on.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{AnalysisId, DeliveryId, Report, ScanId, StudyInstanceUid};

use crate::connection::AnyConnection;
use crate::delivery_objects::DeliveredObject;
use crate::node_schema::stored_instances;
use crate::schema::{deliveries, delivery_destinations, received_studies};
use crate::sql_types::RowId;
use crate::study_routes::destinations_of;
use crate::{Database, DatabaseError, time};

/// Where results are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryDestination {
    pub name: String,
    /// Results of every study; else only of those that came by DICOM ([`crate::ReceivedStudy`], [`crate::StoredInstance`]).
    pub all_studies: bool,
}

/// How far a delivery has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeliveryState {
    /// Waits for its next attempt.
    Queued,
    /// A process is at it, or died while it was.
    Sending,
    /// The destination said that it has everything.
    Delivered,
    /// Given up until a person has it sent again.
    Failed,
}

impl DeliveryState {
    pub const ALL: [Self; 4] = [Self::Queued, Self::Sending, Self::Delivered, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// The results of an analysis on their way to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub analysis_id: AnalysisId,
    /// Whose analysis it is.
    pub scan_id: ScanId,
    pub destination: String,
    pub state: DeliveryState,
    /// Begun so far; from 0 again where a person has it sent again.
    pub attempts: u32,
    /// Since when it is tried.
    pub queued_at: DateTime<Utc>,
    /// Some where it waits.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why the last attempt failed.
    pub reason_code: Option<String>,
    /// What the destination answered then.
    pub peer_status: Option<String>,
    /// Those that the destination answered for, by name; messages have none.
    pub objects: Vec<DeliveredObject>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Some exactly if it is delivered or failed.
    pub ended_at: Option<DateTime<Utc>>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = deliveries, treat_none_as_default_value = false)]
pub(crate) struct DeliveryRow {
    pub(crate) id: RowId,
    pub(crate) analysis_id: RowId,
    pub(crate) destination: String,
    pub(crate) state: String,
    pub(crate) attempts: i32,
    pub(crate) queued_at: NaiveDateTime,
    pub(crate) next_attempt_at: NaiveDateTime,
    pub(crate) lease: Option<RowId>,
    pub(crate) reason_code: Option<String>,
    pub(crate) peer_status: Option<String>,
    pub(crate) created_at: NaiveDateTime,
    pub(crate) updated_at: NaiveDateTime,
    pub(crate) ended_at: Option<NaiveDateTime>,
}

impl DeliveryRow {
    pub(crate) fn of_scan(self, scan_id: RowId, objects: Vec<DeliveredObject>) -> Delivery {
        let row = self;
        let state = DeliveryState::ALL
            .into_iter()
            .find(|state| state.as_str() == row.state)
            // A check of the table ties the end to the state; a newer version's word is no delivery.
            .unwrap_or(match row.ended_at {
                Some(_) => DeliveryState::Failed,
                None => DeliveryState::Queued,
            });
        Delivery {
            id: row.id.into(),
            analysis_id: row.analysis_id.into(),
            scan_id: scan_id.into(),
            destination: row.destination,
            state,
            attempts: u32::try_from(row.attempts).unwrap_or_default(),
            queued_at: time::from_row(row.queued_at),
            next_attempt_at: (state == DeliveryState::Queued).then(|| time::from_row(row.next_attempt_at)),
            reason_code: row.reason_code,
            peer_status: row.peer_status,
            objects,
            created_at: time::from_row(row.created_at),
            updated_at: time::from_row(row.updated_at),
            ended_at: row.ended_at.map(time::from_row),
        }
    }
}

impl Database {
    /// From now on the results of analyses that end are queued for these destinations and no others. What was queued before
    /// stays.
    pub async fn set_delivery_destinations(
        &self,
        destinations: Vec<DeliveryDestination>,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(delivery_destinations::table).execute(connection)?;
            for destination in destinations {
                let insertion = diesel::insert_into(delivery_destinations::table).values((
                    delivery_destinations::name.eq(destination.name),
                    delivery_destinations::all_studies.eq(destination.all_studies),
                ));
                // Another gateway may set the same ones this moment.
                match connection {
                    AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                    AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                };
            }
            Ok(())
        })
        .await
    }
}

/// Queues the results of an analysis that ended in this transaction or before, for the destinations that they are not queued for yet.
/// What is no DICOM study has none.
pub(crate) fn queue_deliveries(
    connection: &mut AnyConnection,
    scan_id: RowId,
    report: &Report,
) -> Result<(), DatabaseError> {
    let study = report
        .study
        .as_ref()
        .and_then(|study| study.study_instance_uid.as_ref());
    if !study.is_some_and(StudyInstanceUid::is_valid) {
        return Ok(());
    }
    let destinations: Vec<(String, bool)> = delivery_destinations::table
        .order(delivery_destinations::name)
        .select((delivery_destinations::name, delivery_destinations::all_studies))
        .load(connection)?;
    if destinations.is_empty() {
        return Ok(());
    }
    let came_by_dicom = came_by_dicom(connection, scan_id)?;
    let routed_to = destinations_of(connection, scan_id)?;
    let now = time::shared_now(connection)?;
    for (destination, all_studies) in destinations {
        // A rule that names destinations knows which studies it is for.
        let is_wanted = match &routed_to {
            Some(names) => names.contains(&destination),
            None => all_studies || came_by_dicom,
        };
        if !is_wanted {
            continue;
        }
        let insertion = diesel::insert_into(deliveries::table).values(DeliveryRow {
            id: DeliveryId::generate().into(),
            analysis_id: report.analysis_id.into(),
            destination,
            state: DeliveryState::Queued.as_str().to_owned(),
            attempts: 0,
            queued_at: now,
            next_attempt_at: now,
            lease: None,
            reason_code: None,
            peer_status: None,
            created_at: now,
            updated_at: now,
            ended_at: None,
        });
        // An analysis has one for each destination.
        match connection {
            AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
        };
    }
    Ok(())
}

/// By C-STORE, or by STOW-RS.
fn came_by_dicom(connection: &mut AnyConnection, scan_id: RowId) -> Result<bool, DatabaseError> {
    let received: i64 = received_studies::table
        .find(scan_id)
        .count()
        .get_result(connection)?;
    if received > 0 {
        return Ok(true);
    }
    let stored: Option<RowId> = stored_instances::table
        .filter(stored_instances::scan_id.eq(scan_id))
        .select(stored_instances::scan_id)
        .first(connection)
        .optional()?;
    Ok(stored.is_some())
}
