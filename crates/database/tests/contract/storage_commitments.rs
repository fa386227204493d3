//! What is stored of what a peer asks about, and peers that have to be told.

use std::collections::HashSet;
use std::time::Duration;

use norma_database::{CommittedInstance, Database, StorageCommitment, StoredInstance};
use norma_domain::ScanId;

use crate::builders::scan;
use crate::sides::on_both_sides;

const LONG: Duration = Duration::from_secs(60);
const MOST: u32 = 3;

fn instance(instance: &str, class: &str) -> StoredInstance {
    StoredInstance {
        sop_instance_uid: instance.to_owned(),
        sop_class_uid: class.to_owned(),
    }
}

#[test]
fn an_instance_is_stored_as_long_as_a_scan_holds_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (first, second) = (scan(database, None).await.id, scan(database, None).await.id);
        // More than one query takes.
        let many: Vec<String> = (0..1200).map(|number| format!("1.{number}")).collect();
        let all = many.iter().map(|uid| instance(uid, "9.1")).collect();
        database.note_stored_instances(first, all).await.unwrap();
        let again = vec![instance("1.7", "9.9"), instance("2.1", "9.1")];
        database.note_stored_instances(first, again).await.unwrap();
        let elsewhere = vec![instance("1.7", "9.2")];
        database.note_stored_instances(second, elsewhere).await.unwrap();

        let classes = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<HashSet<_>>()
        };
        let mut asked = many.clone();
        asked.push("3.1".to_owned());
        let found = database.stored_instances(asked.clone()).await.unwrap();
        assert_eq!(found.len(), 1200);
        assert_eq!(found["1.7"], classes(&["9.1", "9.2"]), "what is noted stays");
        assert_eq!(found["1.8"], classes(&["9.1"]));

        database.delete_scan(first).await.unwrap();
        let found = database.stored_instances(asked).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found["1.7"], classes(&["9.2"]));
        let nowhere = database.note_stored_instances(ScanId::generate(), vec![instance("1.1", "9.1")]);
        assert!(nowhere.await.is_err(), "no such scan");
    });
}

fn asked(calling: &str, transaction: &str, instances: &[(&str, Option<u16>)]) -> StorageCommitment {
    let instances = instances.iter().map(|(uid, failure)| CommittedInstance {
        class_uid: "9.1".to_owned(),
        instance_uid: (*uid).to_owned(),
        failure: *failure,
    });
    StorageCommitment {
        calling: calling.to_owned(),
        transaction_uid: transaction.to_owned(),
        instances: instances.collect(),
    }
}

async fn waiting(database: &Database, calling: &str) -> u64 {
    let counts = database.waiting_commitments(calling.to_owned()).await.unwrap();
    assert_eq!(counts.oldest.is_some(), counts.waiting > 0);
    counts.waiting
}

#[test]
fn a_transaction_is_one_processes_until_its_lease_runs_out_and_ends_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let claim = |lease| database.claim_commitment("CT1".to_owned(), lease);
        let wanted = asked("CT1", "1.1", &[("1.2", None), ("1.3", Some(0x0112))]);
        let kept = database
            .keep_commitment(wanted.clone(), LONG, MOST)
            .await
            .unwrap()
            .unwrap();
        assert_eq!((&kept.commitment, kept.attempts), (&wanted, 1));
        assert_eq!(claim(LONG).await.unwrap(), None, "held by who asked");
        assert_eq!(waiting(database, "CT1").await, 1);
        assert_eq!(waiting(database, "CT2").await, 0);

        assert!(database.postpone_commitment(&kept, Duration::ZERO).await.unwrap());
        assert!(
            !database.postpone_commitment(&kept, LONG).await.unwrap(),
            "it is given back"
        );
        let other = database.claim_commitment("CT2".to_owned(), LONG).await.unwrap();
        assert_eq!(other, None, "of another peer");
        // Its process dies: the lease runs out.
        let dead = claim(Duration::ZERO).await.unwrap().unwrap();
        let next = claim(LONG).await.unwrap().unwrap();
        assert_eq!((&next.commitment, next.attempts), (&wanted, 3));
        assert!(!database.finish_commitment(&dead).await.unwrap());
        assert!(database.postpone_commitment(&next, LONG).await.unwrap());
        assert_eq!(claim(LONG).await.unwrap(), None, "not due");
        assert_eq!(waiting(database, "CT1").await, 1);
    });
}

#[test]
fn a_transaction_that_is_asked_again_is_one_and_a_peer_has_so_many() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let keep = |transaction: &str, failure| {
            database.keep_commitment(asked("CT1", transaction, &[("1.2", failure)]), LONG, MOST)
        };
        let first = keep("1.1", Some(0x0112)).await.unwrap().unwrap();
        let again = keep("1.1", None).await.unwrap().unwrap();
        assert_eq!(waiting(database, "CT1").await, 1);
        assert!(!database.finish_commitment(&first).await.unwrap());
        for transaction in ["1.2", "1.3"] {
            assert!(keep(transaction, None).await.unwrap().is_some());
        }
        assert_eq!(keep("1.4", None).await.unwrap(), None, "too many");
        assert!(
            keep("1.3", None).await.unwrap().is_some(),
            "the same is none more"
        );
        let other = database.keep_commitment(asked("CT2", "1.1", &[("1.2", None)]), LONG, MOST);
        assert!(other.await.unwrap().is_some(), "of another peer");
        assert!(database.finish_commitment(&again).await.unwrap());
        assert!(!database.finish_commitment(&again).await.unwrap());
        assert_eq!(waiting(database, "CT1").await, 2);
    });
}
