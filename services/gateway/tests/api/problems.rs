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

#[tokio::test]
async fn a_body_that_is_no_object_is_refused_wherever_one_is_expected() {
    let app = spawn_app().await;
    let document = app.get_json("/openapi.json").await;
    let mut asked = 0;
    for (path, routes) in document["paths"].as_object().unwrap() {
        // A named thing that is not there is looked for after the body has been read.
        let path = path
            .split('/')
            .map(|part| {
                if part.starts_with('{') {
                    "0198f000-0000-7000-8000-000000000000"
                } else {
                    part
                }
            })
            .collect::<Vec<_>>()
            .join("/");
        for (method, route) in routes.as_object().unwrap() {
            if route["requestBody"]["content"]["application/json"].is_null() {
                continue;
            }
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            for body in [
                json!([]),
                json!(["a", "b", "c", true]),
                json!([{}]),
                json!(null),
                json!("{}"),
                json!(1),
            ] {
                let response = app.send_json(method.clone(), &path, &body).await;
                if response.status() == StatusCode::FORBIDDEN {
                    // What belongs to a person's session is refused to a key before it is read.
                    assert!(path.starts_with("/api/session/"), "{path}");
                    continue;
                }
                assert_eq!(
                    response.status(),
                    StatusCode::BAD_REQUEST,
                    "{method} {path} {body}"
                );
                problem(response, StatusCode::BAD_REQUEST, "invalid_body").await;
                asked += 1;
            }
        }
    }
    assert!(asked >= 60, "only {asked} requests were read");
}
