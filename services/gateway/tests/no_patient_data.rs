//! What is said of patients stays in the database: not a word of it reaches logs, spans or metrics. A process of its
//! own, because the log is captured.

#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

#[path = "api/app.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod app;

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::json;
use tracing_subscriber::fmt::format::FmtSpan;

/// Stands in every place that a client or an archive can write to.
const MARKER: &str = "Zmarkerova";

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_word_of_a_patient_is_logged() {
    let log = Captured::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        // The client of this test runs in the same process.
        .with_env_filter(
            "trace,hyper=off,hyper_util=off,reqwest=off,mio=off,actix_http=info,actix_server=info,actix_web::types=info",
        )
        .with_span_events(FmtSpan::FULL)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let app = app::spawn_app().await;
    let patient = json!({"first_name": MARKER, "last_name": MARKER, "description": MARKER});
    let response = app.send_json(Method::POST, "/api/patients", &patient).await;
    let patient: serde_json::Value = response.json().await.unwrap();
    let patient_id = patient["id"].as_str().unwrap();

    for path in [
        format!("/api/patients?search={MARKER}"),
        format!("/api/patients?limit={MARKER}"),
        format!("/api/studies?search={MARKER}"),
        format!("/api/patients/{MARKER}"),
        format!("/{MARKER}"),
        format!("/api/{MARKER}"),
    ] {
        app.get(&path).await;
    }
    let broken = app
        .request(Method::POST, "/api/patients")
        .header("content-type", "application/json")
        .body(format!("{{\"first_name\": \"{MARKER}\", \"last_name\": 1}}"));
    let refusal = broken.send().await.unwrap().text().await.unwrap();
    assert!(!refusal.contains(MARKER), "{refusal}");

    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for folder in ["a", "b"] {
        archive
            .start_file(
                format!("{MARKER}/{folder}.dcm"),
                zip::write::SimpleFileOptions::default(),
            )
            .unwrap();
        archive.write_all(b"no DICOM").unwrap();
    }
    let archive = archive.finish().unwrap().into_inner();
    let name = format!("{MARKER}.zip");
    let form = app::form(&name, &archive)
        .text("patient_id", patient_id.to_owned())
        .text("description", MARKER);
    let scan: serde_json::Value = app
        .request(Method::POST, "/api/scans")
        .multipart(form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let scan_id = scan["id"].as_str().unwrap();
    let analysis = app
        .post(&format!("/api/scans/{scan_id}/analyze?operating_point={MARKER}"))
        .await;
    assert!(!analysis.text().await.unwrap().contains(MARKER));
    let analysis = app.post_async(&format!("/api/scans/{scan_id}/analyze")).await;
    let analysis: serde_json::Value = analysis.json().await.unwrap();
    let feedback = format!("/api/analyses/{}/feedback", analysis["id"].as_str().unwrap());
    app.send_json(
        Method::POST,
        &feedback,
        &json!({"agree": false, "comment": MARKER}),
    )
    .await;
    app.get(&format!("/api/scans/{scan_id}/file")).await;
    let predicted = app
        .request(Method::POST, "/inference/predict")
        .header("prefer", "wait=0")
        .multipart(app::form(&name, &archive))
        .send()
        .await
        .unwrap();
    assert!(predicted.status().is_success());
    let metrics = app.get("/metrics").await.text().await.unwrap();
    app.delete(&format!("/api/patients/{patient_id}")).await;

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("analysis requested"), "nothing was captured");
    assert!(log.contains("/api/patients/{patient_id}"), "spans name routes");
    for (place, text) in [("log", &log), ("metrics", &metrics)] {
        let found = text.lines().find(|line| line.contains(MARKER));
        assert_eq!(found, None, "in the {place}");
    }
}
