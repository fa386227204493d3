//! What the audit trail is told, and that nothing is answered without it.

use norma_domain::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, make_key, problem, spawn_app};

async fn trail(app: &App, query: &str) -> Vec<Value> {
    let page = app.get_json(&format!("/api/audit?limit=100&{query}")).await;
    page["items"].as_array().unwrap().clone()
}

fn told(items: &[Value]) -> Vec<(&str, &str)> {
    items
        .iter()
        .map(|item| {
            (
                item["action"].as_str().unwrap(),
                item["outcome"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn reading_and_changing_a_patient_leaves_events() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let id = patient["id"].as_str().unwrap();
    app.get_json(&format!("/api/patients/{id}")).await;
    app.get_json("/api/patients?search=petrova").await;
    let form = crate::app::form("chest.zip", b"x").text("patient_id", id.to_owned());
    let request = app.request(Method::POST, "/api/scans").multipart(form);
    let scan: Value = request.send().await.unwrap().json().await.unwrap();
    let scan_id = scan["id"].as_str().unwrap();
    for _ in 0..3 {
        app.get(&format!("/api/scans/{scan_id}/volume")).await;
    }
    app.delete(&format!("/api/patients/{id}")).await;

    let of_patient = trail(&app, &format!("patient_id={id}")).await;
    assert_eq!(
        told(&of_patient),
        [
            ("patient.delete", "success"),
            // What was erased, written with the deletion.
            ("patient.erase", "success"),
            ("patient.delete", "begun"),
            ("pixels.read", "failed"),
            ("scan.upload", "success"),
            ("patient.read", "success"),
            ("patient.create", "success"),
        ]
    );
    let upload = &of_patient[4];
    assert_eq!(
        (&upload["scan_id"], &upload["status"], &upload["source_address"]),
        (&scan["id"], &json!(201), &json!("127.0.0.1"))
    );
    assert_eq!(upload["actor"]["name"], "test");
    let searches = trail(&app, "action=patient.search").await;
    assert_eq!(searches.len(), 1);
    let everything = app.get("/api/audit?limit=100").await.text().await.unwrap();
    assert!(!everything.to_lowercase().contains("petrova"), "{everything}");
    let verification = app.database.verify_audit(None).await.unwrap();
    assert_eq!(verification.faults, []);
}

#[tokio::test]
async fn refusals_and_sign_ins_leave_events_with_who_tried() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let refused = client(Some(&key))
        .get(format!("{}/api/patients", app.base))
        .send()
        .await
        .unwrap();
    problem(refused, StatusCode::FORBIDDEN, "forbidden").await;
    for _ in 0..3 {
        app.anonymously(Method::GET, "/api/patients", None).await;
    }
    let body = json!({"login": "hunter2", "password": "x"});
    app.anonymously(Method::POST, "/api/session", Some(&body)).await;
    let items = trail(&app, "").await;
    let of = |name: &str| {
        let found: Vec<_> = items
            .iter()
            .filter(|item| item["actor"]["kind"] == name)
            .collect();
        found.into_iter().cloned().collect::<Vec<_>>()
    };
    let anonymous = of("anonymous");
    assert_eq!(
        told(&anonymous),
        [("sign_in.password", "refused"), ("patient.search", "refused")],
        "the same again and again is told once"
    );
    // What was typed may be a password in the wrong field.
    assert!(!anonymous[0].to_string().contains("hunter2"));
    let pacs = items.iter().find(|item| item["actor"]["name"] == "pacs").unwrap();
    assert_eq!(
        (&pacs["outcome"], &pacs["detail"]),
        (&json!("refused"), &json!("forbidden"))
    );
}

#[tokio::test]
async fn without_the_trail_nothing_is_answered_and_nothing_is_changed() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    // The trail can be read but no longer be written.
    let file = app.folder.path().join("norma.db");
    let broken = tokio::process::Command::new("python3")
        .arg("-c")
        .arg(
            "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(\
             \"CREATE TRIGGER full BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'full'); END\")",
        )
        .arg(&file)
        .status()
        .await
        .unwrap();
    assert!(broken.success());
    problem(
        app.get(&path).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
    )
    .await;
    problem(
        app.delete(&path).await,
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
    )
    .await;
    let id = patient["id"].as_str().unwrap().parse().unwrap();
    assert!(
        app.database.patient(id).await.unwrap().is_some(),
        "it was not deleted"
    );
    assert_eq!(app.get("/healthz").await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_trail_is_exported_as_dicom_audit_messages() {
    let app = spawn_app().await;
    let patient = app.create_patient("Anna", "Petrova").await;
    app.get_json(&format!("/api/patients/{}", patient["id"].as_str().unwrap()))
        .await;
    let response = app.get("/api/audit/export?format=xml&action=patient.read").await;
    assert_eq!(response.headers()["content-type"], "application/xml");
    assert_eq!(
        response.headers()["content-disposition"],
        "attachment; filename=\"norma-audit.xml\""
    );
    let xml = response.text().await.unwrap();
    assert_eq!(xml.matches("<AuditMessage>").count(), 1, "{xml}");
    assert!(xml.contains("csd-code=\"110110\"") && xml.contains(patient["id"].as_str().unwrap()));
    let json = app.get_json("/api/audit/export?action=patient.").await;
    let messages = json["AuditMessages"].as_array().unwrap();
    assert_eq!(messages.len(), 3);
    assert_eq!(messages[2]["EventIdentification"]["EventActionCode"], "R");
    assert_eq!(trail(&app, "action=audit.export").await.len(), 2);
}
