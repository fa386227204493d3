//! All that is stored of a patient, for the patient; and what a deletion leaves.

use std::collections::BTreeMap;
use std::io::{Cursor, Read as _};
use std::time::Duration;

use norma_domain::{Role, ScanId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::app::{App, client, form, id_of, make_key, problem, spawn_app, spawn_app_with};
use crate::worker::Says;

async fn upload_of(app: &App, patient: &Value, bytes: &[u8]) -> ScanId {
    let form = form("chest.zip", bytes).text("patient_id", patient["id"].as_str().unwrap().to_owned());
    let request = app.request(Method::POST, "/api/scans").multipart(form);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    id_of(&response.json().await.unwrap())
}

fn members(archive: &[u8]) -> BTreeMap<String, Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(archive)).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut member = archive.by_index(index).unwrap();
            let mut bytes = Vec::new();
            member.read_to_end(&mut bytes).unwrap();
            (member.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[tokio::test]
async fn an_export_holds_all_that_is_stored_of_a_patient_and_nothing_of_another() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let other = app.create_patient("Boris", "Sidorov").await;
    let original = b"the original of Anna, a megabyte of it".repeat(30_000);
    let scan = upload_of(&app, &patient, &original).await;
    let second = upload_of(&app, &patient, b"another one").await;
    let foreign = upload_of(&app, &other, b"of Boris").await;
    let analysis = app.analyze(scan).await;
    app.complete(scan, analysis, Says::Norm(0.1)).await;
    let feedback = json!({"agree": true, "comment": "as I see it"});
    let path = format!("/api/analyses/{analysis}/feedback");
    assert!(
        app.send_json(Method::POST, &path, &feedback)
            .await
            .status()
            .is_success()
    );

    let id = patient["id"].as_str().unwrap();
    let response = app.post(&format!("/api/patients/{id}/export")).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/zip");
    assert_eq!(
        response.headers()["content-disposition"],
        format!("attachment; filename=\"patient-{id}.zip\"")
    );
    let members = members(&response.bytes().await.unwrap());
    let json = |name: &str| -> Value { serde_json::from_slice(&members[name]).unwrap() };
    assert_eq!(json("patient.json")["last_name"], "Petrova");
    assert_eq!(members[&format!("studies/{scan}/original")], original);
    assert_eq!(members[&format!("studies/{second}/original")], b"another one");
    assert_eq!(
        json(&format!("studies/{scan}/study.json"))["sha256"],
        sha256(&original)
    );
    let folder = format!("studies/{scan}/analyses/{analysis}");
    assert_eq!(json(&format!("{folder}/analysis.json"))["status"], "completed");
    let report = app.get_json(&format!("/api/analyses/{analysis}/report")).await;
    assert_eq!(
        json(&format!("{folder}/report.json"))["verdict"],
        report["verdict"]
    );
    assert_eq!(
        json(&format!("{folder}/feedback.json"))[0]["comment"],
        "as I see it"
    );
    let events = json("audit.json");
    let events = events.as_array().unwrap();
    assert!(events.iter().any(|event| event["action"] == "scan.upload"));
    assert!(
        events
            .iter()
            .all(|event| event["patient_id"] == *id && event["source_address"] == "")
    );
    for (name, bytes) in &members {
        let text = String::from_utf8_lossy(bytes);
        assert!(
            !name.contains(&foreign.to_string()) && !text.contains("Sidorov"),
            "{name}"
        );
    }
    // The manifest names each of the others as it is.
    let manifest = json("manifest.json");
    let manifest = manifest.as_array().unwrap();
    assert_eq!(manifest.len(), members.len() - 1);
    for member in manifest {
        let bytes = &members[member["name"].as_str().unwrap()];
        assert_eq!(member["sha256"], sha256(bytes));
        assert_eq!(member["size_bytes"], bytes.len());
    }
    let trail = app
        .get_json(&format!("/api/audit?action=patient.export&patient_id={id}"))
        .await;
    assert_eq!(
        trail["items"].as_array().unwrap().len(),
        2,
        "before and after: {trail}"
    );

    let nobody = format!("/api/patients/{}/export", uuid::Uuid::now_v7());
    problem(
        app.post(&nobody).await,
        StatusCode::NOT_FOUND,
        "patient_not_found",
    )
    .await;
}

