//! What one client may take, and what it is told beyond that.

use std::time::Duration;

use norma_domain::Role;
use norma_gateway::{RequestRate, StorageLimits};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::app::{App, form, make_key, problem, spawn_app, spawn_app_with};

/// A connection of bytes, for what no well-behaved client sends.
async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.base.trim_start_matches("http://"))
        .await
        .unwrap()
}

/// What comes until the server closes the connection.
async fn rest_of(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer));
    // A connection that is reset has been closed too.
    let _ = read.await.expect("the server closes the connection");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_back() {
    let app = spawn_app_with(|options| {
        options.request_rate = RequestRate {
            per_minute: 1,
            burst: 3,
        };
    })
    .await;
    for _ in 0..3 {
        app.get_json("/api/patients").await;
    }
    let refused = app.get("/api/patients").await;
    let wait: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(refused.headers().contains_key("content-security-policy"));
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_requests").await;
    // Somebody else's name in a header makes nobody else of a client.
    let disguised = app
        .request(Method::GET, "/api/patients")
        .header("x-forwarded-for", "192.0.2.1")
        .send()
        .await
        .unwrap();
    assert_eq!(disguised.status(), StatusCode::TOO_MANY_REQUESTS);
    for _ in 0..5 {
        assert_eq!(app.get("/healthz").await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn who_is_not_known_counts_by_the_address_that_a_trusted_proxy_names() {
    let app = spawn_app_with(|options| {
        options.request_rate = RequestRate {
            per_minute: 1,
            burst: 1,
        };
        options.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    for (client, key, status) in [
        ("192.0.2.1", None, StatusCode::UNAUTHORIZED),
        ("192.0.2.2", None, StatusCode::UNAUTHORIZED),
        ("192.0.2.1", None, StatusCode::TOO_MANY_REQUESTS),
        // What the client itself wrote stands before what the proxy added.
        ("192.0.2.3, 192.0.2.2", None, StatusCode::TOO_MANY_REQUESTS),
        // Nor does a key help that nobody gave.
        ("192.0.2.4", Some("Bearer guess-1"), StatusCode::UNAUTHORIZED),
        ("192.0.2.4", Some("Bearer guess-2"), StatusCode::TOO_MANY_REQUESTS),
    ] {
        let mut request = app
            .nobody
            .get(format!("{}/api/patients", app.base))
            .header("x-forwarded-for", client);
        if let Some(key) = key {
            request = request.header("authorization", key);
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{client} {key:?}");
    }
    // Somebody who is known counts for itself, from wherever it comes.
    app.get_json("/api/patients").await;
}

#[tokio::test]
async fn bodies_have_their_size() {
    let app = spawn_app_with(|options| options.json_limit_bytes = 1000).await;
    let body = json!({"first_name": "a", "last_name": "b", "description": "c".repeat(1000)});
    let refused = app.send_json(Method::POST, "/api/patients", &body).await;
    let told = problem(refused, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
    assert_eq!(told["limit_bytes"], 1000);
    // Nor where the length is not announced.
    let chunk = bytes::Bytes::from(vec![b' '; 600]);
    let chunks = futures::stream::iter((0..4).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let refused = app
        .request(Method::POST, "/api/patients")
        .header("content-type", "application/json")
        .body(reqwest::Body::wrap_stream(chunks))
        .send()
        .await
        .unwrap();
    problem(refused, StatusCode::PAYLOAD_TOO_LARGE, "body_too_large").await;
}

#[tokio::test]
async fn forms_have_their_size() {
    let app = spawn_app_with(|options| {
        options.form_fields_max = 2;
        options.form_text_limit_bytes = 100;
    })
    .await;
    let long = form("a.zip", b"x").text("description", "y".repeat(101));
    let refused = app
        .request(Method::POST, "/api/scans")
        .multipart(long)
        .send()
        .await
        .unwrap();
    problem(refused, StatusCode::BAD_REQUEST, "invalid_field").await;
    let many = form("a.zip", b"x").text("one", "1").text("two", "2");
    let refused = app
        .request(Method::POST, "/api/scans")
        .multipart(many)
        .send()
        .await
        .unwrap();
    problem(refused, StatusCode::BAD_REQUEST, "invalid_body").await;
}

#[tokio::test]
async fn what_takes_too_long_is_answered_like_everything_else() {
    let app = spawn_app_with(|options| {
        options.request_timeout = Duration::from_millis(1);
        options.request_rate.per_minute = 0;
    })
    .await;
    // More at once than the database has connections: some wait for longer than a millisecond.
    let mut late = None;
    for _ in 0..50 {
        let answers = (0..60).map(|_| app.get("/api/studies"));
        let answers = futures::future::join_all(answers).await;
        late = answers
            .into_iter()
            .find(|answer| answer.status() == StatusCode::GATEWAY_TIMEOUT);
        if late.is_some() {
            break;
        }
    }
    let late = late.expect("some request takes longer than a millisecond");
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
    ] {
        assert!(late.headers().contains_key(name), "{name}");
    }
    assert_eq!(late.headers()["cache-control"], "no-store");
    problem(late, StatusCode::GATEWAY_TIMEOUT, "timeout").await;
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let app = spawn_app_with(|options| options.head_timeout = Duration::from_secs(1)).await;
    let mut stream = connect(&app).await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nX-Slow: ")
        .await
        .unwrap();
    let answer = rest_of(stream).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_head_of_too_many_or_too_long_lines_is_refused() {
    let app = spawn_app().await;
    let head_of = |lines: &str| format!("GET /healthz HTTP/1.1\r\nHost: norma\r\n{lines}\r\n");
    let short = "X-Line: 1\r\n".repeat(60);
    let (_, answers) = answers_to(&app, &head_of(&short)).await;
    assert!(answers.starts_with("HTTP/1.1 200"), "{answers}");
    for lines in [
        "X-Line: 1\r\n".repeat(500),
        format!("X-Line: {}\r\n", "1".repeat(200_000)),
    ] {
        let (count, answers) = answers_to(&app, &head_of(&lines)).await;
        assert!(count <= 1, "{answers}");
        assert!(count == 0 || answers.starts_with("HTTP/1.1 4"), "{answers}");
    }
    // A head without an end is not collected for ever.
    let mut stream = connect(&app).await;
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nX-Line: ")
        .await
        .unwrap();
    let mut sent = 0;
    while stream.write_all(&[b'1'; 65_536]).await.is_ok() {
        sent += 65_536;
        assert!(sent < 64 << 20, "the gateway takes a head of {sent} bytes");
    }
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let app = spawn_app_with(|options| options.body_timeout = Duration::from_secs(1)).await;
    let mut stream = connect(&app).await;
    let key = key(&app).await;
    let head = format!(
        "POST /api/patients HTTP/1.1\r\nHost: norma\r\n{key}Content-Type: application/json\r\n\
         Content-Length: 50\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = rest_of(stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("\"body_stalled\""), "{answer}");
    assert!(answer.contains("content-security-policy"), "{answer}");
}

/// The line of a request that shows a clinician's key.
async fn key(app: &App) -> String {
    let key = make_key(&app.database, "raw", &[Role::Clinician], |_| {}).await;
    format!("Authorization: Bearer {key}\r\n")
}

/// The start of an upload.
fn form_head(key: &str) -> String {
    format!(
        "POST /api/scans HTTP/1.1\r\nHost: norma\r\n{key}Content-Type: multipart/form-data; boundary=b\r\n\
         Content-Length: 100000\r\n\r\n--b\r\n\
         Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n"
    )
}

#[tokio::test]
async fn an_upload_that_trickles_is_given_up() {
    let app = spawn_app_with(|options| {
        options.upload_idle = Duration::from_secs(1);
        options.upload_least_bytes_per_second = 100_000;
    })
    .await;
    let mut stream = connect(&app).await;
    let head = form_head(&key(&app).await);
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    // Never idle for long, and never done.
    let trickle = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let mut answer = vec![0; 4096];
    let read = tokio::time::timeout(Duration::from_secs(20), reader.read(&mut answer));
    let length = read.await.expect("the upload is given up").unwrap();
    let answer = String::from_utf8_lossy(&answer[..length]).into_owned();
    trickle.abort();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("upload_stalled"), "{answer}");
    assert_eq!(std::fs::read_dir(app.spool()).unwrap().count(), 0);
}

#[tokio::test]
async fn only_so_many_uploads_come_at_once() {
    let app = spawn_app_with(|options| options.uploads_at_once = 1).await;
    let mut slow = connect(&app).await;
    let head = form_head(&key(&app).await);
    slow.write_all(head.as_bytes()).await.unwrap();
    // Taken once its file lies in the spool folder.
    let spool = app.spool();
    while std::fs::read_dir(&spool).unwrap().count() == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let refused = app
        .request(Method::POST, "/api/scans")
        .multipart(form("a.zip", b"x"))
        .send()
        .await
        .unwrap();
    assert!(refused.headers().contains_key("retry-after"));
    problem(refused, StatusCode::TOO_MANY_REQUESTS, "too_many_uploads").await;
    drop(slow);
    while std::fs::read_dir(&spool).unwrap().count() > 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    app.upload(b"x").await;
}

#[tokio::test]
async fn an_upload_never_fills_the_disk() {
    let app = spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: u64::MAX / 2,
            quota_bytes: 0,
            identity_quota_bytes: 0,
            written_per_byte: 0,
            written_per_study_bytes: 0,
        };
    })
    .await;
    for path in ["/api/scans", "/inference/predict"] {
        let refused = app
            .request(Method::POST, path)
            .multipart(form("a.zip", b"x"))
            .send()
            .await
            .unwrap();
        problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    }
    assert_eq!(std::fs::read_dir(app.spool()).unwrap().count(), 0);
    assert_eq!(app.get_json("/api/scans").await["total"], 0);
}

#[tokio::test]
async fn beyond_the_quota_nothing_is_taken_and_what_was_taken_goes_on() {
    let app = spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: 0,
            quota_bytes: 500,
            identity_quota_bytes: 0,
            written_per_byte: 0,
            written_per_study_bytes: 0,
        };
    })
    .await;
    let accepted = app.upload(&[b'x'; 200]).await;
    let refused = app
        .request(Method::POST, "/api/scans")
        .multipart(form("a.zip", &[b'x'; 400]))
        .send()
        .await
        .unwrap();
    let told = problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    assert_eq!(told["limit_bytes"], 500);
    app.analyze(accepted).await;
    assert_eq!(
        app.delete(&format!("/api/scans/{accepted}")).await.status(),
        StatusCode::NO_CONTENT
    );
    app.upload(&[b'x'; 200]).await;
}

