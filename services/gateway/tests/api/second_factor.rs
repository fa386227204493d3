//! Codes of an authenticator beside the password.

use std::time::Duration;

use chrono::Utc;
use norma_access::TotpSecret;
use norma_domain::{Role, Roles, UserId};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, id_of, problem, spawn_app, spawn_app_with};
use crate::identity::{Browser, PASSWORD, browser};

const SECOND_FACTOR: &str = "/api/session/second-factor";

/// A person with a second factor: what an authenticator knows, and codes for a lost one.
struct Person {
    id: UserId,
    secret: TotpSecret,
    recovery_codes: Vec<String>,
    browser: Browser,
}

impl Person {
    /// The code so many steps of 30 seconds from now. One of the step before, of this one and of the next is taken, in this
    /// order: each only once.
    fn code(&self, steps: i64) -> String {
        code_of(&self.secret, steps)
    }
}

fn code_of(secret: &TotpSecret, steps: i64) -> String {
    let at = Utc::now().timestamp() + 30 * steps;
    secret.code_at(at.unsigned_abs()).unwrap()
}

/// The code of the step before now, which counts for as long as this step lasts: near its end the next is waited for.
pub(crate) async fn code_of_the_step_before(secret: &TotpSecret) -> String {
    let into = Utc::now().timestamp().rem_euclid(30).unsigned_abs();
    if into >= 24 {
        tokio::time::sleep(Duration::from_secs(30 - into)).await;
    }
    code_of(secret, -1)
}

async fn sign_in(app: &App, login: &str, password: &str, code: Option<&str>) -> Response {
    let body = json!({"login": login, "password": password, "code": code});
    app.anonymously(Method::POST, "/api/session", Some(&body)).await
}

async fn secret_of(app: &App, id: UserId) -> TotpSecret {
    TotpSecret::from_bytes(app.database.second_factor_secret(id).await.unwrap().unwrap())
}

/// Sets one up by the code of the step before now.
async fn set_up(app: &App, browser: &Browser, id: UserId) -> Vec<String> {
    let begun = app.as_browser(browser, Method::POST, SECOND_FACTOR, None).await;
    assert_eq!(begun.status(), StatusCode::OK);
    let code = code_of_the_step_before(&secret_of(app, id).await).await;
    let body = json!({"code": code});
    let confirmed = app
        .as_browser(browser, Method::PUT, SECOND_FACTOR, Some(&body))
        .await;
    assert_eq!(confirmed.status(), StatusCode::OK);
    let document: Value = confirmed.json().await.unwrap();
    serde_json::from_value(document["recovery_codes"].clone()).unwrap()
}

async fn person(app: &App, login: &str, roles: &[&str]) -> Person {
    let (user, browser) = app.signed_in(login, roles).await;
    let id = id_of(&user);
    let recovery_codes = set_up(app, &browser, id).await;
    Person {
        id,
        secret: secret_of(app, id).await,
        recovery_codes,
        browser,
    }
}

