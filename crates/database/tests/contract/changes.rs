//! Changes in the order of the database: no clock and no long transaction hides one.

use norma_database::Database;
use norma_domain::{AnalysisId, Stage};

use crate::builders::{completed, message, prepare, requested};
use crate::schema::execute;
use crate::sides::on_both_sides;

async fn changed(database: &Database, after: u64) -> Vec<AnalysisId> {
    let changes = database.changes_after(after, 100).await.unwrap();
    changes
        .into_iter()
        .map(|change| change.progress.analysis.id)
        .collect()
}

#[test]
fn who_has_seen_a_change_has_missed_none_before_it() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert_eq!(database.latest_change().await.unwrap(), 0);
        let one = requested(database).await;
        let two = requested(database).await;
        assert_eq!(changed(database, 0).await, [one.id, two.id], "{}", side.name);
        let seen = database.latest_change().await.unwrap();
        assert_eq!(changed(database, seen).await, []);

        prepare(database, one.id).await;
        let changes = database.changes_after(seen, 100).await.unwrap();
        assert_eq!(changes.len(), 1, "several changes of one analysis are one");
        assert_eq!(changes[0].progress.analysis.id, one.id);
        assert_eq!(changes[0].progress.stages, [Stage::Preprocess]);
        assert!(changes[0].sequence > seen);

        // Asked in parts.
        let parts = database.changes_after(0, 1).await.unwrap();
        assert_eq!(parts[0].progress.analysis.id, two.id);
        assert_eq!(changed(database, parts[0].sequence).await, [one.id]);
    });
}

#[test]
fn a_worker_whose_clock_is_slow_is_heard() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        let seen = database.latest_change().await.unwrap();
        let outcome = completed(Stage::Anomaly);
        prepare(database, analysis.id).await;
        let recorded = database.record_stage_outcome(analysis.id, outcome, message("stage"));
        assert!(recorded.await.unwrap());
        // What a machine an hour behind would have written.
        let hour_ago = match side.name {
            "sqlite" => "UPDATE analyses SET updated_at = datetime(updated_at, '-1 hour')",
            _ => "UPDATE analyses SET updated_at = updated_at - interval '1 hour'",
        };
        execute(&side, hour_ago);
        assert_eq!(changed(database, seen).await, [analysis.id], "{}", side.name);
    });
}

#[test]
fn several_that_follow_see_the_same_order() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let mut requests = tokio::task::JoinSet::new();
        for _ in 0..12 {
            let database = database.clone();
            requests.spawn(async move { requested(&database).await.id });
            let database = side.database.clone();
            requests.spawn(async move {
                database.changes_after(0, 5).await.unwrap();
                AnalysisId::generate()
            });
        }
        requests.join_all().await;
        let (one, two) = tokio::join!(database.changes_after(0, 100), database.changes_after(0, 100));
        let one = one.unwrap();
        assert_eq!(one.len(), 12);
        assert!(one.windows(2).all(|pair| pair[0].sequence < pair[1].sequence));
        assert_eq!(one, two.unwrap());
    });
}
