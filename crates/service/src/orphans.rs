//! Objects that belong to nothing: what a process left behind that was killed, and what a database restored from an older
//! backup does not know. The first are set aside and deleted days later; of the second nothing is touched.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::TryStreamExt as _;
use norma_database::{Database, DatabaseError, NewAuditEvent, NewScan, ScanIdentity};
use norma_domain::{AnalysisId, ScanId};
use norma_object_storage::{ObjectKey, Objects, SetAside, StoredObject};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::Context;

const LEASE: &str = "orphans";
/// For as long as the longest sweep takes; a process that dies gives it back so.
const LEASE_FOR: Duration = Duration::from_secs(3600);
/// Objects whose rows are looked up in one go.
const AT_ONCE: usize = 500;
/// So few orphans are no sign of a wrong database, whatever their share.
const FEW: usize = 5;
/// An orphan that is younger than every study of the database by so much was known to a later database.
const LATER_BY: TimeDelta = TimeDelta::hours(1);

/// Where objects without a row are looked for.
#[derive(Debug, Clone)]
pub struct OrphanSearch {
    pub database: Database,
    pub objects: Objects,
}

impl OrphanSearch {
    fn of(context: &Context) -> Self {
        Self {
            database: context.database.clone(),
            objects: context.objects.clone(),
        }
    }
}

/// An object without a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Orphan {
    pub key: ObjectKey,
    /// None once it is set aside.
    pub stored: Option<StoredObject>,
    pub aside: Option<SetAside>,
}

/// What a sweep found.
#[derive(Debug, Default)]
struct Survey {
    /// Scans and analyses that own objects, and those of them that have no row.
    owners: usize,
    orphan_owners: usize,
    orphans: Vec<ObjectKey>,
    /// When the newest orphan was made.
    newest_orphan: Option<DateTime<Utc>>,
}

/// Sets objects without a row aside once they are older than `retention.orphan_hours`, deletes those that were set aside
/// `retention.set_aside_days` ago, and unfinished writes; gives how many objects were moved or deleted. One process of an
/// installation at a time. Where so many objects have no row that the database must be the wrong or an older one, nothing
/// is touched.
///
/// # Errors
/// Where database or objects fail.
pub async fn delete_orphans(context: &Context) -> anyhow::Result<usize> {
    if context.settings.retention.orphan_hours == 0 {
        return Ok(0);
    }
    let holder = Uuid::now_v7();
    if !context.database.take_lease(LEASE, holder, LEASE_FOR).await? {
        return Ok(0);
    }
    let swept = sweep(context).await;
    context.database.release_lease(LEASE, holder).await?;
    swept
}

async fn sweep(context: &Context) -> anyhow::Result<usize> {
    let settings = &context.settings.retention;
    let age = Duration::from_secs(settings.orphan_hours.saturating_mul(3600));
    let mut touched = context.objects.delete_abandoned_uploads(age).await?;
    let survey = survey(context, age).await?;
    if let Some(problem) = refusal(context, &survey).await? {
        metrics::gauge!("norma_orphans_refused").set(survey.orphan_owners as f64);
        tracing::error!(
            orphans = survey.orphan_owners,
            of = survey.owners,
            "{problem}: nothing is set aside or deleted; see `norma storage orphans`"
        );
        return Ok(touched);
    }
    metrics::gauge!("norma_orphans_refused").set(0.0);
    let today = Utc::now().date_naive();
    for key in &survey.orphans {
        context.objects.set_aside(*key, today).await?;
        tracing::info!(%key, "an object that belonged to nothing was set aside");
    }
    touched += survey.orphans.len();
    touched += delete_set_aside(context).await?;
    metrics::counter!("norma_orphans_deleted_total").increment(touched as u64);
    Ok(touched)
}