#[tokio::test]
async fn a_person_sets_a_second_factor_up_and_signs_in_with_it() {
    let app = spawn_app().await;
    let (user, own) = app.signed_in("anna", &["clinician"]).await;
    let (elsewhere, document) = browser(app.sign_in("anna", PASSWORD).await).await;
    assert_eq!(
        document["second_factor"],
        json!({"is_set": false, "must_set": false, "is_offered": true})
    );
    let id: UserId = id_of(&user);

    let none = app
        .as_browser(&own, Method::PUT, SECOND_FACTOR, Some(&json!({"code": "123456"})))
        .await;
    problem(none, StatusCode::CONFLICT, "no_second_factor").await;
    let begun = app.as_browser(&own, Method::POST, SECOND_FACTOR, None).await;
    let first: Value = begun.json().await.unwrap();
    let begun = app.as_browser(&own, Method::POST, SECOND_FACTOR, None).await;
    let begun: Value = begun.json().await.unwrap();
    assert_ne!(first["secret"], begun["secret"], "each is a new one");
    let secret = secret_of(&app, id).await;
    let told = secret.enrolment("Norma", "anna").unwrap();
    assert_eq!(begun["secret"], told.secret);
    assert_eq!(begun["url"], told.url);
    assert!(begun["qr_svg"].as_str().unwrap().contains("<svg"));
    // Nothing is asked for before a code of it came.
    assert_eq!(
        sign_in(&app, "anna", PASSWORD, None).await.status(),
        StatusCode::OK
    );

    let wrong = json!({"code": code_of(&TotpSecret::generate(), 0)});
    let wrong = app
        .as_browser(&own, Method::PUT, SECOND_FACTOR, Some(&wrong))
        .await;
    problem(wrong, StatusCode::FORBIDDEN, "wrong_code").await;
    let body = json!({"code": code_of_the_step_before(&secret).await});
    let confirmed = app
        .as_browser(&own, Method::PUT, SECOND_FACTOR, Some(&body))
        .await;
    let confirmed: Value = confirmed.json().await.unwrap();
    assert_eq!(confirmed["recovery_codes"].as_array().unwrap().len(), 10);
    assert_eq!(app.who(&own).await, StatusCode::OK);
    assert_eq!(app.who(&elsewhere).await, StatusCode::UNAUTHORIZED, "others end");

    let again = app.as_browser(&own, Method::POST, SECOND_FACTOR, None).await;
    problem(again, StatusCode::CONFLICT, "second_factor_set").await;
    let state = app.as_browser(&own, Method::GET, SECOND_FACTOR, None).await;
    let state: Value = state.json().await.unwrap();
    assert_eq!(state["recovery_codes_left"], 10);
    assert!(state["since"].is_string());
    // What was shown once is in no answer any more.
    let user = app.get_json(&format!("/api/users/{id}")).await;
    assert_eq!(user["has_second_factor"], true);
    for answer in [&state, &user] {
        assert!(!answer.to_string().contains(&told.secret));
    }

    let asked = sign_in(&app, "anna", PASSWORD, None).await;
    problem(asked, StatusCode::FORBIDDEN, "second_factor_required").await;
    let wrong = sign_in(&app, "anna", "another password", Some(&code_of(&secret, 0))).await;
    problem(wrong, StatusCode::UNAUTHORIZED, "wrong_credentials").await;
    let (_, document) = browser(sign_in(&app, "anna", PASSWORD, Some(&code_of(&secret, 0))).await).await;
    assert_eq!(document["second_factor"]["is_set"], true);

    let trail = app.get_json("/api/audit?user=anna&limit=100").await.to_string();
    for action in ["user.second_factor_begin", "user.second_factor_set"] {
        assert!(trail.contains(action), "{action}");
    }
    for secret in [&told.secret, confirmed["recovery_codes"][0].as_str().unwrap()] {
        assert!(!trail.contains(secret));
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_only_for_its_time() {
    let app = spawn_app().await;
    let anna = person(&app, "anna", &["clinician"]).await;
    // Those of the step that set it up and of before, and of times far away.
    for steps in [-1, -3, 4] {
        let refused = sign_in(&app, "anna", PASSWORD, Some(&anna.code(steps))).await;
        problem(refused, StatusCode::FORBIDDEN, "wrong_code").await;
    }
    let code = anna.code(0);
    let used = sign_in(&app, "anna", PASSWORD, Some(&code)).await;
    assert_eq!(used.status(), StatusCode::OK);
    let replayed = sign_in(&app, "anna", PASSWORD, Some(&code)).await;
    problem(replayed, StatusCode::FORBIDDEN, "wrong_code").await;
    // A clock that goes ahead by one step, and as people type it.
    let ahead = anna.code(1);
    let ahead = format!(" {} {}", &ahead[..3], &ahead[3..]);
    let two = futures::future::join_all([
        sign_in(&app, "anna", PASSWORD, Some(&ahead)),
        sign_in(&app, "anna", PASSWORD, Some(&ahead)),
    ])
    .await;
    let passed = two
        .iter()
        .filter(|answer| answer.status() == StatusCode::OK)
        .count();
    assert_eq!(passed, 1, "of two at once one passes");
}

#[tokio::test]
async fn guesses_at_a_code_are_counted_before_it_is_looked_at() {
    let app = spawn_app_with(|options| {
        options.identity.lockout.free_failures = 4;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    let anna = person(&app, "anna", &["clinician"]).await;
    let wrong = code_of(&TotpSecret::generate(), 0);
    let guesses = (0..30).map(|_| sign_in(&app, "anna", PASSWORD, Some(&wrong)));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers
        .iter()
        .filter(|answer| answer.status() == StatusCode::FORBIDDEN);
    assert!(looked_at.count() <= 5);
    // The right password sets nothing back, nor does a right code help meanwhile.
    let locked = sign_in(&app, "anna", PASSWORD, Some(&anna.code(0))).await;
    problem(locked, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
}

#[tokio::test]
async fn a_recovery_code_signs_in_once_and_new_ones_end_those_before() {
    let app = spawn_app().await;
    let anna = person(&app, "anna", &["clinician"]).await;
    let code = anna.recovery_codes[0].to_uppercase().replace('-', " ");
    let used = sign_in(&app, "anna", PASSWORD, Some(&code)).await;
    assert_eq!(used.status(), StatusCode::OK);
    let again = sign_in(&app, "anna", PASSWORD, Some(&code)).await;
    problem(again, StatusCode::FORBIDDEN, "wrong_code").await;
    let state = app
        .as_browser(&anna.browser, Method::GET, SECOND_FACTOR, None)
        .await;
    assert_eq!(state.json::<Value>().await.unwrap()["recovery_codes_left"], 9);

    let renewed = app
        .as_browser(&anna.browser, Method::POST, "/api/session/recovery-codes", None)
        .await;
    let renewed: Value = renewed.json().await.unwrap();
    let old = sign_in(&app, "anna", PASSWORD, Some(&anna.recovery_codes[1])).await;
    problem(old, StatusCode::FORBIDDEN, "wrong_code").await;
    let new = renewed["recovery_codes"][0].as_str().unwrap();
    assert_eq!(
        sign_in(&app, "anna", PASSWORD, Some(new)).await.status(),
        StatusCode::OK
    );
    // Another's are none of hers.
    let boris = person(&app, "boris", &["clinician"]).await;
    let foreign = sign_in(&app, "anna", PASSWORD, Some(&boris.recovery_codes[0])).await;
    problem(foreign, StatusCode::FORBIDDEN, "wrong_code").await;
}

#[tokio::test]
async fn a_sign_in_link_asks_for_the_code_too_and_stays_unused_without() {
    let app = spawn_app().await;
    let anna = person(&app, "anna", &["clinician"]).await;
    let token = app.invite(&json!({"id": anna.id.to_string()})).await;
    let without = app.redeem(&token).await;
    problem(without, StatusCode::FORBIDDEN, "second_factor_required").await;
    let body = json!({"token": token, "code": anna.code(0)});
    let with = app
        .anonymously(Method::POST, "/api/session/token", Some(&body))
        .await;
    let (by_link, document) = browser(with).await;
    assert_eq!(document["password_needs_current"], false);
    let body = json!({"new_password": "another correct horse"});
    let set = app
        .as_browser(&by_link, Method::PUT, "/api/session/password", Some(&body))
        .await;
    assert_eq!(set.status(), StatusCode::OK);
    let asked = sign_in(&app, "anna", "another correct horse", None).await;
    problem(asked, StatusCode::FORBIDDEN, "second_factor_required").await;
}

#[tokio::test]
async fn an_administrator_resets_anothers_and_nobody_the_own_nor_a_key() {
    let app = spawn_app().await;
    let anna = person(&app, "anna", &["clinician"]).await;
    let (boss, by_boss) = app.signed_in("boss", &["administrator"]).await;
    let of = |id: &str| format!("/api/users/{id}/second-factor");
    let path = of(&anna.id.to_string());
    problem(
        app.delete(&path).await,
        StatusCode::FORBIDDEN,
        "only_for_sessions",
    )
    .await;
    let herself = app.as_browser(&anna.browser, Method::DELETE, &path, None).await;
    problem(herself, StatusCode::FORBIDDEN, "forbidden").await;
    let own = app
        .as_browser(&by_boss, Method::DELETE, &of(boss["id"].as_str().unwrap()), None)
        .await;
    problem(own, StatusCode::FORBIDDEN, "own_second_factor").await;

    let reset = app.as_browser(&by_boss, Method::DELETE, &path, None).await;
    assert_eq!(reset.status(), StatusCode::NO_CONTENT);
    assert_eq!(app.who(&anna.browser).await, StatusCode::UNAUTHORIZED);
    assert_eq!(
        sign_in(&app, "anna", PASSWORD, None).await.status(),
        StatusCode::OK
    );
    let again = app.as_browser(&by_boss, Method::DELETE, &path, None).await;
    problem(again, StatusCode::CONFLICT, "no_second_factor").await;
    let trail = app
        .get_json("/api/audit?action=user.second_factor_reset&user=boss")
        .await;
    let is_told = |event: &Value| event["outcome"] == "success" && event["object_id"] == anna.id.to_string();
    assert!(trail["items"].as_array().unwrap().iter().any(is_told), "{trail}");
}

#[tokio::test]
async fn whoever_holds_a_role_that_needs_one_does_nothing_before() {
    let app = spawn_app_with(|options| {
        options.identity.second_factor.required_for = Roles::of(&[Role::Administrator]);
    })
    .await;
    let (user, own) = app.signed_in("boss", &["administrator", "clinician"]).await;
    let (_, clinician) = app.signed_in("vera", &["clinician"]).await;
    let patients = |who: Browser| {
        let app = &app;
        async move { app.as_browser(&who, Method::GET, "/api/patients", None).await }
    };
    assert_eq!(patients(clinician).await.status(), StatusCode::OK);
    problem(
        patients(own.clone()).await,
        StatusCode::FORBIDDEN,
        "second_factor_not_set",
    )
    .await;
    let session = app.as_browser(&own, Method::GET, "/api/session", None).await;
    let session: Value = session.json().await.unwrap();
    assert_eq!(session["second_factor"]["must_set"], true);
    set_up(&app, &own, id_of(&user)).await;
    assert_eq!(patients(own.clone()).await.status(), StatusCode::OK);
    // Taken away, it is asked for again.
    let removed = app.as_browser(&own, Method::DELETE, SECOND_FACTOR, None).await;
    assert_eq!(removed.status(), StatusCode::NO_CONTENT);
    problem(
        patients(own).await,
        StatusCode::FORBIDDEN,
        "second_factor_not_set",
    )
    .await;
    // Keys have none.
    app.get_json("/api/patients").await;
}

#[tokio::test]
async fn where_it_is_off_nobody_begins_one_and_who_has_one_is_asked() {
    let app = spawn_app_with(|options| {
        options.identity.second_factor.mode = norma_service::SecondFactorMode::Off;
    })
    .await;
    let (user, own) = app.signed_in("anna", &["clinician"]).await;
    let off = app.as_browser(&own, Method::POST, SECOND_FACTOR, None).await;
    problem(off, StatusCode::CONFLICT, "second_factor_off").await;
    problem(
        app.get(SECOND_FACTOR).await,
        StatusCode::FORBIDDEN,
        "only_for_sessions",
    )
    .await;
    // From before it was off.
    let id: UserId = id_of(&user);
    let secret = TotpSecret::generate();
    let kept = secret.expose().to_vec();
    assert!(app.database.begin_second_factor(id, kept.clone()).await.unwrap());
    let confirmed = norma_database::NewSecondFactor {
        user_id: id,
        secret: kept,
        step: 1,
        recovery_code_hashes: Vec::new(),
        kept_session: [0; 32],
    };
    assert!(app.database.confirm_second_factor(confirmed).await.unwrap());
    let asked = sign_in(&app, "anna", PASSWORD, None).await;
    problem(asked, StatusCode::FORBIDDEN, "second_factor_required").await;
    let code = code_of(&secret, 0);
    assert_eq!(
        sign_in(&app, "anna", PASSWORD, Some(&code)).await.status(),
        StatusCode::OK
    );
}
