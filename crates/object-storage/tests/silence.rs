//! A bucket's server falls silent without closing a connection and another takes its place: by the defaults, what was
//! asked meanwhile is answered by the new one.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::time::{Duration, Instant};

use bytes::Bytes;
use norma_domain::ScanId;
use norma_object_storage::{ObjectKey, Objects, S3Settings};
use norma_test_support::servers::{Proxy, S3};

const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_replaced_without_a_reset_is_found_again() {
    let Some(server) = tokio::task::spawn_blocking(S3::shared).await.unwrap() else {
        return;
    };
    let bucket = tokio::task::spawn_blocking(|| server.fresh_bucket())
        .await
        .unwrap();
    let (proxy, endpoint) = Proxy::before(&server.endpoint());
    let objects = Objects::s3(&S3Settings {
        bucket,
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint),
        access_key_id: Some("norma".to_owned()),
        secret_access_key: Some("open-sesame".into()),
        connect_timeout: Duration::from_secs(5),
        answer_timeout: Duration::from_secs(15),
    })
    .unwrap();
    let key = ObjectKey::Original(ScanId::generate());
    // Several connections lie ready.
    let writing = (0..6).map(|_| objects.put(key, Bytes::from_static(b"before")));
    futures::future::try_join_all(writing).await.unwrap();

    proxy.die();
    let silent_since = Instant::now();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), vec![7; 100_000]).unwrap();
    let other = ObjectKey::Original(ScanId::generate());
    let replaced = async {
        // What is asked in the meantime waits for an answer that never comes.
        tokio::time::sleep(Duration::from_secs(2)).await;
        proxy.recover();
    };
    let ((), read, written, stored, checked) = tokio::join!(
        replaced,
        objects.get(key),
        objects.put(key, Bytes::from_static(b"after")),
        objects.put_file(other, file.path()),
        objects.check(),
    );
    read.unwrap();
    written.unwrap();
    assert_eq!(stored.unwrap().size_bytes, 100_000);
    checked.unwrap();
    assert!(silent_since.elapsed() < RECOVERY, "{:?}", silent_since.elapsed());
    assert_eq!(&objects.get(key).await.unwrap()[..], b"after");
}
