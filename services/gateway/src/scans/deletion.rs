//! The objects of deleted scans.

use std::time::Duration;

use norma_database::DeletedScan;
use norma_service::delete_objects;

use crate::gateway::Gateway;

/// How long an answer waits for the deletion of objects.
const PATIENCE: Duration = Duration::from_secs(5);

/// Deletes the objects of deleted rows, and lets go of what is kept of them in memory. It is waited for a little; what takes longer, or fails, is finished in the
/// background ([`norma_service::run_object_deletions`]): the deletion stands, and is answered as such.
pub(crate) async fn forget_objects(gateway: &Gateway, deleted: Vec<DeletedScan>) {
    gateway.kept.forget_deleted(&deleted);
    let context = gateway.context.clone();
    let deleting = tokio::spawn(async move {
        for scan in &deleted {
            delete_objects(&context, scan).await;
            tracing::info!(scan_id = %scan.scan_id, analyses = scan.analysis_ids.len(), "scan deleted");
        }
    });
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, deleting).await {
        tracing::error!(%error, "the deletion of objects did not finish: it is taken up again");
    }
}
