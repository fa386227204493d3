//! Objects follow the rows that were deleted, whatever happens in between: the deletion wrote down what is to go.

use std::time::Duration;

use norma_database::DeletedScan;

use crate::{Context, repeat};

/// How often what is due is looked for, besides at once after each deletion.
const INTERVAL: Duration = Duration::from_secs(15);
/// A worker that stores an object of an analysis while it is deleted removes it itself; should it die before, a second
/// deletion after this time does.
const AGAIN_AFTER: Duration = Duration::from_secs(120);
const AT_ONCE: u32 = 100;

/// Deletes the objects of scans whose rows are gone, until shutdown. Any number may run: what is deleted twice is
/// deleted.
pub async fn run_object_deletions(context: Context) {
    repeat(INTERVAL, &context.shutdown, || async {
        match context.database.due_object_deletions(AT_ONCE).await {
            Ok(due) => {
                for deleted in due {
                    if context.shutdown.is_cancelled() {
                        return;
                    }
                    delete_objects(&context, &deleted).await;
                }
            }
            Err(error) => tracing::warn!(%error, "failed to look for objects to delete"),
        }
    })
    .await;
}

/// Deletes the objects of a scan whose rows are gone. What fails is tried again by [`run_object_deletions`].
pub async fn delete_objects(context: &Context, deleted: &DeletedScan) {
    let scan_id = deleted.scan_id;
    let deletion = context.objects.delete_scan(scan_id, &deleted.analysis_ids);
    if let Err(error) = deletion.await {
        tracing::warn!(%scan_id, %error, "objects of a deleted scan remain for now");
        return;
    }
    if let Err(error) = context.database.note_objects_deleted(deleted, AGAIN_AFTER).await {
        tracing::warn!(%scan_id, %error, "that objects were deleted could not be noted: they are deleted again");
    }
}
