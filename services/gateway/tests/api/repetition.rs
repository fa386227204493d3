//! What an integrator relies on when a connection breaks: requests sent again, doubles, changes meant for another
//! version, many analyses at once.

use norma_domain::{Reason, ReasonCode, Role, ScanId};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, form, id_of, make_key, problem, spawn_app};

fn upload(app: &App, query: &str, bytes: &[u8]) -> RequestBuilder {
    let request = app.request(Method::POST, &format!("/api/scans{query}"));
    request.multipart(form("chest.zip", bytes))
}

async fn scans(app: &App) -> u64 {
    app.get_json("/api/scans").await["total"].as_u64().unwrap()
}

#[tokio::test]
async fn an_upload_sent_again_with_its_key_is_the_first_one() {
    let app = spawn_app().await;
    let send = async |key: &str, bytes: &[u8]| {
        upload(&app, "", bytes)
            .header("idempotency-key", key)
            .send()
            .await
            .unwrap()
    };
    let first = send("k1", b"one").await;
    assert_eq!(first.status(), StatusCode::CREATED);
    let first: Value = first.json().await.unwrap();
    let again = send("k1", b"one").await;
    assert_eq!(again.status(), StatusCode::CREATED);
    assert_eq!(again.json::<Value>().await.unwrap(), first);
    assert_eq!(scans(&app).await, 1);

    problem(
        send("k1", b"two").await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
    )
    .await;
    problem(
        send("", b"two").await,
        StatusCode::BAD_REQUEST,
        "invalid_parameter",
    )
    .await;
    // The key of another is another key.
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let url = format!("{}/api/scans", app.base);
    let other = client(Some(&key))
        .post(url)
        .header("idempotency-key", "k1")
        .multipart(form("a.zip", b"two"));
    assert_eq!(other.send().await.unwrap().status(), StatusCode::CREATED);
    // What failed may be sent again.
    let unknown = json!("0190a1b2-0000-7000-8000-000000000000");
    let refused = app
        .request(Method::POST, "/api/scans")
        .header("idempotency-key", "k2")
        .multipart(form("chest.zip", b"three").text("patient_id", unknown.as_str().unwrap().to_owned()))
        .send();
    problem(
        refused.await.unwrap(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "unknown_patient",
    )
    .await;
    assert_eq!(send("k2", b"three").await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_prediction_sent_again_with_its_key_is_the_first_one_and_is_listed() {
    let app = spawn_app().await;
    let send = async |bytes: &[u8]| {
        let request = app
            .request(Method::POST, "/inference/predict")
            .header("prefer", "wait=0");
        let request = request
            .header("idempotency-key", "p1")
            .multipart(form("chest.zip", bytes));
        request.send().await.unwrap()
    };
    let first: Value = send(b"one").await.json().await.unwrap();
    let again: Value = send(b"one").await.json().await.unwrap();
    assert_eq!(again["id"], first["id"]);
    assert_eq!(scans(&app).await, 1);
    assert_eq!(app.waiting().await, 1, "one analysis");
    problem(
        send(b"two").await,
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency_key_reused",
    )
    .await;

    let listed = app.get_json("/inference/predictions").await;
    assert_eq!(listed["total"], 1);
    assert_eq!(listed["items"][0]["id"], first["id"]);
    assert_eq!(listed["items"][0]["pending"], 1);
    assert_eq!(listed["items"][0]["href"], first["href"]);
}

#[tokio::test]
async fn the_same_study_again_is_recognised_and_the_client_chooses() {
    let app = spawn_app().await;
    let first: Value = upload(&app, "", b"same")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(first.get("duplicate_of"), None);
    let second = upload(&app, "", b"same").send().await.unwrap();
    assert_eq!(second.status(), StatusCode::CREATED);
    let second: Value = second.json().await.unwrap();
    assert_eq!(second["duplicate_of"], first["id"]);
    assert_ne!(second["id"], first["id"]);

    let refused = upload(&app, "?duplicate=refuse", b"same").send().await.unwrap();
    let refused = problem(refused, StatusCode::CONFLICT, "duplicate_scan").await;
    assert_eq!(refused["duplicate_of"], first["id"]);
    let reused = upload(&app, "?duplicate=reuse", b"same").send().await.unwrap();
    assert_eq!(reused.status(), StatusCode::OK);
    assert_eq!(reused.json::<Value>().await.unwrap()["id"], first["id"]);
    assert_eq!(scans(&app).await, 2);
    let fresh = upload(&app, "?duplicate=refuse", b"fresh").send().await.unwrap();
    assert_eq!(fresh.status(), StatusCode::CREATED);
    // What another uploaded is not told to an integrator.
    let key = make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let url = format!("{}/api/scans?duplicate=refuse", app.base);
    let other = client(Some(&key))
        .post(url)
        .multipart(form("a.zip", b"same"))
        .send()
        .await
        .unwrap();
    assert_eq!(other.status(), StatusCode::CREATED);
    assert_eq!(other.json::<Value>().await.unwrap().get("duplicate_of"), None);
}

#[tokio::test]
async fn a_change_meant_for_another_version_is_refused() {
    let app = spawn_app().await;
    let patient = app.create_patient("Ada", "Example").await;
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    let etag = app.get(&path).await.headers()["etag"].clone();
    let put = async |if_match: Option<&str>, name: &str| {
        let request = app
            .request(Method::PUT, &path)
            .json(&json!({"first_name": name, "last_name": "Example"}));
        match if_match {
            Some(tag) => request.header("if-match", tag).send().await.unwrap(),
            None => request.send().await.unwrap(),
        }
    };
    let changed = put(Some(etag.to_str().unwrap()), "One").await;
    assert_eq!(changed.status(), StatusCode::OK);
    let newer = changed.headers()["etag"].clone();
    assert_ne!(newer, etag);
    problem(
        put(Some(etag.to_str().unwrap()), "Two").await,
        StatusCode::PRECONDITION_FAILED,
        "changed_meanwhile",
    )
    .await;
    problem(
        put(Some("\"nonsense\""), "Two").await,
        StatusCode::PRECONDITION_FAILED,
        "changed_meanwhile",
    )
    .await;
    assert_eq!(app.get_json(&path).await["first_name"], "One");
    assert_eq!(put(Some("*"), "Three").await.status(), StatusCode::OK);
    assert_eq!(
        put(None, "Four").await.status(),
        StatusCode::OK,
        "no condition is needed"
    );

    let path = format!("/api/scans/{}", app.upload(b"x").await);
    let etag = app.get(&path).await.headers()["etag"].clone();
    let describe = async || {
        let request = app
            .request(Method::PUT, &path)
            .json(&json!({"description": "text"}));
        request.header("if-match", etag.clone()).send().await.unwrap()
    };
    assert_eq!(describe().await.status(), StatusCode::OK);
    problem(
        describe().await,
        StatusCode::PRECONDITION_FAILED,
        "changed_meanwhile",
    )
    .await;
}

#[tokio::test]
async fn every_change_may_be_meant_for_one_version() {
    let app = spawn_app().await;
    let patient = app.create_patient("Ada", "Example").await;
    let scan = format!("/api/scans/{}", app.upload(b"x").await);
    let user = json!({"login": "reader", "display_name": "Reader", "roles": ["administrator"]});
    let user: Value = app
        .send_json(Method::POST, "/api/users", &user)
        .await
        .json()
        .await
        .unwrap();
    let user = format!("/api/users/{}", user["id"].as_str().unwrap());
    for (path, read, body) in [
        (
            format!("{scan}/patient"),
            &scan,
            json!({"patient_id": patient["id"]}),
        ),
        (scan.clone(), &scan, json!({"description": "text"})),
        (
            user.clone(),
            &user,
            json!({"display_name": "Other", "roles": ["administrator"], "disabled": false}),
        ),
    ] {
        let etag = app.get(read).await.headers()["etag"].clone();
        let put = async || {
            let request = app.request(Method::PUT, &path).json(&body);
            request.header("if-match", etag.clone()).send().await.unwrap()
        };
        let changed = put().await;
        assert_eq!(changed.status(), StatusCode::OK, "{path}");
        let now = app.get(read).await.headers()["etag"].clone();
        assert_eq!(changed.headers()["etag"], now, "{path}");
        problem(put().await, StatusCode::PRECONDITION_FAILED, "changed_meanwhile").await;
    }
}

/// Two people change different things of one patient: neither undoes the other's.
#[tokio::test]
async fn changes_that_come_together_are_all_made() {
    let app = spawn_app().await;
    let patient = app.create_patient("Ada", "Example").await;
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    for round in 0..10 {
        let change = async |field: &str| {
            let body = json!({field: format!("{field} {round}")});
            app.send_json(Method::PUT, &path, &body).await.status()
        };
        let (one, two, three) =
            tokio::join!(change("first_name"), change("last_name"), change("description"));
        assert_eq!(
            (one, two, three),
            (StatusCode::OK, StatusCode::OK, StatusCode::OK)
        );
        let now = app.get_json(&path).await;
        for field in ["first_name", "last_name", "description"] {
            assert_eq!(now[field], format!("{field} {round}"));
        }
    }
}

#[tokio::test]
async fn many_are_analysed_at_once_and_those_that_failed_again() {
    let app = spawn_app().await;
    let (one, two) = (app.upload(b"1").await, app.upload(b"2").await);
    let unknown = ScanId::generate();
    let body = json!({"scan_ids": [one, unknown, two]});
    let answer = app.send_json(Method::POST, "/api/analyses", &body).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["requested"], 2);
    assert_eq!(
        answer["items"][1],
        json!({"scan_id": unknown, "analysis_id": null, "code": "scan_not_found"})
    );
    let analysis = id_of(&json!({"id": answer["items"][0]["analysis_id"]}));
    let reason = Reason::new(ReasonCode::NoLungs, "no lungs");
    assert!(app.database.fail_analysis(analysis, reason).await.unwrap());

    let answer = app
        .send_json(Method::POST, "/api/analyses", &json!({"failed": true}))
        .await;
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["requested"], 1);
    assert_eq!(answer["items"][0]["scan_id"], one.to_string());
    assert_ne!(answer["items"][0]["analysis_id"], analysis.to_string());
    for body in [
        json!({}),
        json!({"scan_ids": [one], "failed": true}),
        json!({"scan_ids": vec![one; 1001]}),
    ] {
        let refused = app.send_json(Method::POST, "/api/analyses", &body).await;
        problem(refused, StatusCode::BAD_REQUEST, "invalid_field").await;
    }
}
