use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::{Method, StatusCode};

use crate::app::{App, problem, spawn_app, spawn_app_with};

async fn browse(app: &App, path: &str) -> reqwest::Response {
    app.request(Method::GET, path)
        .header("accept", "text/html,*/*;q=0.8")
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn the_page_is_served_with_its_deep_links() {
    let app = spawn_app().await;
    for path in ["/", "/studies/0192", "/patients"] {
        let response = browse(&app, path).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(response.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        let policy = response.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(
            policy.contains("default-src 'self'") && !policy.contains("script-src 'self' 'unsafe"),
            "{policy}"
        );
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        assert_eq!(response.headers()["x-frame-options"], "DENY");
        let etag = response.headers()["etag"].clone();
        assert!(response.text().await.unwrap().contains("<title>"));
        let known = app
            .request(Method::GET, "/")
            .header("if-none-match", etag)
            .send()
            .await
            .unwrap();
        assert_eq!(known.status(), StatusCode::NOT_MODIFIED);
    }
    for path in [
        "/missing.js",
        "/api/missing",
        "/api",
        "/inference/missing",
        "/assets/../../Cargo.toml",
    ] {
        problem(browse(&app, path).await, StatusCode::NOT_FOUND, "route_not_found").await;
    }
    problem(
        app.get("/studies/0192").await,
        StatusCode::NOT_FOUND,
        "route_not_found",
    )
    .await;
}

#[tokio::test]
async fn who_takes_no_gzip_gets_the_page_as_it_is() {
    let app = spawn_app().await;
    let page = async |encoding: &str| {
        let request = app
            .request(Method::GET, "/")
            .header("accept", "text/html")
            .header("accept-encoding", encoding);
        let response = request.send().await.unwrap();
        let coding = response.headers().get("content-encoding").cloned();
        (coding, response.bytes().await.unwrap())
    };
    for refusing in ["identity", "gzip;q=0", "zstd;q=0, *;q=0, identity"] {
        let (coding, plain) = page(refusing).await;
        assert_eq!(coding, None, "{refusing}");
        assert!(plain.starts_with(b"<!doctype html>"), "{refusing}");
    }
    let (_, plain) = page("identity").await;
    for taking in ["gzip, deflate, br, zstd", "br;q=0.1, gzip"] {
        let (coding, compressed) = page(taking).await;
        assert_eq!(coding.unwrap(), "gzip", "{taking}");
        let mut unpacked = Vec::new();
        GzDecoder::new(&compressed[..])
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, plain, "{taking}");
    }
}

#[tokio::test]
async fn a_folder_takes_the_place_of_the_embedded_page() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("assets")).unwrap();
    std::fs::write(folder.path().join("index.html"), "<title>built</title>").unwrap();
    std::fs::write(folder.path().join("assets/app-1a2b.js"), "let a;").unwrap();
    std::fs::write(folder.path().parent().unwrap().join("norma-secret.txt"), "secret").unwrap();
    let page = folder.path().to_owned();
    let app = spawn_app_with(move |options| options.page_folder = Some(page)).await;
    assert!(
        browse(&app, "/any/link")
            .await
            .text()
            .await
            .unwrap()
            .contains("built")
    );
    let asset = app.get("/assets/app-1a2b.js").await;
    assert_eq!(
        asset.headers()["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(asset.headers()["content-type"], "text/javascript; charset=utf-8");
    for path in [
        "/../norma-secret.txt",
        "/%2e%2e/norma-secret.txt",
        "/assets/..%2f..%2fnorma-secret.txt",
    ] {
        let response = browse(&app, path).await;
        assert!(!response.text().await.unwrap().contains("secret"), "{path}");
    }
}
