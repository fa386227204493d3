//! Work items of the unified worklist, and who is told of them.

use std::collections::BTreeMap;
use std::time::Duration;

use norma_database::{
    Database, FILTERED_WORKLIST, NewWorkitem, Owner, WORKLIST, Workitem, WorkitemChange, WorkitemCreated,
    WorkitemState, WorkitemSubscription,
};
use serde_json::{Value, json};

use crate::sides::on_both_sides;

const MOST: u32 = 3;

fn new(uid: &str, owner: Option<&str>) -> NewWorkitem {
    NewWorkitem {
        sop_instance_uid: uid.to_owned(),
        owner: owner.map(|scope| Owner::Scope(scope.to_owned())),
        studies_of: owner.map(|scope| Owner::Scope(scope.to_owned())),
        attributes: BTreeMap::new(),
        is_for_norma: false,
        event: format!("{uid} is new"),
    }
}

async fn create(database: &Database, new: NewWorkitem) -> WorkitemCreated {
    database
        .create_workitem(new, MOST, |filter| filter == "yes")
        .await
        .unwrap()
}

fn change(state: WorkitemState, events: &[&str]) -> WorkitemChange {
    WorkitemChange {
        state,
        transaction_uid: Some("1.9".to_owned()),
        attributes: attributes(),
        is_for_norma: false,
        events: events.iter().map(|event| (*event).to_owned()).collect(),
    }
}

fn attributes() -> BTreeMap<String, Value> {
    BTreeMap::from([("x".to_owned(), json!(1))])
}

async fn read(database: &Database, uid: &str) -> Workitem {
    database.workitem(uid.to_owned(), None).await.unwrap().unwrap()
}

fn subscription(subscriber: &str, workitem: &str) -> WorkitemSubscription {
    WorkitemSubscription {
        subscriber: subscriber.to_owned(),
        workitem: workitem.to_owned(),
        filter: None,
        owner: None,
        has_deletion_lock: false,
    }
}

async fn told(database: &Database, subscriber: &str) -> Vec<String> {
    database
        .take_workitem_events(subscriber.to_owned(), 100)
        .await
        .unwrap()
}

#[test]
fn of_two_changes_of_one_version_one_is_made() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert_eq!(create(database, new("1.1", None)).await, WorkitemCreated::Created);
        assert_eq!(create(database, new("1.1", None)).await, WorkitemCreated::Exists);
        let first = read(database, "1.1").await;
        assert_eq!(
            (first.state, first.transaction_uid.clone()),
            (WorkitemState::Scheduled, None)
        );
        let claim = change(WorkitemState::InProgress, &[]);
        assert!(database.change_workitem(&first, claim.clone()).await.unwrap());
        assert!(!database.change_workitem(&first, claim).await.unwrap());
        let claimed = read(database, "1.1").await;
        assert_eq!(claimed.state, WorkitemState::InProgress);
        assert_eq!(claimed.transaction_uid.as_deref(), Some("1.9"));
        assert_eq!(claimed.attributes, attributes());
    });
}

#[test]
fn owners_see_their_own_and_have_so_many_at_most() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for uid in ["1.1", "1.2", "1.3"] {
            assert_eq!(
                create(database, new(uid, Some("lab"))).await,
                WorkitemCreated::Created
            );
        }
        assert_eq!(
            create(database, new("1.4", Some("lab"))).await,
            WorkitemCreated::TooMany
        );
        assert_eq!(create(database, new("2.1", None)).await, WorkitemCreated::Created);
        let lab = Some(Owner::Scope("lab".to_owned()));
        assert_eq!(
            database.workitem("2.1".to_owned(), lab.clone()).await.unwrap(),
            None
        );
        let list = async |state, owner, after: &str| {
            let listed = database
                .list_workitems(state, owner, after.to_owned(), 2)
                .await
                .unwrap();
            listed
                .into_iter()
                .map(|item| item.sop_instance_uid)
                .collect::<Vec<_>>()
        };
        assert_eq!(list(None, None, "").await, ["1.1", "1.2"]);
        assert_eq!(list(None, None, "1.2").await, ["1.3", "2.1"]);
        assert_eq!(list(None, lab.clone(), "1.2").await, ["1.3"]);
        assert_eq!(read(database, "1.3").await.studies_of, lab);
        let one = read(database, "1.2").await;
        assert!(
            database
                .change_workitem(&one, change(WorkitemState::Canceled, &[]))
                .await
                .unwrap()
        );
        assert_eq!(list(Some(WorkitemState::Canceled), None, "").await, ["1.2"]);
    });
}

