//! A part of the service in a process of its own, over the in-process queue of others.

use std::process::Command;
use std::time::{Duration, Instant};

use norma_database::Database;
use norma_object_storage::Objects;

use crate::studies::{request_study, test_bundle};

/// Nothing of it needs long: it is refused before anything is opened.
const ENDS_WITHIN: Duration = Duration::from_secs(60);

/// It would relay what was announced into a queue that only it sees, where nobody takes it, and mark it as sent.
#[tokio::test]
async fn a_part_alone_takes_no_message_into_a_queue_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("norma.db").display());
    let database = Database::open(&url).await.unwrap();
    let objects = folder.path().join("objects");
    let upload = bytes::Bytes::from_static(b"study");
    request_study(&database, &Objects::folder(&objects).unwrap(), upload).await;
    database.release_analyses(10).await.unwrap();
    let announced = database.count_unpublished().await.unwrap();
    assert_eq!(announced, 1);
    for part in [
        "gateway",
        "preprocess",
        "anomaly",
        "classifier",
        "typing",
        "report",
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_norma"))
            .arg(part)
            .env("NORMA__DATABASE__URL", &url)
            .env("NORMA__OBJECTS__FOLDER", &objects)
            .env("NORMA__MODELS__BUNDLE", test_bundle())
            .env("NORMA__GATEWAY__PORT", "0")
            .env("NORMA__ADMIN__PORT", "0")
            .current_dir(folder.path())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if started.elapsed() > ENDS_WITHIN {
                child.kill().unwrap();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{part}: {told}");
        for what in [part, "queue.kind", "rabbitmq", "`norma serve`"] {
            assert!(told.contains(what), "{part}: {told}");
        }
        assert_eq!(database.count_unpublished().await.unwrap(), announced, "{part}");
    }
}