/// Answers of one connection: how many there are, and the first.
async fn answers_to(app: &App, request: &str) -> (usize, String) {
    let mut stream = connect(app).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answers = rest_of(stream).await;
    (answers.matches("HTTP/1.1 ").count(), answers)
}

#[tokio::test]
async fn a_request_with_two_lengths_hides_no_second_request() {
    let app = spawn_app().await;
    let hidden = "GET /healthz HTTP/1.1\r\nHost: norma\r\n\r\n";
    for framing in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 6",
        "Content-Length: +5",
        "Content-Length: 0x5",
        "Content-Length : 5",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\u{b}chunked",
    ] {
        let request = format!(
            "POST /api/patients HTTP/1.1\r\nHost: norma\r\nContent-Type: application/json\r\n{framing}\r\n\r\n0\r\n\r\n{hidden}"
        );
        let (count, answers) = answers_to(&app, &request).await;
        assert!(count <= 1, "{framing}: {answers}");
        assert!(!answers.contains("\"status\":\"ok\""), "{framing}: {answers}");
        assert!(
            count == 0 || answers.starts_with("HTTP/1.1 400"),
            "{framing}: {answers}"
        );
    }
    let (count, answers) = answers_to(&app, &format!("{hidden}{hidden}")).await;
    assert_eq!(count, 2, "two honest requests are two: {answers}");
}

