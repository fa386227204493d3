//! Passkeys taken away, counted, beside a link, asked for again, and not offered.

use chrono::{TimeDelta, Utc};
use norma_access::Token;
use norma_database::{NewSession, SessionMethod, SessionOrigin};
use norma_domain::{Role, Roles, UserId};
use reqwest::header::COOKIE;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{problem, spawn_app, spawn_app_with};
use crate::identity::{Browser, PASSWORD, browser};
use crate::passkeys::{
    OWN, answer, asked, authenticator, by_password, on_localhost, person, registered, sign_in, spawn,
};

#[tokio::test]
async fn taken_away_it_signs_in_no_more_and_with_the_last_nothing_is_asked_for() {
    let app = spawn().await;
    let (id, anna) = person(&app, "anna", &["clinician"]).await;
    let (_, boris) = person(&app, "boris", &["clinician"]).await;
    let (boss_id, boss) = person(&app, "boss", &["administrator"]).await;
    let (mut laptop, mut phone) = (authenticator(7), authenticator(8));
    let first = registered(&app, &anna, &mut laptop).await;
    let second = registered(&app, &anna, &mut phone).await;
    let of = |added: &Value| format!("{OWN}/{}", added["passkey"]["id"].as_str().unwrap());
    let foreign = app.as_browser(&boris, Method::DELETE, &of(&first), None).await;
    problem(foreign, StatusCode::NOT_FOUND, "passkey_not_found").await;
    let gone = app.as_browser(&anna, Method::DELETE, &of(&first), None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    problem(
        sign_in(&app, &mut laptop).await,
        StatusCode::FORBIDDEN,
        "wrong_passkey",
    )
    .await;
    assert_eq!(sign_in(&app, &mut phone).await.status(), StatusCode::OK);
    problem(
        by_password(&app, "anna").await,
        StatusCode::FORBIDDEN,
        "second_factor_required",
    )
    .await;

    // The last one, by an administrator who signed in: neither by a key nor of the own account.
    let of_user = |id: UserId| {
        let passkey = second["passkey"]["id"].as_str().unwrap();
        format!("/api/users/{id}/passkeys/{passkey}")
    };
    problem(
        app.delete(&of_user(id)).await,
        StatusCode::FORBIDDEN,
        "only_for_sessions",
    )
    .await;
    let own = app
        .as_browser(&boss, Method::DELETE, &of_user(boss_id), None)
        .await;
    problem(own, StatusCode::FORBIDDEN, "own_second_factor").await;
    let herself = app.as_browser(&anna, Method::DELETE, &of_user(id), None).await;
    problem(herself, StatusCode::FORBIDDEN, "forbidden").await;
    let listed = app.get_json(&format!("/api/users/{id}/passkeys")).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    let gone = app.as_browser(&boss, Method::DELETE, &of_user(id), None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.who(&anna).await, StatusCode::UNAUTHORIZED);
    problem(
        sign_in(&app, &mut phone).await,
        StatusCode::FORBIDDEN,
        "wrong_passkey",
    )
    .await;
    assert_eq!(by_password(&app, "anna").await.status(), StatusCode::OK);
    assert_eq!(app.database.recovery_codes_left(id).await.unwrap(), 0);
}

#[tokio::test]
async fn an_account_that_is_disabled_or_reset_loses_its_passkeys() {
    let app = spawn().await;
    let (_, boss) = person(&app, "boss", &["administrator"]).await;
    let (id, anna) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    registered(&app, &anna, &mut laptop).await;
    let (options, cookie) = asked(&app, &json!({})).await;
    for disabled in [true, false] {
        let body = json!({"display_name": "Anna", "roles": ["clinician"], "disabled": disabled});
        let changed = app
            .send_json(Method::PUT, &format!("/api/users/{id}"), &body)
            .await;
        assert_eq!(changed.status(), StatusCode::OK);
        let refused = sign_in(&app, &mut laptop).await;
        problem(refused, StatusCode::FORBIDDEN, "wrong_passkey").await;
    }
    let begun_before = answer(&app, &cookie, &laptop.get(&options)).await;
    problem(begun_before, StatusCode::FORBIDDEN, "wrong_passkey").await;

    let anna = browser(by_password(&app, "anna").await).await.0;
    registered(&app, &anna, &mut laptop).await;
    let reset = app
        .as_browser(
            &boss,
            Method::DELETE,
            &format!("/api/users/{id}/second-factor"),
            None,
        )
        .await;
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    problem(
        sign_in(&app, &mut laptop).await,
        StatusCode::FORBIDDEN,
        "wrong_passkey",
    )
    .await;
    let user = app.get_json(&format!("/api/users/{id}")).await;
    assert_eq!(user["has_second_factor"], false);
}

#[tokio::test]
async fn attempts_are_counted_before_they_are_looked_at_and_hold_nobody_else_up() {
    let app = spawn_app_with(|options| {
        on_localhost(options);
        options.identity.lockout.free_failures = 3;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    let (_, anna) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    registered(&app, &anna, &mut laptop).await;
    let (_, boris) = person(&app, "boris", &["clinician"]).await;
    let mut phone = authenticator(8);
    registered(&app, &boris, &mut phone).await;
    let mut statuses = Vec::new();
    for _ in 0..6 {
        statuses.push(sign_in(&app, &mut laptop.forged()).await.status());
    }
    assert_eq!(
        statuses.last(),
        Some(&StatusCode::TOO_MANY_REQUESTS),
        "{statuses:?}"
    );
    let held = sign_in(&app, &mut laptop).await;
    problem(held, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
    assert_eq!(sign_in(&app, &mut phone).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_link_takes_a_passkey_beside_it_and_stays_unused_without() {
    let app = spawn().await;
    let (id, anna) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    registered(&app, &anna, &mut laptop).await;
    let token = Token::generate();
    let expires_at = Utc::now() + TimeDelta::hours(1);
    app.database
        .create_one_time_token(token.hash(), id, expires_at)
        .await
        .unwrap();
    problem(
        app.redeem(token.expose()).await,
        StatusCode::FORBIDDEN,
        "second_factor_required",
    )
    .await;
    let (options, cookie) = asked(&app, &json!({"token": token.expose()})).await;
    let wrong = answer(&app, &cookie, &laptop.forged().get(&options)).await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_passkey").await;
    let (options, cookie) = asked(&app, &json!({"token": token.expose()})).await;
    let (_, document) = browser(answer(&app, &cookie, &laptop.get(&options)).await).await;
    assert_eq!(document["password_needs_current"], false);
    let used = app
        .anonymously(
            Method::POST,
            "/api/session/passkey/challenge",
            Some(&json!({"token": token.expose()})),
        )
        .await;
    problem(used, StatusCode::UNAUTHORIZED, "sign_in_link_invalid").await;
}

#[tokio::test]
async fn who_is_signed_in_shows_again_who_they_are_by_a_passkey() {
    let app = spawn().await;
    let (id, anna) = person(&app, "anna", &["clinician"]).await;
    let (_, boris) = person(&app, "boris", &["clinician"]).await;
    let mut laptop = authenticator(7);
    let first = registered(&app, &anna, &mut laptop).await;
    let mut other = authenticator(8);
    registered(&app, &boris, &mut other).await;
    let old = Token::generate();
    let new = NewSession {
        token_hash: old.hash(),
        user_id: id,
        method: SessionMethod::Password,
        origin: SessionOrigin::default(),
        id_token: None,
        expires_at: Utc::now() + TimeDelta::hours(1),
        verified_at: Some(Utc::now() - TimeDelta::hours(1)),
    };
    app.database.create_session(new).await.unwrap();
    let open = Browser {
        cookie: format!("norma_session={}", old.expose()),
        csrf: old.derive("csrf"),
    };
    let passkey = format!("{OWN}/{}", first["passkey"]["id"].as_str().unwrap());
    for (method, path) in [
        (Method::POST, "/api/session/passkeys/challenge"),
        (Method::DELETE, passkey.as_str()),
    ] {
        let refused = app.as_browser(&open, method, path, None).await;
        problem(refused, StatusCode::FORBIDDEN, "verification_required").await;
    }
    let ask = async |body: Value| {
        let path = "/api/session/verification/passkey/challenge";
        let asked = app.as_browser(&open, Method::POST, path, Some(&body)).await;
        assert_eq!(asked.status(), StatusCode::OK);
        asked.json::<Value>().await.unwrap()["options"].clone()
    };
    let verify = async |credential: Value| {
        let body = json!({"credential": credential});
        app.as_browser(
            &open,
            Method::POST,
            "/api/session/verification/passkey",
            Some(&body),
        )
        .await
    };
    let options = ask(json!({})).await;
    let foreign = verify(other.get(&options)).await;
    problem(foreign, StatusCode::FORBIDDEN, "wrong_passkey").await;
    // Alone it needs who touches it verified; beside the password it does not.
    laptop.verifies = false;
    let options = ask(json!({})).await;
    let touched = verify(laptop.get(&options)).await;
    problem(touched, StatusCode::FORBIDDEN, "wrong_passkey").await;
    let wrong = app
        .as_browser(
            &open,
            Method::POST,
            "/api/session/verification/passkey/challenge",
            Some(&json!({"password": "another"})),
        )
        .await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_current_password").await;
    let options = ask(json!({"password": PASSWORD})).await;
    let (fresh, _) = browser(verify(laptop.get(&options)).await).await;
    assert_eq!(app.who(&open).await, StatusCode::UNAUTHORIZED, "a new session");
    let gone = app.as_browser(&fresh, Method::DELETE, &passkey, None).await;
    assert_eq!(gone.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_role_that_needs_a_second_factor_takes_a_passkey_for_it() {
    let app = spawn_app_with(|options| {
        on_localhost(options);
        options.identity.second_factor.required_for = Roles::of(&[Role::Clinician]);
    })
    .await;
    let (id, anna) = person(&app, "anna", &["clinician"]).await;
    let patients = async || app.as_browser(&anna, Method::GET, "/api/patients", None).await;
    problem(patients().await, StatusCode::FORBIDDEN, "second_factor_not_set").await;
    registered(&app, &anna, &mut authenticator(7)).await;
    assert_eq!(patients().await.status(), StatusCode::OK);
    // Codes that were begun beside it and never confirmed are nobody's second factor.
    let secret = norma_access::TotpSecret::generate();
    let kept = secret.expose().to_vec();
    assert!(app.database.begin_second_factor(id, kept).await.unwrap());
    let code = secret.code_at(Utc::now().timestamp().unsigned_abs()).unwrap();
    let body = json!({"login": "anna", "password": PASSWORD, "code": code});
    let unconfirmed = app.anonymously(Method::POST, "/api/session", Some(&body)).await;
    problem(unconfirmed, StatusCode::FORBIDDEN, "wrong_code").await;
}

#[tokio::test]
async fn where_browsers_make_none_none_is_offered_whatever_a_request_says_of_its_host() {
    let app = spawn_app().await;
    let (user, own) = app.signed_in("anna", &["clinician"]).await;
    assert_eq!(app.get_json("/api/login-options").await["passkey"], false);
    let begun = app
        .nobody
        .post(format!("{}/api/session/passkeys/challenge", app.base))
        .header(COOKIE, &own.cookie)
        .header("x-csrf-token", &own.csrf)
        .header("host", "localhost")
        .send()
        .await
        .unwrap();
    problem(begun, StatusCode::CONFLICT, "passkeys_off").await;
    let asked = app
        .anonymously(Method::POST, "/api/session/passkey/challenge", Some(&json!({})))
        .await;
    problem(asked, StatusCode::CONFLICT, "passkeys_off").await;
    problem(app.get(OWN).await, StatusCode::FORBIDDEN, "only_for_sessions").await;

    let off = spawn_app_with(|options| {
        on_localhost(options);
        options.identity.passkeys.mode = norma_service::SecondFactorMode::Off;
    })
    .await;
    let (_, own) = person(&off, "anna", &["clinician"]).await;
    let begun = off
        .as_browser(&own, Method::POST, "/api/session/passkeys/challenge", None)
        .await;
    problem(begun, StatusCode::CONFLICT, "passkeys_off").await;
    let asked = off
        .anonymously(Method::POST, "/api/session/passkey/challenge", Some(&json!({})))
        .await;
    problem(asked, StatusCode::CONFLICT, "passkeys_off").await;
    assert!(user["id"].is_string());
}
