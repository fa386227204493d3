//! Studies that are pulled from archives.

use std::time::Duration;

use norma_database::{
    AwaitedStudy, ClaimedPull, Database, DeliveryProblem, Page, Pull, PullQuery, PullState, PullWish,
    PulledAgain, PulledStudy,
};
use norma_domain::{PullId, ScanId};

use crate::builders::scan;
use crate::sides::on_both_sides;

const LONG: Duration = Duration::from_secs(60);

fn by_accession(number: &str) -> PullWish {
    PullWish::Studies {
        study_instance_uid: None,
        accession_number: Some(number.to_owned()),
        patient_id: None,
        issuer_of_patient_id: None,
    }
}

fn priors_of(scan_id: ScanId) -> PullWish {
    PullWish::Priors {
        scan_id,
        study_key: "ab".to_owned(),
        study_date: Some("20250301".to_owned()),
        patient_id: "P-17".to_owned(),
        issuer_of_patient_id: None,
    }
}

fn study(uid: &str, is_here: bool) -> PulledStudy {
    PulledStudy {
        study_instance_uid: uid.to_owned(),
        study_key: format!("key of {uid}"),
        is_here,
        instances: 7,
        failed: 1,
        reason_code: (!is_here).then(|| "instances_missing".to_owned()),
        expected: Some(154),
    }
}

fn problem(code: &'static str) -> DeliveryProblem {
    DeliveryProblem {
        code: code.into(),
        peer_status: Some("A702".to_owned()),
    }
}

async fn ask(database: &Database, wish: PullWish) -> Pull {
    database.ask_for_pull("archive".to_owned(), wish).await.unwrap()
}

async fn claim(database: &Database, lease: Duration) -> Option<ClaimedPull> {
    database.claim_pull("archive".to_owned(), lease).await.unwrap()
}

#[test]
fn a_pull_is_one_process_s_at_a_time_until_it_ends() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let asked = ask(database, by_accession("A1")).await;
        assert_eq!(asked.state, PullState::Asked);
        assert_eq!(
            ask(database, by_accession("A1")).await.id,
            asked.id,
            "it has not ended"
        );
        assert_ne!(ask(database, by_accession("A2")).await.id, asked.id);
        let other = database
            .ask_for_pull("other".to_owned(), by_accession("A1"))
            .await;
        assert_ne!(other.unwrap().id, asked.id, "of another archive");

        // Whoever dies at it, or is too slow, loses it.
        let first = claim(database, Duration::ZERO).await.unwrap();
        assert_eq!((first.id, first.attempts), (asked.id, 1));
        assert_eq!(first.wish, by_accession("A1"));
        let studies = vec![study("1.2", false), study("1.3", true)];
        assert!(
            database
                .note_pulled_studies(&first, studies.clone())
                .await
                .unwrap()
        );
        let mut again = claim(database, LONG).await.unwrap();
        if again.id != asked.id {
            again = claim(database, LONG).await.unwrap();
        }
        assert_eq!((again.id, again.attempts), (asked.id, 2));
        assert_eq!(again.studies, studies, "what came is known");
        assert!(!database.renew_pull(&first, LONG).await.unwrap());
        assert!(!database.finish_pull(&first).await.unwrap());
        assert!(!database.note_pulled_studies(&first, Vec::new()).await.unwrap());
        assert!(
            !database
                .note_pull_problem(&first, problem("too_slow"), None)
                .await
                .unwrap()
        );
        assert!(database.renew_pull(&again, LONG).await.unwrap());

        // Tried again, then done.
        assert!(
            database
                .note_pull_problem(&again, problem("instances_missing"), Some(Duration::ZERO))
                .await
                .unwrap()
        );
        let waiting = database.pull(asked.id).await.unwrap().unwrap();
        assert_eq!(waiting.state, PullState::Asked);
        assert_eq!(waiting.reason_code.as_deref(), Some("instances_missing"));
        assert_eq!(waiting.peer_status.as_deref(), Some("A702"));
        assert!(waiting.next_attempt_at.is_some() && waiting.ended_at.is_none());
        let last = loop {
            let claimed = claim(database, LONG).await.unwrap();
            if claimed.id == asked.id {
                break claimed;
            }
        };
        assert!(database.finish_pull(&last).await.unwrap());
        let done = database.pull(asked.id).await.unwrap().unwrap();
        assert_eq!(done.state, PullState::Done);
        assert!(done.ended_at.is_some() && done.reason_code.is_none());
        assert_eq!(done.studies, studies);
        assert_ne!(
            ask(database, by_accession("A1")).await.id,
            asked.id,
            "it has ended: a new wish"
        );
    });
}

