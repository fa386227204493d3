//! Studies that came by DICOM: which set of instances a scan holds, so that the same set is known again.

use std::collections::HashMap;

use diesel::prelude::*;
use norma_domain::ScanId;

use crate::connection::AnyConnection;
use crate::schema::received_studies;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// The instances of a scan that came by DICOM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedStudy {
    pub scan_id: ScanId,
    /// Stands for the Study Instance UID: a hash of it.
    pub study_key: String,
    pub instances: u32,
    /// Stands for the set of instances: a hash of their sorted SOP Instance UIDs.
    pub instances_sha256: String,
    /// The scan of the same study with fewer instances, to which this one adds.
    pub predecessor: Option<ScanId>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = received_studies)]
struct Row {
    scan_id: RowId,
    study_key: String,
    instances: i32,
    instances_sha256: String,
    predecessor: Option<RowId>,
}

impl TryFrom<Row> for ReceivedStudy {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        Ok(Self {
            scan_id: row.scan_id.into(),
            study_key: row.study_key,
            instances: u32::try_from(row.instances).map_err(|_| DatabaseError::CorruptRow {
                table: "received_studies",
                column: "instances",
            })?,
            instances_sha256: row.instances_sha256,
            predecessor: row.predecessor.map(ScanId::from),
        })
    }
}

impl Database {
    /// Notes which instances a scan holds; once noted it stays so.
    ///
    /// # Errors
    /// [`DatabaseError::ForeignKeyViolation`] where there is no such scan.
    pub async fn note_received_study(&self, study: ReceivedStudy) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let row = Row {
                scan_id: study.scan_id.into(),
                study_key: study.study_key,
                instances: i32::try_from(study.instances)
                    .map_err(|_| DatabaseError::NotStorable("instances"))?,
                instances_sha256: study.instances_sha256,
                predecessor: study.predecessor.map(RowId::from),
            };
            let insertion = diesel::insert_into(received_studies::table).values(&row);
            match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            Ok(())
        })
        .await
    }

    /// What came last of a study, and is still here.
    pub async fn latest_received_study(
        &self,
        study_key: String,
    ) -> Result<Option<ReceivedStudy>, DatabaseError> {
        self.run(move |connection| {
            let row: Option<Row> = received_studies::table
                .filter(received_studies::study_key.eq(study_key))
                .order(received_studies::scan_id.desc())
                .select(Row::as_select())
                .first(connection)
                .optional()?;
            row.map(ReceivedStudy::try_from).transpose()
        })
        .await
    }

    /// Of these scans those that add to another one, with that.
    pub async fn predecessors(&self, scans: Vec<ScanId>) -> Result<HashMap<ScanId, ScanId>, DatabaseError> {
        self.run(move |connection| {
            let ids: Vec<RowId> = scans.into_iter().map(RowId::from).collect();
            let rows: Vec<Row> = received_studies::table
                .filter(received_studies::scan_id.eq_any(ids))
                .filter(received_studies::predecessor.is_not_null())
                .select(Row::as_select())
                .load(connection)?;
            let pairs = rows
                .into_iter()
                .filter_map(|row| Some((ScanId::from(row.scan_id), row.predecessor?.into())));
            Ok(pairs.collect())
        })
        .await
    }
}
