//! Studies that are here by another way than C-STORE.

use norma_database::{
    Database, DeliveryDestination, DeliveryQuery, DicomStudy, NewScan, Owner, Page, ReceivedStudy,
    StoredInstance,
};
use norma_domain::{ScanId, StudyInstanceUid, UserId, Verdict};

use crate::builders::{new_scan, prepare, report, request};
use crate::sides::on_both_sides;

async fn scan_of(database: &Database, owner: Option<Owner>) -> ScanId {
    let scan = NewScan {
        owner,
        ..new_scan(None)
    };
    database.create_scan(scan).await.unwrap().id
}

#[test]
fn what_people_and_the_pacs_have_brought_is_held_and_others_is_theirs() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let scope = |name: &str| Some(Owner::Scope(name.to_owned()));
        let unknown = || database.scans_of_unknown_study("pacs".to_owned());
        let uid = StudyInstanceUid::new("1.2.3").unwrap();
        let held = || database.scans_held_of_study(uid.clone(), "pacs".to_owned());
        let (anybodys, own, others) = (
            scan_of(database, None).await,
            scan_of(database, scope("pacs")).await,
            scan_of(database, scope("pacs2")).await,
        );
        let persons = scan_of(database, Some(Owner::User(UserId::generate()))).await;
        let received = scan_of(database, scope("pacs")).await;
        let study = ReceivedStudy {
            scan_id: received,
            study_key: "a".to_owned(),
            instances: 1,
            instances_sha256: "b".to_owned(),
            predecessor: None,
        };
        database.note_received_study(study).await.unwrap();
        let ids = |found: Vec<(ScanId, Option<Owner>)>| -> Vec<ScanId> {
            found.into_iter().map(|(id, _)| id).collect()
        };
        assert_eq!(ids(unknown().await.unwrap()), [persons, own, anybodys]);
        assert!(held().await.unwrap().is_empty());

        for (scan_id, uid) in [
            (own, Some("1.2.3")),
            (others, Some("1.2.3")),
            (persons, Some("1.2.4")),
            (anybodys, None),
        ] {
            let study = uid.map(|uid| DicomStudy {
                study_instance_uid: uid.to_owned(),
                ..DicomStudy::default()
            });
            assert!(database.note_dicom_study(scan_id, study, 1).await.unwrap());
        }
        assert!(unknown().await.unwrap().is_empty(), "each is looked into once");
        assert_eq!(held().await.unwrap(), [(own, scope("pacs"))]);
        // What was prepared says which study it is, indexed or not.
        let analysis = request(database, anybodys).await.analysis;
        prepare(database, analysis.id).await;
        let prepared = database.scan(anybodys).await.unwrap().unwrap();
        let found = database.scans_held_of_study(prepared.study_uid.unwrap(), "pacs".to_owned());
        assert_eq!(found.await.unwrap(), [(own, scope("pacs")), (anybodys, None)]);
    });
}

#[test]
fn results_that_were_no_matter_of_the_pacs_are_queued_when_it_sends_their_study() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let destinations =
            [("archive", true), ("ris", false)].map(|(name, all_studies)| DeliveryDestination {
                name: name.to_owned(),
                all_studies,
            });
        database
            .set_delivery_destinations(destinations.into())
            .await
            .unwrap();
        let queued = || async {
            let listing = database.list_deliveries(DeliveryQuery::default(), Page::default());
            let mut names: Vec<String> = listing
                .await
                .unwrap()
                .items
                .into_iter()
                .map(|delivery| delivery.destination)
                .collect();
            names.sort();
            names
        };
        let scan = scan_of(database, None).await;
        let analysis = request(database, scan).await.analysis;
        prepare(database, analysis.id).await;
        database.queue_missing_deliveries(scan).await.unwrap();
        assert!(queued().await.is_empty(), "it has not ended");
        let report = report(&analysis, Verdict::Undetermined, None);
        assert!(database.complete_analysis(report).await.unwrap());
        assert_eq!(queued().await, ["archive"]);
        let instance = StoredInstance {
            sop_instance_uid: "1.2".to_owned(),
            sop_class_uid: "9.1".to_owned(),
        };
        database
            .note_stored_instances(scan, vec![instance])
            .await
            .unwrap();
        for _ in 0..2 {
            database.queue_missing_deliveries(scan).await.unwrap();
            assert_eq!(queued().await, ["archive", "ris"]);
        }
        database
            .queue_missing_deliveries(ScanId::generate())
            .await
            .unwrap();
    });
}
