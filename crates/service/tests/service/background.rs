//! The outbox is published, deadlines are kept, the in-process queue is refilled, and operators are answered.

use crate::support::{eventually, open, request_analysis};
use chrono::TimeDelta;
use norma_domain::{AnalysisStatus, ReasonCode, Stage};
use norma_messages::Message;
use norma_service::{Process, announce_unfinished, run_sweep};

#[tokio::test]
async fn what_is_committed_is_published_once_and_marked() {
    let test = open(|_| {}).await;
    let context = test.context.clone();
    let analysis_id = request_analysis(&context, TimeDelta::hours(1)).await;
    let mut process = Process::with_context(context.clone());
    let mut consumer = context.queue.consume(Stage::Preprocess, 1).await.unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!(delivery.envelope.message.analysis_id(), analysis_id);
    delivery.ack().await.unwrap();
    eventually("it is marked", async || {
        context.database.count_unpublished().await.unwrap() == 0
    })
    .await;
    assert_eq!(context.queue.depth(Stage::Preprocess).await.unwrap(), 0);
    process.spawn("nothing", async { Ok(()) });
    process.wait().await.unwrap();
}

#[tokio::test]
async fn what_is_announced_while_ending_is_still_published() {
    let test = open(|settings| settings.outbox.poll_interval_ms = 60_000).await;
    let context = test.context.clone();
    let mut process = Process::with_context(context.clone());
    let announcing = context.clone();
    process.spawn("announces and ends", async move {
        // Past the relay's first look.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        request_analysis(&announcing, TimeDelta::hours(1)).await;
        Ok(())
    });
    process.wait().await.unwrap();
    assert_eq!(context.database.count_unpublished().await.unwrap(), 0);
}

#[tokio::test]
async fn a_service_that_fails_ends_the_process_with_its_error() {
    let test = open(|_| {}).await;
    let mut process = Process::with_context(test.context.clone());
    process.spawn("fails", async { anyhow::bail!("no reason") });
    let shutdown = test.context.shutdown.clone();
    process.spawn("runs", async move {
        shutdown.cancelled().await;
        Ok(())
    });
    let error = process.wait().await.unwrap_err();
    assert_eq!(format!("{error:#}"), "the service fails failed: no reason");
}

#[tokio::test]
async fn an_analysis_past_its_deadline_fails() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let late = request_analysis(context, TimeDelta::seconds(-1)).await;
    let in_time = request_analysis(context, TimeDelta::hours(1)).await;
    let sweep = tokio::spawn(run_sweep(context.clone()));
    eventually("it fails", async || {
        let analysis = context.database.analysis(late).await.unwrap().unwrap();
        analysis.status == AnalysisStatus::Failed
    })
    .await;
    context.shutdown.cancel();
    sweep.await.unwrap();
    let failed = context.database.analysis(late).await.unwrap().unwrap();
    assert_eq!(failed.failure.unwrap().code, ReasonCode::DeadlineExceeded);
    let other = context.database.analysis(in_time).await.unwrap().unwrap();
    assert_eq!(other.status, AnalysisStatus::Queued);
}

