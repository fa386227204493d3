//! The same study twice at one moment is one scan with one analysis; one whose analysis failed is analysed again when it is sent again.

use norma_domain::{AnalysisId, Reason, ReasonCode, ScanId};
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::app::{App, spawn_app};
use crate::dicomweb_store::{store, study};
use crate::worker::Says;

const ROUNDS: u64 = 12;

fn id_of(scan: &Value) -> ScanId {
    scan["id"].as_str().unwrap().parse().unwrap()
}

async fn only_scan(app: &App) -> Value {
    let scans = app.get_json("/api/scans").await;
    assert_eq!(scans["total"], 1, "{scans}");
    scans["items"][0].clone()
}

/// The analyses of a scan, the newest first.
async fn analyses(app: &App, scan: &Value) -> Vec<Value> {
    let path = format!("/api/scans/{}/analyses", scan["id"].as_str().unwrap());
    app.get_json(&path).await["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_study_that_comes_twice_by_stow_rs_at_one_moment_is_one() {
    let app = spawn_app().await;
    for round in 0..ROUNDS {
        let study = study(round);
        let sent = || store(&app, "/studies", &study.files);
        let answers = tokio::join!(sent(), sent(), sent());
        for answer in [answers.0, answers.1, answers.2] {
            assert_eq!(answer.status(), StatusCode::OK);
        }
        let scans = app.get_json("/api/scans").await;
        assert_eq!(scans["total"], round + 1, "one more of round {round}");
        assert_eq!(analyses(&app, &scans["items"][0]).await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_uploads_at_one_moment_one_is_refused_where_that_was_asked_for() {
    let app = spawn_app().await;
    for round in 0..ROUNDS {
        // A single file, whose bytes are its study's.
        let file = study(100 + round).files.remove(0);
        let sent = || async {
            let part = Part::bytes(file.clone()).file_name("slice.dcm");
            let request = app
                .request(reqwest::Method::POST, "/api/scans?duplicate=refuse")
                .multipart(Form::new().part("file", part));
            request.send().await.unwrap().status()
        };
        let (one, other) = tokio::join!(sent(), sent());
        let mut statuses = [one, other];
        statuses.sort();
        assert_eq!(
            statuses,
            [StatusCode::CREATED, StatusCode::CONFLICT],
            "round {round}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_predictions_at_one_moment_one_knows_the_other_and_stow_rs_knows_both() {
    let app = spawn_app().await;
    for round in 0..ROUNDS {
        let study = study(200 + round);
        let file = study.files[0].clone();
        let sent = || async {
            let part = Part::bytes(file.clone()).file_name("slice.dcm");
            let request = app
                .request(reqwest::Method::POST, "/inference/predict")
                .header("prefer", "wait=0")
                .multipart(Form::new().part("file", part));
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::ACCEPTED);
            let answer: Value = answer.json().await.unwrap();
            answer["studies"][0].clone()
        };
        let (one, other) = tokio::join!(sent(), sent());
        let names = |this: &Value, that: &Value| this["duplicate_of"] == that["scan_id"];
        assert!(
            names(&one, &other) != names(&other, &one),
            "round {round}: {one} {other}"
        );
        let stored = store(&app, "/studies", &study.files[..1]).await;
        assert_eq!(stored.status(), StatusCode::OK);
        let scans = app.get_json("/api/scans").await;
        assert_eq!(scans["total"], 2 * (round + 1), "no third one of round {round}");
    }
}

#[tokio::test]
async fn a_study_whose_analysis_failed_is_analysed_again_when_it_is_sent_again() {
    let app = spawn_app().await;
    let study = study(7);
    let send = async || {
        let answer = store(&app, "/studies", &study.files).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let scan = only_scan(&app).await;
        let analyses = analyses(&app, &scan).await;
        let latest: AnalysisId = analyses[0]["id"].as_str().unwrap().parse().unwrap();
        (id_of(&scan), latest, analyses.len())
    };
    let fail = async |id: AnalysisId, code: ReasonCode| {
        let reason = Reason::new(code, "a test's");
        assert!(app.database.fail_analysis(id, reason).await.unwrap());
    };
    let (_, first, count) = send().await;
    assert_eq!(count, 1);
    assert_eq!(send().await.2, 1, "it is under way");

    // The study was not the cause: it is tried again, once for each sending.
    fail(first, ReasonCode::DeadlineExceeded).await;
    let (_, second, count) = send().await;
    assert_eq!(count, 2);
    assert_eq!(send().await.2, 2);
    fail(second, ReasonCode::Internal).await;
    let (scan_id, third, count) = send().await;
    assert_eq!(count, 3);

    // A report stays.
    app.complete(scan_id, third, Says::Pathology(0.9)).await;
    assert_eq!(send().await.2, 3);
}

#[tokio::test]
async fn a_failure_whose_cause_is_the_study_stays() {
    let app = spawn_app().await;
    let study = study(8);
    store(&app, "/studies", &study.files).await;
    let scan = only_scan(&app).await;
    let id: AnalysisId = analyses(&app, &scan).await[0]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let reason = Reason::new(ReasonCode::NoLungs, "a test's");
    assert!(app.database.fail_analysis(id, reason).await.unwrap());
    store(&app, "/studies", &study.files).await;
    let left = analyses(&app, &only_scan(&app).await).await;
    assert_eq!(json!(left.len()), 1, "the same would come of it");
}
