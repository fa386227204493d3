//! Results on their way to a PACS.

use std::collections::HashSet;
use std::time::Duration;

use norma_database::{
    Database, DeliveredObject, Delivery, DeliveryDestination, DeliveryProblem, DeliveryQuery, DeliveryState,
    Page, ReceivedStudy, SentAgain, StoredInstance, StudyRoute, UncommittedObject, WaitingEntries,
};
use norma_domain::{AnalysisId, DeliveryId, Reason, ReasonCode, ScanId, Verdict};

use crate::builders::{answered, prepare, report, request, requested, scan};
use crate::sides::on_both_sides;

const LONG: Duration = Duration::from_secs(60);

async fn set(database: &Database, names: &[(&str, bool)]) {
    let destinations = names.iter().map(|(name, all_studies)| DeliveryDestination {
        name: (*name).to_owned(),
        all_studies: *all_studies,
    });
    let destinations = destinations.collect();
    database.set_delivery_destinations(destinations).await.unwrap();
}

async fn list(database: &Database, query: DeliveryQuery) -> Vec<Delivery> {
    let listing = database.list_deliveries(query, Page::default()).await.unwrap();
    assert_eq!(listing.total, listing.items.len() as u64);
    listing.items
}

async fn destinations_of(database: &Database, analysis_id: AnalysisId) -> Vec<String> {
    let query = DeliveryQuery {
        analysis_id: Some(analysis_id),
        ..DeliveryQuery::default()
    };
    let mut names: Vec<String> = list(database, query)
        .await
        .into_iter()
        .map(|delivery| delivery.destination)
        .collect();
    names.sort();
    names
}

async fn answered_scan(database: &Database, scan_id: ScanId) -> AnalysisId {
    let analysis = request(database, scan_id).await.analysis;
    prepare(database, analysis.id).await;
    let report = report(&analysis, Verdict::Undetermined, None);
    assert!(database.complete_analysis(report.clone()).await.unwrap());
    assert!(!database.complete_analysis(report).await.unwrap());
    analysis.id
}

fn problem(code: &'static str) -> DeliveryProblem {
    DeliveryProblem {
        code: code.into(),
        peer_status: Some("A900".to_owned()),
    }
}

async fn claim(database: &Database, lease: Duration) -> Option<norma_database::ClaimedDelivery> {
    database
        .claim_delivery("archive".to_owned(), lease)
        .await
        .unwrap()
}

#[test]
fn an_analysis_that_ends_is_queued_once_for_each_destination_that_gets_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let before = answered(database, None, Verdict::Norm, Some(0.1)).await;
        set(database, &[("archive", true), ("ris", false)]).await;
        set(database, &[("archive", true), ("ris", false)]).await;
        assert!(
            destinations_of(database, before.id).await.is_empty(),
            "history is not sent"
        );

        let uploaded = scan(database, None).await;
        let of_upload = answered_scan(database, uploaded.id).await;
        assert_eq!(destinations_of(database, of_upload).await, ["archive"]);
        let received = scan(database, None).await;
        let study = ReceivedStudy {
            scan_id: received.id,
            study_key: "a".to_owned(),
            instances: 1,
            instances_sha256: "b".to_owned(),
            predecessor: None,
        };
        database.note_received_study(study).await.unwrap();
        let of_received = answered_scan(database, received.id).await;
        assert_eq!(destinations_of(database, of_received).await, ["archive", "ris"]);
        // So is what came by STOW-RS.
        let stored = scan(database, None).await;
        let instance = StoredInstance {
            sop_instance_uid: "1.2".to_owned(),
            sop_class_uid: "9.1".to_owned(),
        };
        let noted = database.note_stored_instances(stored.id, vec![instance]);
        noted.await.unwrap();
        let of_stored = answered_scan(database, stored.id).await;
        assert_eq!(destinations_of(database, of_stored).await, ["archive", "ris"]);
        database.delete_scan(stored.id).await.unwrap();
        // A second analysis of the same study is another answer.
        let again = answered_scan(database, received.id).await;
        assert_eq!(destinations_of(database, again).await, ["archive", "ris"]);

        // What failed has no report, and what is no DICOM study has no objects.
        let failed = requested(database).await;
        let reason = Reason::new(ReasonCode::UndecodablePixels, "cut off");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());
        assert!(destinations_of(database, failed.id).await.is_empty());
        let volume = requested(database).await;
        prepare(database, volume.id).await;
        let mut report = report(&volume, Verdict::Norm, Some(0.1));
        report.study.as_mut().unwrap().study_instance_uid = None;
        assert!(database.complete_analysis(report).await.unwrap());
        assert!(destinations_of(database, volume.id).await.is_empty());

        set(database, &[]).await;
        let after = answered(database, None, Verdict::Norm, Some(0.1)).await;
        assert!(destinations_of(database, after.id).await.is_empty());
        // What was queued goes with its scan.
        database.delete_scan(received.id).await.unwrap();
        assert_eq!(list(database, DeliveryQuery::default()).await.len(), 1);
    });
}

