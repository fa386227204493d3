//! Passkeys: a second factor beside the password, a sign-in without it, and all that is refused. The authenticator is the test's.

use chrono::{TimeDelta, Utc};
use norma_access::{Token, sha256};
use norma_database::PasskeyCeremony;
use norma_domain::UserId;
use norma_gateway::GatewayOptions;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, id_of, problem, spawn_app_with};
use crate::authenticator::Authenticator;
use crate::identity::{Browser, PASSWORD, browser};

const ORIGIN: &str = "http://localhost:8080";
pub(crate) const OWN: &str = "/api/session/passkeys";

pub(crate) fn on_localhost(options: &mut GatewayOptions) {
    options.public_url = Some(ORIGIN.to_owned());
}

/// A gateway that browsers reach by a name. Its links begin with that name.
pub(crate) async fn spawn() -> App {
    spawn_app_with(on_localhost).await
}

pub(crate) fn authenticator(seed: u8) -> Authenticator {
    Authenticator::new(seed, ORIGIN, "localhost")
}

/// An account with a password, signed in; its link was of another address than the test's.
pub(crate) async fn person(app: &App, login: &str, roles: &[&str]) -> (UserId, Browser) {
    let user = app.make_user(login, roles).await;
    let id: UserId = id_of(&user);
    let token = Token::generate();
    let expires_at = Utc::now() + TimeDelta::hours(1);
    app.database
        .create_one_time_token(token.hash(), id, expires_at)
        .await
        .unwrap();
    let (first, _) = browser(app.redeem(token.expose()).await).await;
    let body = json!({"new_password": PASSWORD});
    let set = app
        .as_browser(&first, Method::PUT, "/api/session/password", Some(&body))
        .await;
    (id, browser(set).await.0)
}

async fn begin(app: &App, by: &Browser) -> Value {
    let begun = app
        .as_browser(by, Method::POST, "/api/session/passkeys/challenge", None)
        .await;
    assert_eq!(begun.status(), StatusCode::OK);
    begun.json::<Value>().await.unwrap()["options"].clone()
}

async fn add(app: &App, by: &Browser, credential: &Value) -> Response {
    let body = json!({"name": "laptop", "credential": credential});
    app.as_browser(by, Method::POST, OWN, Some(&body)).await
}

/// Adds the authenticator's passkey to the account of the browser.
pub(crate) async fn registered(app: &App, by: &Browser, authenticator: &mut Authenticator) -> Value {
    let options = begin(app, by).await;
    let added = add(app, by, &authenticator.create(&options)).await;
    assert_eq!(added.status(), StatusCode::CREATED);
    added.json().await.unwrap()
}

/// What the browser that signs in is asked, and the cookie that binds it.
pub(crate) async fn asked(app: &App, body: &Value) -> (Value, String) {
    let asked = app
        .anonymously(Method::POST, "/api/session/passkey/challenge", Some(body))
        .await;
    assert_eq!(asked.status(), StatusCode::OK);
    let cookie = asked.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    for property in ["HttpOnly", "SameSite=Strict", "Path=/api/session/passkey"] {
        assert!(cookie.contains(property), "{cookie}");
    }
    let cookie = cookie.split(';').next().unwrap().to_owned();
    (asked.json::<Value>().await.unwrap()["options"].clone(), cookie)
}

pub(crate) async fn answer(app: &App, cookie: &str, credential: &Value) -> Response {
    app.nobody
        .post(format!("{}/api/session/passkey", app.base))
        .header(COOKIE, cookie)
        .json(&json!({"credential": credential}))
        .send()
        .await
        .unwrap()
}

pub(crate) async fn sign_in(app: &App, authenticator: &mut Authenticator) -> Response {
    let (options, cookie) = asked(app, &json!({})).await;
    answer(app, &cookie, &authenticator.get(&options)).await
}

pub(crate) async fn by_password(app: &App, login: &str) -> Response {
    app.sign_in(login, PASSWORD).await
}

