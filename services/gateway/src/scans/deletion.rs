//! The objects of deleted scans.

use std::time::Duration;

use norma_database::DeletedScan;
use norma_object_storage::Objects;

use crate::gateway::Gateway;

/// A worker that stores an object of an analysis while it is deleted removes it itself; should it die before, this
/// later pass does.
const SECOND_DELETION_AFTER: Duration = Duration::from_secs(120);
const DELETION_ATTEMPTS: u32 = 5;

/// Deletes the objects of deleted rows; again later where analyses may still have been running.
pub(crate) async fn forget_objects(gateway: &Gateway, deleted: Vec<DeletedScan>) {
    let objects = gateway.objects.clone();
    let stopping = gateway.stopping.clone();
    let first = tokio::spawn(async move {
        for scan in &deleted {
            delete_objects(&objects, scan).await;
            tracing::info!(scan_id = %scan.scan_id, analyses = scan.analysis_ids.len(), "scan deleted");
        }
        if deleted.iter().any(|scan| !scan.analysis_ids.is_empty()) {
            tokio::spawn(async move {
                tokio::select! {
                    () = stopping.cancelled() => {}
                    () = tokio::time::sleep(SECOND_DELETION_AFTER) => {}
                }
                for scan in &deleted {
                    delete_objects(&objects, scan).await;
                }
            });
        }
    });
    if let Err(error) = first.await {
        tracing::error!(%error, "the deletion of objects did not finish");
    }
}

async fn delete_objects(objects: &Objects, scan: &DeletedScan) {
    let mut pause = Duration::from_millis(200);
    for attempt in 1..=DELETION_ATTEMPTS {
        match objects.delete_scan(scan.scan_id, &scan.analysis_ids).await {
            Ok(()) => return,
            Err(error) => {
                tracing::error!(scan_id = %scan.scan_id, attempt, %error, "objects of a deleted scan remain");
            }
        }
        tokio::time::sleep(pause).await;
        pause *= 4;
    }
}
