//! What is old, and what is there at all: for the deletion of both.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::{AnalysisId, ScanId};

use crate::schema::{analyses, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// Bound values of one query; SQLite takes some thousands.
const IDS_AT_ONCE: usize = 500;

impl Database {
    /// Scans made before a time, the oldest first, at most so many.
    pub async fn scans_before(
        &self,
        before: DateTime<Utc>,
        at_most: u32,
    ) -> Result<Vec<ScanId>, DatabaseError> {
        self.run(move |connection| {
            let ids: Vec<RowId> = scans::table
                .filter(scans::created_at.lt(time::to_row(before)))
                .order(scans::created_at.asc())
                .limit(at_most.into())
                .select(scans::id)
                .load(connection)?;
            Ok(ids.into_iter().map(ScanId::from).collect())
        })
        .await
    }

    /// Gives a scan another time of making: for studies that come with a history from elsewhere, and for tests.
    pub async fn set_scan_time(&self, id: ScanId, created_at: DateTime<Utc>) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            diesel::update(scans::table.find(RowId::from(id)))
                .set(scans::created_at.eq(time::to_row(created_at)))
                .execute(connection)?;
            Ok(())
        })
        .await
    }

    /// Those of the given scans that exist.
    pub async fn existing_scans(&self, ids: Vec<ScanId>) -> Result<BTreeSet<ScanId>, DatabaseError> {
        self.run(move |connection| {
            let mut existing = BTreeSet::new();
            for part in ids.chunks(IDS_AT_ONCE) {
                let found: Vec<RowId> = scans::table
                    .filter(scans::id.eq_any(part.iter().copied().map(RowId::from)))
                    .select(scans::id)
                    .load(connection)?;
                existing.extend(found.into_iter().map(ScanId::from));
            }
            Ok(existing)
        })
        .await
    }

    /// Those of the given analyses that exist.
    pub async fn existing_analyses(
        &self,
        ids: Vec<AnalysisId>,
    ) -> Result<BTreeSet<AnalysisId>, DatabaseError> {
        self.run(move |connection| {
            let mut existing = BTreeSet::new();
            for part in ids.chunks(IDS_AT_ONCE) {
                let found: Vec<RowId> = analyses::table
                    .filter(analyses::id.eq_any(part.iter().copied().map(RowId::from)))
                    .select(analyses::id)
                    .load(connection)?;
                existing.extend(found.into_iter().map(AnalysisId::from));
            }
            Ok(existing)
        })
        .await
    }
}
