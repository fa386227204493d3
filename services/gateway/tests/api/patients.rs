use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::app::{problem, spawn_app, without_chance};

#[tokio::test]
async fn a_patient_is_created_read_changed_and_deleted() {
    let app = spawn_app().await;
    let body = json!({"first_name": " Anna ", "last_name": "Petrova", "description": "smoker"});
    let response = app.send_json(Method::POST, "/api/patients", &body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let created: serde_json::Value = response.json().await.unwrap();
    insta::assert_json_snapshot!(without_chance(created.clone()), @r#"
    {
      "birth_date": null,
      "created_at": "[time]",
      "description": "smoker",
      "dicom_patient_id": null,
      "first_name": "Anna",
      "id": "[id]",
      "issuer_of_patient_id": null,
      "last_name": "Petrova",
      "sex": null,
      "updated_at": "[time]"
    }
    "#);
    assert_eq!(
        location,
        format!("/api/patients/{}", created["id"].as_str().unwrap())
    );
    assert_eq!(app.get_json(&location).await, created);

    let change = json!({"last_name": "Ivanova"});
    let response = app.send_json(Method::PUT, &location, &change).await;
    assert_eq!(response.status(), StatusCode::OK);
    let changed: serde_json::Value = response.json().await.unwrap();
    assert_eq!(
        (
            &changed["first_name"],
            &changed["last_name"],
            &changed["description"]
        ),
        (&json!("Anna"), &json!("Ivanova"), &json!("smoker"))
    );

    let response = app.delete(&location).await;
    assert_eq!(response.status(), StatusCode::NO_CONTENT);
    for method in [Method::GET, Method::DELETE] {
        let response = app.request(method, &location).send().await.unwrap();
        problem(response, StatusCode::NOT_FOUND, "patient_not_found").await;
    }
    let response = app.send_json(Method::PUT, &location, &change).await;
    problem(response, StatusCode::NOT_FOUND, "patient_not_found").await;
}

#[tokio::test]
async fn patients_are_searched_and_paged() {
    let app = spawn_app().await;
    for (first, last) in [("Anna", "Petrova"), ("Пётр", "Смирнов"), ("Hanna", "Weiß")] {
        app.create_patient(first, last).await;
    }
    let page = app.get_json("/api/patients?limit=2&offset=1").await;
    assert_eq!(
        (&page["total"], &page["limit"], &page["offset"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    let found = app.get_json("/api/patients?search=ANNA").await;
    assert_eq!(found["total"], 2);
    let found = app
        .get_json("/api/patients?search=%D1%81%D0%BC%D0%B8%D1%80%D0%BD")
        .await;
    assert_eq!(found["items"][0]["first_name"], "Пётр");
    assert_eq!(app.get_json("/api/patients?search=nobody").await["total"], 0);
    assert_eq!(app.get_json("/api/patients").await["limit"], 20);
}

#[tokio::test]
async fn paging_limits_hold() {
    let app = spawn_app().await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=ten",
        "offset=-1",
        "offset=99999999999999999999",
        "limit=",
    ] {
        for path in ["/api/patients", "/api/scans", "/api/studies"] {
            let response = app.get(&format!("{path}?{query}")).await;
            problem(response, StatusCode::BAD_REQUEST, "invalid_parameter").await;
        }
    }
    assert_eq!(app.get_json("/api/patients?limit=100").await["limit"], 100);
}

#[tokio::test]
async fn what_is_no_patient_is_refused() {
    let app = spawn_app().await;
    for (body, code) in [
        (json!({"first_name": "", "last_name": "x"}), "invalid_field"),
        (json!({"first_name": "  ", "last_name": "x"}), "invalid_field"),
        (
            json!({"first_name": "a\u{0}b", "last_name": "x"}),
            "invalid_field",
        ),
        (
            json!({"first_name": "a".repeat(201), "last_name": "x"}),
            "invalid_field",
        ),
        (
            json!({"first_name": "a", "last_name": "x", "description": "d".repeat(10_001)}),
            "invalid_field",
        ),
        (json!({"first_name": "a"}), "invalid_body"),
        (json!({"first_name": 1, "last_name": "x"}), "invalid_body"),
        (json!([]), "invalid_body"),
    ] {
        let response = app.send_json(Method::POST, "/api/patients", &body).await;
        problem(response, StatusCode::BAD_REQUEST, code).await;
    }
    let not_json = app
        .request(Method::POST, "/api/patients")
        .body("first_name=a")
        .send()
        .await
        .unwrap();
    problem(
        not_json,
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
    )
    .await;
    let broken = app
        .request(Method::POST, "/api/patients")
        .header("content-type", "application/json")
        .body("{\"first_name\": \"Secret")
        .send()
        .await
        .unwrap();
    let body = problem(broken, StatusCode::BAD_REQUEST, "invalid_body").await;
    assert!(!body.to_string().contains("Secret"), "{body}");
    for path in [
        "/api/patients/1",
        "/api/patients/00000000",
        "/api/scans/x",
        "/api/analyses/x",
    ] {
        problem(app.get(path).await, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
}

#[tokio::test]
async fn a_search_that_no_database_takes_is_refused() {
    let app = spawn_app().await;
    let long = "a".repeat(201);
    for path in [
        "/api/patients?search=%00".to_owned(),
        format!("/api/patients?search={long}"),
        "/api/studies?search=a%00b".to_owned(),
        "/api/studies?uploaded_from=-262143-01-01T00:00:00Z".to_owned(),
        "/api/studies?uploaded_before=%2B262142-12-31T00:00:00Z".to_owned(),
    ] {
        problem(app.get(&path).await, StatusCode::BAD_REQUEST, "invalid_parameter").await;
    }
}