/// Looks at every object older than `age`. Keeps no more orphans than the limit allows to be touched.
async fn survey(context: &Context, age: Duration) -> anyhow::Result<Survey> {
    let mut survey = Survey::default();
    let Some(before) = TimeDelta::from_std(age)
        .ok()
        .and_then(|age| Utc::now().checked_sub_signed(age))
    else {
        return Ok(survey);
    };
    let limit = context.settings.retention.orphan_limit;
    let mut stored = context.objects.stored().try_chunks(AT_ONCE);
    // The objects of one owner follow each other in a listing.
    let (mut last_owner, mut last_orphan) = (None, None);
    while let Some(part) = stored.try_next().await.map_err(|error| error.1)? {
        let keys: Vec<ObjectKey> = part
            .iter()
            .filter(|object| object.written_at <= before)
            .map(|object| object.key)
            .collect();
        for key in &keys {
            survey.owners += usize::from(last_owner.replace(owner(*key)) != Some(owner(*key)));
        }
        for key in without_rows(&OrphanSearch::of(context), &keys).await? {
            if last_orphan.replace(owner(key)) != Some(owner(key)) {
                survey.orphan_owners += 1;
                survey.newest_orphan = survey.newest_orphan.max(made_at(key));
            }
            if survey.orphan_owners <= limit {
                survey.orphans.push(key);
            }
        }
    }
    Ok(survey)
}

/// Why the orphans are rather a sign of a wrong database than of killed processes.
async fn refusal(context: &Context, survey: &Survey) -> anyhow::Result<Option<&'static str>> {
    let settings = &context.settings.retention;
    if survey.orphan_owners == 0 {
        return Ok(None);
    }
    if survey.orphan_owners > settings.orphan_limit {
        return Ok(Some("more objects than retention.orphan_limit belong to nothing"));
    }
    let share = survey.orphan_owners as f64 / survey.owners.max(1) as f64;
    if survey.orphan_owners >= FEW && share > settings.orphan_share_limit {
        return Ok(Some(
            "a greater share of all objects than retention.orphan_share_limit belongs to nothing",
        ));
    }
    let newest_scan = context.database.newest_scan_time().await?;
    let is_later = match (survey.newest_orphan, newest_scan) {
        (Some(orphan), Some(scan)) => orphan > scan + LATER_BY,
        // Objects, and a database without any study.
        (_, None) => true,
        (None, Some(_)) => false,
    };
    Ok(is_later.then_some("the database looks older than the objects, as one restored from a backup"))
}

/// Deletes what was set aside long ago. What has a row by now (the right database is back) is taken back instead.
async fn delete_set_aside(context: &Context) -> anyhow::Result<usize> {
    let days = context.settings.retention.set_aside_days;
    let before = Utc::now().date_naive() - TimeDelta::days(days.into());
    let mut touched = 0;
    let mut aside = context.objects.list_set_aside().try_chunks(AT_ONCE);
    while let Some(part) = aside.try_next().await.map_err(|error| error.1)? {
        let keys: Vec<ObjectKey> = part.iter().map(|aside| aside.key).collect();
        let orphans = without_rows(&OrphanSearch::of(context), &keys).await?;
        for aside in part {
            if !orphans.contains(&aside.key) {
                context.objects.take_back(aside).await?;
                tracing::info!(key = %aside.key, "an object that was set aside belongs to a row and was taken back");
                touched += 1;
            } else if aside.since < before {
                context.objects.delete_set_aside(aside).await?;
                tracing::info!(key = %aside.key, "an object that belonged to nothing was deleted");
                touched += 1;
            }
        }
    }
    Ok(touched)
}

