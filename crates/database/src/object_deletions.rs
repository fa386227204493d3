//! Objects that are to follow the deleted rows of their scan.

use std::time::Duration;

use chrono::TimeDelta;
use diesel::prelude::*;
use norma_domain::{AnalysisId, ScanId};

use crate::connection::AnyConnection;
use crate::schema::object_deletions;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// What went with a deleted scan: the ids whose objects are to be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletedScan {
    pub scan_id: ScanId,
    pub analysis_ids: Vec<AnalysisId>,
}

/// Notes what is to be deleted, inside the transaction that deletes its rows.
pub(crate) fn insert_deletion(
    connection: &mut AnyConnection,
    deleted: &DeletedScan,
) -> Result<(), DatabaseError> {
    let ids: Vec<String> = deleted.analysis_ids.iter().map(ToString::to_string).collect();
    let now = time::shared_now(connection)?;
    diesel::insert_into(object_deletions::table)
        .values((
            object_deletions::scan_id.eq(RowId::from(deleted.scan_id)),
            object_deletions::analysis_ids.eq(ids.join(" ")),
            object_deletions::passes.eq(0),
            object_deletions::due_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}

impl Database {
    /// Deleted scans whose objects are to be deleted now, those that wait longest first.
    pub async fn due_object_deletions(&self, limit: u32) -> Result<Vec<DeletedScan>, DatabaseError> {
        self.run(move |connection| {
            let now = time::shared_now(connection)?;
            let rows: Vec<(RowId, String)> = object_deletions::table
                .filter(object_deletions::due_at.le(now))
                .order(object_deletions::due_at)
                .limit(limit.into())
                .select((object_deletions::scan_id, object_deletions::analysis_ids))
                .load(connection)?;
            rows.into_iter()
                .map(|(scan_id, ids)| {
                    let analysis_ids: Result<Vec<AnalysisId>, _> =
                        ids.split_whitespace().map(str::parse).collect();
                    Ok(DeletedScan {
                        scan_id: ScanId::from(scan_id),
                        analysis_ids: analysis_ids.map_err(|_| DatabaseError::CorruptRow {
                            table: "object_deletions",
                            column: "analysis_ids",
                        })?,
                    })
                })
                .collect()
        })
        .await
    }

    /// Notes that the objects of a deleted scan were deleted: once more after `again`, because a worker may store some
    /// meanwhile, where this was the first time and the scan had an analysis; else it is done.
    pub async fn note_objects_deleted(
        &self,
        deleted: &DeletedScan,
        again: Duration,
    ) -> Result<(), DatabaseError> {
        let (scan_id, is_once) = (RowId::from(deleted.scan_id), deleted.analysis_ids.is_empty());
        self.change(move |connection| {
            let row = object_deletions::table.find(scan_id);
            let passes: Option<i32> = row
                .select(object_deletions::passes)
                .first(connection)
                .optional()?;
            let Some(passes) = passes else { return Ok(()) };
            if is_once || passes > 0 {
                diesel::delete(row).execute(connection)?;
                return Ok(());
            }
            let again = TimeDelta::from_std(again).unwrap_or(TimeDelta::MAX);
            let now = time::shared_now(connection)?;
            diesel::update(row)
                .set((
                    object_deletions::passes.eq(passes + 1),
                    object_deletions::due_at.eq(now.checked_add_signed(again).unwrap_or(now)),
                ))
                .execute(connection)?;
            Ok(())
        })
        .await
    }
}