#[test]
fn what_failed_waits_for_a_person_and_what_is_done_is_forgotten() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let asked = ask(database, by_accession("A1")).await;
        let claimed = claim(database, LONG).await.unwrap();
        let again = database.pull_again(asked.id).await.unwrap();
        assert_eq!(again, Some(PulledAgain::Waiting));
        assert!(
            database
                .note_pull_problem(&claimed, problem("no_such_study"), None)
                .await
                .unwrap()
        );
        assert!(claim(database, LONG).await.is_none(), "not by itself");
        let counts = database.waiting_pulls("archive".to_owned()).await.unwrap();
        assert_eq!((counts.waiting, counts.failed, counts.oldest), (0, 1, None));
        assert_eq!(database.forget_done_pulls(Duration::ZERO).await.unwrap(), 0);
        let again = database.pull_again(asked.id).await.unwrap();
        assert!(matches!(again, Some(PulledAgain::Asked(pull)) if pull.attempts == 0));
        let unknown = database.pull_again(PullId::generate()).await.unwrap();
        assert_eq!(unknown, None);
        let counts = database.waiting_pulls("archive".to_owned()).await.unwrap();
        assert_eq!((counts.waiting, counts.failed), (1, 0));
        let claimed = claim(database, LONG).await.unwrap();
        assert!(
            database
                .note_pulled_studies(&claimed, vec![study("1.2", true)])
                .await
                .unwrap()
        );
        assert!(database.finish_pull(&claimed).await.unwrap());
        let query = |state| PullQuery {
            state: Some(state),
            source: Some("archive".to_owned()),
        };
        let list = |state| database.list_pulls(query(state), Page::default());
        assert_eq!(list(PullState::Done).await.unwrap().total, 1);
        assert_eq!(list(PullState::Failed).await.unwrap().total, 0);
        assert_eq!(database.forget_done_pulls(LONG).await.unwrap(), 0, "not yet");
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(database.forget_done_pulls(Duration::ZERO).await.unwrap(), 1);
        assert!(database.pull(asked.id).await.unwrap().is_none());
    });
}

/// What an archive counted is known across a start, until all of it has come.
#[test]
fn what_never_came_whole_is_known_until_it_is() {
    on_both_sides(|side| async move {
        let database = &side.database;
        ask(database, by_accession("A1")).await;
        let first = claim(database, LONG).await.unwrap();
        let noted = database.note_pulled_studies(&first, vec![study("1.2", false)]);
        assert!(noted.await.unwrap());
        assert!(
            database
                .note_pull_problem(&first, problem("instances_missing"), None)
                .await
                .unwrap()
        );
        let awaited = database.awaited_studies().await.unwrap();
        assert_eq!(awaited.len(), 1);
        assert!(awaited[0].is_given_up && awaited[0].has_come && !awaited[0].is_prior);
        assert_eq!(awaited[0].expected, Some(154));

        ask(database, by_accession("A2")).await;
        let second = claim(database, LONG).await.unwrap();
        let noted = database.note_pulled_studies(&second, vec![study("1.2", true)]);
        assert!(noted.await.unwrap());
        assert!(database.finish_pull(&second).await.unwrap());
        assert!(database.awaited_studies().await.unwrap().is_empty());
    });
}

#[test]
fn earlier_studies_are_asked_for_once_for_a_scan_and_go_with_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let scan_id = scan(database, None).await.id;
        let asked = ask(database, priors_of(scan_id)).await;
        assert_eq!(ask(database, priors_of(scan_id)).await.id, asked.id);
        assert!(database.awaited_studies().await.unwrap().is_empty());
        let claimed = claim(database, LONG).await.unwrap();
        assert_eq!(claimed.wish, priors_of(scan_id));
        let studies = vec![study("1.2", false), study("1.3", true)];
        assert!(database.note_pulled_studies(&claimed, studies).await.unwrap());
        let awaited = database.awaited_studies().await.unwrap();
        let expected = AwaitedStudy {
            study_key: "key of 1.2".to_owned(),
            source: "archive".to_owned(),
            is_prior: true,
            is_given_up: false,
            has_come: true,
            expected: Some(154),
        };
        assert_eq!(awaited, [expected]);
        assert!(database.finish_pull(&claimed).await.unwrap());
        assert!(database.awaited_studies().await.unwrap().is_empty());
        assert_eq!(
            ask(database, priors_of(scan_id)).await.id,
            asked.id,
            "whatever came of it"
        );
        database.delete_scan(scan_id).await.unwrap();
        assert!(database.pull(asked.id).await.unwrap().is_none());
    });
}
