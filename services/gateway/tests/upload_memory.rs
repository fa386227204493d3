//! An upload does not pass through memory. A process of its own, so that nothing else counts.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a helper of a test that fails is a test that fails"
)]

#[path = "api/app.rs"]
#[allow(dead_code, reason = "shared with the other tests")]
mod app;

use std::io::Read;

use bytes::Bytes;
use futures::stream;
use reqwest::{Method, StatusCode};

const UPLOAD_BYTES: usize = 256 << 20;
const CHUNK_BYTES: usize = 64 << 10;
const ALLOWED_BYTES: usize = 64 << 20;

/// The most memory that the process ever had resident.
fn peak_bytes() -> usize {
    let mut status = String::new();
    std::fs::File::open("/proc/self/status")
        .unwrap()
        .read_to_string(&mut status)
        .unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test]
async fn a_large_upload_takes_little_memory() {
    let app = app::spawn_app().await;
    app.upload(b"so that everything is loaded").await;
    let before = peak_bytes();
    let chunk = Bytes::from(vec![7_u8; CHUNK_BYTES]);
    let chunks =
        stream::iter((0..UPLOAD_BYTES / CHUNK_BYTES).map(move |_| Ok::<_, std::io::Error>(chunk.clone())));
    let part = reqwest::multipart::Part::stream(reqwest::Body::wrap_stream(chunks)).file_name("large.zip");
    let response = app
        .request(Method::POST, "/api/scans")
        .multipart(reqwest::multipart::Form::new().part("file", part))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let scan: serde_json::Value = response.json().await.unwrap();
    assert_eq!(scan["size_bytes"], UPLOAD_BYTES);
    let raised = peak_bytes() - before;
    println!("an upload of {UPLOAD_BYTES} bytes raised the peak by {raised} bytes");
    assert!(raised < ALLOWED_BYTES, "the peak rose by {} MiB", raised >> 20);
}
