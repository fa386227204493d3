//! Scans: one row for each uploaded study.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{AnalysisId, PatientId, ScanId, SeriesInstanceUid, StudyInstanceUid};

use crate::connection::{AnyConnection, MultiBackend};
use crate::owners::Owner;
use crate::repeatable_requests::{RequestKey, finish_request};
use crate::schema::{scans, study_identities};
use crate::sql_types::RowId;
use crate::study_identities::{self as identities, ScanIdentity};
use crate::study_locks::{StudyLock, keep_lock};
use crate::text::refuse_nul;
use crate::versions::require_unchanged;
use crate::{Database, DatabaseError, Listing, Page, time};

/// One uploaded study.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    pub id: ScanId,
    /// None for a prediction without a patient.
    pub patient_id: Option<PatientId>,
    pub description: String,
    /// The name of the upload, or the study's path inside an archive of many. May name a person: not for logs.
    pub file_name: String,
    /// SHA-256 of the original, lower-case hexadecimal.
    pub sha256: String,
    pub size_bytes: u64,
    /// Where the original lies in the object storage.
    pub object_key: String,
    /// This and the following are known after preprocessing.
    pub study_uid: Option<StudyInstanceUid>,
    pub series_uid: Option<SeriesInstanceUid>,
    /// `YYYYMMDD`.
    pub study_date: Option<String>,
    pub slice_count: Option<u32>,
    pub latest_analysis_id: Option<AnalysisId>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A scan whose original is stored already. The id is made by the caller, because the object's key holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewScan {
    pub id: ScanId,
    pub patient_id: Option<PatientId>,
    pub description: String,
    pub file_name: String,
    pub sha256: String,
    pub size_bytes: u64,
    pub object_key: String,
    /// Who uploads it.
    pub owner: Option<Owner>,
    /// Whose study its files say it is.
    pub identity: ScanIdentity,
    /// Which study its files say it is; its analysis tells again.
    pub study_uid: Option<StudyInstanceUid>,
    /// Of the request that uploads it, where it may be sent again: noted with the scan or not at all.
    pub request: Option<RequestKey>,
}

/// Which scans are wanted. What is None does not narrow the list.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ScanQuery {
    pub patient_id: Option<PatientId>,
    pub owner: Option<Owner>,
    /// Patient ID of the files, as a whole.
    pub dicom_patient_id: Option<String>,
    /// Accession Number of the files, as a whole.
    pub accession_number: Option<String>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = scans, treat_none_as_default_value = false)]
pub(crate) struct ScanRow {
    id: RowId,
    patient_id: Option<RowId>,
    description: String,
    file_name: String,
    sha256: String,
    size_bytes: i64,
    object_key: String,
    study_uid: Option<String>,
    series_uid: Option<String>,
    study_date: Option<String>,
    slice_count: Option<i32>,
    latest_analysis_id: Option<RowId>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    owner: Option<String>,
}

impl TryFrom<ScanRow> for Scan {
    type Error = DatabaseError;

    fn try_from(row: ScanRow) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "scans",
            column,
        };
        Ok(Self {
            id: row.id.into(),
            patient_id: row.patient_id.map(PatientId::from),
            description: row.description,
            file_name: row.file_name,
            sha256: row.sha256,
            size_bytes: u64::try_from(row.size_bytes).map_err(|_| corrupt("size_bytes"))?,
            object_key: row.object_key,
            study_uid: row
                .study_uid
                .map(StudyInstanceUid::try_from)
                .transpose()
                .map_err(|_| corrupt("study_uid"))?,
            series_uid: row
                .series_uid
                .map(SeriesInstanceUid::try_from)
                .transpose()
                .map_err(|_| corrupt("series_uid"))?,
            study_date: row.study_date,
            slice_count: row
                .slice_count
                .map(u32::try_from)
                .transpose()
                .map_err(|_| corrupt("slice_count"))?,
            latest_analysis_id: row.latest_analysis_id.map(AnalysisId::from),
            created_at: time::from_row(row.created_at),
            updated_at: time::from_row(row.updated_at),
        })
    }
}

impl Database {
    /// # Errors
    /// [`DatabaseError::NotFound`] where the patient does not exist,
    /// [`DatabaseError::UniqueViolation`] where the scan does already.
    pub async fn create_scan(&self, scan: NewScan) -> Result<Scan, DatabaseError> {
        self.create_locked_scan(scan, None).await
    }

