//! Destinations that were asked whether they have stored what they were sent: a row for a delivery from the question to the answer.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::DeliveryId;
use serde::{Deserialize, Serialize};

use crate::node_schema::delivery_commitments;
use crate::schema::deliveries;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// An object that a destination has not stored, and why (PS3.3 section C.14.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UncommittedObject {
    pub sop_instance_uid: String,
    pub reason: u16,
}

/// What a destination was asked of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedCommitment {
    pub transaction_uid: String,
    /// How long ago.
    pub age: Duration,
    /// None: it has not told yet. Empty: it has stored everything.
    pub answer: Option<Vec<UncommittedObject>>,
}

#[derive(Queryable, Insertable)]
#[diesel(table_name = delivery_commitments, treat_none_as_default_value = false)]
struct Row {
    delivery_id: RowId,
    transaction_uid: String,
    asked_at: NaiveDateTime,
    answer: Option<String>,
}

impl Database {
    /// Notes that a destination is about to be asked; what it was asked of this delivery before counts no more.
    pub async fn note_commitment_asked(
        &self,
        delivery: DeliveryId,
        transaction_uid: String,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let delivery_id = RowId::from(delivery);
            diesel::delete(delivery_commitments::table.find(delivery_id)).execute(connection)?;
            let row = Row {
                delivery_id,
                transaction_uid,
                asked_at: time::shared_now(connection)?,
                answer: None,
            };
            diesel::insert_into(delivery_commitments::table)
                .values(&row)
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// What was asked of a delivery, and answered.
    pub async fn commitment_asked(
        &self,
        delivery: DeliveryId,
    ) -> Result<Option<AskedCommitment>, DatabaseError> {
        self.run(move |connection| {
            let now = time::shared_now(connection)?;
            let row: Option<Row> = delivery_commitments::table
                .find(RowId::from(delivery))
                .first(connection)
                .optional()?;
            let Some(row) = row else { return Ok(None) };
            let answer = row.answer.map(|answer| serde_json::from_str(&answer)).transpose();
            Ok(Some(AskedCommitment {
                transaction_uid: row.transaction_uid,
                age: time::age(now, row.asked_at),
                answer: answer.map_err(|_| DatabaseError::CorruptRow {
                    table: "delivery_commitments",
                    column: "answer",
                })?,
            }))
        })
        .await
    }

    /// Forgets what was asked of a delivery.
    pub async fn forget_commitment_asked(&self, delivery: DeliveryId) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(delivery_commitments::table.find(RowId::from(delivery))).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Keeps what one of these destinations tells of a transaction; its delivery is looked at at once. False where none of them was asked
    /// under it.
    pub async fn note_commitment_answer(
        &self,
        transaction_uid: String,
        destinations: Vec<String>,
        uncommitted: Vec<UncommittedObject>,
    ) -> Result<bool, DatabaseError> {
        let answer = serde_json::to_string(&uncommitted).map_err(|_| DatabaseError::NotStorable("answer"))?;
        self.change(move |connection| {
            let asked: Option<RowId> = delivery_commitments::table
                .filter(delivery_commitments::transaction_uid.eq(&transaction_uid))
                .select(delivery_commitments::delivery_id)
                .first(connection)
                .optional()?;
            let Some(delivery) = asked else {
                return Ok(false);
            };
            let destination: String = deliveries::table
                .find(delivery)
                .select(deliveries::destination)
                .first(connection)?;
            if !destinations.contains(&destination) {
                return Ok(false);
            }
            diesel::update(delivery_commitments::table.find(delivery))
                .set(delivery_commitments::answer.eq(Some(answer)))
                .execute(connection)?;
            // One that is being sent just now is looked at after its attempt.
            let soon = time::shared_now(connection)?;
            diesel::update(
                deliveries::table
                    .find(delivery)
                    .filter(deliveries::state.eq(crate::DeliveryState::Queued.as_str())),
            )
            .set(deliveries::next_attempt_at.eq(soon))
            .execute(connection)?;
            Ok(true)
        })
        .await
    }
}
