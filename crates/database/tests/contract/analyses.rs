use norma_domain::{AnalysisStatus, Reason, ReasonCode, Stage, Verdict};

use crate::builders::{completed, failed, message, prepared, report, request, requested, summary, waiting};
use crate::sides::on_both_sides;

#[test]
fn an_analysis_goes_from_the_request_to_the_report() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        assert_eq!(analysis.status, AnalysisStatus::Queued);
        assert_eq!(
            database.latest_analysis(analysis.scan_id).await.unwrap(),
            Some(analysis.clone())
        );

        let preparing = database.begin_preparing(analysis.id).await.unwrap().unwrap();
        assert_eq!(preparing.status, AnalysisStatus::Preparing);
        assert_eq!(preparing.attempt, 1);
        assert!(preparing.started_at.is_some());

        assert_eq!(database.prepared(analysis.id).await.unwrap(), None);
        let recorded = database
            .record_prepared(analysis.id, summary(), message("prepared"))
            .await
            .unwrap();
        assert!(recorded);
        assert_eq!(database.prepared(analysis.id).await.unwrap(), Some(summary()));
        let analyzing = database.analysis(analysis.id).await.unwrap().unwrap();
        assert_eq!(analyzing.status, AnalysisStatus::Analyzing);
        assert_eq!(
            analyzing.quality_flags,
            [ReasonCode::ContrastAgent, ReasonCode::GantryTilt]
        );
        let scan = database.scan(analysis.scan_id).await.unwrap().unwrap();
        assert_eq!(scan.study_uid.unwrap().as_str(), "1.2.3");
        assert_eq!(scan.slice_count, Some(154));

        for outcome in [
            completed(Stage::Typing),
            failed(Stage::Classifier),
            completed(Stage::Anomaly),
        ] {
            let recorded = database
                .record_stage_outcome(analysis.id, outcome, message("stage"))
                .await
                .unwrap();
            assert!(recorded);
        }
        assert_eq!(
            database.stage_outcomes(analysis.id).await.unwrap(),
            [
                completed(Stage::Anomaly),
                failed(Stage::Classifier),
                completed(Stage::Typing)
            ]
        );

        assert_eq!(database.report(analysis.id).await.unwrap(), None);
        let report = report(&analyzing, Verdict::Pathology, Some(0.1 + 0.2));
        assert!(database.complete_analysis(report.clone()).await.unwrap());
        assert_eq!(database.report(analysis.id).await.unwrap(), Some(report));
        let ended = database.analysis(analysis.id).await.unwrap().unwrap();
        assert_eq!(ended.status, AnalysisStatus::Completed);
        assert!(ended.finished_at.is_some());
        // Prepared, three stages; nobody had to be told of the request.
        assert_eq!(database.count_unpublished().await.unwrap(), 4);
        assert_eq!(waiting(database).await, 0);
    });
}

#[test]
fn a_request_while_one_runs_returns_that_one() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let first = requested(database).await;

        let again = request(database, first.scan_id).await;
        assert!(!again.created);
        assert_eq!(again.analysis, first);
        assert_eq!(waiting(database).await, 1);

        let reason = Reason::new(ReasonCode::InferenceFailed, "stopped");
        assert!(database.fail_analysis(first.id, reason).await.unwrap());
        let next = request(database, first.scan_id).await;
        assert!(next.created);
        assert_ne!(next.analysis.id, first.id);
        let all = database.analyses_of_scan(first.scan_id).await.unwrap();
        let ids: Vec<_> = all.iter().map(|analysis| analysis.id).collect();
        assert_eq!(ids, [next.analysis.id, first.id]);
        let latest = database.latest_analysis(first.scan_id).await.unwrap().unwrap();
        assert_eq!(latest.id, next.analysis.id);
    });
}

#[test]
fn an_analysis_ends_exactly_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        let reason = || Reason::new(ReasonCode::DeadlineExceeded, "too\0 late");
        let report = || report(&analysis, Verdict::Norm, Some(0.1));

        let mut endings = tokio::task::JoinSet::new();
        for number in 0..8 {
            let database = database.clone();
            let (report, reason) = (report(), reason());
            endings.spawn(async move {
                if number % 2 == 0 {
                    database.complete_analysis(report).await.unwrap()
                } else {
                    database.fail_analysis(analysis.id, reason).await.unwrap()
                }
            });
        }
        let ended = endings.join_all().await;
        assert_eq!(ended.iter().filter(|ended| **ended).count(), 1, "{}", side.name);

        let analysis = database.analysis(analysis.id).await.unwrap().unwrap();
        let has_report = database.report(analysis.id).await.unwrap().is_some();
        assert_eq!(has_report, analysis.status == AnalysisStatus::Completed);
        assert_eq!(
            analysis.failure.is_some(),
            analysis.status == AnalysisStatus::Failed
        );
        assert!(analysis.status.is_final());
    });
}
