use norma_domain::{AnalysisId, Role};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{client, make_key, problem, spawn_app, without_chance};
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
    let later = app
        .send_json(Method::POST, &path, &json!({"agree": true, "comment": "  "}))
        .await;
    let later: Value = later.json().await.unwrap();
    let all = app.get_json(&path).await;
    assert_eq!(all[0], kept);
    assert_eq!(
        (&all[1]["agree"], &all[1]["comment"]),
        (&json!(true), &Value::Null)
    );

    // Taken back by who gave it, once.
    let withdrawn = format!("{path}/{}", later["id"].as_str().unwrap());
    let other = make_key(&app.database, "other", &[Role::Clinician], |_| {}).await;
    let request = client(Some(&other)).delete(format!("{}{withdrawn}", app.base));
    problem(
        request.send().await.unwrap(),
        StatusCode::NOT_FOUND,
        "feedback_not_found",
    )
    .await;
    assert_eq!(app.delete(&withdrawn).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.get_json(&path).await, json!([kept]));
    problem(
        app.delete(&withdrawn).await,
        StatusCode::NOT_FOUND,
        "feedback_not_found",
    )
    .await;
    let events = app.get_json("/api/audit?action=feedback.withdraw").await;
    let events = events["items"].as_array().unwrap();
    let told = events
        .iter()
        .any(|event| event["outcome"] == "success" && event["object_id"] == later["id"]);
    assert!(told, "{events:?}");
}

#[tokio::test]
async fn a_word_that_contradicts_itself_is_refused() {
    let app = spawn_app().await;
    for (says, agree, label, status) in [
        (Says::Pathology(0.9), false, "norm", StatusCode::CREATED),
        (Says::Pathology(0.9), false, "pathology", StatusCode::BAD_REQUEST),
        (Says::Pathology(0.9), true, "norm", StatusCode::BAD_REQUEST),
        (Says::Undetermined, false, "norm", StatusCode::CREATED),
        (Says::Undetermined, false, "pathology", StatusCode::CREATED),
        (Says::Norm(0.1), true, "norm", StatusCode::CREATED),
    ] {
        let (_, analysis_id) = app.answered(says).await;
        let path = format!("/api/analyses/{analysis_id}/feedback");
        let body = json!({"agree": agree, "label": label});
        let response = app.send_json(Method::POST, &path, &body).await;
        assert_eq!(response.status(), status, "{agree} {label}");
    }
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
