//! What is watched of answers, the last look, and proposed thresholds.

use chrono::{TimeDelta, Utc};
use norma_database::{
    AcceptedBundleFile, Decided, NewThresholdProposal, Page, ProposalState, ThresholdProposal,
};
use norma_database::{Database, NewAnalysis};
use norma_domain::{
    AnalysisId, OperatingPointName, Priority, Reason, ReasonCode, Report, ThresholdProposalId, Verdict,
};
use serde_json::json;

use crate::builders::{answered, new_analysis, prepare, report, scan};
use crate::schema::execute;
use crate::sides::on_both_sides;

#[test]
fn an_answer_is_observed_once_and_goes_with_its_analysis() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = answered(database, None, Verdict::Norm, Some(0.1)).await;
        let second = answered(database, None, Verdict::Norm, Some(0.2)).await;
        assert_eq!(
            database.unobserved_answers(10).await.unwrap(),
            [second.id, first.id]
        );
        assert_eq!(database.unobserved_answers(1).await.unwrap(), [second.id]);
        for value in [1, 2] {
            database
                .note_observation(first.id, json!({"is": value}))
                .await
                .unwrap();
        }
        database
            .note_observation(AnalysisId::generate(), json!({}))
            .await
            .unwrap();
        assert_eq!(database.unobserved_answers(10).await.unwrap(), [second.id]);
        database
            .note_observation(second.id, json!({"is": 3}))
            .await
            .unwrap();
        let noted = database.observed_answers(10).await.unwrap();
        let values: Vec<_> = noted
            .iter()
            .map(|of| (of.about.scan_id, of.observation.clone()))
            .collect();
        assert_eq!(
            values,
            [
                (second.scan_id, json!({"is": 3})),
                (first.scan_id, json!({"is": 1}))
            ]
        );
        assert_eq!(database.observed_answers(1).await.unwrap().len(), 1);
        database.delete_scan(second.scan_id).await.unwrap();
        assert_eq!(database.observed_answers(10).await.unwrap().len(), 1);
    });
}

#[test]
fn the_last_look_replaces_the_one_before() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert_eq!(database.drift_look().await.unwrap(), None);
        database.note_drift_look(json!({"at": 1})).await.unwrap();
        let first = database.drift_look().await.unwrap().unwrap();
        database.note_drift_look(json!({"at": 2})).await.unwrap();
        let second = database.drift_look().await.unwrap().unwrap();
        assert_eq!(second.report, json!({"at": 2}));
        assert!(second.looked_at >= first.looked_at);
    });
}

async fn proposed(
    database: &Database,
    version: &str,
    based_on: Option<ThresholdProposalId>,
) -> ThresholdProposal {
    let new = NewThresholdProposal {
        method: "unlabelled".to_owned(),
        installed_sha256: "aa".to_owned(),
        based_on,
        bundle_version: version.to_owned(),
        bundle_sha256: format!("sha of {version}"),
        bundle_file: format!("version: {version}"),
        report: json!({"version": version}),
        created_by: "test".to_owned(),
    };
    database.add_threshold_proposal(new).await.unwrap()
}

async fn accept(database: &Database, id: ThresholdProposalId) -> Decided {
    let decided = database.decide_threshold_proposal(id, true, "ann".to_owned(), Some("why".to_owned()));
    decided.await.unwrap().unwrap()
}

async fn acting(database: &Database) -> Option<ThresholdProposalId> {
    let acting = database.acting_threshold_proposal("aa".to_owned()).await.unwrap();
    let acting = acting.map(|proposal| proposal.id);
    let alone = database.acting_proposal_id("aa".to_owned()).await.unwrap();
    assert_eq!(alone, acting);
    acting
}

