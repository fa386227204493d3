//! A database beside the objects of another one, or of a later state of itself: nothing of a hospital's is touched.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use bytes::Bytes;
use norma_database::Database;
use norma_domain::ScanId;
use norma_object_storage::{ObjectKey, Objects};
use norma_service::{
    Context, InstallationError, OrphanSearch, adopt_installation, check_installation, delete_orphans,
    list_orphans, register_orphans,
};
use uuid::Uuid;

use crate::retention::{age_objects, study};
use crate::support::{TestContext, open};

const ROUNDS: usize = 10;
const STARTERS: u32 = 24;
const STAGGER: Duration = Duration::from_micros(300);

async fn put_originals(context: &Context, count: usize) -> Vec<ObjectKey> {
    let mut keys = Vec::new();
    for _ in 0..count {
        let key = ObjectKey::Original(ScanId::generate());
        context
            .objects
            .put(key, Bytes::from_static(b"pixels"))
            .await
            .unwrap();
        keys.push(key);
    }
    keys
}

fn search(context: &Context) -> OrphanSearch {
    OrphanSearch {
        database: context.database.clone(),
        objects: context.objects.clone(),
    }
}

async fn orphans(context: &Context) -> BTreeSet<ObjectKey> {
    let mut found = BTreeSet::new();
    list_orphans(&search(context), |orphan| {
        found.insert(orphan.key);
        Ok(())
    })
    .await
    .unwrap();
    found
}

async fn many_studies(test: &TestContext) -> usize {
    for _ in 0..10 {
        study(&test.context).await;
    }
    test.context.objects.list().await.unwrap().len()
}

#[tokio::test]
async fn both_stores_carry_one_id() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let id = context
        .database
        .installation()
        .await
        .unwrap()
        .unwrap()
        .to_string();
    assert_eq!(context.objects.installation().await.unwrap(), Some(id));
    check_installation(&context.database, &context.objects)
        .await
        .unwrap();
    // The id is no object of a study.
    assert_eq!(context.objects.list().await.unwrap(), []);
}

#[tokio::test]
async fn stores_of_two_installations_are_refused_until_a_person_brings_them_together() {
    let (one, other) = (open(|_| {}).await, open(|_| {}).await);
    let (database, objects) = (&one.context.database, &other.context.objects);
    let refused = check_installation(database, objects).await.unwrap_err();
    assert!(matches!(refused, InstallationError::Mismatch { .. }));
    assert!(refused.to_string().contains("norma storage adopt"), "{refused}");
    adopt_installation(database, objects).await.unwrap();
    check_installation(database, objects).await.unwrap();
}

/// Each that has passed stores at once, original first, as the gateway does: who is still looking must not take that for
/// another installation's.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_start_at_once_on_new_stores_all_pass() {
    for _ in 0..ROUNDS {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("norma.db").display());
        let database = Database::open(&url).await.unwrap();
        let objects = Objects::folder(&folder.path().join("objects")).unwrap();
        let starters = (0..STARTERS).map(|place| {
            let (database, objects) = (database.clone(), objects.clone());
            tokio::spawn(async move {
                // One after the other, so that some look while the first have just passed.
                tokio::time::sleep(STAGGER * place).await;
                check_installation(&database, &objects).await?;
                let key = ObjectKey::Original(ScanId::generate());
                objects.put(key, Bytes::from_static(b"pixels")).await?;
                Ok::<_, InstallationError>(())
            })
        });
        for ended in futures::future::join_all(starters).await {
            ended.unwrap().unwrap();
        }
    }
}

/// From before there were ids: a bucket full of studies beside a database that knows none of them.
#[tokio::test]
async fn a_storage_without_an_id_belongs_to_the_database_that_knows_its_studies() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let id_file = test.folder().join("objects/installation/id");
    fs::remove_file(&id_file).unwrap();
    put_originals(context, 3).await;
    let refused = check_installation(&context.database, &context.objects).await;
    assert!(matches!(refused, Err(InstallationError::Mismatch { .. })));
    assert!(!id_file.exists());

    study(context).await;
    check_installation(&context.database, &context.objects)
        .await
        .unwrap();
    assert!(id_file.exists());
}

