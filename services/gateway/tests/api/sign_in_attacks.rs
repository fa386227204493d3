//! What an attacker does at the door: guesses without end, to come in or to keep others out.

use norma_domain::Role;
use norma_gateway::RequestRate;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::app::{App, client, form, make_key, problem, spawn_app, spawn_app_with};
use crate::identity::{PASSWORD, browser};

/// A sign-in from an address, as a proxy tells it.
async fn sign_in_from(app: &App, source: &str, login: &str, password: &str) -> Response {
    app.nobody
        .post(format!("{}/api/session", app.base))
        .header("x-forwarded-for", source)
        .json(&json!({"login": login, "password": password}))
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_known_login_is_not_kept_locked_by_somebody_elsewhere() {
    let app = spawn_app_with(|options| {
        options.trusted_proxies = vec!["127.0.0.1".parse().unwrap()];
        options.identity.lockout.free_failures = 1;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    app.signed_in("ivan", &["clinician"]).await;
    let at_work = "192.0.2.10";
    assert_eq!(
        sign_in_from(&app, at_work, "ivan", PASSWORD).await.status(),
        StatusCode::OK
    );
    // From one address a few guesses pass, from many a few more; then none.
    let mut passed = 0;
    for number in 0..40 {
        let source = format!("198.51.100.{}", number / 2);
        let answer = sign_in_from(&app, &source, "ivan", "a wrong password").await;
        passed += usize::from(answer.status() == StatusCode::UNAUTHORIZED);
    }
    assert!((20..=21).contains(&passed), "{passed} guesses passed");
    let elsewhere = sign_in_from(&app, "203.0.113.1", "ivan", "a wrong password").await;
    problem(elsewhere, StatusCode::TOO_MANY_REQUESTS, "too_many_attempts").await;
    // Whose login it is signs in from where it did before.
    assert_eq!(
        sign_in_from(&app, at_work, "ivan", PASSWORD).await.status(),
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_burst_of_guesses_is_counted_before_a_password_is_looked_at() {
    let app = spawn_app_with(|options| {
        options.identity.lockout.free_failures = 4;
        options.identity.lockout.first_pause_seconds = 600;
        options.identity.lockout.longest_pause_seconds = 600;
    })
    .await;
    app.signed_in("ivan", &["clinician"]).await;
    let guesses = (0..30).map(|_| app.sign_in("ivan", "a wrong password"));
    let answers = futures::future::join_all(guesses).await;
    let passed = answers
        .iter()
        .filter(|answer| answer.status() == StatusCode::UNAUTHORIZED);
    assert!(passed.count() <= 5);
}

#[tokio::test]
async fn whatever_it_shows_a_sign_in_is_counted_first() {
    let app = spawn_app_with(|options| {
        options.request_rate = RequestRate {
            per_minute: 1,
            burst: 3,
        };
    })
    .await;
    // Known from now on.
    app.get_json("/api/patients").await;
    let mut answers = Vec::new();
    for (name, value) in [
        ("cookie", "norma_session=x"),
        ("authorization", "Bearer norma_x"),
        ("cookie", "anything=else"),
    ] {
        let request = app
            .nobody
            .post(format!("{}/api/session", app.base))
            .header(name, value);
        let body = json!({"login": "ivan", "password": "x"});
        answers.push(request.json(&body).send().await.unwrap().status());
    }
    let refused = StatusCode::UNAUTHORIZED;
    assert_eq!(answers, [refused, refused, StatusCode::TOO_MANY_REQUESTS]);
    // Who is known counts for itself.
    app.get_json("/api/patients").await;
}

#[tokio::test]
async fn failures_of_one_kind_are_one_event() {
    let app = spawn_app_with(|options| options.identity.lockout.free_failures = 100).await;
    app.signed_in("ivan", &["clinician"]).await;
    for _ in 0..5 {
        for login in ["ivan", "nobody"] {
            app.sign_in(login, "a wrong password").await;
        }
    }
    let page = app.get_json("/api/audit?limit=100&action=sign_in.password").await;
    assert_eq!(
        page["items"].as_array().unwrap().len(),
        2,
        "one for each login: {page}"
    );
}

#[tokio::test]
async fn without_a_password_nothing_else_opens() {
    let app = spawn_app().await;
    let user = app.make_user("ivan", &["clinician"]).await;
    let token = app.invite(&user).await;
    let (invited, document) = browser(app.redeem(&token).await).await;
    assert_eq!(document["must_set_password"], true);
    for path in ["/api/patients", "/api/scans", "/api/events", "/dicom-web/studies"] {
        let refused = app.as_browser(&invited, Method::GET, path, None).await;
        problem(refused, StatusCode::FORBIDDEN, "password_not_set").await;
    }
    for weak in ["Password1234", "qwertyuiop12", "123456789012", "ivan-ivan-ivan"] {
        let body = json!({"new_password": weak});
        let refused = app
            .as_browser(&invited, Method::PUT, "/api/session/password", Some(&body))
            .await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "password_too_weak").await;
    }
    let body = json!({"new_password": PASSWORD});
    let changed = app
        .as_browser(&invited, Method::PUT, "/api/session/password", Some(&body))
        .await;
    let (own, _) = browser(changed).await;
    let patients = app.as_browser(&own, Method::GET, "/api/patients", None).await;
    assert_eq!(patients.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_leaked_password_is_refused_when_it_is_set_and_when_it_is_changed() {
    let app = spawn_app().await;
    let user = app.make_user("ivan", &["clinician"]).await;
    let token = app.invite(&user).await;
    let (invited, _) = browser(app.redeem(&token).await).await;
    for leaked in ["leavemealone", "Mailcreated5240", "Snowboarding 2026!"] {
        let body = json!({"new_password": leaked});
        let refused = app
            .as_browser(&invited, Method::PUT, "/api/session/password", Some(&body))
            .await;
        problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "password_leaked").await;
    }
    let body = json!({"new_password": PASSWORD});
    let set = app
        .as_browser(&invited, Method::PUT, "/api/session/password", Some(&body))
        .await;
    let (own, _) = browser(set).await;
    let change = json!({"current_password": PASSWORD, "new_password": "leavemealone"});
    let refused = app
        .as_browser(&own, Method::PUT, "/api/session/password", Some(&change))
        .await;
    problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "password_leaked").await;
    // Neither is what it would be set to after a link for who forgot it.
    let token = app.invite(&user).await;
    let (back, _) = browser(app.redeem(&token).await).await;
    let body = json!({"new_password": "leavemealone"});
    let refused = app
        .as_browser(&back, Method::PUT, "/api/session/password", Some(&body))
        .await;
    problem(refused, StatusCode::UNPROCESSABLE_ENTITY, "password_leaked").await;
    // The old one still holds.
    let again = app
        .request(Method::POST, "/api/session")
        .json(&json!({"login": "ivan", "password": PASSWORD}))
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_link_leads_where_the_settings_say_not_the_request() {
    let app = spawn_app().await;
    let user = app.make_user("ivan", &["clinician"]).await;
    let path = format!("/api/users/{}/sign-in-link", user["id"].as_str().unwrap());
    let answer = app
        .request(Method::POST, &path)
        .header("host", "evil.example")
        .header("x-forwarded-host", "evil.example")
        .header("forwarded", "host=evil.example;proto=https")
        .send()
        .await
        .unwrap();
    let link: Value = answer.json().await.unwrap();
    let link = link["link"].as_str().unwrap();
    assert!(link.starts_with(&format!("{}/login#token=", app.base)), "{link}");
}

#[tokio::test]
async fn keys_of_one_name_share_nothing_and_expire() {
    let app = spawn_app().await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let body = json!({"name": "pacs", "roles": ["integrator"]});
        let answer = app.send_json(Method::POST, "/api/keys", &body).await;
        assert_eq!(answer.status(), StatusCode::CREATED);
        let made: Value = answer.json().await.unwrap();
        assert_eq!(made["key"]["scope"], made["key"]["id"]);
        assert!(made["key"]["expires_at"].is_string(), "{made}");
        clients.push(client(made["secret"].as_str()));
    }
    let url = format!("{}/api/scans", app.base);
    let uploaded = clients[0].post(&url).multipart(form("a.zip", b"x")).send().await;
    assert_eq!(uploaded.unwrap().status(), StatusCode::CREATED);
    for (key, total) in [(&clients[0], 1), (&clients[1], 0)] {
        let listed: Value = key.get(&url).send().await.unwrap().json().await.unwrap();
        assert_eq!(listed["total"], total);
    }
}

#[tokio::test]
async fn a_deleted_name_is_in_no_file_any_more() {
    let app = spawn_app().await;
    let name = "Qwmzkvinskaya";
    let patient = app.create_patient("Anna", name).await;
    let holds_name = || {
        let files = std::fs::read_dir(app.folder.path()).unwrap();
        files
            .map(|file| file.unwrap().path())
            .filter(|path| path.is_file())
            .any(|path| holds(&std::fs::read(path).unwrap(), name.as_bytes()))
    };
    assert!(holds_name());
    let path = format!("/api/patients/{}", patient["id"].as_str().unwrap());
    assert_eq!(app.delete(&path).await.status(), StatusCode::NO_CONTENT);
    assert!(!holds_name(), "the name is still in the database's files");
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// Whoever stole it would read patients' studies by one request more.
#[tokio::test]
async fn an_administrators_key_makes_itself_no_clinicians() {
    let app = spawn_app().await;
    let (doctor, _) = app.signed_in("doctor", &["clinician"]).await;
    let (porter, _) = app.signed_in("porter", &["operator"]).await;
    let (_, administrator) = app.signed_in("boss", &["administrator"]).await;
    make_key(&app.database, "pacs", &[Role::Integrator], |_| {}).await;
    let stolen = client(Some(
        &make_key(&app.database, "admin", &[Role::Administrator], |_| {}).await,
    ));
    let path_of = |user: &Value, rest: &str| format!("/api/users/{}{rest}", user["id"].as_str().unwrap());
    let key = |roles: &[&str]| json!({"name": "mine", "roles": roles});
    let account = |login: &str, roles: &[&str]| json!({"login": login, "display_name": "Me", "roles": roles});
    let more = json!({"display_name": "Porter", "roles": ["operator", "clinician"], "disabled": false});
    let shared = json!({"name": "mine", "scope": "pacs", "roles": ["integrator"]});
    for (method, path, body) in [
        (Method::POST, "/api/keys".to_owned(), key(&["clinician"])),
        (
            Method::POST,
            "/api/keys".to_owned(),
            key(&["administrator", "clinician"]),
        ),
        (Method::POST, "/api/keys".to_owned(), shared),
        (
            Method::POST,
            "/api/users".to_owned(),
            account("me", &["clinician"]),
        ),
        (Method::PUT, path_of(&porter, ""), more),
        (Method::POST, path_of(&doctor, "/sign-in-link"), Value::Null),
    ] {
        let refused = stolen
            .request(method, format!("{}{path}", app.base))
            .json(&body)
            .send()
            .await
            .unwrap();
        let told = problem(refused, StatusCode::FORBIDDEN, "roles_beyond_own").await;
        assert_eq!(told["allowed"], json!(["administrator"]), "{path}");
    }
    for (path, body) in [
        ("/api/keys", key(&["integrator"])),
        ("/api/keys", key(&["administrator", "operator"])),
        ("/api/users", account("second", &["administrator"])),
    ] {
        let made = stolen
            .post(format!("{}{path}", app.base))
            .json(&body)
            .send()
            .await
            .unwrap();
        assert_eq!(made.status(), StatusCode::CREATED, "{path} {body}");
    }
    // Nor are an account's own roles lost by a change of its name.
    let renamed = json!({"display_name": "Doctor", "roles": ["clinician"], "disabled": false});
    let kept = stolen
        .put(format!("{}{}", app.base, path_of(&doctor, "")))
        .json(&renamed);
    assert_eq!(kept.send().await.unwrap().status(), StatusCode::OK);
    // A person who signed in may: the trail tells who.
    let wanted = key(&["clinician"]);
    let made = app.as_browser(&administrator, Method::POST, "/api/keys", Some(&wanted));
    assert_eq!(made.await.status(), StatusCode::CREATED);
}
