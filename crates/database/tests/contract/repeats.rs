//! An analysis of mixed bundles is repeated once, and no more; workers say with which bundle they answer.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use norma_database::{Analysis, Database, NewAnalysis, Worker};
use norma_domain::{BundleReference, Reason, ReasonCode, Report, ScanId, Stage, Verdict};
use uuid::Uuid;

use crate::builders::{new_analysis, prepared, report};
use crate::schema::execute;
use crate::sides::on_both_sides;

fn mixed(analysis: &Analysis) -> Report {
    Report {
        reasons: vec![Reason::new(ReasonCode::MixedBundles, "stages differ")],
        ..report(analysis, Verdict::Undetermined, None)
    }
}

fn repeat_of(scan_id: ScanId) -> NewAnalysis {
    new_analysis(scan_id, Utc::now() + TimeDelta::hours(1))
}

async fn awaited(database: &Database) -> usize {
    database.awaited_repeats(10).await.unwrap().len()
}

#[test]
fn an_analysis_of_mixed_bundles_is_repeated_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        assert!(database.complete_analysis(mixed(&analysis)).await.unwrap());
        let found = database.awaited_repeats(10).await.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].analysis_id, found[0].scan_id),
            (analysis.id, analysis.scan_id)
        );

        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let (database, new) = (database.clone(), repeat_of(analysis.scan_id));
            requests.spawn(async move { database.repeat_analysis(analysis.id, new).await.unwrap() });
        }
        let repeats: Vec<Analysis> = requests.join_all().await.into_iter().flatten().collect();
        assert_eq!(repeats.len(), 1);
        assert_eq!(repeats[0].repeat_of, Some(analysis.id));
        assert_eq!(awaited(database).await, 0);
        let latest = database.latest_analysis(analysis.scan_id).await.unwrap().unwrap();
        assert_eq!(latest.id, repeats[0].id);

        // The repeat is mixed again: that is its end.
        assert!(database.complete_analysis(mixed(&latest)).await.unwrap());
        assert_eq!(awaited(database).await, 0);
        // The first keeps its end too.
        assert!(!database.complete_analysis(mixed(&analysis)).await.unwrap());
    });
}

#[test]
fn what_somebody_else_asked_for_since_is_no_repeat() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        database.complete_analysis(mixed(&analysis)).await.unwrap();
        let other = database
            .request_analysis(repeat_of(analysis.scan_id))
            .await
            .unwrap();
        assert!(other.created);
        let repeat = database
            .repeat_analysis(analysis.id, repeat_of(analysis.scan_id))
            .await
            .unwrap();
        assert_eq!(repeat, None);
        assert_eq!(awaited(database).await, 0);

        let deleted = prepared(database).await;
        database.complete_analysis(mixed(&deleted)).await.unwrap();
        database.delete_scan(deleted.scan_id).await.unwrap().unwrap();
        assert_eq!(awaited(database).await, 0);
        let repeat = database
            .repeat_analysis(deleted.id, repeat_of(deleted.scan_id))
            .await
            .unwrap();
        assert_eq!(repeat, None);
    });
}

#[test]
fn an_analysis_of_one_bundle_awaits_no_repeat() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = prepared(database).await;
        let sound = report(&analysis, Verdict::Pathology, Some(0.9));
        database.complete_analysis(sound).await.unwrap();
        assert_eq!(awaited(database).await, 0);
    });
}

#[test]
fn workers_are_known_until_they_end_or_fall_silent() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let worker = |stage, version: &str| Worker {
            id: Uuid::now_v7(),
            stage,
            bundle: BundleReference {
                name: "norma".to_owned(),
                version: version.to_owned(),
                sha256: "ab".repeat(32),
            },
        };
        let minute = Duration::from_secs(60);
        let (one, other) = (worker(Stage::Anomaly, "1"), worker(Stage::Typing, "2"));
        for worker in [&one, &other, &one] {
            database.note_worker(worker.clone()).await.unwrap();
        }
        let seen = database.workers_seen_within(minute).await.unwrap();
        assert_eq!(seen, [one.clone(), other.clone()]);
        database.forget_worker(one.id).await.unwrap();
        assert_eq!(
            database.workers_seen_within(minute).await.unwrap(),
            std::slice::from_ref(&other)
        );
        // While a newer version comes in, its workers hide no other.
        let newer = worker(Stage::Classifier, "3");
        database.note_worker(newer).await.unwrap();
        execute(
            &side,
            "UPDATE workers SET stage = 'of_a_newer_version' WHERE stage = 'classifier'",
        );
        assert_eq!(database.workers_seen_within(minute).await.unwrap(), [other]);
        tokio::time::sleep(Duration::from_millis(30)).await;
        let just_now = Duration::from_millis(10);
        assert_eq!(database.workers_seen_within(just_now).await.unwrap(), []);
    });
}
