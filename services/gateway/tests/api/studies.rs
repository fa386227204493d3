use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{form, id_of, problem, spawn_app, without_chance};
use crate::worker::Says;

#[tokio::test]
async fn the_most_suspicious_come_first_and_undetermined_above_norm() {
    let app = spawn_app().await;
    let (norm, _) = app.answered(Says::Norm(0.3)).await;
    let (less, _) = app.answered(Says::Pathology(0.7)).await;
    let (undetermined, _) = app.answered(Says::Undetermined).await;
    let (more, _) = app.answered(Says::Pathology(0.9)).await;
    let untouched = app.upload(b"x").await;
    let failed = app.upload(b"x").await;
    let analysis_id = app.analyze(failed).await;
    app.fail(analysis_id).await;

    let list = app.get_json("/api/studies").await;
    let ids: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["scan_id"].as_str().unwrap())
        .collect();
    let expected = [more, less, undetermined, untouched, norm, failed].map(|id| id.to_string());
    assert_eq!(ids, expected);
    assert_eq!(list["total"], 6);
    insta::assert_json_snapshot!(without_chance(list["items"][0].clone()));

    let newest = app.get_json("/api/studies?order=newest&limit=1").await;
    assert_eq!(newest["items"][0]["scan_id"], failed.to_string());
    assert_eq!(newest["items"][0]["failure"]["code"], "no_lungs");
    assert_eq!(app.get_json("/api/studies?verdict=pathology").await["total"], 2);
    assert_eq!(app.get_json("/api/studies?status=failed").await["total"], 1);
    assert_eq!(app.get_json("/api/studies?tray=no_chest").await["total"], 1);
    assert_eq!(app.get_json("/api/studies?tray=reading").await["total"], 5);
    assert_eq!(
        app.get_json("/api/studies?uploaded_before=2020-01-01T00:00:00Z")
            .await["total"],
        0
    );
    assert_eq!(
        app.get_json("/api/studies?uploaded_from=2020-01-01T00:00:00Z")
            .await["total"],
        6
    );
}

#[tokio::test]
async fn a_study_is_found_by_its_patient() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let patient_id = patient["id"].as_str().unwrap().to_owned();
    let form = form("a.zip", b"x").text("patient_id", patient_id.clone());
    let response = app
        .request(reqwest::Method::POST, "/api/scans")
        .multipart(form)
        .send()
        .await
        .unwrap();
    let scan: Value = response.json().await.unwrap();
    let _: norma_domain::ScanId = id_of(&scan);
    app.upload(b"y").await;
    for query in ["search=petr", &format!("patient_id={patient_id}")] {
        let list = app.get_json(&format!("/api/studies?{query}")).await;
        assert_eq!(list["total"], 1, "{query}");
        assert_eq!(list["items"][0]["patient"]["last_name"], "Petrova");
        assert_eq!(list["items"][0]["status"], json!(null));
    }
    for query in [
        "verdict=ill",
        "status=done",
        "order=best",
        "patient_id=1",
        "uploaded_from=today",
    ] {
        let response = app.get(&format!("/api/studies?{query}")).await;
        problem(response, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
}
