use std::io::Read as _;

use flate2::read::GzDecoder;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::app::{installed, problem, spawn_app, spawn_app_without_models};

#[tokio::test]
async fn health_and_readiness_per_dependency() {
    let app = spawn_app().await;
    assert_eq!(app.get_json("/healthz").await["status"], "ok");
    let ready = app.get_json("/readyz").await;
    assert_eq!(ready["ready"], true);
    let names: Vec<&str> = ready["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|dependency| dependency["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["database", "queue", "objects"]);

    std::fs::remove_dir_all(app.folder.path().join("objects")).unwrap();
    std::fs::write(app.folder.path().join("objects"), "no folder any more").unwrap();
    let response = app.get("/readyz").await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let body: Value = response.json().await.unwrap();
    assert_eq!(
        body["dependencies"][2],
        json!({"name": "objects", "ready": false})
    );
}

#[tokio::test]
async fn metrics_name_routes_and_no_paths() {
    let app = spawn_app().await;
    app.create_patient("Anna", "Petrova").await;
    app.get_json("/api/patients?search=petrova").await;
    let metrics = app.get("/metrics").await.text().await.unwrap();
    assert!(metrics.contains("norma_http_requests_total{"), "{metrics}");
    assert!(metrics.contains("route=\"/api/patients\""), "{metrics}");
    assert!(!metrics.to_lowercase().contains("petrova"), "{metrics}");
}

#[tokio::test]
async fn the_bundle_is_described() {
    let app = spawn_app().await;
    let described = app.get_json("/api/bundle").await;
    assert_eq!(
        (&described["name"], &described["version"], &described["sha256"]),
        (
            &json!("fixture"),
            &json!("0.0.1"),
            &json!(installed().reference().sha256)
        )
    );
    assert_eq!(described["default_operating_point"], "youden");
    let youden = json!({
        "name": "youden",
        "threshold": 0.5,
        "sensitivity": {"value": 0.8, "ci95": [0.7, 0.9]},
        "specificity": {"value": 0.7, "ci95": [0.6, 0.8]},
        "measured_on": [],
        "verified_on": [],
        "by_scanner": [],
    });
    assert_eq!(described["operating_points"][0], youden);
    assert_eq!(described["operating_points"][1]["name"], "sensitivity_95");
    let stages = described["models"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| &model["stage"]);
    assert_eq!(
        stages.collect::<Vec<_>>(),
        ["anomaly", "anomaly", "classifier", "typing"]
    );
    let typing = &described["models"][3];
    assert_eq!(
        (&typing["name"], typing["sha256"].as_str().map(str::len)),
        (&json!("typing"), Some(64))
    );
    let label = json!({"key": "emphysema", "name_en": "Emphysema", "name_ru": "Эмфизема", "threshold": 0.5});
    assert_eq!(typing["labels"][0], label);
    let app = spawn_app_without_models().await;
    problem(
        app.get("/api/bundle").await,
        StatusCode::SERVICE_UNAVAILABLE,
        "unavailable",
    )
    .await;
}

#[tokio::test]
async fn the_document_is_served_and_every_operation_of_it_has_a_route() {
    let app = spawn_app().await;
    let served = app.get_json("/openapi.json").await;
    assert_eq!(served, serde_json::to_value(norma_gateway::openapi()).unwrap());
    let id = "0190a1b2-0000-7000-8000-000000000000";
    for (path, item) in served["paths"].as_object().unwrap() {
        let concrete = path
            .replace("{slice}", "0")
            .replace("{stage}", "anomaly")
            .split('/')
            .map(|part| if part.starts_with('{') { id } else { part })
            .collect::<Vec<_>>()
            .join("/");
        for method in item.as_object().unwrap().keys() {
            let method: reqwest::Method = method.to_uppercase().parse().unwrap();
            let response = app.request(method.clone(), &concrete).send().await.unwrap();
            let status = response.status();
            assert_ne!(status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            assert!(!status.is_server_error(), "{method} {path} {status}");
            let declared = item[method.as_str().to_lowercase()]["responses"]
                .as_object()
                .unwrap();
            assert!(
                declared.contains_key(status.as_str()),
                "{method} {path} answers {status}, undeclared"
            );
            if path == "/api/events" {
                continue;
            }
            let body = response.text().await.unwrap();
            assert!(!body.contains("route_not_found"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_documentation_page_is_there() {
    let app = spawn_app().await;
    let response = app.get("/docs").await;
    assert!(response.status().is_redirection());
    let page = app.get("/docs/").await;
    assert_eq!(page.status(), StatusCode::OK);
    // Held compressed, and sent so: who reads it is a browser.
    assert_eq!(page.headers()["content-encoding"], "gzip");
    let compressed = page.bytes().await.unwrap();
    let mut text = String::new();
    GzDecoder::new(&compressed[..]).read_to_string(&mut text).unwrap();
    assert!(text.contains("swagger-ui"));
    let script = app.get("/docs/swagger-ui-bundle.js").await;
    assert_eq!(script.status(), StatusCode::OK);
    let initializer = app
        .get("/docs/swagger-initializer.js")
        .await
        .text()
        .await
        .unwrap();
    assert!(initializer.contains("/openapi.json"), "{initializer}");
}
