//! What workers do twice, too late, or to something deleted.

use chrono::{TimeDelta, Utc};
use norma_database::{DatabaseError, RequestedAnalysis};
use norma_domain::{AnalysisId, AnalysisStatus, Reason, ReasonCode, ScanId, Stage, StageOutcome, Verdict};

use crate::builders::{
    completed, details, failed, message, new_analysis, prepare, prepared, report, request, requested, scan,
    summary, try_scan, waiting,
};
use crate::sides::on_both_sides;

fn stopped() -> Reason {
    Reason::new(ReasonCode::InferenceFailed, "stopped")
}

#[test]
fn preparing_may_begin_again_until_it_is_recorded() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        let first = database.begin_preparing(analysis.id).await.unwrap().unwrap();
        let second = database.begin_preparing(analysis.id).await.unwrap().unwrap();
        assert_eq!((first.attempt, second.attempt), (1, 2));
        assert_eq!(first.started_at, second.started_at);

        let record = async || {
            let message = message("prepared");
            database
                .record_prepared(analysis.id, summary(), message)
                .await
                .unwrap()
        };
        assert!(record().await);
        assert!(!record().await);
        assert_eq!(database.begin_preparing(analysis.id).await.unwrap(), None);
        assert_eq!(database.count_unpublished().await.unwrap(), 1);
    });
}

#[test]
fn a_stage_outcome_is_recorded_and_announced_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        let before = database.count_unpublished().await.unwrap();

        let mut workers = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let database = database.clone();
            workers.spawn(async move {
                database
                    .record_stage_outcome(analysis.id, completed(Stage::Typing), message("stage"))
                    .await
                    .unwrap()
            });
        }
        let recorded = workers.join_all().await;

        assert_eq!(recorded.iter().filter(|recorded| **recorded).count(), 1);
        assert_eq!(database.count_unpublished().await.unwrap(), before + 1);
        // A later failure does not replace the result.
        let late = database
            .record_stage_outcome(analysis.id, failed(Stage::Typing), message("stage"))
            .await;
        assert!(!late.unwrap());
        assert_eq!(
            database.stage_outcomes(analysis.id).await.unwrap(),
            [completed(Stage::Typing)]
        );
    });
}

#[test]
fn nothing_is_recorded_for_an_analysis_that_has_ended() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        assert!(database.fail_analysis(analysis.id, stopped()).await.unwrap());
        let before = database.count_unpublished().await.unwrap();

        assert_eq!(database.begin_preparing(analysis.id).await.unwrap(), None);
        let prepared = database.record_prepared(analysis.id, summary(), message("prepared"));
        assert!(!prepared.await.unwrap());
        let outcome = completed(Stage::Anomaly);
        let recorded = database.record_stage_outcome(analysis.id, outcome, message("stage"));
        assert!(!recorded.await.unwrap());
        let report = report(&analysis, Verdict::Norm, Some(0.1));
        assert!(!database.complete_analysis(report).await.unwrap());
        assert!(!database.fail_analysis(analysis.id, stopped()).await.unwrap());

        assert_eq!(database.count_unpublished().await.unwrap(), before);
        assert_eq!(database.stage_outcomes(analysis.id).await.unwrap(), []);
        let analysis = database.analysis(analysis.id).await.unwrap().unwrap();
        assert_eq!(analysis.status, AnalysisStatus::Failed);
        assert_eq!(analysis.failure, Some(stopped()));
    });
}

#[test]
fn a_scan_is_deleted_while_its_analysis_runs() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        let deleted = database.delete_scan(analysis.scan_id).await.unwrap().unwrap();
        assert_eq!(deleted.analysis_ids, [analysis.id]);
        let before = database.count_unpublished().await.unwrap();

        let outcome = completed(Stage::Anomaly);
        let recorded = database.record_stage_outcome(analysis.id, outcome, message("stage"));
        assert!(!recorded.await.unwrap());
        let report = report(&analysis, Verdict::Norm, Some(0.1));
        assert!(!database.complete_analysis(report).await.unwrap());
        assert!(!database.fail_analysis(analysis.id, stopped()).await.unwrap());
        assert_eq!(database.prepared(analysis.id).await.unwrap(), None);
        assert_eq!(database.count_unpublished().await.unwrap(), before);
        assert_eq!(database.delete_scan(analysis.scan_id).await.unwrap(), None);
    });
}

#[test]
fn deletion_and_workers_race_without_an_error() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for _ in 0..5 {
            let analysis = prepared(database).await;
            let mut workers = tokio::task::JoinSet::new();
            for stage in Stage::MODELS {
                let database = database.clone();
                workers.spawn(async move {
                    let outcome = completed(stage);
                    database
                        .record_stage_outcome(analysis.id, outcome, message("stage"))
                        .await
                        .map(drop)
                });
            }
            let deleting = database.clone();
            workers.spawn(async move { deleting.delete_scan(analysis.scan_id).await.map(drop) });
            let ending = database.clone();
            workers.spawn(async move { ending.fail_analysis(analysis.id, stopped()).await.map(drop) });
            for outcome in workers.join_all().await {
                outcome.unwrap();
            }
            assert_eq!(database.analysis(analysis.id).await.unwrap(), None);
        }
    });
}