#[test]
fn the_last_accepted_proposal_acts_until_it_is_taken_back() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = proposed(database, "1", None).await;
        let rival = proposed(database, "2", None).await;
        assert_eq!((first.state, acting(database).await), (ProposalState::Open, None));
        let Decided::Done(accepted) = accept(database, first.id).await else {
            panic!("it is not accepted");
        };
        assert_eq!(accepted.state, ProposalState::Accepted);
        assert_eq!(
            (accepted.decided_by.as_deref(), accepted.comment.as_deref()),
            (Some("ann"), Some("why"))
        );
        assert_eq!(accept(database, first.id).await, Decided::NotOpen);
        // Measured against what acted before the first was accepted.
        assert_eq!(accept(database, rival.id).await, Decided::Outdated);
        let second = proposed(database, "3", Some(first.id)).await;
        assert!(matches!(accept(database, second.id).await, Decided::Done(_)));
        assert_eq!(acting(database).await, Some(second.id));
        let of_second = AcceptedBundleFile {
            proposal_id: second.id,
            installed_sha256: "aa".to_owned(),
            text: "version: 3".to_owned(),
        };
        let acts = database.acting_proposal_id("aa".to_owned()).await.unwrap();
        assert_eq!(acts, Some(second.id));
        let file = database.accepted_bundle_file(second.id).await.unwrap();
        assert_eq!(file.as_ref(), Some(&of_second));
        assert_eq!(database.acting_proposal_id("bb".to_owned()).await.unwrap(), None);
        // Nobody accepted it.
        assert_eq!(database.accepted_bundle_file(rival.id).await.unwrap(), None);

        let withdraw =
            |id| database.withdraw_threshold_proposal(id, "bob".to_owned(), Some("drift".to_owned()));
        assert_eq!(withdraw(first.id).await.unwrap(), Some(Decided::NotOpen));
        let Some(Decided::Done(withdrawn)) = withdraw(second.id).await.unwrap() else {
            panic!("it is not taken back");
        };
        // Beside who accepted it and why.
        assert_eq!(
            (withdrawn.decided_by.as_deref(), withdrawn.comment.as_deref()),
            (Some("ann"), Some("why"))
        );
        let withdrawal = withdrawn.withdrawal.unwrap();
        assert_eq!(
            (withdrawal.by.as_deref(), withdrawal.reason.as_deref()),
            (Some("bob"), Some("drift"))
        );
        assert!(withdrawal.at >= withdrawn.decided_at.unwrap());
        // What was asked while it acted is still held to it.
        assert_eq!(
            database.accepted_bundle_file(second.id).await.unwrap(),
            Some(of_second)
        );
        assert_eq!(acting(database).await, Some(first.id));
        assert!(matches!(
            withdraw(first.id).await.unwrap(),
            Some(Decided::Done(_))
        ));
        assert_eq!(acting(database).await, None);
        assert_eq!(withdraw(ThresholdProposalId::generate()).await.unwrap(), None);
        // What acted once is still known by its hash: its answers are of the same models.
        let bundles = database.bundles_with_accepted_thresholds().await.unwrap();
        assert_eq!(bundles.len(), 2);
        assert_eq!(bundles["sha of 3"], "aa");

        let decline = database.decide_threshold_proposal(rival.id, false, "ann".to_owned(), None);
        assert!(matches!(decline.await.unwrap(), Some(Decided::Done(_))));
        let listed = database
            .list_threshold_proposals(None, Page::default())
            .await
            .unwrap();
        let states: Vec<ProposalState> = listed.items.iter().map(|proposal| proposal.state).collect();
        use ProposalState::{Declined, Withdrawn};
        assert_eq!(states, [Withdrawn, Declined, Withdrawn]);
        let declined = database.list_threshold_proposals(Some(Declined), Page::default());
        assert_eq!(declined.await.unwrap().total, 1);
    });
}

#[test]
fn of_two_that_are_accepted_at_once_one_acts() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let mut ids = Vec::new();
        for version in ["1", "2", "3", "4"] {
            ids.push(proposed(database, version, None).await.id);
        }
        let mut deciding = tokio::task::JoinSet::new();
        for id in ids {
            let database = database.clone();
            deciding.spawn(async move { accept(&database, id).await });
        }
        let decided = deciding.join_all().await;
        let done = decided.iter().filter(|one| matches!(one, Decided::Done(_)));
        assert_eq!(done.count(), 1, "{}: {decided:?}", side.name);
    });
}