#[tokio::test]
async fn a_passkey_is_added_signs_in_alone_and_is_asked_for_beside_the_password() {
    let app = spawn().await;
    let (id, own) = person(&app, "anna", &["clinician"]).await;
    let elsewhere = browser(by_password(&app, "anna").await).await.0;
    let options = app.get_json("/api/login-options").await;
    assert_eq!(options["passkey"], true);

    let mut laptop = authenticator(7);
    let options = begin(&app, &own).await;
    assert_eq!(options["rp"]["id"], "localhost");
    assert_eq!(options["user"]["name"], "anna");
    let added = add(&app, &own, &laptop.create(&options)).await;
    let added: Value = added.json().await.unwrap();
    assert_eq!(added["passkey"]["name"], "laptop");
    assert_eq!(added["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(app.who(&own).await, StatusCode::OK);
    assert_eq!(app.who(&elsewhere).await, StatusCode::UNAUTHORIZED, "others end");
    let user = app.get_json(&format!("/api/users/{id}")).await;
    assert_eq!(user["has_second_factor"], true);

    let (alone, document) = browser(sign_in(&app, &mut laptop).await).await;
    assert_eq!(document["user"]["login"], "anna");
    let sessions = app.as_browser(&alone, Method::GET, "/api/sessions", None).await;
    let sessions: Value = sessions.json().await.unwrap();
    assert_eq!(sessions["items"][0]["began_by"], "passkey");

    let needed = problem(
        by_password(&app, "anna").await,
        StatusCode::FORBIDDEN,
        "second_factor_required",
    )
    .await;
    assert_eq!(needed["allowed"], json!(["code", "passkey"]));
    let (options, cookie) = asked(&app, &json!({"login": "anna", "password": PASSWORD})).await;
    assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
    // Beside the password a touch is enough.
    laptop.verifies = false;
    let (_, document) = browser(answer(&app, &cookie, &laptop.get(&options)).await).await;
    assert_eq!(document["second_factor"]["is_set"], true);
    // So is a code for a lost device.
    let code = added["recovery_codes"][0].as_str().unwrap();
    let body = json!({"login": "anna", "password": PASSWORD, "code": code});
    let by_code = app.anonymously(Method::POST, "/api/session", Some(&body)).await;
    assert_eq!(by_code.status(), StatusCode::OK);

    let listed = app.as_browser(&own, Method::GET, OWN, None).await;
    let listed: Value = listed.json().await.unwrap();
    assert_eq!(listed["items"][0]["id"], added["passkey"]["id"]);
    assert!(listed["items"][0]["last_used_at"].is_string());
    let trail = app.get_json("/api/audit?user=anna&limit=100").await.to_string();
    for action in ["user.passkey_begin", "user.passkey_add", "sign_in.passkey"] {
        assert!(trail.contains(&format!("\"{action}\"")), "{action}");
    }
}

#[tokio::test]
async fn what_an_authenticator_says_wrongly_signs_nobody_in() {
    let app = spawn_app_with(|options| {
        on_localhost(options);
        options.identity.lockout.free_failures = 1000;
    })
    .await;
    let (_, own) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    registered(&app, &own, &mut laptop).await;
    let (_, boris) = person(&app, "boris", &["clinician"]).await;
    let mut other = authenticator(8);
    registered(&app, &boris, &mut other).await;

    type Change = fn(&mut Authenticator);
    let wrong: [(&str, Change); 6] = [
        ("of a page elsewhere", |own| {
            own.origin = "https://evil.example".to_owned();
        }),
        ("of a page elsewhere", |own| {
            own.origin = "http://localhost:8081".to_owned();
        }),
        ("of a page elsewhere", |own| own.is_framed = true),
        ("for another site", |own| own.rp_id = "evil.example".to_owned()),
        ("the authenticator did not verify who used it", |own| {
            own.verifies = false;
        }),
        ("nobody touched the authenticator", |own| own.is_present = false),
    ];
    for (why, change) in wrong {
        let mut changed = laptop.clone();
        change(&mut changed);
        problem(
            sign_in(&app, &mut changed).await,
            StatusCode::FORBIDDEN,
            "wrong_passkey",
        )
        .await;
        let last = app.get_json("/api/audit?action=sign_in.passkey&limit=100").await;
        assert!(last.to_string().contains(why), "{why}: {last}");
    }
    for mut changed in [
        laptop.forged(),
        // A passkey of one account that says it is another's.
        other.of_another(&laptop),
        laptop.synced(),
        authenticator(9),
    ] {
        problem(
            sign_in(&app, &mut changed).await,
            StatusCode::FORBIDDEN,
            "wrong_passkey",
        )
        .await;
    }
    // Another account's beside the password.
    let (options, cookie) = asked(&app, &json!({"login": "anna", "password": PASSWORD})).await;
    let foreign = answer(&app, &cookie, &other.get(&options)).await;
    problem(foreign, StatusCode::FORBIDDEN, "wrong_passkey").await;
    // An answer to registering is none to signing in.
    let (options, cookie) = asked(&app, &json!({})).await;
    let other_kind = answer(&app, &cookie, &laptop.answer("webauthn.create", &options)).await;
    problem(other_kind, StatusCode::FORBIDDEN, "wrong_passkey").await;
    for none in [
        json!(null),
        json!({}),
        json!({"rawId": "!", "response": 1}),
        json!("x"),
    ] {
        let (_, cookie) = asked(&app, &json!({})).await;
        let none = answer(&app, &cookie, &none).await;
        assert!(none.status().is_client_error(), "{}", none.status());
    }
    assert_eq!(sign_in(&app, &mut laptop).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_challenge_is_good_for_one_answer_in_its_time_and_in_its_browser() {
    let app = spawn().await;
    let (_, own) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    laptop.counter = None;
    registered(&app, &own, &mut laptop).await;

    let (options, cookie) = asked(&app, &json!({})).await;
    let (_, elsewhere) = asked(&app, &json!({})).await;
    let right = laptop.get(&options);
    let other_browser = answer(&app, &elsewhere, &right).await;
    problem(other_browser, StatusCode::FORBIDDEN, "wrong_passkey").await;
    let no_browser = answer(&app, "norma_passkey=none", &right).await;
    problem(no_browser, StatusCode::FORBIDDEN, "passkey_challenge_gone").await;
    assert_eq!(answer(&app, &cookie, &right).await.status(), StatusCode::OK);
    let replayed = answer(&app, &cookie, &right).await;
    problem(replayed, StatusCode::FORBIDDEN, "passkey_challenge_gone").await;
    // Used up by a wrong answer too.
    let (options, cookie) = asked(&app, &json!({})).await;
    let wrong = answer(&app, &cookie, &laptop.forged().get(&options)).await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_passkey").await;
    let late = answer(&app, &cookie, &laptop.get(&options)).await;
    problem(late, StatusCode::FORBIDDEN, "passkey_challenge_gone").await;

    // Of two answers at once one signs in.
    let (options, cookie) = asked(&app, &json!({})).await;
    let right = laptop.get(&options);
    let two = futures::future::join_all([answer(&app, &cookie, &right), answer(&app, &cookie, &right)]).await;
    let passed = two.iter().filter(|answer| answer.status() == StatusCode::OK);
    assert_eq!(passed.count(), 1);

    // One that has run out: the same state, kept by hand with an end that is past.
    let (options, cookie) = asked(&app, &json!({})).await;
    let token = Token::parse(cookie.split_once('=').unwrap().1).unwrap();
    let id_hash = sha256(&[&b"sign_in\0"[..], &token.hash()].concat());
    let kept = app
        .database
        .take_passkey_ceremony(id_hash)
        .await
        .unwrap()
        .unwrap();
    let past = PasskeyCeremony {
        expires_at: Utc::now() - TimeDelta::seconds(1),
        ..kept
    };
    app.database.create_passkey_ceremony(past).await.unwrap();
    let expired = answer(&app, &cookie, &laptop.get(&options)).await;
    problem(expired, StatusCode::FORBIDDEN, "passkey_challenge_gone").await;
}

#[tokio::test]
async fn a_counter_that_goes_back_is_a_copys() {
    let app = spawn().await;
    let (_, own) = person(&app, "anna", &["clinician"]).await;
    let mut laptop = authenticator(7);
    registered(&app, &own, &mut laptop).await;
    let mut copy = laptop.clone();
    assert_eq!(sign_in(&app, &mut laptop).await.status(), StatusCode::OK);
    assert_eq!(sign_in(&app, &mut laptop).await.status(), StatusCode::OK);
    problem(
        sign_in(&app, &mut copy).await,
        StatusCode::FORBIDDEN,
        "passkey_copied",
    )
    .await;
    // Nor may one that has counted stop counting.
    copy.counter = None;
    problem(
        sign_in(&app, &mut copy).await,
        StatusCode::FORBIDDEN,
        "passkey_copied",
    )
    .await;
    // Whoever has no key of it does not say so.
    let mut forged = laptop.forged();
    forged.counter = Some(0);
    problem(
        sign_in(&app, &mut forged).await,
        StatusCode::FORBIDDEN,
        "wrong_passkey",
    )
    .await;
    let trail = app.get_json("/api/audit?action=sign_in.passkey&limit=100").await;
    assert!(trail.to_string().contains("there may be a copy"), "{trail}");
    assert_eq!(sign_in(&app, &mut laptop).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_passkey_is_taken_once_and_by_the_session_that_began_it() {
    let app = spawn().await;
    let (_, anna) = person(&app, "anna", &["clinician"]).await;
    let (_, boris) = person(&app, "boris", &["clinician"]).await;
    let mut laptop = authenticator(7);
    let options = begin(&app, &anna).await;
    let made = laptop.create(&options);
    // Another's session has not begun it.
    problem(
        add(&app, &boris, &made).await,
        StatusCode::FORBIDDEN,
        "passkey_challenge_gone",
    )
    .await;
    for change in [
        (|own| own.origin = "https://evil.example".to_owned()) as fn(&mut Authenticator),
        |own| own.rp_id = "evil.example".to_owned(),
        |own| own.is_present = false,
    ] {
        let options = begin(&app, &anna).await;
        let mut changed = laptop.clone();
        change(&mut changed);
        let refused = add(&app, &anna, &changed.create(&options)).await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "passkey_not_taken").await;
    }
    let options = begin(&app, &anna).await;
    let made = laptop.create(&options);
    assert_eq!(add(&app, &anna, &made).await.status(), StatusCode::CREATED);
    let again = add(&app, &anna, &made).await;
    problem(again, StatusCode::FORBIDDEN, "passkey_challenge_gone").await;
    // The same one of another account.
    let options = begin(&app, &boris).await;
    let taken = add(&app, &boris, &laptop.create(&options)).await;
    problem(taken, StatusCode::CONFLICT, "passkey_known").await;
    let options = begin(&app, &anna).await;
    assert_eq!(options["excludeCredentials"].as_array().unwrap().len(), 1);
    // A second one: nothing ends, and the recovery codes of the first count on.
    let more = registered(&app, &anna, &mut authenticator(8)).await;
    assert_eq!(more["recovery_codes"], Value::Null);
}