    /// The same of a study of which nobody else may store anything meanwhile.
    ///
    /// # Errors
    /// As of [`Database::create_scan`]; [`DatabaseError::StudyLockLost`] where another one has the lock by now.
    pub async fn create_locked_scan(
        &self,
        scan: NewScan,
        lock: Option<StudyLock>,
    ) -> Result<Scan, DatabaseError> {
        refuse_nul("description", &scan.description)?;
        refuse_nul("file_name", &scan.file_name)?;
        self.change(move |connection| {
            if let Some(lock) = &lock {
                keep_lock(connection, lock)?;
            }
            let now = time::to_row(time::now());
            let row = ScanRow {
                id: scan.id.into(),
                patient_id: scan.patient_id.map(RowId::from),
                description: scan.description,
                file_name: scan.file_name,
                sha256: scan.sha256,
                size_bytes: i64::try_from(scan.size_bytes)
                    .map_err(|_| DatabaseError::NotStorable("size_bytes"))?,
                object_key: scan.object_key,
                study_uid: scan.study_uid.map(String::from),
                series_uid: None,
                study_date: None,
                slice_count: None,
                latest_analysis_id: None,
                created_at: now,
                updated_at: now,
                owner: scan.owner.map(String::from),
            };
            diesel::insert_into(scans::table)
                .values(&row)
                .execute(connection)
                .map_err(|error| match DatabaseError::from(error) {
                    DatabaseError::ForeignKeyViolation { .. } => DatabaseError::NotFound("patient"),
                    other => other,
                })?;
            identities::insert(connection, row.id, scan.identity)?;
            if let Some(request) = scan.request {
                finish_request(connection, request, scan.id.into())?;
            }
            row.try_into()
        })
        .await
    }

    pub async fn scan(&self, id: ScanId) -> Result<Option<Scan>, DatabaseError> {
        self.run(move |connection| find_scan(connection, id)).await
    }

    /// Scans, the newest first.
    pub async fn list_scans(&self, query: ScanQuery, page: Page) -> Result<Listing<Scan>, DatabaseError> {
        self.run(move |connection| {
            let mut wanted = scans::table.select(scans::id).into_boxed::<MultiBackend>();
            let mut counted = scans::table.count().into_boxed::<MultiBackend>();
            if let Some(patient_id) = query.patient_id.map(RowId::from) {
                wanted = wanted.filter(scans::patient_id.eq(patient_id));
                counted = counted.filter(scans::patient_id.eq(patient_id));
            }
            if let Some(id) = query.dicom_patient_id {
                let said = || {
                    study_identities::table
                        .filter(study_identities::patient_id.eq(id.clone()))
                        .select(study_identities::scan_id)
                };
                wanted = wanted.filter(scans::id.eq_any(said()));
                counted = counted.filter(scans::id.eq_any(said()));
            }
            if let Some(number) = query.accession_number {
                let said = || {
                    study_identities::table
                        .filter(study_identities::accession_number.eq(number.clone()))
                        .select(study_identities::scan_id)
                };
                wanted = wanted.filter(scans::id.eq_any(said()));
                counted = counted.filter(scans::id.eq_any(said()));
            }
            if let Some(owner) = query.owner.map(String::from) {
                wanted = wanted.filter(scans::owner.eq(owner.clone()));
                counted = counted.filter(scans::owner.eq(owner));
            }
            // First which ones, by an index alone; then all of them: rows that are skipped are not read.
            let ids: Vec<RowId> = wanted
                .order(scans::id.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .load(connection)?;
            let rows: Vec<ScanRow> = scans::table
                .filter(scans::id.eq_any(&ids))
                .order(scans::id.desc())
                .select(ScanRow::as_select())
                .load(connection)?;
            let items = rows.into_iter().map(Scan::try_from).collect::<Result<_, _>>()?;
            Ok(Listing::new(items, counted.get_result(connection)?))
        })
        .await
    }

    /// Changes a scan's description; only where it was changed last at `unless_changed_since`, if that is given. None
    /// where there is no such scan.
    ///
    /// # Errors
    /// [`DatabaseError::ChangedMeanwhile`] where it was changed at another time.
    pub async fn update_scan_description(
        &self,
        id: ScanId,
        description: String,
        unless_changed_since: Option<DateTime<Utc>>,
    ) -> Result<Option<Scan>, DatabaseError> {
        refuse_nul("description", &description)?;
        self.change(move |connection| {
            lock_scan(connection, id.into())?;
            let before = find_scan(connection, id)?.map(|scan| scan.updated_at);
            require_unchanged("scan", before, unless_changed_since)?;
            diesel::update(scans::table.find(RowId::from(id)))
                .set((
                    scans::description.eq(description),
                    scans::updated_at.eq(time::to_row(time::after(before))),
                ))
                .execute(connection)?;
            find_scan(connection, id)
        })
        .await
    }
}

pub(crate) fn find_scan(connection: &mut AnyConnection, id: ScanId) -> Result<Option<Scan>, DatabaseError> {
    scans::table
        .find(RowId::from(id))
        .select(ScanRow::as_select())
        .first(connection)
        .optional()?
        .map(Scan::try_from)
        .transpose()
}

/// Locks the row of a scan until the end of the transaction. Who locks several rows does so in the order patient,
/// scan, analysis, so that two transactions never wait for each other. SQLite's transaction is the only writer anyway.
pub(crate) fn lock_scan(connection: &mut AnyConnection, id: RowId) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(inner) = connection {
        let row = scans::table.find(id).select(scans::id).for_update();
        row.first::<RowId>(inner).optional()?;
    }
    Ok(())
}
