//! Patients: create, read, change, delete, search.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{PatientId, ScanId};

use crate::connection::{AnyConnection, MultiBackend};
use crate::object_deletions::DeletedScan;
use crate::scan_deletion::delete_scan_rows;
use crate::schema::{patients, scans};
use crate::search::{fold_name, patterns};
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::{Database, DatabaseError, Listing, Page, time};

/// A patient as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    pub id: PatientId,
    pub first_name: String,
    pub last_name: String,
    pub description: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What is known of a patient who is registered or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatientDetails {
    pub first_name: String,
    pub last_name: String,
    pub description: String,
}

impl PatientDetails {
    fn check(&self) -> Result<(), DatabaseError> {
        refuse_nul("first_name", &self.first_name)?;
        refuse_nul("last_name", &self.last_name)?;
        refuse_nul("description", &self.description)
    }

    fn search_name(&self) -> String {
        fold_name(&format!("{} {}", self.first_name, self.last_name))
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = patients)]
pub(crate) struct PatientRow {
    id: RowId,
    first_name: String,
    last_name: String,
    description: String,
    search_name: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl From<PatientRow> for Patient {
    fn from(row: PatientRow) -> Self {
        Self {
            id: row.id.into(),
            first_name: row.first_name,
            last_name: row.last_name,
            description: row.description,
            created_at: time::from_row(row.created_at),
            updated_at: time::from_row(row.updated_at),
        }
    }
}

impl Database {
    pub async fn create_patient(&self, details: PatientDetails) -> Result<Patient, DatabaseError> {
        details.check()?;
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let row = PatientRow {
                id: PatientId::generate().into(),
                search_name: details.search_name(),
                first_name: details.first_name,
                last_name: details.last_name,
                description: details.description,
                created_at: now,
                updated_at: now,
            };
            diesel::insert_into(patients::table)
                .values(&row)
                .execute(connection)?;
            Ok(row.into())
        })
        .await
    }

    pub async fn patient(&self, id: PatientId) -> Result<Option<Patient>, DatabaseError> {
        self.run(move |connection| find(connection, id)).await
    }

    /// None where there is no such patient.
    pub async fn update_patient(
        &self,
        id: PatientId,
        details: PatientDetails,
    ) -> Result<Option<Patient>, DatabaseError> {
        details.check()?;
        self.change(move |connection| {
            diesel::update(patients::table.find(RowId::from(id)))
                .set((
                    patients::search_name.eq(details.search_name()),
                    patients::first_name.eq(details.first_name),
                    patients::last_name.eq(details.last_name),
                    patients::description.eq(details.description),
                    patients::updated_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            find(connection, id)
        })
        .await
    }

    /// Deletes a patient with the scans, their analyses and all that hangs on them, also while they run.
    /// Returns what was deleted, so that the objects can follow; None where there is no such patient.
    pub async fn delete_patient(&self, id: PatientId) -> Result<Option<Vec<DeletedScan>>, DatabaseError> {
        self.change(move |connection| {
            if let AnyConnection::Postgres(inner) = connection {
                // A scan uploaded meanwhile waits, and then finds no patient; otherwise it would go unnoticed.
                let row = patients::table
                    .find(RowId::from(id))
                    .select(patients::id)
                    .for_update();
                row.first::<RowId>(inner).optional()?;
            }
            let scan_ids: Vec<RowId> = scans::table
                .filter(scans::patient_id.eq(RowId::from(id)))
                .order(scans::id)
                .select(scans::id)
                .load(connection)?;
            let mut deleted = Vec::with_capacity(scan_ids.len());
            for scan_id in scan_ids {
                deleted.extend(delete_scan_rows(connection, ScanId::from(scan_id))?);
            }
            let patients_deleted =
                diesel::delete(patients::table.find(RowId::from(id))).execute(connection)?;
            Ok((patients_deleted > 0).then_some(deleted))
        })
        .await
    }

    /// Patients, those registered last first. `search`: every word of it is part of the first or the last
    /// name, in either order and whatever the case.
    pub async fn list_patients(
        &self,
        search: Option<String>,
        page: Page,
    ) -> Result<Listing<Patient>, DatabaseError> {
        self.run(move |connection| {
            let patterns = patterns(search.as_deref().unwrap_or_default());
            let mut wanted = patients::table.select(patients::id).into_boxed::<MultiBackend>();
            let mut counted = patients::table.count().into_boxed::<MultiBackend>();
            for pattern in patterns {
                wanted = wanted.filter(patients::search_name.like(pattern.clone()).escape('\\'));
                counted = counted.filter(patients::search_name.like(pattern).escape('\\'));
            }
            let ids: Vec<RowId> = wanted
                .order(patients::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .load(connection)?;
            let rows: Vec<PatientRow> = patients::table
                .filter(patients::id.eq_any(&ids))
                .order(patients::id.desc())
                .select(PatientRow::as_select())
                .load(connection)?;
            Ok(Listing::new(
                rows.into_iter().map(Patient::from).collect(),
                counted.get_result(connection)?,
            ))
        })
        .await
    }
}

fn find(connection: &mut AnyConnection, id: PatientId) -> Result<Option<Patient>, DatabaseError> {
    let row = patients::table
        .find(RowId::from(id))
        .select(PatientRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Patient::from))
}
