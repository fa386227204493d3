use std::fs;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use chrono::{TimeDelta, Utc};
use norma_database::{AuditQuery, Page};
use norma_domain::{AnalysisId, ScanId, Stage};
use norma_object_storage::ObjectKey;
use norma_service::{Context, delete_old_studies, delete_orphans};

use crate::support::{TestContext, open, request_analysis};

async fn put(context: &Context, key: ObjectKey) {
    context.objects.put(key, Bytes::from_static(b"x")).await.unwrap();
}

/// A study with its objects.
pub(crate) async fn study(context: &Context) -> Vec<ObjectKey> {
    let analysis_id = request_analysis(context, TimeDelta::hours(1)).await;
    let analysis = context.database.analysis(analysis_id).await.unwrap().unwrap();
    let keys = vec![
        ObjectKey::Original(analysis.scan_id),
        ObjectKey::PreparedSlices(analysis_id),
        ObjectKey::PreparedVolume(analysis_id),
        ObjectKey::StageMap(analysis_id, Stage::Anomaly),
    ];
    for key in &keys {
        put(context, *key).await;
    }
    keys
}

/// Makes every object look so old.
pub(crate) fn age_objects(test: &TestContext, age: Duration) {
    let mut open = vec![test.folder().join("objects")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let file = fs::File::options().write(true).open(entry.path()).unwrap();
                file.set_modified(SystemTime::now() - age).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn studies_are_kept_for_ever_unless_told_otherwise() {
    let test = open(|_| {}).await;
    let context = &test.context;
    study(context).await;
    assert_eq!(delete_old_studies(context).await.unwrap(), 0);
    let test = open(|settings| settings.retention.studies_days = 1).await;
    study(&test.context).await;
    assert_eq!(
        delete_old_studies(&test.context).await.unwrap(),
        0,
        "it is not a day old"
    );
    assert_eq!(test.context.objects.list().await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_study_past_its_age_goes_with_everything_of_it() {
    let test = open(|settings| settings.retention.studies_days = 30).await;
    let context = &test.context;
    let old = study(context).await;
    let young = study(context).await;
    let scan = old[0].scan().unwrap();
    let long_ago = Utc::now() - TimeDelta::days(31);
    context.database.set_scan_time(scan, long_ago).await.unwrap();
    assert_eq!(delete_old_studies(context).await.unwrap(), 1);
    assert_eq!(context.database.scan(scan).await.unwrap(), None);
    assert_eq!(
        context
            .database
            .analysis(old[1].analysis().unwrap())
            .await
            .unwrap(),
        None
    );
    let trail = context
        .database
        .list_audit_events(AuditQuery::default(), Page::default())
        .await
        .unwrap();
    let told = trail
        .items
        .iter()
        .any(|told| told.event.action == "scan.expire" && told.event.scan_id == Some(scan));
    assert!(told, "the deletion is not in the audit trail");
    let left = context.objects.list().await.unwrap();
    assert_eq!(left.len(), young.len());
    assert!(young.iter().all(|key| left.contains(key)));
}

#[tokio::test]
async fn objects_without_a_row_are_set_aside_once_they_are_old() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let kept = study(context).await;
    for key in [
        ObjectKey::Original(ScanId::generate()),
        ObjectKey::PreparedVolume(AnalysisId::generate()),
    ] {
        put(context, key).await;
    }
    // As a write leaves it whose process was killed.
    let staged = test.folder().join("objects/originals/half#1");
    fs::write(&staged, b"half").unwrap();
    assert_eq!(
        delete_orphans(context).await.unwrap(),
        0,
        "a write of now may get its row yet"
    );
    age_objects(&test, Duration::from_secs(25 * 3600));
    assert_eq!(delete_orphans(context).await.unwrap(), 3);
    assert!(!staged.exists());
    let left = context.objects.list().await.unwrap();
    assert_eq!(left.len(), kept.len());
    assert!(kept.iter().all(|key| left.contains(key)));
}