/// The deadline limits the work: what waits for a worker, before its first stage or between two, is no failure.
#[tokio::test]
async fn only_what_is_at_work_too_long_fails() {
    let test = open(|settings| {
        settings.analysis.deadline_seconds = 1;
        settings.analysis.sweep_interval_seconds = 1;
    })
    .await;
    let context = &test.context;
    let database = &context.database;
    let waiting = request_analysis(context, TimeDelta::hours(1)).await;
    let between = request_analysis(context, TimeDelta::hours(1)).await;
    database.begin_preparing(between).await.unwrap().unwrap();
    database.leave_stage(between, Stage::Preprocess).await.unwrap();
    let frozen = request_analysis(context, TimeDelta::hours(1)).await;
    database.begin_preparing(frozen).await.unwrap().unwrap();

    let sweep = tokio::spawn(run_sweep(context.clone()));
    let status = async |id| database.analysis(id).await.unwrap().unwrap().status;
    eventually("it fails", async || {
        status(frozen).await == AnalysisStatus::Failed
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    assert_eq!(status(waiting).await, AnalysisStatus::Queued);
    assert_eq!(status(between).await, AnalysisStatus::Preparing);
    context.shutdown.cancel();
    sweep.await.unwrap();
    let failed = database.analysis(frozen).await.unwrap().unwrap();
    assert_eq!(failed.failure.unwrap().code, ReasonCode::DeadlineExceeded);
    assert_eq!(database.running_stages(frozen).await.unwrap(), []);
}

/// After a power cut the starts of yesterday are no sign that anything hangs: everything has its time again.
#[tokio::test]
async fn what_stood_still_with_everything_has_its_time_again() {
    let test = open(|settings| {
        settings.analysis.deadline_seconds = 2;
        settings.analysis.sweep_interval_seconds = 1;
    })
    .await;
    let context = &test.context;
    let begun = request_analysis(context, TimeDelta::hours(1)).await;
    context.database.begin_preparing(begun).await.unwrap().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(2500)).await;
    let sweep = tokio::spawn(run_sweep(context.clone()));
    tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
    let analysis = context.database.analysis(begun).await.unwrap().unwrap();
    assert_eq!(analysis.status, AnalysisStatus::Preparing);
    context.shutdown.cancel();
    sweep.await.unwrap();
}

#[tokio::test]
async fn unfinished_analyses_are_announced_again() {
    let test = open(|_| {}).await;
    let context = &test.context;
    let queued = request_analysis(context, TimeDelta::hours(1)).await;
    assert_eq!(context.database.release_analyses(1).await.unwrap().count, 1);
    let preparing = request_analysis(context, TimeDelta::hours(1)).await;
    context
        .database
        .begin_preparing(preparing)
        .await
        .unwrap()
        .unwrap();
    let failed = request_analysis(context, TimeDelta::hours(1)).await;
    let reason = norma_domain::Reason::new(ReasonCode::NoLungs, "no lungs were found");
    assert!(context.database.fail_analysis(failed, reason).await.unwrap());

    let waiting = request_analysis(context, TimeDelta::hours(1)).await;

    assert_eq!(announce_unfinished(context).await.unwrap(), 2);
    let mut consumer = context.queue.consume(Stage::Preprocess, 2).await.unwrap();
    for expected in [queued, preparing] {
        let delivery = consumer.next().await.unwrap();
        assert!(matches!(
            delivery.envelope.message,
            Message::AnalyzeRequested { .. }
        ));
        assert_eq!(delivery.envelope.message.analysis_id(), expected);
        delivery.ack().await.unwrap();
    }
    assert_eq!(context.queue.depth(Stage::Preprocess).await.unwrap(), 0);
    // What waits for its turn keeps its announcement.
    assert_eq!(context.database.release_analyses(5).await.unwrap().count, 1);
    let released = context.database.analysis(waiting).await.unwrap().unwrap();
    assert!(released.released_at.is_some());
}

/// Two workers' worth is let out ahead; the rest waits where it can be put in order.
#[tokio::test]
async fn few_are_let_out_ahead_and_all_are_let_out_in_the_end() {
    let test = open(|_| {}).await;
    let context = test.context.clone();
    let mut asked = Vec::new();
    for _ in 0..6 {
        asked.push(request_analysis(&context, TimeDelta::hours(1)).await);
    }
    let mut process = Process::with_context(context.clone());
    let ahead = u64::from(context.settings.analysis.released_ahead);
    eventually("some are let out", async || {
        context.queue.depth(Stage::Preprocess).await.unwrap() == ahead
    })
    .await;
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!(context.queue.depth(Stage::Preprocess).await.unwrap(), ahead);
    let mut consumer = context.queue.consume(Stage::Preprocess, 1).await.unwrap();
    for expected in asked {
        let delivery = consumer.next().await.unwrap();
        assert_eq!(delivery.envelope.message.analysis_id(), expected);
        let reason = norma_domain::Reason::new(ReasonCode::NoLungs, "no lungs were found");
        assert!(context.database.fail_analysis(expected, reason).await.unwrap());
        delivery.ack().await.unwrap();
    }
    process.spawn("nothing", async { Ok(()) });
    process.wait().await.unwrap();
}

#[tokio::test]
async fn operators_are_told_what_is_missing() {
    let test = open(|_| {}).await;
    let context = test.context.clone();
    let mut process = Process::with_context(context.clone());
    let address = process.serve_admin().unwrap();
    let get = async |path: &str| reqwest::get(format!("http://{address}{path}")).await.unwrap();

    assert_eq!(get("/healthz").await.status(), 200);
    assert_eq!(get("/readyz").await.status(), 200);
    let metrics = get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("norma_outbox_published_total"), "{metrics}");

    context.report_dependency("models of anomaly", Some("model_missing: no bundle".to_owned()));
    let answer = get("/readyz").await;
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("model_missing: no bundle"));
    assert_eq!(get("/healthz").await.status(), 200);

    process.spawn("nothing", async { Ok(()) });
    process.wait().await.unwrap();
}
