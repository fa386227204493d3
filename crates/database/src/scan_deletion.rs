//! Scans are deleted with all that hangs on them.

use diesel::prelude::*;
use norma_domain::{AnalysisId, ScanId};

use crate::audit::{NewAuditEvent, append};
use crate::connection::AnyConnection;
use crate::object_deletions::{DeletedScan, insert_deletion};
use crate::predictions::{delete_empty_predictions, predictions_of};
use crate::scans::lock_scan;
use crate::schema::{analyses, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

impl Database {
    /// Deletes a scan with its analyses and all that hangs on them, also while they run: what a worker
    /// records afterwards finds no row. None where there is no such scan.
    pub async fn delete_scan(&self, id: ScanId) -> Result<Option<DeletedScan>, DatabaseError> {
        let deleted = self
            .change(move |connection| delete_scan_rows(connection, id))
            .await?;
        self.forget_deleted().await;
        Ok(deleted)
    }

    /// The same for a scan whose time is over, with the event that says so: both or neither.
    pub async fn expire_scan(
        &self,
        id: ScanId,
        event: NewAuditEvent,
    ) -> Result<Option<DeletedScan>, DatabaseError> {
        let deleted = self
            .change(move |connection| {
                let deleted = delete_scan_rows(connection, id)?;
                if deleted.is_some() {
                    append(connection, vec![event])?;
                }
                Ok(deleted)
            })
            .await?;
        self.forget_deleted().await;
        Ok(deleted)
    }
}

/// Deletes a scan inside a transaction.
pub(crate) fn delete_scan_rows(
    connection: &mut AnyConnection,
    id: ScanId,
) -> Result<Option<DeletedScan>, DatabaseError> {
    // Keeps an analysis from being requested between the reading of the ids and the deletion.
    lock_scan(connection, id.into())?;
    let analysis_ids: Vec<RowId> = analyses::table
        .filter(analyses::scan_id.eq(RowId::from(id)))
        .order(analyses::id)
        .select(analyses::id)
        .load(connection)?;
    let predictions = predictions_of(connection, id.into())?;
    let deleted = diesel::delete(scans::table.find(RowId::from(id))).execute(connection)?;
    delete_empty_predictions(connection, &predictions)?;
    if deleted == 0 {
        return Ok(None);
    }
    let deleted = DeletedScan {
        scan_id: id,
        analysis_ids: analysis_ids.into_iter().map(AnalysisId::from).collect(),
    };
    insert_deletion(connection, &deleted)?;
    Ok(Some(deleted))
}
