//! Spans reach the collector that the settings name. In a binary of its own: telemetry is set up once per process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use norma_service::{Settings, Telemetry};

/// An HTTP/2 SETTINGS frame without settings (RFC 9113, 6.5), which a server has to send first.
const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_are_sent_to_the_collector() {
    let collector = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::base();
    settings.telemetry.otlp_endpoint = Some(format!("http://{}", collector.local_addr().unwrap()));
    let telemetry = Telemetry::install(&settings.telemetry, "test").unwrap();
    let received = std::thread::spawn(move || receive(&collector));

    tracing::info_span!("a span to be seen").in_scope(|| {});
    let flushing = tokio::task::spawn_blocking(move || telemetry.flush());
    let received = tokio::task::spawn_blocking(move || received.join().unwrap())
        .await
        .unwrap();
    flushing.abort();
    assert!(contains(&received, "a span to be seen"));
    assert!(contains(&received, "norma-test"), "the service's name");
}

/// What the exporter sends until it named its span: protobuf in HTTP/2 data frames holds texts as they are.
fn receive(collector: &TcpListener) -> Vec<u8> {
    let (mut connection, _): (TcpStream, _) = collector.accept().unwrap();
    connection.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    connection.write_all(&SETTINGS).unwrap();
    let started = Instant::now();
    let mut received = Vec::new();
    let mut part = [0_u8; 4096];
    while !contains(&received, "a span to be seen") && started.elapsed() < Duration::from_secs(20) {
        if let Ok(count) = connection.read(&mut part) {
            received.extend_from_slice(&part[..count]);
        }
    }
    received
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}
