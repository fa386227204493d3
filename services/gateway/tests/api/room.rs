//! Room on the disk for what was accepted.

use norma_gateway::StorageLimits;
use reqwest::{Method, StatusCode};

use crate::app::{form, problem, spawn_app_with};

/// Each study alone would fit; what those accepted before will still write is reserved.
#[tokio::test]
async fn room_is_reserved_for_what_accepted_studies_will_write() {
    let free = norma_object_storage::Objects::folder(&std::env::temp_dir())
        .unwrap()
        .free_bytes()
        .await
        .unwrap()
        .unwrap();
    let app = spawn_app_with(|options| {
        options.storage = StorageLimits {
            free_floor_bytes: 0,
            quota_bytes: 0,
            identity_quota_bytes: 0,
            written_per_byte: 0,
            written_per_study_bytes: free / 5 * 2,
        };
    })
    .await;
    let first = app.upload(b"1").await;
    app.analyze(first).await;
    let second = app.upload(b"2").await;
    app.analyze(second).await;
    for path in ["/api/scans", "/inference/predict"] {
        let refused = app
            .request(Method::POST, path)
            .multipart(form("a.zip", b"3"))
            .send()
            .await
            .unwrap();
        problem(refused, StatusCode::INSUFFICIENT_STORAGE, "storage_full").await;
    }
    // One that will write no more takes no room.
    assert_eq!(
        app.delete(&format!("/api/scans/{first}")).await.status(),
        StatusCode::NO_CONTENT
    );
    app.upload(b"3").await;
}