#[test]
fn a_delivery_is_one_processes_until_its_lease_runs_out() {
    on_both_sides(|side| async move {
        let database = &side.database;
        set(database, &[("archive", true)]).await;
        let analysis = answered(database, None, Verdict::Pathology, Some(0.9)).await;
        let other = database.claim_delivery("ris".to_owned(), LONG).await.unwrap();
        assert_eq!(other, None);
        let short = Duration::from_millis(30);
        let dead = claim(database, short).await.unwrap();
        assert_eq!((dead.analysis_id, dead.attempts), (analysis.id, 1));
        assert!(database.renew_delivery(&dead, LONG).await.unwrap());
        assert_eq!(claim(database, LONG).await, None);
        assert!(database.renew_delivery(&dead, short).await.unwrap());
        tokio::time::sleep(short * 2).await;

        let alive = claim(database, LONG).await.unwrap();
        assert_eq!((alive.id, alive.attempts), (dead.id, 2));
        assert!(!database.renew_delivery(&dead, LONG).await.unwrap());
        assert!(!database.finish_delivery(&dead, Vec::new()).await.unwrap());
        assert!(
            !database
                .note_delivery_problem(&dead, problem("x"), Vec::new(), None)
                .await
                .unwrap()
        );
        assert_eq!(
            list(database, DeliveryQuery::default()).await[0].state,
            DeliveryState::Sending
        );

        // Longer than a busy machine takes to look.
        let pause = Duration::from_secs(2);
        assert!(
            database
                .note_delivery_problem(&alive, problem("peer_unreachable"), Vec::new(), Some(pause))
                .await
                .unwrap()
        );
        let waiting = &list(database, DeliveryQuery::default()).await[0];
        assert_eq!(waiting.state, DeliveryState::Queued);
        assert_eq!(waiting.reason_code.as_deref(), Some("peer_unreachable"));
        assert_eq!(waiting.peer_status.as_deref(), Some("A900"));
        assert!(waiting.next_attempt_at.is_some() && waiting.ended_at.is_none());
        assert_eq!(claim(database, LONG).await, None, "it waits");
        tokio::time::sleep(pause).await;
        let last = claim(database, LONG).await.unwrap();
        assert_eq!(last.attempts, 3);
        assert!(database.finish_delivery(&last, Vec::new()).await.unwrap());
        assert!(!database.finish_delivery(&last, Vec::new()).await.unwrap());
        let done = &list(database, DeliveryQuery::default()).await[0];
        assert_eq!((done.state, &done.reason_code), (DeliveryState::Delivered, &None));
        assert!(done.ended_at.is_some());
        assert_eq!(claim(database, Duration::ZERO).await, None);
    });
}

#[test]
fn what_was_given_up_waits_for_a_person() {
    on_both_sides(|side| async move {
        let database = &side.database;
        set(database, &[("archive", true)]).await;
        answered(database, None, Verdict::Norm, Some(0.1)).await;
        let claimed = claim(database, LONG).await.unwrap();
        let id = claimed.id;
        assert_eq!(
            database.send_delivery_again(id).await.unwrap(),
            Some(SentAgain::Waiting)
        );
        assert!(
            database
                .note_delivery_problem(&claimed, problem("refused_by_peer"), Vec::new(), None)
                .await
                .unwrap()
        );
        assert_eq!(claim(database, LONG).await, None);
        let counts = database.waiting_deliveries("archive".to_owned()).await.unwrap();
        assert_eq!(
            counts,
            WaitingEntries {
                waiting: 0,
                failed: 1,
                oldest: None
            }
        );
        let failed = DeliveryQuery {
            state: Some(DeliveryState::Failed),
            destination: Some("archive".to_owned()),
            ..DeliveryQuery::default()
        };
        assert_eq!(list(database, failed).await[0].id, id);
        let Some(SentAgain::Queued(again)) = database.send_delivery_again(id).await.unwrap() else {
            panic!("it is not queued");
        };
        assert_eq!((again.state, again.attempts), (DeliveryState::Queued, 0));
        let counts = database.waiting_deliveries("archive".to_owned()).await.unwrap();
        assert_eq!((counts.waiting, counts.failed), (1, 0));
        assert!(counts.oldest.unwrap() < LONG);
        let claimed = claim(database, LONG).await.unwrap();
        assert_eq!(claimed.attempts, 1);
        assert!(database.finish_delivery(&claimed, Vec::new()).await.unwrap());
        // A PACS may have lost what it had.
        assert!(matches!(
            database.send_delivery_again(id).await.unwrap(),
            Some(SentAgain::Queued(_))
        ));
        assert_eq!(
            database
                .send_delivery_again(DeliveryId::generate())
                .await
                .unwrap(),
            None
        );
    });
}

