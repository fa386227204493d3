//! Workers that take messages, and the bundle that each answers with.

use std::time::Duration;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use norma_domain::{BundleReference, Stage};
use uuid::Uuid;

use crate::schema::workers;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// A worker says nothing for so long once it is gone for certain: its row is deleted.
const FORGOTTEN_AFTER: TimeDelta = TimeDelta::hours(1);

/// A worker of a stage as it last said of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// Of the process and stage; another one after a restart.
    pub id: Uuid,
    pub stage: Stage,
    pub bundle: BundleReference,
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = workers)]
struct WorkerRow {
    id: RowId,
    stage: String,
    bundle_name: String,
    bundle_version: String,
    bundle_sha256: String,
    seen_at: NaiveDateTime,
}

impl TryFrom<WorkerRow> for Worker {
    type Error = DatabaseError;

    fn try_from(row: WorkerRow) -> Result<Self, DatabaseError> {
        Ok(Self {
            id: row.id.0,
            stage: row.stage.parse().map_err(|_| DatabaseError::CorruptRow {
                table: "workers",
                column: "stage",
            })?,
            bundle: BundleReference {
                name: row.bundle_name,
                version: row.bundle_version,
                sha256: row.bundle_sha256,
            },
        })
    }
}

impl Database {
    /// Notes that a worker takes messages, now by the database's clock.
    pub async fn note_worker(&self, worker: Worker) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let row = WorkerRow {
                id: RowId(worker.id),
                stage: worker.stage.as_str().to_owned(),
                bundle_name: worker.bundle.name,
                bundle_version: worker.bundle.version,
                bundle_sha256: worker.bundle.sha256,
                seen_at: now,
            };
            let known = diesel::update(workers::table.find(row.id))
                .set(&row)
                .execute(connection)?;
            if known == 0 {
                diesel::insert_into(workers::table)
                    .values(&row)
                    .execute(connection)?;
                diesel::delete(workers::table.filter(workers::seen_at.lt(now - FORGOTTEN_AFTER)))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// A worker takes no more messages.
    pub async fn forget_worker(&self, id: Uuid) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::delete(workers::table.find(RowId(id))).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The workers that said something within `age`, by the database's clock.
    pub async fn workers_seen_within(&self, age: Duration) -> Result<Vec<Worker>, DatabaseError> {
        self.run(move |connection| {
            let age = TimeDelta::from_std(age).unwrap_or(FORGOTTEN_AFTER);
            let since = time::shared_now(connection)? - age;
            let rows: Vec<WorkerRow> = workers::table
                .filter(workers::seen_at.ge(since))
                .order((workers::stage, workers::id))
                .select(WorkerRow::as_select())
                .load(connection)?;
            // Of a stage that a newer version has, nothing is known here: it hides no other worker.
            let known = rows.into_iter().filter_map(|row| Worker::try_from(row).ok());
            Ok(known.collect())
        })
        .await
    }
}
