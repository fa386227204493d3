//! What a flood is refused before it costs others anything.

use std::time::Duration;

use norma_database::{AuditEvent, AuditQuery, Page};
use norma_domain::Role;
use norma_gateway::RequestRate;
use reqwest::{Method, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{App, client, form, make_key, problem, spawn_app_with};

async fn events(app: &App, action: &str) -> Vec<AuditEvent> {
    let query = AuditQuery {
        action: Some(action.to_owned()),
        ..AuditQuery::default()
    };
    let page = Page {
        limit: 100,
        offset: 0,
    };
    app.database.list_audit_events(query, page).await.unwrap().items
}

async fn begin_upload(app: &App, key: &str) -> TcpStream {
    let head = format!(
        "POST /api/scans HTTP/1.1\r\nHost: norma\r\nAuthorization: Bearer {key}\r\nAccept-Encoding: gzip, br\r\n\
         Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000000\r\n\r\n--b\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    );
    let mut stream = TcpStream::connect(app.base.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn revoke_all_of(app: &App, name: &str) {
    let keys = app
        .database
        .list_api_keys(Page {
            limit: 100,
            offset: 0,
        })
        .await
        .unwrap();
    for key in keys.items.into_iter().filter(|key| key.name == name) {
        app.database.revoke_api_key(key.id).await.unwrap();
    }
}

#[tokio::test]
async fn a_known_key_that_asked_too_often_is_refused_before_it_is_looked_up() {
    let app = spawn_app_with(|options| {
        options.request_rate = RequestRate {
            per_minute: 1,
            burst: 4,
        };
    })
    .await;
    let flood = client(Some(
        &make_key(&app.database, "flood", &[Role::Integrator], |_| {}).await,
    ));
    let other = client(Some(
        &make_key(&app.database, "other", &[Role::Integrator], |_| {}).await,
    ));
    let ask = async |who: &reqwest::Client| who.get(format!("{}/api/scans", app.base)).send().await.unwrap();
    for _ in 0..4 {
        assert_eq!(ask(&flood).await.status(), StatusCode::OK);
    }
    let told = events(&app, "scan.search").await.len();
    // Its key is gone, and nobody looks: the count comes first.
    revoke_all_of(&app, "flood").await;
    for _ in 0..5 {
        problem(
            ask(&flood).await,
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
        )
        .await;
    }
    assert_eq!(events(&app, "scan.search").await.len(), told);
    // What is remembered of a key opens nothing: one that may still ask is looked up, and a revocation counts at once.
    assert_eq!(ask(&other).await.status(), StatusCode::OK);
    revoke_all_of(&app, "other").await;
    problem(ask(&other).await, StatusCode::UNAUTHORIZED, "invalid_key").await;
}

#[tokio::test]
async fn uploads_without_a_place_are_one_event_for_all_of_them() {
    let app = spawn_app_with(|options| options.uploads_at_once_per_identity = 1).await;
    let key = make_key(&app.database, "flood", &[Role::Integrator], |_| {}).await;
    let trickle = begin_upload(&app, &key).await;
    while std::fs::read_dir(app.spool()).unwrap().count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let flood = client(Some(&key));
    for path in [
        "/api/scans",
        "/inference/predict",
        "/api/scans",
        "/inference/predict",
        "/api/scans",
    ] {
        let request = flood.request(Method::POST, format!("{}{path}", app.base));
        let refused = request.multipart(form("a.zip", b"x")).send().await.unwrap();
        assert!(refused.headers().contains_key("retry-after"));
        problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_uploads").await;
    }
    let of_uploads: Vec<_> = events(&app, "scan.upload")
        .await
        .into_iter()
        .map(|event| event.event.status)
        .collect();
    // The newest first: one refusal for three, and the beginning of the one that has a place.
    assert_eq!(of_uploads, [Some(429), None]);
    assert_eq!(events(&app, "prediction.request").await.len(), 1);
    drop(trickle);
}

#[tokio::test]
async fn a_refused_upload_is_answered_at_once_and_what_follows_is_read_slowly() {
    let app = spawn_app_with(|options| options.uploads_at_once_per_identity = 1).await;
    let key = make_key(&app.database, "flood", &[Role::Integrator], |_| {}).await;
    let trickle = begin_upload(&app, &key).await;
    while std::fs::read_dir(app.spool()).unwrap().count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut refused = begin_upload(&app, &key).await;
    let mut bytes = vec![0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(3), refused.read(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    let answer = String::from_utf8_lossy(&bytes[..length]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    assert!(
        answer.contains("too_many_uploads"),
        "not compressed, and whole: {answer}"
    );
    // Who goes on sending is read at a pace, and then no more.
    let piece = vec![0; 1 << 20];
    let mut sent = 0;
    let sending = async {
        while refused.write_all(&piece).await.is_ok() {
            sent += piece.len();
        }
    };
    let within_three_seconds = tokio::time::timeout(Duration::from_secs(3), sending).await;
    assert!(within_three_seconds.is_err(), "it is read for five seconds");
    // 16 MiB a second, and what lies in the system's buffers.
    assert!(sent < 80 << 20, "{sent}");
    let ended = async { while refused.write_all(&piece).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(20), ended)
        .await
        .expect("the connection ends");
    drop(trickle);
}

#[tokio::test]
async fn a_refusal_for_asking_too_often_comes_a_moment_later() {
    let app = spawn_app_with(|options| {
        options.request_rate = RequestRate {
            per_minute: 1,
            burst: 2,
        };
    })
    .await;
    let flood = client(Some(
        &make_key(&app.database, "flood", &[Role::Integrator], |_| {}).await,
    ));
    let ask = async || flood.get(format!("{}/api/scans", app.base)).send().await.unwrap();
    for _ in 0..2 {
        assert_eq!(ask().await.status(), StatusCode::OK);
    }
    let began = std::time::Instant::now();
    for _ in 0..3 {
        assert_eq!(ask().await.status(), StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(
        began.elapsed() >= Duration::from_millis(300),
        "one after the other"
    );
    // Side by side they are held back side by side.
    let began = std::time::Instant::now();
    futures::future::join_all((0..40).map(|_| ask())).await;
    assert!(
        began.elapsed() < Duration::from_secs(4),
        "not one after the other"
    );
}
