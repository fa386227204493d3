//! A second bundle reads what was answered, and changes nothing of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use norma_database::ShadowCounts;
use norma_domain::{AnalysisId, AnalysisStatus, Reason, ReasonCode, Stage, Verdict};
use norma_inference::Bundle;
use norma_object_storage::ObjectKey;
use norma_site::ShadowReport;
use norma_test_support::plain_report;
use tokio::task::JoinHandle;

use crate::studies::{onnxruntime, test_bundle};
use crate::{Line, phantom};

/// A copy of the test models whose bundle has another version, and a default point whose threshold everything reaches.
fn second_bundle(folder: &Path) -> PathBuf {
    let from = test_bundle();
    copy(from.parent().unwrap(), folder);
    let file = folder.join("bundle.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let threshold = text
        .lines()
        .skip_while(|line| !line.contains("youden"))
        .find(|line| line.contains("threshold:"))
        .unwrap();
    let indent: String = threshold
        .chars()
        .take_while(|character| *character == ' ')
        .collect();
    let text = text.replacen("version: 0.0.1", "version: 0.0.2", 1).replacen(
        threshold,
        &format!("{indent}threshold: 0.0001"),
        1,
    );
    fs::write(&file, text).unwrap();
    file
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &copied);
        } else {
            fs::copy(entry.path(), copied).unwrap();
        }
    }
}

async fn report(line: &Line) -> ShadowReport {
    ShadowReport::read(&line.context.database, 100).await.unwrap()
}

