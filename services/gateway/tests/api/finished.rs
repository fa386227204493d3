//! What was begun is finished and told as it was, however impatient the client is.

use std::io::BufRead as _;
use std::time::Duration;

use reqwest::StatusCode;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::app::{App, client, make_key, spawn_app, spawn_app_with};

const HOLD_WRITE_LOCK: &str = "\
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute('BEGIN IMMEDIATE')
print('locked', flush=True)
time.sleep(30)
";

async fn events(app: &App, action: &str) -> Vec<Value> {
    let listed = app.get_json(&format!("/api/audit?action={action}")).await;
    listed["items"].as_array().unwrap().clone()
}

/// Sends a request and goes away without waiting for its answer.
async fn send_and_leave(app: &App, key: &str, method: &str, path: &str) {
    let address = app.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    drop(stream);
}

#[tokio::test]
async fn a_deletion_whose_client_goes_away_is_finished_with_its_objects_and_its_last_event() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "leaver", &[norma_domain::Role::Clinician], |_| {}).await;
    let mut scans = Vec::new();
    for number in 0..8_u8 {
        scans.push(app.upload(&[number]).await);
    }
    for scan_id in &scans {
        send_and_leave(&app, &key, "DELETE", &format!("/api/scans/{scan_id}")).await;
    }
    let finished = async {
        loop {
            let ended = events(&app, "scan.delete").await;
            let count = |outcome: &str| ended.iter().filter(|event| event["outcome"] == outcome).count();
            // Whoever's request arrived has a beginning and an end.
            if count("begun") > 0 && count("begun") == count("success") && count("success") == scans.len() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), finished)
        .await
        .unwrap();
    for scan_id in scans {
        assert_eq!(app.database.scan(scan_id).await.unwrap(), None);
    }
    assert_eq!(app.objects.list().await.unwrap(), []);
}

#[tokio::test]
async fn objects_that_cannot_be_deleted_now_are_deleted_later_and_the_deletion_stands() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    // A storage that refuses.
    let originals = app.folder.path().join("objects/originals");
    let aside = app.folder.path().join("aside");
    std::fs::rename(&originals, &aside).unwrap();
    std::fs::write(&originals, "no folder").unwrap();
    let answer = app.delete(&format!("/api/scans/{scan_id}")).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.database.due_object_deletions(10).await.unwrap().len(), 1);

    std::fs::remove_file(&originals).unwrap();
    std::fs::rename(&aside, &originals).unwrap();
    let gone = async {
        while !app.objects.list().await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
}

#[tokio::test]
async fn authentication_and_audit_stand_under_the_time_of_a_request() {
    let app = spawn_app_with(|options| options.request_timeout = Duration::from_secs(2)).await;
    let key = make_key(&app.database, "waiter", &[norma_domain::Role::Clinician], |_| {}).await;
    // Another process holds the database's write lock: the audit trail cannot be written.
    let mut holder = std::process::Command::new("python3")
        .args(["-c", HOLD_WRITE_LOCK])
        .arg(app.folder.path().join("norma.db"))
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    std::io::BufReader::new(holder.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "locked\n");
    let started = std::time::Instant::now();
    for path in ["/api/patients", "/api/events"] {
        let answer = client(Some(&key))
            .get(format!("{}{path}", app.base))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::GATEWAY_TIMEOUT, "{path}");
    }
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    holder.kill().unwrap();
    holder.wait().unwrap();
}

#[tokio::test]
async fn asking_for_readiness_writes_nothing() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "monitor", &[norma_domain::Role::Operator], |_| {}).await;
    let used = async || {
        let keys = app.get_json("/api/keys").await;
        let monitor = keys["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|key| key["name"] == "monitor");
        monitor.unwrap()["last_used_at"].clone()
    };
    let answer = client(Some(&key))
        .get(format!("{}/readyz", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(used().await, Value::Null);
    assert!(!app.folder.path().join("objects/checks").exists());
}
