//! Keys that act only once a second administrator has confirmed them.

use norma_domain::{Role, Roles};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, make_key, problem, spawn_app, spawn_app_with};
use crate::identity::Browser;

async fn with_four_eyes() -> App {
    spawn_app_with(|options| {
        options.identity.confirmed_key_roles = Roles::of(&[Role::Clinician, Role::Administrator]);
    })
    .await
}

fn input(roles: &[&str]) -> Value {
    json!({"name": "pacs", "roles": roles})
}

async fn made(response: Response) -> (Value, String) {
    assert_eq!(response.status(), StatusCode::CREATED);
    let document: Value = response.json().await.unwrap();
    let secret = document["secret"].as_str().unwrap().to_owned();
    (document["key"].clone(), secret)
}

async fn show(app: &App, secret: &str) -> Response {
    let url = format!("{}/api/patients", app.base);
    client(Some(secret)).get(url).send().await.unwrap()
}

async fn confirm(app: &App, by: &Browser, key: &Value) -> Response {
    let path = format!("/api/keys/{}/confirm", key["id"].as_str().unwrap());
    app.as_browser(by, Method::POST, &path, None).await
}

#[tokio::test]
async fn a_key_acts_once_a_second_administrator_has_confirmed_it() {
    let app = with_four_eyes().await;
    let (anna, by_anna) = app.signed_in("anna", &["administrator"]).await;
    let (_, by_boris) = app.signed_in("boris", &["administrator"]).await;
    let (_, by_clinician) = app.signed_in("vera", &["clinician"]).await;
    let body = input(&["clinician"]);
    let (key, secret) = made(
        app.as_browser(&by_anna, Method::POST, "/api/keys", Some(&body))
            .await,
    )
    .await;
    assert_eq!(key["awaits_confirmation"], true);
    assert_eq!(key["made_by_user"], anna["id"]);
    problem(
        show(&app, &secret).await,
        StatusCode::UNAUTHORIZED,
        "key_not_confirmed",
    )
    .await;

    let own = confirm(&app, &by_anna, &key).await;
    problem(own, StatusCode::FORBIDDEN, "key_of_own_making").await;
    let clinician = confirm(&app, &by_clinician, &key).await;
    problem(clinician, StatusCode::FORBIDDEN, "forbidden").await;
    // Not by a key either, and least of all by itself.
    let path = format!("/api/keys/{}/confirm", key["id"].as_str().unwrap());
    problem(app.post(&path).await, StatusCode::FORBIDDEN, "only_for_sessions").await;
    let itself = client(Some(&secret))
        .post(format!("{}{path}", app.base))
        .send()
        .await
        .unwrap();
    problem(itself, StatusCode::UNAUTHORIZED, "key_not_confirmed").await;
    problem(
        show(&app, &secret).await,
        StatusCode::UNAUTHORIZED,
        "key_not_confirmed",
    )
    .await;

    let confirmed = confirm(&app, &by_boris, &key).await;
    assert_eq!(confirmed.status(), StatusCode::OK);
    let confirmed: Value = confirmed.json().await.unwrap();
    assert_eq!(confirmed["awaits_confirmation"], false);
    assert_eq!(confirmed["confirmed_by"], "boris");
    assert!(confirmed["confirmed_at"].is_string());
    assert_eq!(show(&app, &secret).await.status(), StatusCode::OK);
    let again = confirm(&app, &by_boris, &key).await;
    problem(again, StatusCode::CONFLICT, "key_awaits_nothing").await;
    let unknown = json!({"id": uuid::Uuid::now_v7().to_string()});
    let unknown = confirm(&app, &by_boris, &unknown).await;
    problem(unknown, StatusCode::NOT_FOUND, "key_not_found").await;

    let trail = app.get_json("/api/audit?action=key.confirm&user=boris").await;
    let done = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|event| event["outcome"] == "success" && event["object_id"] == key["id"]);
    let detail = done.unwrap()["detail"].as_str().unwrap();
    assert!(detail.contains("made by anna"), "{detail}");
    let refused = app.get_json("/api/audit?action=key.confirm&user=anna").await;
    assert!(
        refused["items"]
            .as_array()
            .unwrap()
            .iter()
            .any(|event| event["outcome"] == "refused")
    );
}

#[tokio::test]
async fn whoever_holds_an_administrators_key_makes_none_that_acts() {
    let app = with_four_eyes().await;
    let (_, by_anna) = app.signed_in("anna", &["administrator"]).await;
    let (_, by_boris) = app.signed_in("boris", &["administrator"]).await;
    let body = input(&["administrator"]);
    let (first, stolen) = made(
        app.as_browser(&by_anna, Method::POST, "/api/keys", Some(&body))
            .await,
    )
    .await;
    assert_eq!(confirm(&app, &by_boris, &first).await.status(), StatusCode::OK);

    let response = client(Some(&stolen))
        .post(format!("{}/api/keys", app.base))
        .json(&body)
        .send();
    let (second, secret) = made(response.await.unwrap()).await;
    problem(
        show(&app, &secret).await,
        StatusCode::UNAUTHORIZED,
        "key_not_confirmed",
    )
    .await;
    let path = format!("{}/api/keys/{}/confirm", app.base, second["id"].as_str().unwrap());
    let by_key = client(Some(&stolen)).post(path).send().await.unwrap();
    problem(by_key, StatusCode::FORBIDDEN, "only_for_sessions").await;
    // What Anna's key made Anna made.
    let own = confirm(&app, &by_anna, &second).await;
    problem(own, StatusCode::FORBIDDEN, "key_of_own_making").await;
    assert_eq!(confirm(&app, &by_boris, &second).await.status(), StatusCode::OK);

    // Of keys that the command line made every administrator is a second one.
    let made_there = make_key(&app.database, "cli", &[Role::Clinician], |key| {
        key.needs_confirmation = true;
    })
    .await;
    let listed = app.get_json("/api/keys").await;
    let listed = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == "cli")
        .unwrap();
    assert_eq!(confirm(&app, &by_anna, listed).await.status(), StatusCode::OK);
    assert_eq!(show(&app, &made_there).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn keys_below_the_bound_wait_for_nobody_nor_does_any_where_it_is_not_asked_for() {
    let app = with_four_eyes().await;
    let (_, by_anna) = app.signed_in("anna", &["administrator"]).await;
    let make = async |app: &App, by: &Browser, roles: &[&str]| {
        made(
            app.as_browser(by, Method::POST, "/api/keys", Some(&input(roles)))
                .await,
        )
        .await
    };
    let (key, secret) = make(&app, &by_anna, &["integrator", "operator"]).await;
    assert_eq!(key["awaits_confirmation"], false);
    let metrics = client(Some(&secret))
        .get(format!("{}/metrics", app.base))
        .send()
        .await
        .unwrap();
    assert_eq!(metrics.status(), StatusCode::OK);
    let (both, _) = make(&app, &by_anna, &["integrator", "clinician"]).await;
    assert_eq!(
        both["awaits_confirmation"], true,
        "one of its roles is above the bound"
    );

    let usual = spawn_app().await;
    let (_, by_anna) = usual.signed_in("anna", &["administrator"]).await;
    let (key, secret) = make(&usual, &by_anna, &["clinician"]).await;
    assert_eq!(key["awaits_confirmation"], false);
    assert_eq!(show(&usual, &secret).await.status(), StatusCode::OK);
}
