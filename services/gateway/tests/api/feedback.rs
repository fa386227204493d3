use norma_domain::AnalysisId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{problem, spawn_app, without_chance};
use crate::worker::Says;

#[tokio::test]
async fn feedback_is_kept_and_listed() {
    let app = spawn_app().await;
    let (_, analysis_id) = app.answered(Says::Norm(0.2)).await;
    let path = format!("/api/analyses/{analysis_id}/feedback");
    assert_eq!(app.get_json(&path).await, json!([]));
    let body = json!({"agree": false, "label": "emphysema", "comment": "see slice 2"});
    let response = app.send_json(Method::POST, &path, &body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let kept: Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(without_chance(kept.clone()));
    app.send_json(Method::POST, &path, &json!({"agree": true, "comment": "  "}))
        .await;
    let all = app.get_json(&path).await;
    assert_eq!(all[0], kept);
    assert_eq!(
        (&all[1]["agree"], &all[1]["comment"]),
        (&json!(true), &Value::Null)
    );
}

#[tokio::test]
async fn what_is_no_feedback_is_refused() {
    let app = spawn_app().await;
    let unknown = format!("/api/analyses/{}/feedback", AnalysisId::generate());
    problem(
        app.get(&unknown).await,
        StatusCode::NOT_FOUND,
        "analysis_not_found",
    )
    .await;
    let response = app
        .send_json(Method::POST, &unknown, &json!({"agree": true}))
        .await;
    problem(response, StatusCode::NOT_FOUND, "analysis_not_found").await;
    let (_, analysis_id) = app.answered(Says::Norm(0.2)).await;
    let path = format!("/api/analyses/{analysis_id}/feedback");
    for (body, code) in [
        (json!({}), "invalid_body"),
        (json!({"agree": "yes"}), "invalid_body"),
        (json!({"agree": true, "label": "x".repeat(101)}), "invalid_field"),
        (
            json!({"agree": true, "comment": "x".repeat(10_001)}),
            "invalid_field",
        ),
    ] {
        let response = app.send_json(Method::POST, &path, &body).await;
        problem(response, StatusCode::BAD_REQUEST, code).await;
    }
}