#[test]
fn what_a_destination_has_stays_known_until_it_is_to_have_all_again() {
    on_both_sides(|side| async move {
        let database = &side.database;
        set(database, &[("archive", true), ("ris", true)]).await;
        answered(database, None, Verdict::Norm, Some(0.1)).await;
        let object = |name: &str, refusal: Option<DeliveryProblem>| DeliveredObject {
            sop_instance_uid: format!("2.25.{}", name.len()),
            name: name.to_owned(),
            refusal,
        };
        let refused = vec![
            object("report", None),
            object("segmentation-lungs", Some(problem("refused_by_peer"))),
        ];
        let told = |state: DeliveryState| DeliveryQuery {
            state: Some(state),
            destination: Some("archive".to_owned()),
            ..DeliveryQuery::default()
        };
        let claimed = claim(database, Duration::ZERO).await.unwrap();
        assert_eq!(claimed.objects, []);
        let again = claim(database, LONG).await.unwrap();
        let noting = database.note_delivery_problem(&claimed, problem("x"), refused.clone(), None);
        assert!(!noting.await.unwrap(), "{}", side.name);
        assert_eq!(list(database, told(DeliveryState::Sending)).await[0].objects, []);
        let noting =
            database.note_delivery_problem(&again, problem("refused_by_peer"), refused.clone(), None);
        assert!(noting.await.unwrap());
        assert_eq!(
            list(database, told(DeliveryState::Failed)).await[0].objects,
            refused
        );

        // What failed is sent again without what the destination has.
        let Some(SentAgain::Queued(queued)) = database.send_delivery_again(again.id).await.unwrap() else {
            panic!("it is not queued");
        };
        assert_eq!(queued.objects, refused);
        let claimed = claim(database, LONG).await.unwrap();
        assert_eq!(claimed.objects, refused);
        let taken = vec![object("report", None), object("segmentation-lungs", None)];
        assert!(database.finish_delivery(&claimed, taken.clone()).await.unwrap());
        assert_eq!(
            list(database, told(DeliveryState::Delivered)).await[0].objects,
            taken
        );

        // What was delivered is sent again whole.
        let Some(SentAgain::Queued(queued)) = database.send_delivery_again(again.id).await.unwrap() else {
            panic!("it is not queued");
        };
        assert_eq!(queued.objects, []);
        let claimed = claim(database, LONG).await.unwrap();
        assert_eq!(claimed.objects, []);
        let other = database.claim_delivery("ris".to_owned(), LONG).await.unwrap();
        assert_eq!(other.unwrap().objects, [], "another destination's are its own");
    });
}

#[test]
fn gateways_side_by_side_never_get_the_same_delivery() {
    on_both_sides(|side| async move {
        let database = &side.database;
        set(database, &[("archive", true)]).await;
        for _ in 0..20 {
            answered(database, None, Verdict::Norm, Some(0.1)).await;
        }
        let mut gateways = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let database = database.clone();
            gateways.spawn(async move {
                let mut taken = Vec::new();
                while let Some(claimed) = claim(&database, LONG).await {
                    taken.push(claimed.id);
                    assert!(database.finish_delivery(&claimed, Vec::new()).await.unwrap());
                }
                taken
            });
        }
        let taken: Vec<DeliveryId> = gateways.join_all().await.concat();
        assert_eq!(
            HashSet::<_>::from_iter(&taken).len(),
            taken.len(),
            "{}",
            side.name
        );
        // One may stop early because others held the rows; what is left is still there.
        let left = database
            .waiting_deliveries("archive".to_owned())
            .await
            .unwrap()
            .waiting;
        assert_eq!(taken.len() as u64 + left, 20);
    });
}

