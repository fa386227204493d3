//! Two records of one patient become one, and a study goes to another record.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::{PatientId, ScanId};

use crate::connection::AnyConnection;
use crate::patients::{PatientRow, find_patient, search_name};
use crate::scans::{find_scan, lock_scan};
use crate::schema::{merged_patients, patients, scans};
use crate::sql_types::RowId;
use crate::study_identities::{ScanIdentity, confirm_or_insert};
use crate::versions::require_unchanged;
use crate::{Database, DatabaseError, Patient, Scan, time};

/// What came of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MergedPatients {
    /// The record that stays.
    pub patient: Patient,
    /// The scans that were the other's.
    pub moved: Vec<ScanId>,
}

impl Database {
    /// Moves everything of the patient `merged` into the record of `surviving` and ends the other record. What the
    /// surviving record leaves open is taken from the other.
    ///
    /// None where either does not exist, or both are one.
    pub async fn merge_patients(
        &self,
        surviving: PatientId,
        merged: PatientId,
    ) -> Result<Option<MergedPatients>, DatabaseError> {
        if surviving == merged {
            return Ok(None);
        }
        self.change(move |connection| {
            let (surviving, merged) = (RowId::from(surviving), RowId::from(merged));
            lock_patients(connection, &[surviving, merged])?;
            let (Some(kept), Some(other)) = (row_of(connection, surviving)?, row_of(connection, merged)?)
            else {
                return Ok(None);
            };
            let moved: Vec<RowId> = scans::table
                .filter(scans::patient_id.eq(merged))
                .order(scans::id)
                .select(scans::id)
                .load(connection)?;
            let now = time::to_row(time::now());
            diesel::update(scans::table.filter(scans::patient_id.eq(merged)))
                .set((scans::patient_id.eq(Some(surviving)), scans::updated_at.eq(now)))
                .execute(connection)?;
            complete(connection, surviving, &kept, &other)?;
            diesel::update(merged_patients::table.filter(merged_patients::merged_into.eq(merged)))
                .set(merged_patients::merged_into.eq(surviving))
                .execute(connection)?;
            diesel::delete(patients::table.find(merged)).execute(connection)?;
            diesel::insert_into(merged_patients::table)
                .values((
                    merged_patients::id.eq(merged),
                    merged_patients::merged_into.eq(surviving),
                    merged_patients::merged_at.eq(now),
                ))
                .execute(connection)?;
            let patient =
                find_patient(connection, surviving.into())?.ok_or(DatabaseError::NotFound("patient"))?;
            Ok(Some(MergedPatients {
                patient,
                moved: moved.into_iter().map(ScanId::from).collect(),
            }))
        })
        .await
    }

    /// Into whose record a patient was merged.
    pub async fn merged_into(&self, id: PatientId) -> Result<Option<PatientId>, DatabaseError> {
        self.run(move |connection| {
            let into: Option<RowId> = merged_patients::table
                .find(RowId::from(id))
                .select(merged_patients::merged_into)
                .first(connection)
                .optional()?;
            Ok(into.map(PatientId::from))
        })
        .await
    }

    /// Puts a scan into a patient's record, with what a person confirmed, and with what its files say where that was not on
    /// record. None where there is no such scan.
    ///
    /// # Errors
    /// [`DatabaseError::NotFound`] where the patient does not exist.
    pub async fn move_scan(
        &self,
        id: ScanId,
        patient_id: PatientId,
        identity: ScanIdentity,
        unless_changed_since: Option<DateTime<Utc>>,
    ) -> Result<Option<Scan>, DatabaseError> {
        self.change(move |connection| {
            lock_patients(connection, &[patient_id.into()])?;
            lock_scan(connection, id.into())?;
            let before = find_scan(connection, id)?.map(|scan| scan.updated_at);
            require_unchanged("scan", before, unless_changed_since)?;
            diesel::update(scans::table.find(RowId::from(id)))
                .set((
                    scans::patient_id.eq(Some(RowId::from(patient_id))),
                    scans::updated_at.eq(time::to_row(time::after(before))),
                ))
                .execute(connection)
                .map_err(|error| match DatabaseError::from(error) {
                    DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("patient"),
                    other => other,
                })?;
            confirm_or_insert(connection, id.into(), identity)?;
            find_scan(connection, id)
        })
        .await
    }
}

fn row_of(connection: &mut AnyConnection, id: RowId) -> Result<Option<PatientRow>, DatabaseError> {
    Ok(patients::table
        .find(id)
        .select(PatientRow::as_select())
        .first(connection)
        .optional()?)
}

/// In the order of their ids, so that two merges never wait for each other. SQLite's transaction is the only writer
/// anyway.
fn lock_patients(connection: &mut AnyConnection, ids: &[RowId]) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(inner) = connection {
        patients::table
            .filter(patients::id.eq_any(ids))
            .order(patients::id)
            .select(patients::id)
            .for_update()
            .load::<RowId>(inner)?;
    }
    Ok(())
}

/// Fills what the surviving record leaves open.
fn complete(
    connection: &mut AnyConnection,
    surviving: RowId,
    kept: &PatientRow,
    other: &PatientRow,
) -> Result<(), DatabaseError> {
    // An identifier means something together with who gave it.
    let (dicom_patient_id, issuer) = match &kept.dicom_patient_id {
        Some(id) => (Some(id), &kept.issuer_of_patient_id),
        None => (other.dicom_patient_id.as_ref(), &other.issuer_of_patient_id),
    };
    let description = match (kept.description.as_str(), other.description.as_str()) {
        ("", other) => other.to_owned(),
        (kept, "") => kept.to_owned(),
        (kept, other) if kept == other => kept.to_owned(),
        (kept, other) => format!("{kept}\n{other}"),
    };
    diesel::update(patients::table.find(surviving))
        .set((
            patients::description.eq(description),
            patients::search_name.eq(search_name(
                &kept.first_name,
                &kept.last_name,
                dicom_patient_id.map(String::as_str),
            )),
            patients::dicom_patient_id.eq(dicom_patient_id),
            patients::issuer_of_patient_id.eq(issuer),
            patients::birth_date.eq(kept.birth_date.as_ref().or(other.birth_date.as_ref())),
            patients::sex.eq(kept.sex.as_ref().or(other.sex.as_ref())),
            patients::updated_at.eq(time::to_row(time::now())),
        ))
        .execute(connection)?;
    Ok(())
}
