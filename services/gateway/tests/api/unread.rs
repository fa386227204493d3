//! A study whose files could not be read when it came is put into no record unasked.

use norma_database::{NewScan, ScanIdentity};
use norma_domain::ScanId;
use norma_object_storage::ObjectKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{form, problem, spawn_app, spawn_app_of};
use crate::whose::{events_of, study, text, upload, uploaded};

#[tokio::test]
async fn a_study_that_could_not_be_read_in_time_is_put_into_no_record_unasked() {
    let app = spawn_app_of(|settings| settings.sandbox.time_limit_seconds = 0).await;
    let patient = json!({ "first_name": "Anna", "last_name": "Petrova", "description": "" });
    let response = app
        .request(Method::POST, "/api/patients")
        .json(&patient)
        .send()
        .await;
    let patient: Value = response.unwrap().json().await.unwrap();
    let (bytes, chosen) = (
        study("IVANOV^IVAN", "4712", "19600515"),
        ("patient_id", text(&patient, "id")),
    );
    for wish in [chosen, ("patient_from_dicom", "true")] {
        let response = upload(&app, &bytes, &[wish]).await;
        problem(response, StatusCode::CONFLICT, "patient_unread").await;
    }
    assert_eq!(app.get_json("/api/scans").await["total"], 0);
    let inspected = app.request(Method::POST, "/api/scans/inspect");
    let inspected = inspected.multipart(form("a.dcm", &bytes)).send().await.unwrap();
    problem(inspected, StatusCode::CONFLICT, "patient_unread").await;
    uploaded(&app, &bytes, &[chosen, ("confirm_patient_mismatch", "true")]).await;

    // What is stored for nobody is put into no record later either.
    let scan = uploaded(&app, &bytes, &[]).await;
    assert_eq!(app.get_json("/api/scans").await["total"], 2);
    let path = format!("/api/scans/{}/patient", text(&scan, "id"));
    for wish in [
        json!({"patient_id": chosen.1}),
        json!({"patient_from_dicom": true}),
    ] {
        let response = app.send_json(Method::PUT, &path, &wish).await;
        problem(response, StatusCode::CONFLICT, "patient_unread").await;
    }
    let confirmed = json!({"patient_id": chosen.1, "confirm_patient_mismatch": true});
    let moved = app.send_json(Method::PUT, &path, &confirmed).await;
    assert_eq!(moved.status(), StatusCode::OK);
    let events = events_of(&app, chosen.1, "scan.move").await;
    assert!(
        text(&events[0], "detail").contains("patient_unread confirmed"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_study_stored_without_being_read_is_read_before_it_goes_into_a_record() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let id = ScanId::generate();
    let bytes = study("IVANOV^IVAN", "4712", "19600515");
    let object = ObjectKey::Original(id);
    app.objects.put(object, bytes.clone().into()).await.unwrap();
    let row = NewScan {
        id,
        patient_id: None,
        description: String::new(),
        file_name: "chest.dcm".to_owned(),
        sha256: "0".repeat(64),
        size_bytes: bytes.len() as u64,
        object_key: object.to_string(),
        owner: None,
        identity: ScanIdentity::default(),
        study_uid: None,
        request: None,
    };
    app.database.create_scan(row).await.unwrap();
    let path = format!("/api/scans/{id}/patient");
    let wanted = json!({"patient_id": text(&patient, "id")});
    let response = app.send_json(Method::PUT, &path, &wanted).await;
    let body = problem(response, StatusCode::CONFLICT, "patient_mismatch").await;
    assert_eq!(body["conflicts"], json!(["patient_name"]));
    let wanted = json!({"patient_from_dicom": true});
    let response = app.send_json(Method::PUT, &path, &wanted).await;
    assert_eq!(response.status(), StatusCode::OK);
    let moved: Value = response.json().await.unwrap();
    assert_eq!(moved["identity"]["patient_name"], "IVANOV^IVAN");
}