fn reading(line: &Line) -> JoinHandle<anyhow::Result<()>> {
    tokio::spawn(norma_shadow::run(line.context.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_bundle_reads_what_was_answered_and_changes_nothing_of_it() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let second = second_bundle(&folder.path().join("second"));
    let line = Line::start(onnxruntime, |settings| {
        settings.analysis.shadow.bundle = Some(second);
    })
    .await;
    let reading = reading(&line);
    let database = &line.context.database;
    line.eventually("the second bundle is open", async || {
        report(&line).await.bundle.is_some()
    })
    .await;
    let analysis_id = line.request(phantom()).await;
    let ended = line.end_of(analysis_id).await;
    assert_eq!(ended.status, AnalysisStatus::Completed);
    let shown = database.report(analysis_id).await.unwrap().unwrap();
    line.eventually("the second bundle reads it", async || {
        report(&line).await.answered == 1
    })
    .await;

    let found = report(&line).await;
    assert_eq!((found.failed, found.missed, found.waiting), (0, 0, 0));
    let [comparison] = found.comparisons.as_slice() else {
        panic!("{found:?}");
    };
    assert_eq!(comparison.shown, shown.bundle);
    assert_eq!(comparison.shadow.version, "0.0.2");
    assert_ne!(comparison.shadow.sha256, shown.bundle.sha256);
    // The same models: the same probability, and another verdict where the threshold lies elsewhere.
    let change = comparison.median_probability_change.unwrap();
    assert!(change.abs() < 1e-9, "{change}");
    let given = &comparison.verdicts[0];
    assert_eq!((given.shown, given.studies), (shown.verdict, 1));
    let rows = database.shadow_answers(comparison.shadow.sha256.clone(), 1);
    let answer = rows.await.unwrap()[0].answer.clone().unwrap();
    for (of, threshold) in [("shown", 0.5), ("shadow", 0.0001)] {
        assert_eq!(answer[of]["operating_point"]["threshold"], threshold, "{of}");
    }

    // What people see, and what is sent, is as it was.
    assert_eq!(line.end_of(analysis_id).await, ended);
    assert_eq!(database.report(analysis_id).await.unwrap().unwrap(), shown);
    line.stop().await;
    reading.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_that_cannot_be_read_any_more_is_counted_and_the_next_one_is_read() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let second = second_bundle(&folder.path().join("second"));
    let line = Line::start(onnxruntime, |settings| {
        settings.analysis.shadow.bundle = Some(second.clone());
    })
    .await;
    let database = &line.context.database;
    // Known since before the studies, read for after them.
    let bundle = Bundle::load(&second).unwrap();
    let noted = database
        .note_shadow_bundle(bundle.reference().clone())
        .await
        .unwrap();
    let lost = line.request(phantom()).await;
    line.end_of(lost).await;
    let whole = line.request(phantom()).await;
    line.end_of(whole).await;
    line.context
        .objects
        .delete(ObjectKey::PreparedSlices(lost))
        .await
        .unwrap();
    // Begun three times before, by processes that it ended.
    let fatal = line.request(phantom()).await;
    line.end_of(fatal).await;
    for _ in 0..3 {
        let begun = database.begin_shadow_answer(fatal, noted.bundle.sha256.clone());
        assert!(begun.await.unwrap().is_some());
    }

    let reading = reading(&line);
    let counts = async || database.shadow_counts(noted.clone()).await.unwrap();
    line.eventually("all are done with", async || counts().await.waiting == 0)
        .await;
    let expected = ShadowCounts {
        answered: 1,
        failed: 2,
        missed: 0,
        waiting: 0,
    };
    assert_eq!(counts().await, expected);
    let rows = database
        .shadow_answers(noted.bundle.sha256.clone(), 10)
        .await
        .unwrap();
    let read: Vec<AnalysisId> = rows.iter().map(|row| row.about.analysis_id).collect();
    assert_eq!(read, [whole]);
    line.stop().await;
    reading.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_bundle_that_cannot_be_opened_is_told_and_answers_are_given() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let line = Line::start(onnxruntime, |settings| {
        settings.analysis.shadow.bundle = Some("/nowhere/bundle.yaml".into());
    })
    .await;
    let reading = reading(&line);
    line.eventually("the problem is told", async || {
        report(&line).await.problem.is_some()
    })
    .await;
    let analysis_id = line.request(phantom()).await;
    assert_eq!(line.end_of(analysis_id).await.status, AnalysisStatus::Completed);
    assert_eq!(report(&line).await.bundle, None);
    line.stop().await;
    reading.await.unwrap().unwrap();
}

/// What people wait for goes first: while an analysis is unfinished nothing is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_read_while_an_analysis_waits() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let second = second_bundle(&folder.path().join("second"));
    let bundle = Bundle::load(&second).unwrap();
    // Nobody reads what is prepared, so the second study waits as long as it is let.
    let line = Line::start_with(&[Stage::Preprocess], onnxruntime, |settings| {
        settings.analysis.shadow.bundle = Some(second);
    })
    .await;
    let database = &line.context.database;
    database
        .note_shadow_bundle(bundle.reference().clone())
        .await
        .unwrap();
    let mut prepared = Vec::new();
    for _ in 0..2 {
        let id = line.request(phantom()).await;
        line.eventually("it is prepared", async || {
            database.prepared(id).await.unwrap().is_some()
        })
        .await;
        prepared.push(database.analysis(id).await.unwrap().unwrap());
    }
    let report_of_first = plain_report(prepared[0].id, prepared[0].scan_id, Verdict::Norm);
    assert!(database.complete_analysis(report_of_first).await.unwrap());

    let reading = reading(&line);
    line.eventually("the second bundle is open", async || {
        report(&line).await.seen_at.is_some()
    })
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let found = report(&line).await;
    assert_eq!((found.answered, found.waiting), (0, 1));
    let given_up = Reason::new(ReasonCode::Internal, "given up");
    assert!(database.fail_analysis(prepared[1].id, given_up).await.unwrap());
    line.eventually("the second bundle reads it", async || {
        report(&line).await.answered == 1
    })
    .await;
    line.context.shutdown.cancel();
    reading.await.unwrap().unwrap();
    line.ended.await.unwrap().unwrap();
}
