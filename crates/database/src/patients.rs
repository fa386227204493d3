//! Patients: create, read, change, delete, search.

use std::fmt;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::PatientId;

use crate::audit::append;
use crate::connection::{AnyConnection, MultiBackend};
use crate::erasure::Originals;
use crate::object_deletions::DeletedScan;
use crate::scan_deletion::delete_scan_rows;
use crate::schema::patients;
use crate::search::{fold_name, patterns};
use crate::sql_types::RowId;
use crate::text::refuse_nul;
use crate::versions::require_unchanged;
use crate::{AuditActor, Database, DatabaseError, Listing, Page, time};

/// A patient as registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patient {
    pub id: PatientId,
    pub first_name: String,
    pub last_name: String,
    pub description: String,
    pub identity: PatientIdentity,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// What a hospital knows a patient by; None where nobody said.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PatientIdentity {
    /// Patient ID (0010,0020).
    pub dicom_patient_id: Option<String>,
    /// Issuer of Patient ID (0010,0021).
    pub issuer_of_patient_id: Option<String>,
    /// `YYYYMMDD`.
    pub birth_date: Option<String>,
    /// `M`, `F` or `O`.
    pub sex: Option<String>,
}

/// Tells nothing of the patient.
impl fmt::Debug for PatientIdentity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PatientIdentity").finish_non_exhaustive()
    }
}

/// What is known of a patient who is registered or changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PatientDetails {
    pub first_name: String,
    pub last_name: String,
    pub description: String,
    pub identity: PatientIdentity,
}

impl PatientDetails {
    fn check(&self) -> Result<(), DatabaseError> {
        refuse_nul("first_name", &self.first_name)?;
        refuse_nul("last_name", &self.last_name)?;
        refuse_nul("description", &self.description)?;
        let identity = &self.identity;
        for (field, text) in [
            ("dicom_patient_id", &identity.dicom_patient_id),
            ("issuer_of_patient_id", &identity.issuer_of_patient_id),
            ("birth_date", &identity.birth_date),
            ("sex", &identity.sex),
        ] {
            refuse_nul(field, text.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }

    fn search_name(&self) -> String {
        search_name(
            &self.first_name,
            &self.last_name,
            self.identity.dicom_patient_id.as_deref(),
        )
    }
}

/// What a patient is found by.
pub(crate) fn search_name(first_name: &str, last_name: &str, dicom_patient_id: Option<&str>) -> String {
    fold_name(&format!(
        "{first_name} {last_name} {}",
        dicom_patient_id.unwrap_or_default()
    ))
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = patients, treat_none_as_default_value = false)]
pub(crate) struct PatientRow {
    id: RowId,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) description: String,
    search_name: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    pub(crate) dicom_patient_id: Option<String>,
    pub(crate) issuer_of_patient_id: Option<String>,
    pub(crate) birth_date: Option<String>,
    pub(crate) sex: Option<String>,
}

