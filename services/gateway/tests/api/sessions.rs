//! Where somebody is signed in, and an end to it.

use reqwest::header::{COOKIE, USER_AGENT};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, problem, spawn_app, spawn_app_with};
use crate::identity::{Browser, PASSWORD, browser};

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";

async fn sign_in_with_firefox(app: &App, login: &str) -> Browser {
    let response = app
        .nobody
        .post(format!("{}/api/session", app.base))
        .header(USER_AGENT, FIREFOX)
        .json(&json!({"login": login, "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    browser(response).await.0
}

async fn sessions(app: &App, of: &Browser) -> Vec<Value> {
    let response = app.as_browser(of, Method::GET, "/api/sessions", None).await;
    assert_eq!(response.status(), StatusCode::OK);
    let document: Value = response.json().await.unwrap();
    document["items"].as_array().unwrap().clone()
}

fn current(sessions: &[Value]) -> &Value {
    sessions.iter().find(|one| one["is_current"] == true).unwrap()
}

#[tokio::test]
async fn a_person_sees_the_own_sessions_and_ends_them() {
    let app = spawn_app().await;
    let (_, first) = app.signed_in("ivan", &["clinician"]).await;
    let (_, other) = app.signed_in("anna", &["clinician"]).await;
    let second = sign_in_with_firefox(&app, "ivan").await;
    let listed = sessions(&app, &second).await;
    assert_eq!(listed.len(), 2, "{listed:?}");
    let own = current(&listed);
    assert_eq!(
        (&own["browser"], &own["system"]),
        (&json!("Firefox"), &json!("Linux"))
    );
    assert_eq!(own["address"], "127.0.0.1");
    assert_eq!(own["began_by"], "password");
    for time in ["created_at", "last_used_at", "expires_at"] {
        assert!(own[time].is_string(), "{own}");
    }
    // Neither the cookie nor the token against forged requests stands in the list.
    let text = serde_json::to_string(&listed).unwrap();
    for secret in [&second.cookie["norma_session=".len()..], &second.csrf] {
        assert!(!text.contains(secret));
    }
    let one_of = |id: &Value| format!("/api/sessions/{}", id.as_str().unwrap());

    // Another's session is none that one has.
    let foreign = current(&sessions(&app, &other).await)["id"].clone();
    let refused = app
        .as_browser(&second, Method::DELETE, &one_of(&foreign), None)
        .await;
    problem(refused, StatusCode::NOT_FOUND, "session_not_found").await;
    assert_eq!(app.who(&other).await, StatusCode::OK);

    let earlier = listed.iter().find(|one| one["is_current"] == false).unwrap();
    let ended = app
        .as_browser(&second, Method::DELETE, &one_of(&earlier["id"]), None)
        .await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.who(&first).await, StatusCode::UNAUTHORIZED);
    let again = app
        .as_browser(&second, Method::DELETE, &one_of(&earlier["id"]), None)
        .await;
    problem(again, StatusCode::NOT_FOUND, "session_not_found").await;

    let others = [
        sign_in_with_firefox(&app, "ivan").await,
        sign_in_with_firefox(&app, "ivan").await,
    ];
    let response = app
        .as_browser(&second, Method::DELETE, "/api/sessions", None)
        .await;
    assert_eq!(response.json::<Value>().await.unwrap(), json!({"ended": 2}));
    for gone in &others {
        assert_eq!(app.who(gone).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(app.who(&second).await, StatusCode::OK);
    assert_eq!(app.who(&other).await, StatusCode::OK, "another's");

    for (action, object) in [
        ("session.end", Some(&earlier["id"])),
        ("session.end_others", None),
    ] {
        let trail = app
            .get_json(&format!("/api/audit?action={action}&user=ivan"))
            .await;
        let event = &trail["items"][0];
        assert_eq!(event["actor"]["name"], "ivan", "{trail}");
        if let Some(id) = object {
            assert!(
                trail["items"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|event| &event["object_id"] == id),
                "{trail}"
            );
        }
    }
}

#[tokio::test]
async fn an_administrator_ends_the_sessions_of_another() {
    let app = spawn_app().await;
    let (_, boss) = app.signed_in("boss", &["administrator"]).await;
    let (ivan, first) = app.signed_in("ivan", &["clinician"]).await;
    let second = sign_in_with_firefox(&app, "ivan").await;
    let path = format!("/api/users/{}/sessions", ivan["id"].as_str().unwrap());
    let as_himself = app.as_browser(&first, Method::DELETE, &path, None).await;
    problem(as_himself, StatusCode::FORBIDDEN, "forbidden").await;

    let listed: Value = app
        .as_browser(&boss, Method::GET, &path, None)
        .await
        .json()
        .await
        .unwrap();
    let listed = listed["items"].as_array().unwrap();
    assert!(listed.len() == 2 && listed.iter().all(|one| one["is_current"] == false));
    let with_firefox = listed.iter().find(|one| one["browser"] == "Firefox").unwrap();
    let one = format!("{path}/{}", with_firefox["id"].as_str().unwrap());
    let ended = app.as_browser(&boss, Method::DELETE, &one, None).await;
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.who(&second).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.who(&first).await, StatusCode::OK);
    let gone = app.as_browser(&boss, Method::DELETE, &one, None).await;
    problem(gone, StatusCode::NOT_FOUND, "session_not_found").await;

    // A key of an administrator does it too.
    let all = app.delete(&path).await;
    assert_eq!(all.json::<Value>().await.unwrap(), json!({"ended": 1}));
    assert_eq!(app.who(&first).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.who(&boss).await, StatusCode::OK);
    let nobody = format!("/api/users/{}/sessions", uuid::Uuid::now_v7());
    problem(app.delete(&nobody).await, StatusCode::NOT_FOUND, "user_not_found").await;
    let trail = app.get_json("/api/audit?action=user.end_session").await;
    let event = &trail["items"][0];
    assert_eq!(event["actor"]["name"], "boss");
    assert_eq!(event["object_id"], ivan["id"]);
}

#[tokio::test]
async fn only_people_have_sessions_and_a_forged_request_ends_none() {
    let app = spawn_app().await;
    let key = app.get("/api/sessions").await;
    problem(key, StatusCode::FORBIDDEN, "only_for_sessions").await;
    let nobody = app.anonymously(Method::GET, "/api/sessions", None).await;
    problem(nobody, StatusCode::UNAUTHORIZED, "not_authenticated").await;
    let (_, ivan) = app.signed_in("ivan", &["clinician"]).await;
    let forged = app
        .nobody
        .delete(format!("{}/api/sessions", app.base))
        .header(COOKIE, &ivan.cookie)
        .send()
        .await
        .unwrap();
    problem(forged, StatusCode::FORBIDDEN, "csrf_token_missing").await;

    let open =
        spawn_app_with(|options| options.identity.authentication = norma_service::Authentication::Off).await;
    let off = open.anonymously(Method::GET, "/api/sessions", None).await;
    problem(off, StatusCode::CONFLICT, "authentication_off").await;
}
