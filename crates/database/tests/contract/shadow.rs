//! What a second bundle says beside the answers that are shown.

use chrono::{TimeDelta, Utc};
use norma_database::{Database, ShadowBundle, ShadowCounts, ShadowEnd};
use norma_domain::{AnalysisId, BundleReference, ReasonCode, Verdict};
use serde_json::json;

use crate::builders::{answered, requested};
use crate::sides::on_both_sides;

fn bundle(sha256: &str) -> BundleReference {
    BundleReference {
        name: "second".to_owned(),
        version: "2.0.0".to_owned(),
        sha256: sha256.to_owned(),
    }
}

async fn counts(database: &Database, of: &ShadowBundle) -> [u64; 4] {
    let ShadowCounts {
        answered,
        failed,
        missed,
        waiting,
    } = database.shadow_counts(of.clone()).await.unwrap();
    [answered, failed, missed, waiting]
}

async fn begin(database: &Database, id: AnalysisId) -> Option<u32> {
    database.begin_shadow_answer(id, "aa".to_owned()).await.unwrap()
}

async fn end(database: &Database, id: AnalysisId, end: ShadowEnd) -> bool {
    database
        .end_shadow_answer(id, "aa".to_owned(), end)
        .await
        .unwrap()
}

#[test]
fn a_second_bundle_reads_each_answer_once_the_newest_first() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let before = answered(database, None, Verdict::Norm, Some(0.1)).await;
        let noted = database.note_shadow_bundle(bundle("aa")).await.unwrap();
        let next = async || {
            let next = database.next_for_shadow("aa".to_owned(), noted.since);
            next.await.unwrap()
        };
        // What was answered before is not asked about, and what has no report is no answer.
        requested(database).await;
        assert_eq!(next().await, None);
        assert_eq!(counts(database, &noted).await, [0; 4]);

        let first = answered(database, None, Verdict::Norm, Some(0.2)).await;
        let second = answered(database, None, Verdict::Pathology, Some(0.9)).await;
        assert_eq!(counts(database, &noted).await, [0, 0, 0, 2]);
        assert_eq!(next().await, Some(second.id));
        // Begun again after a process that is gone.
        assert_eq!(begin(database, second.id).await, Some(1));
        assert_eq!(next().await, Some(second.id));
        assert_eq!(begin(database, second.id).await, Some(2));
        let answer = || ShadowEnd::Answered(json!({"says": "norm"}));
        assert!(end(database, second.id, answer()).await);
        // Once.
        assert!(!end(database, second.id, ShadowEnd::Failed(ReasonCode::Internal)).await);
        assert_eq!(begin(database, second.id).await, None);
        assert_eq!(next().await, Some(first.id));
        assert_eq!(begin(database, first.id).await, Some(1));
        assert!(end(database, first.id, ShadowEnd::Failed(ReasonCode::ObjectMissing)).await);
        assert_eq!(next().await, None);
        assert_eq!(counts(database, &noted).await, [1, 1, 0, 0]);

        let failures = database.shadow_failures("aa".to_owned()).await.unwrap();
        assert_eq!(failures, [(ReasonCode::ObjectMissing, 1)]);
        assert_eq!(database.shadow_failures("bb".to_owned()).await.unwrap(), []);
        let rows = database.shadow_answers("aa".to_owned(), 10).await.unwrap();
        let said: Vec<_> = rows.iter().map(|row| (row.about.scan_id, &row.answer)).collect();
        assert_eq!(said, [(second.scan_id, &Some(json!({"says": "norm"})))]);
        assert_eq!(database.shadow_answers("bb".to_owned(), 10).await.unwrap(), []);

        // Another bundle begins anew; the first one goes on where it was.
        let other = database.note_shadow_bundle(bundle("bb")).await.unwrap();
        assert_eq!(counts(database, &other).await, [0; 4]);
        let again = database.note_shadow_bundle(bundle("aa")).await.unwrap();
        assert_eq!(again, noted);

        // What is shown is as it was, and what is deleted takes along what was said of it.
        let report = database.report(second.id).await.unwrap().unwrap();
        assert_eq!(report.verdict, Verdict::Pathology);
        database.delete_scan(second.scan_id).await.unwrap();
        assert_eq!(begin(database, second.id).await, None);
        assert!(!end(database, second.id, answer()).await);
        assert_eq!(counts(database, &noted).await, [0, 1, 0, 0]);
        assert_eq!(begin(database, before.id).await, Some(1));
    });
}

#[test]
fn what_a_second_bundle_does_not_come_to_is_counted_once() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let noted = database.note_shadow_bundle(bundle("aa")).await.unwrap();
        let mut all = Vec::new();
        for _ in 0..4 {
            all.push(answered(database, None, Verdict::Norm, Some(0.1)).await);
        }
        assert_eq!(begin(database, all[0].id).await, Some(1));
        assert_eq!(begin(database, all[1].id).await, Some(1));
        assert!(end(database, all[1].id, ShadowEnd::Answered(json!({}))).await);
        let miss = async |at_most| {
            let later = Utc::now() + TimeDelta::seconds(5);
            let missed = database.miss_shadow_answers("aa".to_owned(), noted.since, later, at_most);
            missed.await.unwrap()
        };
        assert_eq!(miss(2).await, 2);
        assert_eq!(counts(database, &noted).await, [1, 0, 2, 1]);
        assert_eq!((miss(9).await, miss(9).await), (1, 0));
        assert_eq!(counts(database, &noted).await, [1, 0, 3, 0]);
        // Too late for it.
        assert_eq!(begin(database, all[0].id).await, None);
        assert!(!end(database, all[0].id, ShadowEnd::Answered(json!({}))).await);
    });
}

#[test]
fn the_process_that_reads_says_what_is_wrong() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert_eq!(database.shadow_reader().await.unwrap(), None);
        let problem = Some("a file is missing".to_owned());
        database.note_shadow_reader(None, problem.clone()).await.unwrap();
        let reader = database.shadow_reader().await.unwrap().unwrap();
        assert_eq!((reader.problem, reader.bundle), (problem.clone(), None));
        let noted = database.note_shadow_bundle(bundle("aa")).await.unwrap();
        database
            .note_shadow_reader(Some("aa".to_owned()), None)
            .await
            .unwrap();
        let reader = database.shadow_reader().await.unwrap().unwrap();
        assert_eq!((reader.problem, reader.bundle), (None, Some(noted.clone())));
        // What the last bundle said stays to be seen.
        database.note_shadow_reader(None, problem.clone()).await.unwrap();
        let reader = database.shadow_reader().await.unwrap().unwrap();
        assert_eq!((reader.problem, reader.bundle), (problem, Some(noted)));
    });
}

#[test]
fn it_is_known_whether_anything_waits() {
    on_both_sides(|side| async move {
        let database = &side.database;
        assert!(!database.has_unfinished_analyses().await.unwrap());
        answered(database, None, Verdict::Norm, Some(0.1)).await;
        assert!(!database.has_unfinished_analyses().await.unwrap());
        requested(database).await;
        assert!(database.has_unfinished_analyses().await.unwrap());
    });
}
