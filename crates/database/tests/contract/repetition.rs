//! Requests that are sent again.

use std::time::Duration;

use norma_database::{DatabaseError, Owner, Page, Repetition, RequestKey, StoredWork, WaitingWork};
use norma_domain::ScanId;
use uuid::Uuid;

use crate::builders::{details, new_prediction, request, scan};
use crate::sides::on_both_sides;

const PATIENCE: Duration = Duration::from_secs(600);

fn key(owner: &str) -> RequestKey {
    RequestKey {
        owner: Some(Owner::Scope(owner.to_owned())),
        key: "4711".to_owned(),
        holder: Uuid::nil(),
    }
}

#[test]
fn a_key_leads_to_what_its_first_request_made() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let begin = async |owner: &str, fingerprint: &str| {
            let begun = database.begin_request(key(owner), fingerprint.to_owned(), PATIENCE);
            begun.await.unwrap()
        };
        assert_eq!(begin("pacs", "one").await, Repetition::First);
        assert_eq!(begin("pacs", "one").await, Repetition::Running);
        assert_eq!(begin("pacs", "two").await, Repetition::Other);
        assert_eq!(
            begin("other", "two").await,
            Repetition::First,
            "each has keys of its own"
        );

        // It failed: the next one is the first.
        database.forget_request(key("pacs")).await.unwrap();
        assert_eq!(begin("pacs", "two").await, Repetition::First);
        let (id, study) = (Uuid::now_v7(), scan(database, None).await);
        let mut new = new_prediction(id, vec![study.id], Vec::new());
        new.request = Some(key("pacs"));
        database.create_prediction(new).await.unwrap();
        assert_eq!(begin("pacs", "two").await, Repetition::Of(id));
        assert_eq!(begin("pacs", "one").await, Repetition::Other);
        database.forget_request(key("pacs")).await.unwrap();
        assert_eq!(
            begin("pacs", "two").await,
            Repetition::Of(id),
            "what was made is not forgotten"
        );

        // What fails as a whole notes nothing.
        let mut new = new_prediction(Uuid::now_v7(), vec![ScanId::generate()], Vec::new());
        new.request = Some(key("other"));
        assert!(database.create_prediction(new).await.is_err());
        assert_eq!(begin("other", "two").await, Repetition::Running);
        // A request that is renewed is under way, however long it takes.
        let short = Duration::from_millis(500);
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(300)).await;
            database.renew_request(key("other")).await.unwrap();
        }
        let begun = database.begin_request(key("other"), "two".to_owned(), short);
        assert_eq!(begun.await.unwrap(), Repetition::Running);
        // The process of one that left nothing died.
        let begun = database.begin_request(key("other"), "two".to_owned(), Duration::ZERO);
        assert_eq!(begun.await.unwrap(), Repetition::First);
        assert_eq!(database.prune_requests(PATIENCE).await.unwrap(), 0);
        assert_eq!(database.prune_requests(Duration::ZERO).await.unwrap(), 2);
    });
}

/// Taken for dead too early, the first one makes nothing any more.
#[test]
fn of_two_requests_with_a_key_one_makes_something() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let study = scan(database, None).await;
        let (slow, second) = (
            key("pacs"),
            RequestKey {
                holder: Uuid::now_v7(),
                ..key("pacs")
            },
        );
        for request in [&slow, &second] {
            let begun = database.begin_request(request.clone(), "one".to_owned(), Duration::ZERO);
            assert_eq!(begun.await.unwrap(), Repetition::First);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let prediction = |request: &RequestKey| {
            let mut new = new_prediction(Uuid::now_v7(), vec![study.id], Vec::new());
            new.request = Some(request.clone());
            new
        };
        let late = database.create_prediction(prediction(&slow)).await;
        assert!(matches!(late, Err(DatabaseError::RequestSuperseded)), "{late:?}");
        database.forget_request(slow).await.unwrap();
        database.create_prediction(prediction(&second)).await.unwrap();
        let listed = database.list_predictions(None, Page::default()).await.unwrap();
        assert_eq!(listed.total, 1);
    });
}