#[test]
fn deletion_preparation_and_upload_race_without_a_deadlock() {
    on_both_sides(|side| async move {
        let database = &side.database;
        for _ in 0..8 {
            let patient = database.create_patient(details("A", "B")).await.unwrap();
            let mut workers = tokio::task::JoinSet::new();
            for _ in 0..8 {
                let scan = scan(database, Some(patient.id)).await;
                let analysis = request(database, scan.id).await.analysis;
                let database = database.clone();
                workers.spawn(async move {
                    let message = message("prepared");
                    database
                        .record_prepared(analysis.id, summary(), message)
                        .await
                        .map(drop)
                });
            }
            let uploading = database.clone();
            let uploaded = tokio::spawn(async move { try_scan(&uploading, Some(patient.id)).await });
            let deleted = database
                .delete_patient(
                    patient.id,
                    norma_database::AuditActor::system("test"),
                    String::new(),
                )
                .await
                .unwrap()
                .unwrap();

            for recorded in workers.join_all().await {
                recorded.unwrap();
            }
            // A scan uploaded at the same time is refused, or is told as deleted.
            match uploaded.await.unwrap() {
                Ok(uploaded) => assert!(deleted.iter().any(|scan| scan.scan_id == uploaded.id)),
                Err(refused) => assert!(matches!(refused, DatabaseError::NotFound("patient"))),
            }
        }
    });
}

#[test]
fn one_of_many_requests_at_once_is_created() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let scan = scan(database, None).await;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let database = database.clone();
            requests.spawn(async move { request(&database, scan.id).await });
        }
        let answers: Vec<RequestedAnalysis> = requests.join_all().await;
        assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
        assert!(
            answers
                .iter()
                .all(|answer| answer.analysis.id == answers[0].analysis.id)
        );
        assert_eq!(waiting(database).await, 1);
    });
}

#[test]
fn a_request_for_no_scan_is_not_found_and_announces_nothing() {
    on_both_sides(|side| async move {
        let new = new_analysis(ScanId::generate(), Utc::now());
        let refused = side.database.request_analysis(new).await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("scan"))));
        assert_eq!(waiting(&side.database).await, 0);
        let unknown = AnalysisId::generate();
        assert_eq!(side.database.begin_preparing(unknown).await.unwrap(), None);
    });
}

#[test]
fn a_message_that_cannot_be_written_takes_its_change_with_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let one = requested(database).await;
        database.release_analyses(1).await.unwrap();
        let taken = database
            .claim_outbox(1, std::time::Duration::from_secs(1))
            .await
            .unwrap()
            .remove(0);

        let refused = database.record_prepared(one.id, summary(), taken).await;

        assert!(matches!(refused, Err(DatabaseError::UniqueViolation { .. })));
        let analysis = database.analysis(one.id).await.unwrap().unwrap();
        assert_eq!(analysis.status, AnalysisStatus::Queued);
        assert_eq!(database.prepared(one.id).await.unwrap(), None);
    });
}

#[test]
fn what_json_cannot_hold_is_refused_when_it_is_written() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        let mut outcome = completed(Stage::Anomaly);
        if let StageOutcome::Completed(result) = &mut outcome {
            result.slice_scores[0].score = f64::NAN;
        }
        let refused = database
            .record_stage_outcome(analysis.id, outcome, message("stage"))
            .await;
        assert!(matches!(refused, Err(DatabaseError::NotStorable(_))));
        assert_eq!(database.stage_outcomes(analysis.id).await.unwrap(), []);
    });
}

#[test]
fn unfinished_analyses_are_found_with_their_stages_and_their_deadlines() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let queued = requested(database).await;
        let ended = requested(database).await;
        assert!(database.fail_analysis(ended.id, stopped()).await.unwrap());
        let scan = scan(database, None).await;
        let late = new_analysis(scan.id, Utc::now() - TimeDelta::seconds(1));
        let late = database.request_analysis(late).await.unwrap().analysis;
        prepare(database, late.id).await;
        let outcome = completed(Stage::Anomaly);
        let recorded = database.record_stage_outcome(late.id, outcome, message("stage"));
        assert!(recorded.await.unwrap());

        let unfinished = database.unfinished_analyses().await.unwrap();
        let found: Vec<_> = unfinished
            .into_iter()
            .map(|progress| (progress.analysis.id, progress.stages))
            .collect();
        assert_eq!(
            found,
            [
                (queued.id, vec![]),
                (late.id, vec![Stage::Preprocess, Stage::Anomaly])
            ]
        );
        assert_eq!(database.overdue_analyses(Utc::now()).await.unwrap(), [late.id]);
        let counts = database.count_analyses().await.unwrap();
        assert_eq!(counts[&AnalysisStatus::Queued], 1);
        assert_eq!(counts[&AnalysisStatus::Failed], 1);
        assert_eq!(counts[&AnalysisStatus::Analyzing], 1);
    });
}