#[test]
fn subscribers_are_told_once_of_what_they_asked_for() {
    on_both_sides(|side| async move {
        let database = &side.database;
        create(database, new("1.1", Some("lab"))).await;
        let existing = vec![
            ("1.1".to_owned(), "1.1 as it is".to_owned()),
            ("9.9".to_owned(), String::new()),
        ];
        database
            .subscribe_to_workitems(subscription("all", WORKLIST), existing, String::new(), 9)
            .await
            .unwrap();
        for (name, filter) in [("some", "yes"), ("none", "no")] {
            let filtered = WorkitemSubscription {
                filter: Some(filter.to_owned()),
                ..subscription(name, FILTERED_WORKLIST)
            };
            database
                .subscribe_to_workitems(filtered, Vec::new(), String::new(), 9)
                .await
                .unwrap();
        }
        let own = WorkitemSubscription {
            owner: Some(Owner::Scope("lab".to_owned())),
            ..subscription("own", WORKLIST)
        };
        let of_own = database.subscribe_to_workitems(own, Vec::new(), String::new(), 9);
        assert!(of_own.await.unwrap());
        assert_eq!(told(database, "all").await, ["1.1 as it is"]);

        create(database, new("2.1", None)).await;
        create(database, new("2.2", Some("lab"))).await;
        assert_eq!(told(database, "all").await, ["2.1 is new", "2.2 is new"]);
        assert_eq!(told(database, "all").await, Vec::<String>::new(), "once");
        assert_eq!(told(database, "some").await, ["2.1 is new", "2.2 is new"]);
        assert_eq!(told(database, "none").await, Vec::<String>::new());
        assert_eq!(told(database, "own").await, ["2.2 is new"]);

        let item = read(database, "1.1").await;
        let claim = change(WorkitemState::InProgress, &["one", "two"]);
        assert!(database.change_workitem(&item, claim).await.unwrap());
        assert_eq!(told(database, "all").await, ["one", "two"]);
        assert_eq!(told(database, "own").await, Vec::<String>::new());

        // Suspended: what there is goes on, nothing new comes.
        let end = async |workitem: &str, only_new| {
            let (who, what) = ("all".to_owned(), workitem.to_owned());
            database
                .unsubscribe_from_workitems(who, what, only_new)
                .await
                .unwrap()
        };
        assert!(end(WORKLIST, true).await);
        create(database, new("2.3", None)).await;
        assert_eq!(told(database, "all").await, Vec::<String>::new());
        assert!(database.has_workitem_subscribers("1.1".to_owned()).await.unwrap());
        assert!(end(WORKLIST, false).await);
        assert!(!end(WORKLIST, false).await);
        assert!(!database.has_workitem_subscribers("1.1".to_owned()).await.unwrap());
    });
}

#[test]
fn norma_is_given_what_is_for_it_and_due_and_nobody_else_meanwhile() {
    on_both_sides(|side| async move {
        let database = &side.database;
        create(database, new("1.1", None)).await;
        let own = NewWorkitem {
            is_for_norma: true,
            ..new("1.2", None)
        };
        create(database, own).await;
        let next = async |pause| database.next_workitem(pause).await.unwrap();
        let long = Duration::from_secs(60);
        let due = next(Duration::ZERO).await.unwrap();
        assert_eq!(due.sop_instance_uid, "1.2");
        assert!(due.is_for_norma && due.studies_of.is_none());
        assert_eq!(next(long).await.unwrap().sop_instance_uid, "1.2");
        assert_eq!(next(long).await, None);
        let claim = WorkitemChange {
            is_for_norma: true,
            ..change(WorkitemState::InProgress, &[])
        };
        assert!(database.change_workitem(&due, claim).await.unwrap());
        assert!(next(Duration::ZERO).await.is_some(), "at once after a change");
        let claimed = read(database, "1.2").await;
        let ended = WorkitemChange {
            is_for_norma: true,
            ..change(WorkitemState::Completed, &[])
        };
        assert!(database.change_workitem(&claimed, ended).await.unwrap());
        assert_eq!(next(Duration::ZERO).await, None, "it has ended");
    });
}

#[test]
fn what_ended_goes_unless_somebody_holds_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for uid in ["1.1", "1.2", "1.3"] {
            create(database, new(uid, None)).await;
        }
        let lock = WorkitemSubscription {
            has_deletion_lock: true,
            ..subscription("all", "1.2")
        };
        let existing = vec![("1.2".to_owned(), "as it is".to_owned())];
        let locked = database.subscribe_to_workitems(lock, existing, String::new(), 9);
        assert!(locked.await.unwrap());
        for uid in ["1.1", "1.2"] {
            let item = read(database, uid).await;
            assert!(
                database
                    .change_workitem(&item, change(WorkitemState::Canceled, &[]))
                    .await
                    .unwrap()
            );
        }
        assert_eq!(
            database.forget_workitems(Duration::from_secs(60)).await.unwrap(),
            0
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(database.forget_workitems(Duration::ZERO).await.unwrap(), 1);
        assert_eq!(database.workitem("1.1".to_owned(), None).await.unwrap(), None);
        assert!(
            database.workitem("1.3".to_owned(), None).await.unwrap().is_some(),
            "it has not ended"
        );
        let (who, what) = ("all".to_owned(), "1.2".to_owned());
        assert!(
            database
                .unsubscribe_from_workitems(who, what, false)
                .await
                .unwrap()
        );
        assert_eq!(database.forget_workitems(Duration::ZERO).await.unwrap(), 1);
    });
}

#[test]
fn who_subscribes_to_thousands_keeps_nobody_from_writing_meanwhile() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for number in 0..400 {
            let made = database.create_workitem(new(&format!("1.{number}"), None), 1000, |_| false);
            assert!(matches!(made.await.unwrap(), WorkitemCreated::Created));
        }
        // The same ones again and again: it is their number that costs.
        let existing: Vec<_> = (0..8000)
            .map(|number| (format!("1.{}", number % 400), format!("{number} is there")))
            .collect();
        let subscribing = tokio::spawn({
            let database = database.clone();
            async move {
                database
                    .subscribe_to_workitems(subscription("all", WORKLIST), existing, String::new(), 9)
                    .await
            }
        });
        let mut written = 0;
        while !subscribing.is_finished() {
            let other = new(&format!("2.{written}"), None);
            database.create_workitem(other, 20_000, |_| false).await.unwrap();
            written += 1;
        }
        assert!(subscribing.await.unwrap().unwrap());
        assert!(written >= 5, "{written} others in the meantime");
        let told = told(database, "all").await;
        assert!(told.contains(&"0 is there".to_owned()), "{told:?}");
    });
}