#[test]
fn of_many_at_once_one_is_the_first() {
    on_both_sides(|side| async move {
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let database = side.database.clone();
            requests.spawn(async move {
                let begun = database.begin_request(key("pacs"), "one".to_owned(), PATIENCE);
                begun.await.unwrap()
            });
        }
        let begun = requests.join_all().await;
        let count = |of: Repetition| begun.iter().filter(|one| **one == of).count();
        assert_eq!(
            (count(Repetition::First), count(Repetition::Running)),
            (1, 7),
            "{}",
            side.name
        );
    });
}

#[test]
fn a_change_meant_for_another_version_is_refused() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let read = database.create_patient(details("A", "B")).await.unwrap();
        let version = Some(read.updated_at);
        let changed = database
            .update_patient(read.id, details("C", "D"), version)
            .await
            .unwrap()
            .unwrap();
        assert!(changed.updated_at > read.updated_at);
        let late = database.update_patient(read.id, details("E", "F"), version).await;
        assert!(matches!(late, Err(DatabaseError::ChangedMeanwhile("patient"))));
        assert_eq!(database.patient(read.id).await.unwrap(), Some(changed));

        let read = scan(database, None).await;
        let version = Some(read.updated_at);
        let described = database
            .update_scan_description(read.id, "one".to_owned(), version)
            .await;
        assert_eq!(described.unwrap().unwrap().description, "one");
        let late = database
            .update_scan_description(read.id, "two".to_owned(), version)
            .await;
        assert!(matches!(late, Err(DatabaseError::ChangedMeanwhile("scan"))));
    });
}

#[test]
fn predictions_and_failed_scans_are_listed_and_doubles_found() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (one, two) = (scan(database, None).await, scan(database, None).await);
        let (first, second) = (Uuid::now_v7(), Uuid::now_v7());
        let mut new = new_prediction(first, vec![one.id, two.id], Vec::new());
        new.owner = Some(Owner::Scope("pacs".to_owned()));
        database.create_prediction(new).await.unwrap();
        let three = scan(database, None).await;
        database
            .create_prediction(new_prediction(second, vec![three.id], Vec::new()))
            .await
            .unwrap();
        assert_eq!(database.waiting_work().await.unwrap(), WaitingWork::default());
        let stored = database.stored_work(None).await.unwrap();
        assert_eq!((stored.scans, stored.analyses, stored.analysed_bytes), (3, 0, 0));
        assert_eq!(stored.original_bytes, 3 * one.size_bytes);
        let nobody = database.stored_work(Some(Owner::Scope("pacs".to_owned()))).await;
        assert_eq!(nobody.unwrap(), StoredWork::default());
        let failed = request(database, one.id).await.analysis;
        let waiting = database.waiting_work().await.unwrap();
        assert_eq!((waiting.studies, waiting.original_bytes), (1, one.size_bytes));
        let stored = database.stored_work(None).await.unwrap();
        assert_eq!((stored.analyses, stored.analysed_bytes), (1, one.size_bytes));
        let reason = norma_domain::Reason::new(norma_domain::ReasonCode::NoLungs, "no lungs");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());
        assert_eq!(database.waiting_work().await.unwrap(), WaitingWork::default());

        let listed = database.list_predictions(None, Page::default()).await.unwrap();
        assert_eq!(
            (listed.total, listed.items[0].id, listed.items[1].id),
            (2, second, first)
        );
        let of_first = &listed.items[1];
        assert_eq!((of_first.studies, of_first.pending, of_first.failed), (2, 1, 1));
        let own = Some(Owner::Scope("pacs".to_owned()));
        assert_eq!(
            database
                .list_predictions(own, Page::default())
                .await
                .unwrap()
                .total,
            1
        );
        assert_eq!(database.failed_scans(None, None, 10).await.unwrap(), [one.id]);
        assert_eq!(database.failed_scans(None, Some(one.id), 10).await.unwrap(), []);
        let found = database.scan_of_bytes(one.sha256.clone(), None).await.unwrap();
        assert_eq!(found.map(|scan| scan.id), Some(one.id), "the oldest");
        let stranger = Some(Owner::Scope("stranger".to_owned()));
        assert_eq!(database.scan_of_bytes(one.sha256, stranger).await.unwrap(), None);

        database.delete_scan(three.id).await.unwrap();
        assert_eq!(
            database
                .list_predictions(None, Page::default())
                .await
                .unwrap()
                .total,
            1
        );
    });
}