/// Each keeps a thread of the gateway, of which every question to the database needs one, for as long as its client takes.
#[tokio::test]
async fn exports_that_nobody_takes_are_bounded_and_given_up() {
    let app = spawn_app_with(|options| options.upload_idle = Duration::from_secs(2)).await;
    let patient = app.create_patient("Anna", "Petrova").await;
    // More than lies in the buffers on the way.
    let mut original = vec![0; 40_000_000];
    original
        .iter_mut()
        .zip(0_u32..)
        .for_each(|(byte, at)| *byte = (at.wrapping_mul(2_654_435_761) >> 24) as u8);
    upload_of(&app, &patient, &original).await;
    let path = format!("/api/patients/{}/export", patient["id"].as_str().unwrap());
    let (first, second) = (app.post(&path).await, app.post(&path).await);
    assert_eq!(
        (first.status(), second.status()),
        (StatusCode::OK, StatusCode::OK)
    );
    let third = problem(
        app.post(&path).await,
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
    )
    .await;
    assert!(!third.to_string().contains("Petrova"));
    // Somebody else is not held up.
    let key = make_key(&app.database, "another", &[Role::Clinician], |_| {}).await;
    let another = client(Some(&key)).post(format!("{}{path}", app.base));
    assert_eq!(another.send().await.unwrap().status(), StatusCode::OK);
    // Who takes nothing for so long is given up, and gets no whole archive.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let again = app.post(&path).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert!(again.bytes().await.unwrap().len() > original.len());
    for given_up in [first, second] {
        assert!(given_up.bytes().await.is_err());
    }
}

/// What is stored is the patient's, whichever version can read it.
#[tokio::test]
async fn a_report_of_another_version_is_exported_as_it_is_stored() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let scan = upload_of(&app, &patient, b"the original").await;
    let analysis = app.analyze(scan).await;
    app.complete_unreadably(scan, analysis, Says::Norm(0.1)).await;
    let path = format!("/api/patients/{}/export", patient["id"].as_str().unwrap());
    let archive = members(&app.post(&path).await.bytes().await.unwrap());
    let report = &archive[&format!("studies/{scan}/analyses/{analysis}/report.json")];
    let report: Value = serde_json::from_slice(report).unwrap();
    assert_eq!(report["analysis_id"], json!(analysis));
    assert!(archive.contains_key("manifest.json"));
}

#[tokio::test]
async fn an_export_that_cannot_be_finished_is_no_whole_archive() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let scan = upload_of(&app, &patient, b"the original").await;
    app.objects
        .delete(norma_object_storage::ObjectKey::Original(scan))
        .await
        .unwrap();
    let path = format!("/api/patients/{}/export", patient["id"].as_str().unwrap());
    // The connection is cut, before or after the head of the answer.
    let answer = async { app.request(Method::POST, &path).send().await?.bytes().await };
    if let Ok(bytes) = answer.await {
        assert!(zip::ZipArchive::new(Cursor::new(bytes)).is_err());
    }
}

#[tokio::test]
async fn a_deletion_of_a_patient_leaves_a_statement_that_the_trail_vouches_for() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let mut scans = [
        (upload_of(&app, &patient, b"one").await, sha256(b"one")),
        (upload_of(&app, &patient, b"another").await, sha256(b"another")),
    ];
    scans.sort();
    app.analyze(scans[0].0).await;
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    let erasure = format!("{path}/erasure");
    problem(
        app.get(&erasure).await,
        StatusCode::NOT_FOUND,
        "patient_not_found",
    )
    .await;
    assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);

    let statement = app.get_json(&erasure).await;
    let lines: String = scans.iter().map(|(id, hash)| format!("{id} {hash}\n")).collect();
    assert_eq!(statement["originals_sha256"], sha256(lines.as_bytes()));
    assert_eq!(statement["scans"], json!([scans[0].0, scans[1].0]));
    assert_eq!(statement["analyses"], 1);
    assert_eq!(statement["size_bytes"], 10);
    assert_eq!(statement["erased_by"], "test");
    assert!(statement["scans_with_files"].as_u64().unwrap() <= 2);
    let event = app.get_json("/api/audit?action=patient.erase").await["items"][0].clone();
    assert_eq!(event["sequence"], statement["audit_sequence"]);
    assert_eq!(event["hash"], statement["audit_hash"]);
    assert_eq!(event["patient_id"], patient["id"]);
    let text = format!("{statement}{event}");
    assert!(!text.contains("Petrova") && !text.contains("Anna"));
    // Again there is nothing to erase, and no second statement.
    assert_eq!(app.delete(&path).await.status(), StatusCode::NOT_FOUND);
    let events = app.get_json("/api/audit?action=patient.erase").await;
    assert_eq!(events["total"], 1);
}
