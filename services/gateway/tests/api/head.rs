//! HEAD answers what GET would, without the body.

use reqwest::{Method, StatusCode};

use crate::app::spawn_app;

#[tokio::test]
async fn what_can_be_read_answers_head_without_a_body() {
    let app = spawn_app().await;
    let scan_id = app.upload(b"some bytes of a study").await;
    for path in [
        format!("/api/scans/{scan_id}"),
        format!("/api/scans/{scan_id}/file"),
        "/api/studies".to_owned(),
        "/healthz".to_owned(),
        "/readyz".to_owned(),
        "/openapi.json".to_owned(),
    ] {
        let whole = app.get(&path).await;
        let head = app.request(Method::HEAD, &path).send().await.unwrap();
        assert_eq!(head.status(), whole.status(), "{path}");
        for name in ["content-type", "etag", "accept-ranges", "content-length"] {
            assert_eq!(
                head.headers().get(name),
                whole.headers().get(name),
                "{path} {name}"
            );
        }
        assert_eq!(head.bytes().await.unwrap().len(), 0, "{path}");
    }
    let missing = "/api/scans/0190a1b2-0000-7000-8000-000000000000";
    let head = app.request(Method::HEAD, missing).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
    // Nobody is let in by another method.
    let url = format!("{}/api/scans/{scan_id}", app.base);
    let head = app.nobody.head(url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::UNAUTHORIZED);
    let refused = app.request(Method::PATCH, "/api/scans").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(refused.headers()["allow"].to_str().unwrap().contains("HEAD"));
    let served = app
        .request(Method::HEAD, "/api/session/token")
        .send()
        .await
        .unwrap();
    assert_eq!(served.status(), StatusCode::METHOD_NOT_ALLOWED);
}
