//! Studies that are here by another way than C-STORE: what comes by that is held against them.

use std::collections::HashSet;

use diesel::prelude::*;
use norma_domain::{Report, ScanId, StudyInstanceUid};

use crate::connection::{AnyConnection, MultiBackend};
use crate::deliveries::queue_deliveries;
use crate::owners::Owner;
use crate::scans::lock_scan;
use crate::schema::{dicom_studies, received_studies, reports, scans};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, json};

/// Uploads of one study that are looked at, the newest ones.
const MOST: i64 = 50;

/// A scan and who sent it.
type Found = (RowId, Option<String>);

impl Database {
    /// Scans of a study that came by uploads or STOW-RS, the newest first, and who sent them: people, the keys of `scope`, or
    /// anybody where authentication was off. What keys of another scope sent is a matter of theirs.
    pub async fn scans_held_of_study(
        &self,
        uid: StudyInstanceUid,
        scope: String,
    ) -> Result<Vec<(ScanId, Option<Owner>)>, DatabaseError> {
        self.run(move |connection| scans_held(connection, Some(uid), scope))
            .await
    }

    /// Scans that came by uploads or STOW-RS and of which it is not known yet which study they are, the newest first; otherwise as
    /// [`Database::scans_held_of_study`].
    pub async fn scans_of_unknown_study(
        &self,
        scope: String,
    ) -> Result<Vec<(ScanId, Option<Owner>)>, DatabaseError> {
        self.run(move |connection| scans_held(connection, None, scope))
            .await
    }

    /// Queues the results of a scan's latest analysis, if it is completed, for the destinations that have not got them: where a study
    /// comes by DICOM that is here already, its sender waits for them all the same.
    pub async fn queue_missing_deliveries(&self, scan_id: ScanId) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let id = RowId::from(scan_id);
            lock_scan(connection, id)?;
            let latest: Option<Option<RowId>> = scans::table
                .find(id)
                .select(scans::latest_analysis_id)
                .first(connection)
                .optional()?;
            let Some(latest) = latest.flatten() else {
                return Ok(());
            };
            let report: Option<serde_json::Value> = reports::table
                .find(latest)
                .select(reports::report)
                .first(connection)
                .optional()?;
            match report {
                Some(report) => {
                    let report: Report = json::decode(report, "reports", "report")?;
                    queue_deliveries(connection, id, &report)
                }
                None => Ok(()),
            }
        })
        .await
    }
}

/// Of a study, or of those that are not known yet.
fn scans_held(
    connection: &mut AnyConnection,
    study: Option<StudyInstanceUid>,
    scope: String,
) -> Result<Vec<(ScanId, Option<Owner>)>, DatabaseError> {
    let sender = scans::owner
        .is_null()
        .or(scans::owner.like("user:%"))
        .or(scans::owner.eq(String::from(Owner::Scope(scope))));
    let held = scans::table
        .left_join(dicom_studies::table.on(dicom_studies::scan_id.eq(scans::id)))
        .filter(sender)
        .order(scans::id.desc())
        .limit(MOST)
        .select((scans::id, scans::owner))
        .into_boxed::<MultiBackend>();
    let held = match study {
        Some(uid) => {
            let uid = uid.as_str().to_owned();
            held.filter(
                scans::study_uid
                    .eq(uid.clone())
                    .or(dicom_studies::study_uid.eq(uid)),
            )
        }
        None => held
            .filter(dicom_studies::scan_id.is_null())
            .filter(scans::study_uid.is_null()),
    };
    let found = held.load(connection)?;
    not_received(connection, found)
}

/// Without those that came by C-STORE.
fn not_received(
    connection: &mut AnyConnection,
    found: Vec<Found>,
) -> Result<Vec<(ScanId, Option<Owner>)>, DatabaseError> {
    let ids: Vec<RowId> = found.iter().map(|(id, _)| *id).collect();
    let received: Vec<RowId> = received_studies::table
        .filter(received_studies::scan_id.eq_any(ids))
        .select(received_studies::scan_id)
        .load(connection)?;
    let received: HashSet<ScanId> = received.into_iter().map(ScanId::from).collect();
    Ok(found
        .into_iter()
        .map(|(id, owner)| (ScanId::from(id), owner.as_deref().and_then(Owner::of_row)))
        .filter(|(id, _)| !received.contains(id))
        .collect())
}