/// What was measured against thresholds that are taken back in the same moment does not act on others.
#[test]
fn of_accepting_and_taking_back_at_once_one_is_done() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for round in 0..10 {
            let first = proposed(database, &format!("{round}"), None).await;
            assert!(matches!(accept(database, first.id).await, Decided::Done(_)));
            let second = proposed(database, &format!("{round} and more"), Some(first.id)).await;
            let withdraw = database.withdraw_threshold_proposal(first.id, "ann".to_owned(), None);
            let (accepted, withdrawn) = tokio::join!(accept(database, second.id), withdraw);
            let withdrawn = withdrawn.unwrap().unwrap();
            let done = [&accepted, &withdrawn].map(|one| matches!(one, Decided::Done(_)));
            assert!(done[0] != done[1], "{}: {accepted:?}, {withdrawn:?}", side.name);
            while let Some(id) = acting(database).await {
                let back = database.withdraw_threshold_proposal(id, "ann".to_owned(), None);
                assert!(matches!(back.await.unwrap(), Some(Decided::Done(_))));
            }
        }
    });
}

/// Who had accepted what was taken back before both were kept is not made up.
#[test]
fn what_was_taken_back_before_tells_who_took_it_back() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = proposed(database, "1", None).await;
        accept(database, first.id).await;
        let down = format!(
            "{}/../../migrations/{}/2026-11-27-200000_thresholds_of_analyses/down.sql",
            env!("CARGO_MANIFEST_DIR"),
            side.name
        );
        execute(&side, &std::fs::read_to_string(down).unwrap());
        execute(
            &side,
            "UPDATE threshold_proposals SET state = 'withdrawn', decided_by = 'bob', comment = 'drift'",
        );
        execute(
            &side,
            "DELETE FROM __diesel_schema_migrations WHERE version = '20261127200000'",
        );
        let database = Database::open(&side.url).await.unwrap();
        let withdrawn = database.threshold_proposal(first.id).await.unwrap().unwrap();
        assert_eq!(withdrawn.state, ProposalState::Withdrawn);
        assert_eq!((withdrawn.decided_by, withdrawn.comment), (None, None));
        let withdrawal = withdrawn.withdrawal.unwrap();
        assert_eq!(
            (withdrawal.by.as_deref(), withdrawal.reason.as_deref()),
            (Some("bob"), Some("drift"))
        );
    });
}

/// From the request to the repeat; another request of the scan with other thresholds gets the one that runs and raises nothing.
#[test]
fn an_analysis_keeps_the_thresholds_that_it_was_asked_with() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let accepted = proposed(database, "1", None).await;
        accept(database, accepted.id).await;
        let scan = scan(database, None).await;
        let asked = |priority, threshold_proposal_id| NewAnalysis {
            priority,
            threshold_proposal_id,
            ..new_analysis(scan.id, Utc::now() + TimeDelta::hours(1))
        };
        let new = asked(Priority::Routine, Some(accepted.id));
        let analysis = database.request_analysis(new).await.unwrap().analysis;
        assert_eq!(analysis.threshold_proposal_id, Some(accepted.id));
        // Another operating point by its name is another question.
        let other = NewAnalysis {
            operating_point: OperatingPointName("sensitivity_95".to_owned()),
            operating_point_named: true,
            ..asked(Priority::Urgent, None)
        };
        let other = database.request_analysis(other).await.unwrap();
        assert_eq!((other.created, &other.analysis), (false, &analysis));

        prepare(database, analysis.id).await;
        let mixed = Report {
            reasons: vec![Reason::new(ReasonCode::MixedBundles, "stages differ")],
            ..report(&analysis, Verdict::Undetermined, None)
        };
        assert!(database.complete_analysis(mixed).await.unwrap());
        let awaited = database.awaited_repeats(10).await.unwrap();
        assert_eq!(awaited[0].threshold_proposal_id, Some(accepted.id));
    });
}
