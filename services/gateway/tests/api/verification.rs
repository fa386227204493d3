//! Acts before which a person shows again who they are, and keys that are used from some networks alone.

use chrono::{TimeDelta, Utc};
use norma_access::{Token, TotpSecret};
use norma_database::{NewSession, SessionMethod, SessionOrigin};
use norma_domain::{Role, UserId};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, id_of, make_key, problem, spawn_app, spawn_app_with};
use crate::identity::{Browser, PASSWORD, browser};
use crate::second_factor::code_of_the_step_before;

/// A session that began an hour ago.
async fn old_session(app: &App, user_id: UserId, method: SessionMethod) -> Browser {
    let token = Token::generate();
    let new = NewSession {
        token_hash: token.hash(),
        user_id,
        method,
        origin: SessionOrigin::default(),
        id_token: None,
        expires_at: Utc::now() + TimeDelta::hours(1),
        verified_at: Some(Utc::now() - TimeDelta::hours(1)),
    };
    app.database.create_session(new).await.unwrap();
    Browser {
        cookie: format!("norma_session={}", token.expose()),
        csrf: token.derive("csrf"),
    }
}

/// A page that was left open, or a cookie that was taken.
async fn left_open(app: &App, roles: &[&str]) -> (Value, Browser) {
    let (user, _) = app.signed_in("anna", roles).await;
    let session = old_session(app, id_of(&user), SessionMethod::Password).await;
    (user, session)
}

async fn make_a_key(app: &App, by: &Browser) -> reqwest::Response {
    let body = json!({"name": "pacs", "roles": ["integrator"]});
    app.as_browser(by, Method::POST, "/api/keys", Some(&body)).await
}

async fn verify(app: &App, by: &Browser, body: &Value) -> reqwest::Response {
    app.as_browser(by, Method::POST, "/api/session/verification", Some(body))
        .await
}

#[tokio::test]
async fn a_page_left_open_makes_no_keys_and_deletes_no_patients() {
    let app = spawn_app().await;
    let (user, open) = left_open(&app, &["administrator", "clinician"]).await;
    let patient = app.create_patient("Anna", "Petrova").await;
    let patient = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    let own = format!("/api/users/{}", user["id"].as_str().unwrap());
    let account = json!({"login": "eve", "display_name": "Eve", "roles": ["administrator"]});
    for (method, path, body) in [
        (
            Method::POST,
            "/api/keys".to_owned(),
            Some(&json!({"name": "k", "roles": ["operator"]})),
        ),
        (Method::POST, "/api/users".to_owned(), Some(&account)),
        (Method::POST, format!("{own}/sign-in-link"), None),
        (Method::DELETE, own, None),
        (Method::DELETE, patient.clone(), None),
        (Method::POST, "/api/session/second-factor".to_owned(), None),
        (Method::DELETE, "/api/session/second-factor".to_owned(), None),
        (Method::POST, "/api/session/recovery-codes".to_owned(), None),
    ] {
        let refused = app.as_browser(&open, method.clone(), &path, body).await;
        let told = format!("{method} {path}");
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{told}");
        problem(refused, StatusCode::FORBIDDEN, "verification_required").await;
    }
    // What is read and done all day is not concerned, nor is a key.
    let read = app.as_browser(&open, Method::GET, &patient, None).await;
    assert_eq!(read.status(), StatusCode::OK);
    let update = json!({"first_name": "Anna", "last_name": "Ivanova"});
    let update = app.as_browser(&open, Method::PUT, &patient, Some(&update)).await;
    assert_eq!(update.status(), StatusCode::OK);

    let wrong = verify(&app, &open, &json!({"password": "another password"})).await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_current_password").await;
    problem(
        make_a_key(&app, &open).await,
        StatusCode::FORBIDDEN,
        "verification_required",
    )
    .await;
    let right = verify(&app, &open, &json!({"password": PASSWORD})).await;
    let (anew, _) = browser(right).await;
    assert_eq!(
        app.who(&open).await,
        StatusCode::UNAUTHORIZED,
        "whoever else had the cookie"
    );
    assert_eq!(make_a_key(&app, &anew).await.status(), StatusCode::CREATED);
    let gone = app.as_browser(&anew, Method::DELETE, &patient, None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    let trail = app
        .get_json("/api/audit?action=sign_in.verification&user=anna")
        .await;
    let outcomes: Vec<&Value> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| &event["outcome"])
        .collect();
    assert!(
        outcomes.contains(&&json!("success")) && outcomes.contains(&&json!("refused")),
        "{trail}"
    );
}