impl From<PatientRow> for Patient {
    fn from(row: PatientRow) -> Self {
        Self {
            id: row.id.into(),
            first_name: row.first_name,
            last_name: row.last_name,
            description: row.description,
            identity: PatientIdentity {
                dicom_patient_id: row.dicom_patient_id,
                issuer_of_patient_id: row.issuer_of_patient_id,
                birth_date: row.birth_date,
                sex: row.sex,
            },
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
                dicom_patient_id: details.identity.dicom_patient_id,
                issuer_of_patient_id: details.identity.issuer_of_patient_id,
                birth_date: details.identity.birth_date,
                sex: details.identity.sex,
            };
            diesel::insert_into(patients::table)
                .values(&row)
                .execute(connection)?;
            Ok(row.into())
        })
        .await
    }

    /// The patients with this Patient ID, those registered first first. Whoever gave the ID: the caller compares.
    pub async fn patients_by_dicom_id(
        &self,
        dicom_patient_id: String,
    ) -> Result<Vec<Patient>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<PatientRow> = patients::table
                .filter(patients::dicom_patient_id.eq(dicom_patient_id))
                .order(patients::id)
                .limit(100)
                .select(PatientRow::as_select())
                .load(connection)?;
            Ok(rows.into_iter().map(Patient::from).collect())
        })
        .await
    }

    pub async fn patient(&self, id: PatientId) -> Result<Option<Patient>, DatabaseError> {
        self.run(move |connection| find_patient(connection, id)).await
    }

    /// Changes a patient; only where it was changed last at `unless_changed_since`, if that is given. None where there
    /// is no such patient.
    ///
    /// # Errors
    /// [`DatabaseError::ChangedMeanwhile`] where it was changed at another time.
    pub async fn update_patient(
        &self,
        id: PatientId,
        details: PatientDetails,
        unless_changed_since: Option<DateTime<Utc>>,
    ) -> Result<Option<Patient>, DatabaseError> {
        details.check()?;
        self.change(move |connection| {
            if let AnyConnection::Postgres(inner) = connection {
                let row = patients::table.find(RowId::from(id)).select(patients::id);
                row.for_update().first::<RowId>(inner).optional()?;
            }
            let before = find_patient(connection, id)?.map(|patient| patient.updated_at);
            require_unchanged("patient", before, unless_changed_since)?;
            diesel::update(patients::table.find(RowId::from(id)))
                .set((
                    patients::search_name.eq(details.search_name()),
                    patients::first_name.eq(details.first_name),
                    patients::last_name.eq(details.last_name),
                    patients::description.eq(details.description),
                    patients::dicom_patient_id.eq(details.identity.dicom_patient_id),
                    patients::issuer_of_patient_id.eq(details.identity.issuer_of_patient_id),
                    patients::birth_date.eq(details.identity.birth_date),
                    patients::sex.eq(details.identity.sex),
                    patients::updated_at.eq(time::to_row(time::after(before))),
                ))
                .execute(connection)?;
            find_patient(connection, id)
        })
        .await
    }

    /// Deletes a patient with the scans, their analyses and all that hangs on them, also while they run.
    /// Returns what was deleted, so that the objects can follow; None where there is no such patient. The audit trail is
    /// told what was erased, by whom and from where, with the deletion or not at all ([`Database::erasure_of`]).
    pub async fn delete_patient(
        &self,
        id: PatientId,
        by: AuditActor,
        source_address: String,
    ) -> Result<Option<Vec<DeletedScan>>, DatabaseError> {
        let deleted = self
            .change(move |connection| {
                if let AnyConnection::Postgres(inner) = connection {
                    // A scan uploaded meanwhile waits, and then finds no patient; otherwise it would go unnoticed.
                    let row = patients::table
                        .find(RowId::from(id))
                        .select(patients::id)
                        .for_update();
                    row.first::<RowId>(inner).optional()?;
                }
                let originals = Originals::of_patient(connection, id)?;
                let mut deleted = Vec::new();
                for scan_id in originals.scan_ids() {
                    deleted.extend(delete_scan_rows(connection, scan_id)?);
                }
                let patients_deleted =
                    diesel::delete(patients::table.find(RowId::from(id))).execute(connection)?;
                if patients_deleted == 0 {
                    return Ok(None);
                }
                let event = originals.erased(&deleted).event(id, by, source_address);
                append(connection, vec![event])?;
                Ok(Some(deleted))
            })
            .await?;
        self.forget_deleted().await;
        Ok(deleted)
    }

    /// Patients, those registered last first. `search`: every word of it is part of the first or the last
    /// name or of the Patient ID, in any order and whatever the case.
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

pub(crate) fn find_patient(
    connection: &mut AnyConnection,
    id: PatientId,
) -> Result<Option<Patient>, DatabaseError> {
    let row = patients::table
        .find(RowId::from(id))
        .select(PatientRow::as_select())
        .first(connection)
        .optional()?;
    Ok(row.map(Patient::from))
}