/// An older state of the database beside today's objects: nothing is deleted or moved, what has no row is listed, and a
/// person can give it one.
#[tokio::test]
async fn after_a_restore_nothing_is_touched_and_the_studies_can_be_adopted() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let known = many_studies(&test).await;
    // Made after the backup.
    let lost = put_originals(context, 6).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    for _ in 0..2 {
        assert_eq!(delete_orphans(context).await.unwrap(), 0);
    }
    assert_eq!(context.objects.list().await.unwrap().len(), known + lost.len());
    assert_eq!(orphans(context).await, lost.iter().copied().collect());

    let registered = register_orphans(&search(context), "test").await.unwrap();
    assert_eq!(registered.len(), lost.len());
    for key in &lost {
        let scan = context.database.scan(key.scan().unwrap()).await.unwrap().unwrap();
        assert_eq!((scan.size_bytes, scan.patient_id), (6, None));
        assert_eq!(scan.sha256.len(), 64);
    }
    assert_eq!(orphans(context).await, BTreeSet::new());
    assert_eq!(register_orphans(&search(context), "test").await.unwrap(), []);
}

#[tokio::test]
async fn beside_an_empty_database_nothing_is_touched() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let lost = put_originals(context, 2).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    assert_eq!(delete_orphans(context).await.unwrap(), 0);
    assert_eq!(context.objects.list().await.unwrap().len(), lost.len());
}

#[tokio::test]
async fn more_than_the_limit_is_not_touched_whatever_its_share() {
    let test = open(|settings| settings.retention.orphan_limit = 1).await;
    let context = &test.context;
    let known = many_studies(&test).await;
    put_originals(context, 2).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    assert_eq!(delete_orphans(context).await.unwrap(), 0);
    assert_eq!(context.objects.list().await.unwrap().len(), known + 2);
}

#[tokio::test]
async fn what_belongs_to_nothing_is_set_aside_and_deleted_days_later() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let known = many_studies(&test).await;
    let lost = put_originals(context, 2).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    assert_eq!(delete_orphans(context).await.unwrap(), 2);
    assert_eq!(context.objects.list().await.unwrap().len(), known);
    assert_eq!(delete_orphans(context).await.unwrap(), 0, "its days are not over");
    assert_eq!(orphans(context).await, lost.iter().copied().collect());

    // One is taken back by a person; the other one's days pass.
    let aside = test.folder().join("objects/set-aside");
    let today = fs::read_dir(&aside).unwrap().next().unwrap().unwrap();
    fs::rename(today.path(), aside.join("2026-01-01")).unwrap();
    let kept = lost[0].scan().unwrap();
    let place = test
        .folder()
        .join(format!("objects/set-aside/2026-01-01/{}", lost[0]));
    let back = test.folder().join(format!("objects/{}", lost[0]));
    fs::rename(place, back).unwrap();
    assert_eq!(register_orphans(&search(context), "test").await.unwrap().len(), 2);
    assert!(context.database.scan(kept).await.unwrap().is_some());
    assert_eq!(delete_orphans(context).await.unwrap(), 0);
    assert_eq!(context.objects.list().await.unwrap().len(), known + 2);
}

#[tokio::test]
async fn what_was_set_aside_goes_after_its_days_and_comes_back_with_its_row() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let known = many_studies(&test).await;
    put_originals(context, 1).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    assert_eq!(delete_orphans(context).await.unwrap(), 1);
    let aside = test.folder().join("objects/set-aside");
    let today = fs::read_dir(&aside).unwrap().next().unwrap().unwrap();
    fs::rename(today.path(), aside.join("2026-01-01")).unwrap();
    // Set aside by mistake: its row is there.
    let mistaken = context.objects.list().await.unwrap()[0];
    let day = "2026-01-01".parse().unwrap();
    context.objects.set_aside(mistaken, day).await.unwrap();
    assert_eq!(context.objects.list().await.unwrap().len(), known - 1);
    assert_eq!(delete_orphans(context).await.unwrap(), 2);
    assert_eq!(context.objects.list().await.unwrap().len(), known);
    assert_eq!(orphans(context).await, BTreeSet::new());
}

#[tokio::test]
async fn one_process_of_an_installation_sweeps_at_a_time() {
    let test = open(|_| {}).await;
    let context = &test.context;
    study(context).await;
    put_originals(context, 1).await;
    age_objects(&test, Duration::from_secs(30 * 3600));
    let (one, other) = (Uuid::now_v7(), Uuid::now_v7());
    let minute = Duration::from_secs(60);
    let database = &context.database;
    assert!(database.take_lease("orphans", one, minute).await.unwrap());
    assert!(!database.take_lease("orphans", other, minute).await.unwrap());
    assert_eq!(
        delete_orphans(context).await.unwrap(),
        0,
        "another process sweeps"
    );
    database.release_lease("orphans", other).await.unwrap();
    assert_eq!(delete_orphans(context).await.unwrap(), 0, "it is not its lease");
    database.release_lease("orphans", one).await.unwrap();
    assert_eq!(delete_orphans(context).await.unwrap(), 1);
    // A process that died gives it back by its time.
    assert!(database.take_lease("orphans", one, Duration::ZERO).await.unwrap());
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(database.take_lease("orphans", other, minute).await.unwrap());
}
