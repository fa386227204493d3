use norma_domain::{AnalysisId, ScanId, Stage};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{id_of, problem, spawn_app, spawn_app_without_models, without_chance};
use crate::worker::Says;

#[tokio::test]
async fn an_analysis_is_requested_once_while_it_runs() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let path = format!("/api/scans/{scan_id}/analyze");
    let first = app.post_async(&path).await;
    assert_eq!(first.status(), StatusCode::ACCEPTED);
    let location = first.headers()["location"].to_str().unwrap().to_owned();
    let first: Value = first.json().await.unwrap();
    assert_eq!(
        location,
        format!("/api/analyses/{}", first["id"].as_str().unwrap())
    );
    insta::assert_json_snapshot!(without_chance(first.clone()));

    let again: Value = app.post_async(&path).await.json().await.unwrap();
    assert_eq!(again["id"], first["id"]);
    // Its answer would be that to another question.
    let other = app
        .post_async(&format!("{path}?operating_point=sensitivity_95"))
        .await;
    let refused = problem(other, StatusCode::CONFLICT, "other_analysis_running").await;
    assert_eq!(refused["analysis"]["id"], first["id"]);
    assert_eq!(refused["analysis"]["operating_point"], "youden");
    assert_eq!(app.waiting().await, 1, "one message for one analysis");

    app.complete(scan_id, id_of(&first), Says::Norm(0.1)).await;
    let next: Value = app
        .post_async(&format!("{path}?operating_point=sensitivity_95"))
        .await
        .json()
        .await
        .unwrap();
    assert_ne!(next["id"], first["id"]);
    assert_eq!(next["operating_point"], "sensitivity_95");
    let all = app.get_json(&format!("/api/scans/{scan_id}/analyses")).await;
    assert_eq!((&all["total"], &all["items"][0]["id"]), (&json!(2), &next["id"]));
    let second = app
        .get_json(&format!("/api/scans/{scan_id}/analyses?limit=1&offset=1"))
        .await;
    assert_eq!(second["items"][0]["id"], first["id"]);
}

#[tokio::test]
async fn what_cannot_be_analysed_is_refused() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let response = app
        .post(&format!("/api/scans/{scan_id}/analyze?operating_point=best"))
        .await;
    let body = problem(
        response,
        StatusCode::UNPROCESSABLE_ENTITY,
        "unknown_operating_point",
    )
    .await;
    assert_eq!(body["allowed"], json!(["youden", "sensitivity_95"]));
    let response = app
        .post(&format!("/api/scans/{}/analyze", ScanId::generate()))
        .await;
    problem(response, StatusCode::NOT_FOUND, "scan_not_found").await;
    problem(
        app.post("/api/scans/1/analyze").await,
        StatusCode::BAD_REQUEST,
        "invalid_parameter",
    )
    .await;

    let app = spawn_app_without_models().await;
    let scan_id = app.upload(b"x").await;
    let response = app.post(&format!("/api/scans/{scan_id}/analyze")).await;
    let body = problem(response, StatusCode::SERVICE_UNAVAILABLE, "unavailable").await;
    assert_eq!(body["dependency"], "models");
}

#[tokio::test]
async fn a_client_may_wait_for_the_end() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let analysis_id = app.analyze(scan_id).await;
    let path = format!("/api/scans/{scan_id}/analyze");
    let too_short = app
        .request(Method::POST, &path)
        .header("prefer", "wait=0")
        .send()
        .await
        .unwrap();
    assert_eq!(too_short.status(), StatusCode::ACCEPTED);

    let waiting = app
        .request(Method::POST, &path)
        .header("prefer", "wait=30")
        .send();
    let working = async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        app.complete(scan_id, analysis_id, Says::Pathology(0.9)).await;
    };
    let (response, ()) = tokio::join!(waiting, working);
    let response = response.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["preference-applied"], "wait=30");
    let analysis: Value = response.json().await.unwrap();
    assert_eq!(analysis["id"], analysis_id.to_string());
    assert_eq!(
        (
            &analysis["verdict"],
            &analysis["has_pathology_any"],
            &analysis["ok"]
        ),
        (&json!("pathology"), &json!(true), &json!(true))
    );
}

