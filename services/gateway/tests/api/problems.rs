use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{problem, spawn_app, spawn_app_with};

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    let app = spawn_app().await;
    for (method, path, allowed) in [
        (Method::PUT, "/api/patients", "GET, HEAD, POST"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::GET, "/inference/predict", "POST"),
    ] {
        let response = app.request(method, path).send().await.unwrap();
        assert_eq!(response.headers()["allow"], allowed, "{path}");
        problem(response, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed").await;
    }
    problem(
        app.post("/api/nothing").await,
        StatusCode::NOT_FOUND,
        "route_not_found",
    )
    .await;
}

#[tokio::test]
async fn answers_carry_the_security_headers_and_stay_out_of_caches() {
    let app = spawn_app().await;
    for path in ["/api/patients", "/api/nothing", "/healthz"] {
        let response = app.get(path).await;
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
        ] {
            assert!(response.headers().contains_key(name), "{path} {name}");
        }
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
        assert!(
            !response.headers().contains_key("access-control-allow-origin"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn other_sites_neither_change_nor_read_anything() {
    let app = spawn_app().await;
    let body = json!({"first_name": "a", "last_name": "b"});
    let foreign = app
        .request(Method::POST, "/api/patients")
        .header("origin", "https://evil.example")
        .json(&body)
        .send()
        .await
        .unwrap();
    problem(foreign, StatusCode::FORBIDDEN, "cross_origin").await;
    assert_eq!(app.get_json("/api/patients").await["total"], 0);
    let own = app
        .request(Method::POST, "/api/patients")
        .header("origin", &app.base)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(own.status(), StatusCode::CREATED);

    let app = spawn_app_with(|options| options.cors_origins = vec!["https://ris.example".to_owned()]).await;
    let allowed = app
        .request(Method::POST, "/api/patients")
        .header("origin", "https://ris.example")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(allowed.status(), StatusCode::CREATED);
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://ris.example"
    );
    let foreign = app
        .request(Method::GET, "/api/patients")
        .header("origin", "https://evil.example")
        .send()
        .await
        .unwrap();
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
}
