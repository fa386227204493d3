//! Analyses that were requested and wait for their turn, each with the message that announces it.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{AnalysisId, Priority};

use crate::connection::AnyConnection;
use crate::outbox::insert_message;
use crate::schema::{analyses, scans, turn_clocks, waiting_analyses};
use crate::sql_types::RowId;
use crate::turn_shares::{reckoned_ms, requester};
use crate::unfinished::is_unfinished;
use crate::{DatabaseError, OutboxMessage, Owner, json};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = waiting_analyses, treat_none_as_default_value = false)]
struct WaitingRow {
    analysis_id: RowId,
    priority: String,
    requester: String,
    cost_ms: i64,
    requested_at: NaiveDateTime,
    message_id: RowId,
    routing_key: String,
    type_name: String,
    payload: Vec<u8>,
    headers: serde_json::Value,
}

/// A new analysis that is to wait for its turn.
pub(crate) struct NewWaiting {
    pub(crate) analysis_id: RowId,
    pub(crate) scan_id: RowId,
    pub(crate) priority: Priority,
    pub(crate) requested_by: Option<String>,
    pub(crate) requested_at: NaiveDateTime,
    pub(crate) message: OutboxMessage,
}

/// Lets a new analysis wait for its turn.
pub(crate) fn hold_back(connection: &mut AnyConnection, new: NewWaiting) -> Result<(), DatabaseError> {
    let size_bytes: i64 = scans::table
        .find(new.scan_id)
        .select(scans::size_bytes)
        .first(connection)?;
    let row = WaitingRow {
        analysis_id: new.analysis_id,
        priority: new.priority.as_str().to_owned(),
        requester: requester(new.requested_by),
        cost_ms: reckoned_ms(size_bytes),
        requested_at: new.requested_at,
        message_id: RowId(new.message.message_id),
        routing_key: new.message.routing_key,
        type_name: new.message.type_name,
        payload: new.message.payload,
        headers: json::encode(&new.message.headers, "headers of a waiting analysis")?,
    };
    diesel::insert_into(waiting_analyses::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

/// The turn of an analysis has come: its message goes to the outbox. Gives its cost in milliseconds; None where it does not
/// wait any more.
pub(crate) fn announce_waiting(
    connection: &mut AnyConnection,
    id: RowId,
) -> Result<Option<i64>, DatabaseError> {
    let row: Option<WaitingRow> = waiting_analyses::table
        .find(id)
        .select(WaitingRow::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else {
        return Ok(None);
    };
    let taken = diesel::delete(waiting_analyses::table.find(id)).execute(connection)?;
    if taken == 0 {
        return Ok(None);
    }
    let message = OutboxMessage {
        message_id: row.message_id.0,
        routing_key: row.routing_key,
        type_name: row.type_name,
        payload: row.payload,
        headers: json::decode(row.headers, "waiting_analyses", "headers")?,
    };
    insert_message(connection, message)?;
    Ok(Some(row.cost_ms))
}

/// An analysis that ended while it waited has no turn any more.
pub(crate) fn forget_turn(connection: &mut AnyConnection, id: AnalysisId) -> Result<(), DatabaseError> {
    diesel::delete(waiting_analyses::table.find(RowId::from(id))).execute(connection)?;
    Ok(())
}

/// Makes a routine analysis that waits urgent, for whoever asks for that. False where its turn has come already.
pub(crate) fn raise(
    connection: &mut AnyConnection,
    id: AnalysisId,
    requested_by: Option<Owner>,
) -> Result<bool, DatabaseError> {
    let urgent = Priority::Urgent.as_str();
    let requested_by = requested_by.map(String::from);
    let waiting = analyses::table
        .find(RowId::from(id))
        .filter(is_unfinished())
        .filter(analyses::released_at.is_null());
    let raised = diesel::update(waiting)
        .set((
            analyses::priority.eq(urgent),
            analyses::requested_by.eq(requested_by.clone()),
        ))
        .execute(connection)?;
    if raised == 1 {
        diesel::update(waiting_analyses::table.find(RowId::from(id)))
            .set((
                waiting_analyses::priority.eq(urgent),
                waiting_analyses::requester.eq(requester(requested_by)),
            ))
            .execute(connection)?;
    }
    Ok(raised == 1)
}

/// Refuses an urgent request of somebody who has as many unfinished ones as may be, where that is bounded. Such requests come
/// one after the other.
pub(crate) fn may_be_urgent(
    connection: &mut AnyConnection,
    requested_by: Option<Owner>,
    most: Option<u32>,
) -> Result<(), DatabaseError> {
    let Some(most) = most else {
        return Ok(());
    };
    if let AnyConnection::Postgres(inner) = connection {
        turn_clocks::table
            .find(Priority::Urgent.as_str())
            .select(turn_clocks::priority)
            .for_update()
            .first::<String>(inner)?;
    }
    let urgent = analyses::table
        .filter(is_unfinished())
        .filter(analyses::priority.eq(Priority::Urgent.as_str()));
    let unfinished: i64 = match requested_by.map(String::from) {
        Some(requested_by) => urgent
            .filter(analyses::requested_by.eq(requested_by))
            .count()
            .get_result(connection)?,
        None => urgent
            .filter(analyses::requested_by.is_null())
            .count()
            .get_result(connection)?,
    };
    if unfinished >= i64::from(most) {
        return Err(DatabaseError::TooManyUrgent { most });
    }
    Ok(())
}
