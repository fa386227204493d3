//! What is deleted by itself: studies past their age, and objects that belong to nothing any more.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::NewAuditEvent;
use norma_domain::{AnalysisId, ScanId};
use norma_object_storage::ObjectKey;

use crate::Context;
use crate::object_deletions::delete_objects;

/// Studies deleted in one go; the next go follows at once where there are more.
const STUDIES_AT_ONCE: u32 = 100;

/// Deletes old studies and orphaned objects, until shutdown. Any number may run: what is deleted twice is deleted.
pub async fn run_retention(context: Context) {
    let settings = &context.settings.retention;
    let interval = Duration::from_secs(settings.interval_seconds);
    loop {
        if let Err(error) = delete_old_studies(&context).await {
            tracing::warn!(error = format!("{error:#}"), "failed to delete old studies");
        }
        if let Err(error) = delete_orphans(&context).await {
            tracing::warn!(
                error = format!("{error:#}"),
                "failed to look for objects that belong to nothing"
            );
        }
        tokio::select! {
            () = context.shutdown.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
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

/// Deletes objects without a row, and unfinished writes, once they are older than `retention.orphan_hours`; gives how
/// many. What a process that was killed left behind is found so.
pub async fn delete_orphans(context: &Context) -> anyhow::Result<usize> {
    let hours = context.settings.retention.orphan_hours;
    if hours == 0 {
        return Ok(0);
    }
    let age = Duration::from_secs(hours.saturating_mul(3600));
    let unfinished = context.objects.delete_abandoned_uploads(age).await?;
    let old = context.objects.list_older_than(age).await?;
    let scans: BTreeSet<ScanId> = old.iter().filter_map(|key| key.scan()).collect();
    let analyses: BTreeSet<AnalysisId> = old.iter().filter_map(|key| key.analysis()).collect();
    let scans = context
        .database
        .existing_scans(scans.into_iter().collect())
        .await?;
    let analyses = context
        .database
        .existing_analyses(analyses.into_iter().collect())
        .await?;
    let is_orphan = |key: &ObjectKey| {
        !key.scan().is_some_and(|scan| scans.contains(&scan))
            && !key
                .analysis()
                .is_some_and(|analysis| analyses.contains(&analysis))
    };
    let mut deleted = unfinished;
    for key in old.into_iter().filter(is_orphan) {
        context.objects.delete(key).await?;
        tracing::info!(%key, "an object that belonged to nothing was deleted");
        deleted += 1;
    }
    metrics::counter!("norma_orphans_deleted_total").increment(deleted as u64);
    Ok(deleted)
}