#[tokio::test]
async fn who_has_a_second_factor_gives_a_code_too() {
    let app = spawn_app().await;
    let (user, own) = app.signed_in("anna", &["administrator"]).await;
    let begun = app
        .as_browser(&own, Method::POST, "/api/session/second-factor", None)
        .await;
    assert_eq!(begun.status(), StatusCode::OK);
    let id: UserId = id_of(&user);
    let secret = TotpSecret::from_bytes(app.database.second_factor_secret(id).await.unwrap().unwrap());
    let code = |steps: i64| {
        secret
            .code_at((Utc::now().timestamp() + 30 * steps).unsigned_abs())
            .unwrap()
    };
    let before = code_of_the_step_before(&secret).await;
    let confirmed = app
        .as_browser(
            &own,
            Method::PUT,
            "/api/session/second-factor",
            Some(&json!({"code": before})),
        )
        .await;
    assert_eq!(confirmed.status(), StatusCode::OK);

    let open = old_session(&app, id, SessionMethod::Password).await;
    let without = verify(&app, &open, &json!({"password": PASSWORD})).await;
    problem(without, StatusCode::FORBIDDEN, "second_factor_required").await;
    let wrong = verify(&app, &open, &json!({"password": PASSWORD, "code": before})).await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_code").await;
    problem(
        make_a_key(&app, &open).await,
        StatusCode::FORBIDDEN,
        "verification_required",
    )
    .await;
    let right = verify(&app, &open, &json!({"password": PASSWORD, "code": code(0)})).await;
    let (anew, _) = browser(right).await;
    assert_eq!(make_a_key(&app, &anew).await.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn guesses_at_a_password_in_an_open_page_are_slowed_down() {
    let app = spawn_app_with(|options| {
        options.identity.lockout.free_failures = 2;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    let (_, open) = left_open(&app, &["administrator"]).await;
    for _ in 0..3 {
        let wrong = verify(&app, &open, &json!({"password": "a guess of mine"})).await;
        problem(wrong, StatusCode::FORBIDDEN, "wrong_current_password").await;
    }
    let locked = verify(&app, &open, &json!({"password": PASSWORD})).await;
    problem(locked, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
}

#[tokio::test]
async fn where_it_is_set_to_never_nobody_is_asked() {
    let app = spawn_app_with(|options| options.identity.session.verified_minutes = 0).await;
    let (_, open) = left_open(&app, &["administrator"]).await;
    assert_eq!(make_a_key(&app, &open).await.status(), StatusCode::CREATED);
    let key = verify_with_key(&app).await;
    problem(key, StatusCode::FORBIDDEN, "only_for_sessions").await;
}

async fn verify_with_key(app: &App) -> reqwest::Response {
    app.send_json(
        Method::POST,
        "/api/session/verification",
        &json!({"password": PASSWORD}),
    )
    .await
}

#[tokio::test]
async fn a_key_is_used_from_its_networks_alone() {
    let app = spawn_app_with(|options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
    })
    .await;
    let (_, boss) = app.signed_in("boss", &["administrator"]).await;
    let make = async |networks: Value| {
        let body = json!({"name": "pacs", "roles": ["clinician"], "allowed_addresses": networks});
        app.as_browser(&boss, Method::POST, "/api/keys", Some(&body))
            .await
    };
    for wrong in [
        json!(["192.0.2"]),
        json!(["192.0.2.0/33"]),
        json!(vec!["192.0.2.1"; 65]),
    ] {
        let refused = problem(make(wrong).await, StatusCode::BAD_REQUEST, "invalid_field").await;
        assert_eq!(refused["parameter"], "allowed_addresses");
    }
    let made: Value = make(json!(["192.0.2.77/24", "2001:db8::/32"]))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(
        made["key"]["allowed_addresses"],
        json!(["192.0.2.0/24", "2001:db8::/32"])
    );
    let secret = made["secret"].as_str().unwrap();
    let from = async |source: &str, path: &str| {
        client(Some(secret))
            .get(format!("{}{path}", app.base))
            .header("x-forwarded-for", source)
            .send()
            .await
            .unwrap()
    };
    for source in ["192.0.2.9", "2001:db8:7::1", "198.51.100.1, 192.0.2.9"] {
        assert_eq!(
            from(source, "/api/patients").await.status(),
            StatusCode::OK,
            "{source}"
        );
        let found = from(source, "/dicom-web/studies").await.status();
        assert!(found.is_success(), "{source}: {found}");
    }
    for source in ["198.51.100.1", "192.0.2.9, 198.51.100.1", "2001:db9::1"] {
        for path in ["/api/patients", "/dicom-web/studies"] {
            problem(
                from(source, path).await,
                StatusCode::FORBIDDEN,
                "address_not_allowed",
            )
            .await;
        }
    }
    // Without the header it comes from the proxy itself.
    let straight = client(Some(secret)).get(format!("{}/api/patients", app.base));
    problem(
        straight.send().await.unwrap(),
        StatusCode::FORBIDDEN,
        "address_not_allowed",
    )
    .await;

    // Of a proxy that nobody trusts nothing is believed.
    let alone = spawn_app().await;
    let key = make_key(&alone.database, "pacs", &[Role::Clinician], |key| {
        key.allowed_addresses = vec!["192.0.2.0/24".to_owned()];
    })
    .await;
    let forged = client(Some(&key))
        .get(format!("{}/api/patients", alone.base))
        .header("x-forwarded-for", "192.0.2.9");
    problem(
        forged.send().await.unwrap(),
        StatusCode::FORBIDDEN,
        "address_not_allowed",
    )
    .await;
}
