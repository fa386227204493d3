//! The requests of the reference service's own clients, written anew: its page, its request collection and its script for
//! mass runs. They know nothing of `Prefer`, send a part of a document to change it, and read a prediction's answer at
//! its top level.

use norma_domain::ScanId;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, form, id_of, spawn_app, spawn_app_with};
use crate::predict::archive_of;
use crate::worker::Says;

/// Answers the analysis of the scan as soon as there is one.
async fn work_on(app: &App, scan_id: ScanId, says: Option<Says>) {
    let analysis = loop {
        if let Some(analysis) = app.database.latest_analysis(scan_id).await.unwrap() {
            break analysis;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    match says {
        Some(says) => drop(app.complete(scan_id, analysis.id, says).await),
        None => app.fail(analysis.id).await,
    }
}

async fn json_of(app: &App, method: Method, path: &str, body: Value) -> Value {
    let response = app.send_json(method.clone(), path, &body).await;
    assert!(
        response.status().is_success(),
        "{method} {path}: {}",
        response.status()
    );
    response.json().await.unwrap()
}

#[tokio::test]
async fn the_collections_way_from_a_patient_to_a_report() {
    let app = spawn_app().await;
    let patient = json_of(
        &app,
        Method::POST,
        "/api/patients",
        json!({"first_name": "Ivan", "last_name": "Ivanov", "description": "first visit"}),
    )
    .await;
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    // A field at a time, the others left out or null.
    let changed = json_of(&app, Method::PUT, &path, json!({"description": "second visit"})).await;
    assert_eq!(
        (
            &changed["first_name"],
            &changed["last_name"],
            &changed["description"]
        ),
        (&json!("Ivan"), &json!("Ivanov"), &json!("second visit"))
    );
    let changed = json_of(
        &app,
        Method::PUT,
        &path,
        json!({"first_name": "Petr", "last_name": null}),
    )
    .await;
    assert_eq!(
        (&changed["first_name"], &changed["last_name"]),
        (&json!("Petr"), &json!("Ivanov"))
    );
    assert_eq!(app.get_json("/api/patients?limit=10&offset=0").await["total"], 1);

    let form = form("study.zip", &archive_of(&[("a", "1.2.3.4")]))
        .text("patient_id", patient["id"].as_str().unwrap().to_owned())
        .text("description", "chest");
    let scan = app.request(Method::POST, "/api/scans").multipart(form);
    let scan: Value = scan.send().await.unwrap().json().await.unwrap();
    let scan_id: ScanId = id_of(&scan);
    let path = format!("/api/scans/{scan_id}");
    let unchanged = json_of(&app, Method::PUT, &path, json!({})).await;
    assert_eq!(unchanged["description"], "chest");
    let changed = json_of(
        &app,
        Method::PUT,
        &path,
        json!({"description": "follow-up", "patient_id": patient["id"]}),
    )
    .await;
    assert_eq!(
        (&changed["description"], &changed["patient_id"]),
        (&json!("follow-up"), &patient["id"])
    );

    let analyze_path = format!("{path}/analyze");
    let analyzing = app.post(&analyze_path);
    let (response, ()) = tokio::join!(analyzing, work_on(&app, scan_id, Some(Says::Pathology(0.9))));
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (
            &answer["ok"],
            &answer["files_processed"],
            &answer["has_pathology_any"],
            &answer["verdict"]
        ),
        (&json!(true), &json!(3), &json!(true), &json!("pathology"))
    );
    let report = app.get_json(&format!("{path}/report")).await;
    assert_eq!(report["summary"]["has_pathology_any"], true);
    assert_eq!(report["rows"][0]["pathology"], 1);
    assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_analysis_that_fails_or_takes_long_is_never_ok() {
    let app = spawn_app_with(|options| options.predict_wait = std::time::Duration::from_millis(300)).await;
    let scan_id = app.upload(b"x").await;
    let path = format!("/api/scans/{scan_id}/analyze");
    let late = app.post(&path).await;
    assert_eq!(late.status(), StatusCode::ACCEPTED);
    let late: Value = late.json().await.unwrap();
    assert_eq!(
        (&late["has_pathology_any"], &late["files_processed"]),
        (&Value::Null, &Value::Null)
    );
    work_on(&app, scan_id, None).await;

    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let path = format!("/api/scans/{scan_id}/analyze");
    let (response, ()) = tokio::join!(app.post(&path), work_on(&app, scan_id, None));
    assert_eq!(response.status(), StatusCode::OK);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (
            &answer["ok"],
            &answer["has_pathology_any"],
            &answer["files_processed"]
        ),
        (&json!(false), &Value::Null, &Value::Null)
    );
    let at_once = app.request(Method::POST, &path).header("prefer", "respond-async");
    assert_eq!(at_once.send().await.unwrap().status(), StatusCode::ACCEPTED);
}

/// What the mass-run script reads of an answer.
fn top_level(answer: &Value) -> Value {
    let columns = [
        "pathology",
        "probability_of_pathology",
        "study_uid",
        "processing_status",
        "most_dangerous_pathology_type",
    ];
    for column in columns.into_iter().chain(["series_uid", "time_of_processing"]) {
        assert!(answer.get(column).is_some(), "{column} is not there: {answer}");
    }
    columns.into_iter().map(|column| answer[column].clone()).collect()
}

async fn predicted(app: &App, studies: &[(&str, &str)], says: &[Option<Says>]) -> (StatusCode, Value) {
    let request = app
        .request(Method::POST, "/inference/predict")
        .multipart(form("study.zip", &archive_of(studies)))
        .send();
    let working = async {
        for (index, says) in says.iter().enumerate() {
            let scan_id = loop {
                let listed = app.get_json("/api/scans").await;
                let scans = listed["items"].as_array().unwrap();
                if scans.len() == studies.len() {
                    // Newest first.
                    break id_of(&scans[studies.len() - 1 - index]);
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            };
            work_on(app, scan_id, *says).await;
        }
    };
    let (response, ()) = tokio::join!(request, working);
    let response = response.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test]
async fn the_script_reads_the_only_row_at_the_top() {
    let one = [("a", "1.2.3.4")];
    let app = spawn_app().await;
    let (status, answer) = predicted(&app, &one, &[Some(Says::Pathology(0.9))]).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        top_level(&answer),
        json!([1, 0.9, "1.2.3.4", "Success", "emphysema"])
    );
    let app = spawn_app().await;
    let (_, answer) = predicted(&app, &one, &[Some(Says::Norm(0.1))]).await;
    assert_eq!(top_level(&answer), json!([0, 0.1, "1.2.3.4", "Success", null]));
    for says in [Some(Says::Undetermined), None] {
        let app = spawn_app().await;
        let (_, answer) = predicted(&app, &one, &[says]).await;
        let top = top_level(&answer);
        assert_eq!(
            (&top[0], &top[1], &top[3]),
            (&Value::Null, &Value::Null, &json!("Failure"))
        );
        assert!(answer["reason"].is_string(), "{answer}");
    }

    // Neither several studies nor a late answer is a probability of 0.
    let app = spawn_app().await;
    let two = [("a", "1.2.3.4"), ("b", "1.2.3.5")];
    let (_, answer) = predicted(&app, &two, &[Some(Says::Pathology(0.9)), None]).await;
    assert_eq!(top_level(&answer), json!([null, null, null, "Failure", null]));
    assert_eq!(answer["rows"].as_array().unwrap().len(), 2);
    let app = spawn_app_with(|options| options.predict_wait = std::time::Duration::ZERO).await;
    let (status, answer) = predicted(&app, &one, &[]).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(top_level(&answer), json!([null, null, null, "Failure", null]));
}
