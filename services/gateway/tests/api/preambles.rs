//! What hides before a DICOM file does not come back by itself.

use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::app::{App, spawn_app};

/// As long as a preamble with its mark, and something after it.
fn dicom_with_a_program() -> Vec<u8> {
    let mut file = b"MZ\x90 a program".to_vec();
    file.resize(128, b'!');
    file.extend_from_slice(b"DICM and the elements");
    file
}

async fn part(app: &App, path: &str, range: &str) -> (StatusCode, String, Vec<u8>) {
    let response = app
        .request(Method::GET, path)
        .header("range", range)
        .send()
        .await
        .unwrap();
    let etag = response.headers()["etag"].to_str().unwrap().to_owned();
    (response.status(), etag, response.bytes().await.unwrap().to_vec())
}

#[tokio::test]
async fn the_preamble_comes_as_zeros_unless_asked_for() {
    let app = spawn_app().await;
    let file = dicom_with_a_program();
    let mut clean = file.clone();
    clean[..128].fill(0);
    let id = app.upload(&file).await;
    let scan: Value = app.get_json(&format!("/api/scans/{id}")).await;
    let sha256 = scan["sha256"].as_str().unwrap();
    let path = format!("/api/scans/{id}/file");

    let answer = app.get(&path).await;
    let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
    assert!(
        !etag.contains(&format!("{sha256}\"")),
        "other bytes, another ETag: {etag}"
    );
    assert_eq!(
        answer.headers()["content-length"],
        file.len().to_string().as_str()
    );
    assert_eq!(answer.bytes().await.unwrap(), clean);
    for (range, bytes) in [
        ("bytes=0-9", 0..10),
        ("bytes=120-135", 120..136),
        ("bytes=128-", 128..file.len()),
        ("bytes=-5", file.len() - 5..file.len()),
    ] {
        let (status, part_etag, got) = part(&app, &path, range).await;
        assert_eq!(
            (status, &part_etag),
            (StatusCode::PARTIAL_CONTENT, &etag),
            "{range}"
        );
        assert_eq!(got, clean[bytes], "{range}");
    }

    let original = app.get(&format!("{path}?original=true")).await;
    assert_eq!(original.headers()["etag"], format!("\"{sha256}\"").as_str());
    assert_eq!(original.bytes().await.unwrap(), file);
    // What a client kept of the one is not taken for the other.
    let known = app
        .request(Method::GET, &format!("{path}?original=true"))
        .header("if-none-match", &etag);
    assert_eq!(known.send().await.unwrap().status(), StatusCode::OK);
    let known = app.request(Method::GET, &path).header("if-none-match", &etag);
    assert_eq!(known.send().await.unwrap().status(), StatusCode::NOT_MODIFIED);
}

#[tokio::test]
async fn other_files_come_as_they_are() {
    let app = spawn_app().await;
    let mut empty_preamble = vec![0; 128];
    empty_preamble.extend_from_slice(b"DICM and the elements");
    for file in [empty_preamble, b"PK an archive".to_vec(), vec![b'x'; 500]] {
        let id = app.upload(&file).await;
        let scan: Value = app.get_json(&format!("/api/scans/{id}")).await;
        let answer = app.get(&format!("/api/scans/{id}/file")).await;
        let etag = format!("\"{}\"", scan["sha256"].as_str().unwrap());
        assert_eq!(answer.headers()["etag"], etag.as_str());
        assert_eq!(answer.bytes().await.unwrap(), file);
    }
}
