use std::time::Duration;

use futures::StreamExt;
use norma_domain::{Role, Stage};
use reqwest::{Method, Response};
use serde_json::Value;

use crate::app::{App, client, make_key, spawn_app};
use crate::worker::Says;

/// Reads events until one satisfies `is_last`.
async fn read_until(response: Response, is_last: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut stream = response.bytes_stream();
    let mut text = String::new();
    let mut events = Vec::new();
    let reading = async {
        loop {
            text.push_str(std::str::from_utf8(&stream.next().await.unwrap().unwrap()).unwrap());
            while let Some((block, rest)) = text.split_once("\n\n") {
                if let Some(data) = block.lines().find_map(|line| line.strip_prefix("data: ")) {
                    assert!(block.starts_with("event: analysis\nid: "), "{block}");
                    events.push(serde_json::from_str(data).unwrap());
                }
                text = rest.to_owned();
                if events.last().is_some_and(&is_last) {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .unwrap();
    events
}

async fn listen(app: &App, query: &str) -> Response {
    let response = app.get(&format!("/api/events{query}")).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["cache-control"], "no-store");
    assert!(response.headers().get("content-encoding").is_none());
    response
}

#[tokio::test]
async fn progress_is_told_as_it_happens() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let other = app.upload(b"y").await;
    let stream = listen(&app, &format!("?scan_id={scan_id}")).await;
    let working = async {
        app.analyze(other).await;
        let analysis_id = app.analyze(scan_id).await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        app.complete(scan_id, analysis_id, Says::Pathology(0.9)).await;
        analysis_id
    };
    let reading = read_until(stream, |event| event["status"] == "completed");
    let (analysis_id, events) = tokio::join!(working, reading);
    assert!(events.iter().all(|event| event["scan_id"] == scan_id.to_string()));
    assert_eq!(events[0]["status"], "queued");
    assert_eq!(events[0]["stages"][0]["state"], "pending");
    let last = events.last().unwrap();
    assert_eq!(last["analysis_id"], analysis_id.to_string());
    assert_eq!(last["verdict"], "pathology");
    assert!(
        last["stages"]
            .as_array()
            .unwrap()
            .iter()
            .all(|stage| stage["state"] == "completed")
    );
}

#[tokio::test]
async fn who_comes_back_is_told_what_was_missed() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let before = chrono::Utc::now().timestamp_micros();
    let analysis_id = app.analyze(scan_id).await;
    app.prepare(scan_id, analysis_id).await;
    app.finish_stage(scan_id, analysis_id, Stage::Typing).await;
    let response = app
        .request(Method::GET, "/api/events")
        .header("last-event-id", before)
        .send()
        .await
        .unwrap();
    let events = read_until(response, |_| true).await;
    assert_eq!(events[0]["status"], "analyzing");
    let states: Vec<&Value> = events[0]["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| &stage["state"])
        .collect();
    assert_eq!(
        states,
        ["completed", "pending", "pending", "completed", "pending"]
    );
}

#[tokio::test]
async fn a_key_that_is_revoked_hears_no_more() {
    let app = spawn_app().await;
    let key = make_key(&app.database, "listener", &[Role::Clinician], |_| {}).await;
    let response = client(Some(&key))
        .get(format!("{}/api/events", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let keys = app.get_json("/api/keys").await;
    let listener = keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == "listener")
        .unwrap();
    let id = listener["id"].as_str().unwrap();
    assert!(app.delete(&format!("/api/keys/{id}")).await.status().is_success());
    let reading = response.bytes();
    tokio::time::timeout(Duration::from_secs(15), reading)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn changes_that_nobody_heard_are_told_to_who_comes_back() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"x").await;
    let analysis_id = app.analyze(scan_id).await;
    let come_back = async |last: &str| {
        let request = app
            .request(Method::GET, "/api/events")
            .header("last-event-id", last);
        read_until(request.send().await.unwrap(), |_| true).await
    };
    let first = come_back("0").await;
    assert_eq!(first[0]["analysis_id"], analysis_id.to_string());
    // Nobody listens now.
    app.prepare(scan_id, analysis_id).await;
    let second = come_back("1").await;
    assert_eq!(second[0]["status"], "analyzing");
}

#[tokio::test]
async fn the_stream_ends_when_the_gateway_does() {
    let app = spawn_app().await;
    let response = listen(&app, "").await;
    app.shutdown.cancel();
    let reading = response.bytes();
    tokio::time::timeout(Duration::from_secs(5), reading)
        .await
        .unwrap()
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), app.served)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
}