#[tokio::test]
async fn a_report_is_given_once_there_is_one() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let path = format!("/api/scans/{scan_id}/report");
    problem(app.get(&path).await, StatusCode::NOT_FOUND, "not_analyzed").await;
    let unknown = format!("/api/scans/{}/report", ScanId::generate());
    problem(app.get(&unknown).await, StatusCode::NOT_FOUND, "scan_not_found").await;

    let analysis_id = app.analyze(scan_id).await;
    app.prepare(scan_id, analysis_id).await;
    app.finish_stage(scan_id, analysis_id, Stage::Anomaly).await;
    let running = app.get(&path).await;
    assert!(running.headers().contains_key("retry-after"));
    let body = problem(running, StatusCode::CONFLICT, "analysis_running").await;
    assert_eq!(body["analysis"]["status"], "analyzing");
    insta::assert_json_snapshot!(body["analysis"]["stages"]);

    let scan_id = app.upload(b"x").await;
    let analysis_id = app.analyze(scan_id).await;
    let report = app.complete(scan_id, analysis_id, Says::Pathology(0.9)).await;
    let expected = serde_json::to_value(&report).unwrap();
    let found = app.get_json(&format!("/api/scans/{scan_id}/report")).await;
    assert_eq!(found, expected);
    assert_eq!(
        app.get_json(&format!("/api/analyses/{analysis_id}/report")).await,
        expected
    );
    assert_eq!(found["summary"]["has_pathology_any"], true);
    assert_eq!(found["rows"][0]["pathology"], 1);
    let analysis = app.get_json(&format!("/api/analyses/{analysis_id}")).await;
    insta::assert_json_snapshot!(without_chance(analysis));
}

#[tokio::test]
async fn a_failed_analysis_is_told_with_its_reason_and_never_as_norm() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let analysis_id = app.analyze(scan_id).await;
    app.fail(analysis_id).await;
    let response = app.get(&format!("/api/scans/{scan_id}/report")).await;
    let mut body = problem(response, StatusCode::UNPROCESSABLE_ENTITY, "analysis_failed").await;
    body["rows"][0]["time_of_processing"] = json!(0.0);
    insta::assert_json_snapshot!(without_chance(body));

    let csv = app.get(&format!("/api/scans/{scan_id}/report?format=csv")).await;
    assert_eq!(csv.status(), StatusCode::OK);
    let csv = csv.text().await.unwrap();
    let row = csv.lines().nth(1).unwrap();
    assert!(row.starts_with("chest.zip,,,,,Failure,"), "{row}");
    assert!(row.ends_with("no_lungs: no lungs were found,,,,,"), "{row}");
}

#[tokio::test]
async fn an_undetermined_answer_has_neither_probability_nor_pathology() {
    let app = spawn_app().await;
    let (scan_id, analysis_id) = app.answered(Says::Undetermined).await;
    let report = app.get_json(&format!("/api/scans/{scan_id}/report")).await;
    assert_eq!(report["verdict"], "undetermined");
    assert_eq!(report["probability_of_pathology"], Value::Null);
    assert_eq!(report["summary"]["has_pathology_any"], Value::Null);
    let analysis = app.get_json(&format!("/api/analyses/{analysis_id}")).await;
    assert_eq!(
        (&analysis["has_pathology_any"], &analysis["ok"]),
        (&Value::Null, &json!(true))
    );
}

#[tokio::test]
async fn a_report_comes_in_the_form_that_is_asked_for() {
    let app = spawn_app().await;
    let (scan_id, _) = app.answered(Says::Pathology(0.9)).await;
    let path = format!("/api/scans/{scan_id}/report");
    let asking = |accept: &'static str| app.request(Method::GET, &path).header("accept", accept).send();
    let csv = asking("text/csv").await.unwrap();
    assert_eq!(csv.headers()["content-type"], "text/csv; charset=utf-8");
    assert_eq!(
        csv.headers()["content-disposition"],
        "attachment; filename=\"norma.csv\""
    );
    insta::assert_snapshot!(csv.text().await.unwrap());
    let xlsx = asking("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet")
        .await
        .unwrap();
    assert!(xlsx.bytes().await.unwrap().starts_with(b"PK"));
    problem(
        asking("image/png").await.unwrap(),
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
    )
    .await;
    let odd = app.get(&format!("{path}?format=pdf")).await;
    problem(odd, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    let unknown = format!("/api/analyses/{}/report", AnalysisId::generate());
    problem(
        app.get(&unknown).await,
        StatusCode::NOT_FOUND,
        "analysis_not_found",
    )
    .await;
}
