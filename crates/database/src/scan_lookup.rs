//! Scans found by what they hold, and by how their analysis ended.

use diesel::prelude::*;
use norma_domain::{ScanId, StudyInstanceUid};

use crate::connection::MultiBackend;
use crate::owners::Owner;
use crate::scans::find_scan;
use crate::schema::scans;
use crate::sql_types::RowId;
use crate::suspicion::SuspicionGroup;
use crate::{Database, DatabaseError, Scan};

impl Database {
    /// Scans whose latest analysis failed, the oldest first, after that one; of one owner if given.
    pub async fn failed_scans(
        &self,
        owner: Option<Owner>,
        after: Option<ScanId>,
        limit: u32,
    ) -> Result<Vec<ScanId>, DatabaseError> {
        self.run(move |connection| {
            let mut failed = scans::table
                .filter(
                    scans::suspicion_group
                        .eq(SuspicionGroup::Failed.number())
                        .or(scans::suspicion_group.eq(SuspicionGroup::NoChest.number())),
                )
                .select(scans::id)
                .into_boxed::<MultiBackend>();
            if let Some(after) = after.map(RowId::from) {
                failed = failed.filter(scans::id.gt(after));
            }
            if let Some(owner) = owner.map(String::from) {
                failed = failed.filter(scans::owner.eq(owner));
            }
            let ids: Vec<RowId> = failed.order(scans::id).limit(limit.into()).load(connection)?;
            Ok(ids.into_iter().map(ScanId::from).collect())
        })
        .await
    }

    /// The oldest scan of the same bytes; of one owner if given.
    pub async fn scan_of_bytes(
        &self,
        sha256: String,
        owner: Option<Owner>,
    ) -> Result<Option<Scan>, DatabaseError> {
        self.first_scan(owner, move |scans| scans.filter(scans::sha256.eq(sha256)))
            .await
    }

    /// The oldest scan of the same study that was prepared; of one owner if given.
    pub async fn scan_of_study(
        &self,
        study_uid: StudyInstanceUid,
        owner: Option<Owner>,
    ) -> Result<Option<Scan>, DatabaseError> {
        self.first_scan(owner, move |scans| {
            scans.filter(scans::study_uid.eq(String::from(study_uid)))
        })
        .await
    }

    async fn first_scan(
        &self,
        owner: Option<Owner>,
        narrow: impl FnOnce(scans::BoxedQuery<'static, MultiBackend>) -> scans::BoxedQuery<'static, MultiBackend>
        + Send
        + 'static,
    ) -> Result<Option<Scan>, DatabaseError> {
        self.run(move |connection| {
            let mut narrowed = narrow(scans::table.into_boxed());
            if let Some(owner) = owner.map(String::from) {
                narrowed = narrowed.filter(scans::owner.eq(owner));
            }
            let id: Option<RowId> = narrowed
                .order(scans::id)
                .select(scans::id)
                .first(connection)
                .optional()?;
            match id {
                Some(id) => find_scan(connection, id.into()),
                None => Ok(None),
            }
        })
        .await
    }
}
