//! Signing in and out, sessions, keys, accounts.

use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, problem, spawn_app, spawn_app_with};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A person's browser: a cookie and the token against forged requests.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    pub(crate) cookie: String,
    pub(crate) csrf: String,
}

fn cookie_of(response: &Response) -> String {
    let cookie = response.headers()[SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

pub(crate) async fn browser(response: Response) -> (Browser, Value) {
    assert_eq!(response.status(), StatusCode::OK);
    let cookie = cookie_of(&response);
    let document: Value = response.json().await.unwrap();
    let csrf = document["csrf_token"].as_str().unwrap().to_owned();
    (Browser { cookie, csrf }, document)
}

impl App {
    pub(crate) async fn anonymously(&self, method: Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.nobody.request(method, format!("{}{path}", self.base));
        match body {
            Some(body) => request.json(body),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    pub(crate) async fn as_browser(
        &self,
        browser: &Browser,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Response {
        let request = self
            .nobody
            .request(method, format!("{}{path}", self.base))
            .header(COOKIE, &browser.cookie)
            .header("x-csrf-token", &browser.csrf);
        match body {
            Some(body) => request.json(body),
            None => request,
        }
        .send()
        .await
        .unwrap()
    }

    pub(crate) async fn who(&self, browser: &Browser) -> StatusCode {
        self.as_browser(browser, Method::GET, "/api/session", None)
            .await
            .status()
    }

    pub(crate) async fn make_user(&self, login: &str, roles: &[&str]) -> Value {
        let body = json!({"login": login, "display_name": login, "roles": roles});
        let response = self.send_json(Method::POST, "/api/users", &body).await;
        assert_eq!(response.status(), StatusCode::CREATED);
        response.json().await.unwrap()
    }

    /// The token of a link that an administrator made.
    pub(crate) async fn invite(&self, user: &Value) -> String {
        let path = format!("/api/users/{}/sign-in-link", user["id"].as_str().unwrap());
        let link: Value = self.post(&path).await.json().await.unwrap();
        let link = link["link"].as_str().unwrap();
        assert!(link.starts_with(&format!("{}/login#token=", self.base)), "{link}");
        link.split_once("#token=").unwrap().1.to_owned()
    }

    pub(crate) async fn redeem(&self, token: &str) -> Response {
        self.anonymously(Method::POST, "/api/session/token", Some(&json!({"token": token})))
            .await
    }

    pub(crate) async fn sign_in(&self, login: &str, password: &str) -> Response {
        let body = json!({"login": login, "password": password});
        self.anonymously(Method::POST, "/api/session", Some(&body)).await
    }

    /// An account with a password, signed in.
    pub(crate) async fn signed_in(&self, login: &str, roles: &[&str]) -> (Value, Browser) {
        let user = self.make_user(login, roles).await;
        let token = self.invite(&user).await;
        let (first, _) = browser(self.redeem(&token).await).await;
        let body = json!({"new_password": PASSWORD});
        let response = self
            .as_browser(&first, Method::PUT, "/api/session/password", Some(&body))
            .await;
        (user, browser(response).await.0)
    }
}

#[tokio::test]
async fn an_invited_person_sets_a_password_and_signs_in_and_out() {
    let app = spawn_app().await;
    let user = app.make_user("Anna.Petrova", &["clinician"]).await;
    assert_eq!(
        (&user["login"], &user["sign_in"]),
        (&json!("anna.petrova"), &json!("none"))
    );
    let token = app.invite(&user).await;
    let (first, document) = browser(app.redeem(&token).await).await;
    assert_eq!(document["must_set_password"], true);
    assert_eq!(document["password_needs_current"], false);
    let again = app.redeem(&token).await;
    problem(again, StatusCode::UNAUTHORIZED, "sign_in_link_invalid").await;

    for weak in ["short", "anna.petrova-1", "aaaaaaaaaaaaaaaa"] {
        let body = json!({"new_password": weak});
        let refused = app
            .as_browser(&first, Method::PUT, "/api/session/password", Some(&body))
            .await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "password_too_weak").await;
    }
    let body = json!({"new_password": PASSWORD});
    let changed = app
        .as_browser(&first, Method::PUT, "/api/session/password", Some(&body))
        .await;
    let (second, document) = browser(changed).await;
    assert_eq!(document["must_set_password"], false);
    assert_eq!(
        app.who(&first).await,
        StatusCode::UNAUTHORIZED,
        "all sessions ended"
    );
    assert_eq!(app.who(&second).await, StatusCode::OK);

    let signed_in = app.sign_in("ANNA.petrova", PASSWORD).await;
    let set = signed_in.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    let (third, document) = browser(signed_in).await;
    assert_eq!(document["user"]["roles"], json!(["clinician"]));
    assert_eq!(document["password_needs_current"], true);
    let body = json!({"current_password": "wrong", "new_password": "another long one"});
    let refused = app
        .as_browser(&third, Method::PUT, "/api/session/password", Some(&body))
        .await;
    problem(refused, StatusCode::FORBIDDEN, "wrong_current_password").await;
    let out = app.as_browser(&third, Method::DELETE, "/api/session", None).await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
    assert_eq!(out.headers()["clear-site-data"], "\"cache\"");
    assert_eq!(app.who(&third).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.who(&second).await, StatusCode::OK);
}

#[tokio::test]
async fn wrong_passwords_and_unknown_logins_are_answered_alike_and_slowed_down() {
    let app = spawn_app_with(|options| {
        options.identity.lockout.free_failures = 2;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    app.signed_in("ivan", &["clinician"]).await;
    let mut details = Vec::new();
    for login in ["ivan", "nobody"] {
        for _ in 0..3 {
            let refused = app.sign_in(login, "wrong password").await;
            let body = problem(refused, StatusCode::UNAUTHORIZED, "wrong_credentials").await;
            details.push(body["detail"].clone());
        }
        let blocked = app.sign_in(login, PASSWORD).await;
        let wait: u64 = blocked.headers()["retry-after"]
            .to_str()
            .unwrap()
            .parse()
            .unwrap();
        assert!((1..=601).contains(&wait), "{wait}");
        problem(blocked, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
    }
    details.dedup();
    assert_eq!(details.len(), 1, "{details:?}");
}

#[tokio::test]
async fn a_session_cannot_be_fixed_beforehand() {
    let app = spawn_app().await;
    app.signed_in("ivan", &["clinician"]).await;
    // An attacker plants a cookie of its own making, or of its own session, in the victim's browser.
    let (_, own) = app.signed_in("mallory", &["clinician"]).await;
    for planted in [own.cookie.clone(), format!("norma_session={}", "A".repeat(43))] {
        let response = app
            .nobody
            .post(format!("{}/api/session", app.base))
            .header(COOKIE, &planted)
            .json(&json!({"login": "ivan", "password": PASSWORD}))
            .send()
            .await
            .unwrap();
        let (browser, document) = browser(response).await;
        assert_ne!(browser.cookie, planted);
        assert_eq!(document["user"]["login"], "ivan");
        let with_planted = app
            .nobody
            .get(format!("{}/api/session", app.base))
            .header(COOKIE, &planted)
            .send()
            .await
            .unwrap();
        assert_eq!(with_planted.status(), StatusCode::UNAUTHORIZED);
    }
}

#[tokio::test]
async fn a_session_changes_when_its_rights_do() {
    let app = spawn_app().await;
    let (user, before) = app.signed_in("boss", &["administrator", "clinician"]).await;
    let path = format!("/api/users/{}", user["id"].as_str().unwrap());
    let less = json!({"display_name": "Boss", "roles": ["administrator"], "disabled": false});
    let response = app.as_browser(&before, Method::PUT, &path, Some(&less)).await;
    assert_eq!(response.status(), StatusCode::OK);
    let after = Browser {
        cookie: cookie_of(&response),
        csrf: String::new(),
    };
    assert_eq!(app.who(&before).await, StatusCode::UNAUTHORIZED);
    assert_eq!(app.who(&after).await, StatusCode::OK);
    let patients = app.as_browser(&after, Method::GET, "/api/patients", None).await;
    problem(patients, StatusCode::FORBIDDEN, "forbidden").await;

    let disabled = json!({"display_name": "Boss", "roles": ["administrator"], "disabled": true});
    let last = app.send_json(Method::PUT, &path, &disabled).await;
    problem(last, StatusCode::CONFLICT, "last_administrator").await;
    app.make_user("other", &["administrator"]).await;
    let response = app.send_json(Method::PUT, &path, &disabled).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(app.who(&after).await, StatusCode::UNAUTHORIZED);
    problem(
        app.sign_in("boss", PASSWORD).await,
        StatusCode::UNAUTHORIZED,
        "wrong_credentials",
    )
    .await;
}

#[tokio::test]
async fn requests_of_a_session_that_change_something_show_its_token() {
    let app = spawn_app().await;
    let (_, own) = app.signed_in("ivan", &["clinician"]).await;
    let (_, other) = app.signed_in("anna", &["clinician"]).await;
    let body = json!({"first_name": "a", "last_name": "b"});
    for csrf in ["", "wrong", &other.csrf] {
        let forged = Browser {
            cookie: own.cookie.clone(),
            csrf: csrf.to_owned(),
        };
        let refused = app
            .as_browser(&forged, Method::POST, "/api/patients", Some(&body))
            .await;
        problem(refused, StatusCode::FORBIDDEN, "csrf_token_missing").await;
        let refused = app
            .as_browser(&forged, Method::DELETE, "/api/session", None)
            .await;
        problem(refused, StatusCode::FORBIDDEN, "csrf_token_missing").await;
        let read = app.as_browser(&forged, Method::GET, "/api/patients", None).await;
        assert_eq!(read.status(), StatusCode::OK, "reading changes nothing");
    }
    let made = app
        .as_browser(&own, Method::POST, "/api/patients", Some(&body))
        .await;
    assert_eq!(made.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn sessions_end_by_idleness() {
    let app = spawn_app_with(|options| options.identity.session.idle_minutes = 0).await;
    let user = app.make_user("ivan", &["clinician"]).await;
    let token = app.invite(&user).await;
    let (session, _) = browser(app.redeem(&token).await).await;
    assert_eq!(app.who(&session).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_is_shown_once_and_works_until_it_is_revoked() {
    let app = spawn_app().await;
    let body = json!({"name": "pacs", "roles": ["integrator"], "expires_in_days": 30});
    let response = app.send_json(Method::POST, "/api/keys", &body).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let made: Value = response.json().await.unwrap();
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("norma_") && secret.len() == 49);
    assert_eq!(made["key"]["scope"], made["key"]["id"], "names are given twice");
    let listed = app.get_json("/api/keys").await;
    assert!(!listed.to_string().contains(&secret[12..]), "{listed}");
    assert!(secret.starts_with(listed["items"][0]["prefix"].as_str().unwrap()));

    let session = format!("{}/api/session", app.base);
    let with_key = client(Some(secret));
    let document: Value = with_key.get(&session).send().await.unwrap().json().await.unwrap();
    assert_eq!(document["user"]["login"], "pacs");
    assert_eq!(document["csrf_token"], Value::Null);
    let path = format!("/api/keys/{}", made["key"]["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
    let refused = with_key.get(&session).send().await.unwrap();
    assert!(
        refused.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("Bearer")
    );
    problem(refused, StatusCode::UNAUTHORIZED, "invalid_key").await;
    let listed = app.get_json("/api/keys").await;
    assert_ne!(listed["items"][0]["revoked_at"], Value::Null);
}

#[tokio::test]
async fn what_is_no_key_is_refused() {
    let app = spawn_app().await;
    let expired = crate::app::make_key(&app.database, "old", &[norma_domain::Role::Clinician], |key| {
        key.expires_at = Some(chrono::Utc::now() - chrono::TimeDelta::seconds(1));
    })
    .await;
    for authorization in [
        format!("Bearer {expired}"),
        "Bearer norma_".to_owned(),
        format!("Bearer norma_{}", "A".repeat(43)),
        "Basic YTpi".to_owned(),
        "Bearer".to_owned(),
    ] {
        let response = app
            .nobody
            .get(format!("{}/api/patients", app.base))
            .header("authorization", authorization)
            .send()
            .await
            .unwrap();
        problem(response, StatusCode::UNAUTHORIZED, "invalid_key").await;
    }
    for (body, code) in [
        (json!({"name": "x", "roles": []}), "invalid_field"),
        (json!({"name": " ", "roles": ["operator"]}), "invalid_field"),
        (json!({"name": "x", "roles": ["root"]}), "invalid_body"),
        (
            json!({"name": "x", "roles": ["operator"], "expires_in_days": 0}),
            "invalid_field",
        ),
    ] {
        let response = app.send_json(Method::POST, "/api/keys", &body).await;
        problem(response, StatusCode::BAD_REQUEST, code).await;
    }
}

#[tokio::test]
async fn accounts_are_made_changed_and_deleted() {
    let app = spawn_app().await;
    let user = app.make_user("ivan", &["clinician"]).await;
    let taken = json!({"login": "IVAN", "display_name": "Ivan", "roles": []});
    let response = app.send_json(Method::POST, "/api/users", &taken).await;
    problem(response, StatusCode::CONFLICT, "login_taken").await;
    let path = format!("/api/users/{}", user["id"].as_str().unwrap());
    assert_eq!(app.get_json(&path).await, user);
    app.make_user("boss", &["administrator"]).await;
    assert_eq!(app.get_json("/api/users").await["total"], 2);
    assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
    problem(app.delete(&path).await, StatusCode::NOT_FOUND, "user_not_found").await;
}

#[tokio::test]
async fn with_authentication_off_everybody_on_this_machine_may_do_everything() {
    let app = spawn_app_with(|options| {
        options.identity.authentication = norma_service::Authentication::Off;
    })
    .await;
    let session: Value = app
        .anonymously(Method::GET, "/api/session", None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(session["authentication"], "off");
    assert_eq!(
        session["user"]["roles"],
        json!(["clinician", "operator", "administrator"])
    );
    let body = json!({"first_name": "a", "last_name": "b"});
    let made = app.anonymously(Method::POST, "/api/patients", Some(&body)).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let rebound = app
        .nobody
        .get(format!("{}/api/patients", app.base))
        .header("host", "evil.example")
        .send()
        .await
        .unwrap();
    problem(rebound, StatusCode::FORBIDDEN, "foreign_host").await;
}

#[tokio::test]
async fn the_page_learns_how_people_sign_in() {
    let app = spawn_app().await;
    let options: Value = app
        .anonymously(Method::GET, "/api/login-options", None)
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        options,
        json!({"authentication": "on", "password": true, "passkey": false, "openid": null})
    );
    let nobody = app.anonymously(Method::GET, "/api/session", None).await;
    problem(nobody, StatusCode::UNAUTHORIZED, "not_authenticated").await;
}

#[tokio::test]
async fn feedback_names_who_gave_it() {
    let app = spawn_app().await;
    let (user, own) = app.signed_in("ivan", &["clinician"]).await;
    let (_, analysis_id) = app.answered(crate::worker::Says::Norm(0.2)).await;
    let path = format!("/api/analyses/{analysis_id}/feedback");
    let body = json!({"agree": true});
    let response = app.as_browser(&own, Method::POST, &path, Some(&body)).await;
    assert_eq!(response.status(), StatusCode::CREATED);
    let all = app.get_json(&path).await;
    assert_eq!(
        all[0]["user"],
        json!({"id": user["id"], "name": user["display_name"]})
    );
}