#[tokio::test]
async fn a_file_name_adds_no_header() {
    let app = spawn_app().await;
    for disposition in [
        "form-data; name=\"file\"; filename*=UTF-8''a%0D%0AX-Injected:%201%0D%0A.zip",
        "form-data; name=\"file\"; filename=\"a\\\r\\\nX-Injected: 1.zip\"",
        "form-data; name=\"file\"; filename=\"../../etc/a\"; X-Injected: 1.zip\"",
        "form-data; name=\"file\"; filename=\"a\u{85}\u{2028}X-Injected: 1.zip\"",
    ] {
        let body = format!("--b\r\nContent-Disposition: {disposition}\r\n\r\nbytes\r\n--b--\r\n");
        let response = app
            .request(Method::POST, "/api/scans")
            .header("content-type", "multipart/form-data; boundary=b")
            .body(body)
            .send()
            .await
            .unwrap();
        if response.status() == StatusCode::BAD_REQUEST {
            continue;
        }
        let scan: serde_json::Value = response.json().await.unwrap();
        let id = scan["id"].as_str().unwrap();
        let file = app.get(&format!("/api/scans/{id}/file")).await;
        assert_eq!(file.status(), StatusCode::OK);
        assert!(!file.headers().contains_key("x-injected"), "{disposition}");
        let disposition = file.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(disposition.starts_with("attachment; "), "{disposition}");
        assert!(!disposition.contains(['/', '\\', '\r', '\n']), "{disposition}");
    }
}

#[tokio::test]
async fn no_path_leads_out_of_the_folders() {
    let page = tempfile::tempdir().unwrap();
    std::fs::create_dir(page.path().join("public")).unwrap();
    std::fs::write(page.path().join("public/index.html"), "page").unwrap();
    std::fs::write(page.path().join("secret.txt"), "SECRET").unwrap();
    let folder = page.path().join("public");
    let app = spawn_app_with(|options| options.page_folder = Some(folder)).await;
    let scan = app.upload(b"x").await;
    for path in [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..\\secret.txt",
        "/..%5csecret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "//etc/passwd",
        "/%2fetc/passwd",
        "/api/scans/..%2f..%2fsecret.txt/file",
        "/api/scans/originals%2f..%2f..%2fsecret.txt/file",
        &format!("/api/scans/{scan}%2f..%2f{scan}/file"),
    ] {
        let (_, answer) = answers_to(&app, &format!("GET {path} HTTP/1.1\r\nHost: norma\r\n\r\n")).await;
        assert!(
            !answer.contains("SECRET") && !answer.contains("root:"),
            "{path}: {answer}"
        );
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
    }
}
