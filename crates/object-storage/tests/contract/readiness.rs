use std::time::{Duration, Instant};

use norma_object_storage::{ObjectError, Objects};

use crate::sides::{on_both_sides, settings};

#[test]
fn a_storage_that_takes_writes_is_ready_and_lists_nothing_for_it() {
    on_both_sides(|side| async move {
        side.objects.check().await.unwrap();
        assert_eq!(side.objects.list().await.unwrap(), []);
        let free = side.objects.free_bytes().await.unwrap();
        match side.name {
            "folder" | "encrypted folder" => assert!(free.is_some_and(|bytes| bytes > 0)),
            _ => assert_eq!(free, None),
        }
    });
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_not_ready() {
    let Some(server) = norma_test_support::servers::S3::shared() else {
        return;
    };
    let objects = Objects::s3(&settings(server.endpoint(), "missing".to_owned())).unwrap();
    assert!(objects.check().await.is_err());
}

#[tokio::test]
async fn a_server_that_is_away_is_reported_in_time_as_retryable_and_without_the_secret() {
    let endpoint = "http://127.0.0.1:1".to_owned();
    let objects = Objects::s3(&settings(endpoint, "norma".to_owned())).unwrap();
    let started = Instant::now();
    let away = objects.check().await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(40));
    assert!(matches!(away, ObjectError::Unavailable(_)));
    assert!(away.is_retryable());
    assert!(!format!("{away} {away:?} {objects:?}").contains("open-sesame"));
}