/// Every object without a row, however young, and everything that is set aside: for a person to look at.
///
/// # Errors
/// Where database or objects fail, or `each` does.
pub async fn list_orphans(
    search: &OrphanSearch,
    mut each: impl FnMut(Orphan) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut stored = search.objects.stored().try_chunks(AT_ONCE);
    while let Some(part) = stored.try_next().await.map_err(|error| error.1)? {
        let keys: Vec<ObjectKey> = part.iter().map(|object| object.key).collect();
        let orphans = without_rows(search, &keys).await?;
        for object in part.into_iter().filter(|object| orphans.contains(&object.key)) {
            each(Orphan {
                key: object.key,
                stored: Some(object),
                aside: None,
            })?;
        }
    }
    let mut aside = search.objects.list_set_aside();
    while let Some(aside) = aside.try_next().await? {
        each(Orphan {
            key: aside.key,
            stored: None,
            aside: Some(aside),
        })?;
    }
    Ok(())
}

/// Gives every original without a row one, as a scan without a patient, and takes back what was set aside; gives the
/// scans.
///
/// # Errors
/// Where database or objects fail; what was registered until then stays.
pub async fn register_orphans(search: &OrphanSearch, by: &str) -> anyhow::Result<Vec<ScanId>> {
    let mut orphans = Vec::new();
    list_orphans(search, |orphan| {
        if orphan.key.scan().is_some() {
            orphans.push(orphan);
        }
        Ok(())
    })
    .await?;
    let mut registered = Vec::new();
    for orphan in orphans {
        let Some(scan_id) = orphan.key.scan() else {
            continue;
        };
        if let Some(aside) = orphan.aside {
            search.objects.take_back(aside).await?;
        }
        let (size_bytes, sha256) = describe(&search.objects, orphan.key).await?;
        let created = search
            .database
            .create_scan(NewScan {
                id: scan_id,
                patient_id: None,
                description: "adopted: its row was lost".to_owned(),
                file_name: format!("{scan_id}.bin"),
                sha256,
                size_bytes,
                object_key: orphan.key.to_string(),
                owner: None,
                identity: ScanIdentity::default(),
                study_uid: None,
                request: None,
            })
            .await;
        match created {
            Ok(_) => {}
            // Both in its place and set aside.
            Err(DatabaseError::UniqueViolation { .. }) => continue,
            Err(error) => return Err(error.into()),
        }
        let mut event = NewAuditEvent::of_system(by, "scan.adopt").about("scan", scan_id);
        event.scan_id = Some(scan_id);
        search.database.append_audit_events(vec![event]).await?;
        registered.push(scan_id);
    }
    Ok(registered)
}

async fn describe(objects: &Objects, key: ObjectKey) -> anyhow::Result<(u64, String)> {
    let mut stream = objects.get_stream(key, None).await?;
    let mut hash = Sha256::new();
    while let Some(bytes) = stream.bytes.try_next().await? {
        hash.update(&bytes);
    }
    Ok((stream.size_bytes, hex::encode(hash.finalize())))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Scan(ScanId),
    Analysis(AnalysisId),
}

fn owner(key: ObjectKey) -> Option<Owner> {
    key.scan()
        .map(Owner::Scan)
        .or_else(|| key.analysis().map(Owner::Analysis))
}

fn made_at(key: ObjectKey) -> Option<DateTime<Utc>> {
    key.scan()
        .and_then(|scan| scan.made_at())
        .or_else(|| key.analysis().and_then(|analysis| analysis.made_at()))
}

/// Those of the objects whose scan or analysis has no row.
async fn without_rows(search: &OrphanSearch, keys: &[ObjectKey]) -> anyhow::Result<Vec<ObjectKey>> {
    let scans = keys.iter().filter_map(|key| key.scan()).collect();
    let mut analyses: Vec<AnalysisId> = keys.iter().filter_map(|key| key.analysis()).collect();
    analyses.dedup();
    let scans = search.database.existing_scans(scans).await?;
    let analyses = search.database.existing_analyses(analyses).await?;
    let is_orphan = |key: &&ObjectKey| {
        !key.scan().is_some_and(|scan| scans.contains(&scan))
            && !key
                .analysis()
                .is_some_and(|analysis| analyses.contains(&analysis))
    };
    Ok(keys.iter().filter(is_orphan).copied().collect())
}