#[test]
fn results_of_a_routed_study_go_where_its_rule_says() {
    on_both_sides(|side| async move {
        let database = &side.database;
        set(database, &[("archive", true), ("ris", true), ("triage", true)]).await;
        let route = |scan_id, names: Option<&[&str]>| StudyRoute {
            scan_id,
            facts: r#"{"is_prior":false}"#.to_owned(),
            rule: names.map(|_| "chest".to_owned()),
            destinations: names.map(|names| names.iter().map(|name| (*name).to_owned()).collect()),
        };
        let (routed, nowhere, as_ever) = (
            scan(database, None).await.id,
            scan(database, None).await.id,
            scan(database, None).await.id,
        );
        database
            .note_study_route(route(routed, Some(&["ris"])))
            .await
            .unwrap();
        // What was noted last holds; a destination that is set no more gets nothing.
        let renamed = route(routed, Some(&["ris", "triage", "gone"]));
        database.note_study_route(renamed.clone()).await.unwrap();
        database
            .note_study_route(route(nowhere, Some(&[])))
            .await
            .unwrap();
        database.note_study_route(route(as_ever, None)).await.unwrap();
        let noted = database.study_route(routed).await.unwrap();
        assert!(noted == Some(renamed.clone()));
        let latest = database.latest_study_routes(2).await.unwrap();
        assert_eq!(latest.len(), 2);
        assert_eq!(latest[0].0.scan_id, as_ever, "the newest first");
        let unknown = route(ScanId::generate(), None);
        assert!(database.note_study_route(unknown).await.is_err());
        let routed = answered_scan(database, routed).await;
        assert_eq!(destinations_of(database, routed).await, ["ris", "triage"]);
        let nowhere = answered_scan(database, nowhere).await;
        assert!(destinations_of(database, nowhere).await.is_empty());
        let as_ever = answered_scan(database, as_ever).await;
        assert_eq!(
            destinations_of(database, as_ever).await,
            ["archive", "ris", "triage"]
        );
        database.delete_scan(renamed.scan_id).await.unwrap();
        assert!(database.study_route(renamed.scan_id).await.unwrap().is_none());
    });
}

#[test]
fn a_destination_is_asked_of_a_delivery_under_one_transaction_at_a_time() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let queued = DeliveryDestination {
            name: "archive".to_owned(),
            all_studies: true,
        };
        database.set_delivery_destinations(vec![queued]).await.unwrap();
        answered(database, None, Verdict::Norm, Some(0.1)).await;
        let claimed = database
            .claim_delivery("archive".to_owned(), Duration::from_secs(60))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(database.commitment_asked(claimed.id).await.unwrap(), None);
        let ask = async |transaction: &str| {
            database
                .note_commitment_asked(claimed.id, transaction.to_owned())
                .await
                .unwrap();
        };
        let answer = async |transaction: &str, names: &[&str], uncommitted: &[UncommittedObject]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let noting = database.note_commitment_answer(transaction.to_owned(), names, uncommitted.to_vec());
            noting.await.unwrap()
        };
        ask("1.1").await;
        ask("1.2").await;
        assert!(!answer("1.1", &["archive"], &[]).await, "it was asked anew");
        assert!(!answer("1.2", &["other"], &[]).await, "another destination");
        let asked = database.commitment_asked(claimed.id).await.unwrap().unwrap();
        assert_eq!((asked.transaction_uid.as_str(), asked.answer), ("1.2", None));
        assert!(asked.age < Duration::from_secs(60));
        let lost = [UncommittedObject {
            sop_instance_uid: "2.25.1".to_owned(),
            reason: 0x0112,
        }];
        let problem = DeliveryProblem {
            code: "commitment_awaited".into(),
            peer_status: None,
        };
        let pause = Some(Duration::from_secs(900));
        assert!(
            database
                .note_delivery_problem(&claimed, problem, Vec::new(), pause)
                .await
                .unwrap()
        );
        let claim = async || {
            database
                .claim_delivery("archive".to_owned(), Duration::from_secs(60))
                .await
                .unwrap()
        };
        assert!(claim().await.is_none(), "it waits");
        assert!(answer("1.2", &["archive"], &lost).await);
        let told = database.commitment_asked(claimed.id).await.unwrap().unwrap();
        assert_eq!(told.answer.as_deref(), Some(&lost[..]));
        assert!(claim().await.is_some(), "it is looked at at once");
        database.forget_commitment_asked(claimed.id).await.unwrap();
        assert_eq!(database.commitment_asked(claimed.id).await.unwrap(), None);
    });
}
