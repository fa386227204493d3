//! What is deleted by itself: studies past their age, and objects that belong to nothing any more.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::NewAuditEvent;

use crate::object_deletions::delete_objects;
use crate::{Context, delete_orphans, repeat};

/// Studies deleted in one go; the next go follows at once where there are more.
const STUDIES_AT_ONCE: u32 = 100;

/// Deletes old studies and orphaned objects, until shutdown. Any number may run: what is deleted twice is deleted.
pub async fn run_retention(context: Context) {
    let settings = &context.settings.retention;
    let interval = Duration::from_secs(settings.interval_seconds);
    repeat(interval, &context.shutdown, || async {
        if let Err(error) = delete_old_studies(&context).await {
            tracing::warn!(error = format!("{error:#}"), "failed to delete old studies");
        }
        if let Err(error) = delete_orphans(&context).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "failed to look for objects that belong to nothing"
            );
        }
    })
    .await;
}

/// Deletes the studies older than `retention.studies_days`; gives how many.
///
/// # Errors
/// Where the database fails. What was deleted until then stays deleted, and its objects follow
/// ([`crate::run_object_deletions`]).
pub async fn delete_old_studies(context: &Context) -> anyhow::Result<usize> {
    let days = context.settings.retention.studies_days;
    let age = TimeDelta::days(days.into());
    let Some(before) = Utc::now().checked_sub_signed(age).filter(|_| days > 0) else {
        return Ok(0);
    };
    let mut deleted = 0;
    loop {
        let old = context.database.scans_before(before, STUDIES_AT_ONCE).await?;
        if old.is_empty() {
            return Ok(deleted);
        }
        for scan_id in old {
            // Another process may have been quicker.
            let mut event = NewAuditEvent::of_system("retention", "scan.expire").about("scan", scan_id);
            event.scan_id = Some(scan_id);
            let Some(scan) = context.database.expire_scan(scan_id, event).await? else {
                continue;
            };
            delete_objects(context, &scan).await;
            tracing::info!(
                %scan_id,
                analyses = scan.analysis_ids.len(),
                "a study was deleted: it reached the age of retention.studies_days"
            );
            metrics::counter!("norma_studies_expired_total").increment(1);
            deleted += 1;
        }
    }
}
