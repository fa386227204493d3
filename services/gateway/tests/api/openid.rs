//! Sign-in by OpenID Connect against an issuer of the test's own.

use chrono::Utc;
use reqwest::header::{COOKIE, LOCATION, SET_COOKIE};
use reqwest::{Method, Response, StatusCode, Url};
use serde_json::{Value, json};

use crate::app::{App, problem, spawn_app, spawn_app_with};
use crate::identity::browser;
use crate::issuer::{CLIENT_ID, Issuer, Key, hmac_sha256, unsigned};

async fn start(issuer: &Issuer) -> App {
    let url = issuer.url.clone();
    spawn_app_with(move |options| {
        options.public_url = Some("http://norma.example".to_owned());
        options.identity.openid.issuer = Some(url);
        options.identity.openid.client_id = Some(CLIENT_ID.to_owned());
        options.identity.openid.client_secret = Some("secret of the client".to_owned().into());
        options.identity.openid.roles_claim = "realm.roles".to_owned();
    })
    .await
}

/// A sign-in under way: what the browser holds and what the issuer was told.
struct Attempt {
    cookie: String,
    state: String,
    nonce: String,
    challenge: String,
}

async fn begin(app: &App) -> Attempt {
    let url = format!("{}/api/openid/start?return_to=/patients", app.base);
    let response = app.nobody.get(url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::FOUND);
    let set = response.headers()[SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax"), "{set}");
    let cookie = set.split(';').next().unwrap().to_owned();
    let location = Url::parse(response.headers()[LOCATION].to_str().unwrap()).unwrap();
    let said = |name: &str| {
        let found = location.query_pairs().find(|(known, _)| known == name);
        found
            .unwrap_or_else(|| panic!("no {name} in {location}"))
            .1
            .into_owned()
    };
    assert_eq!(said("client_id"), CLIENT_ID);
    assert_eq!(said("response_type"), "code");
    assert_eq!(said("code_challenge_method"), "S256");
    assert_eq!(said("redirect_uri"), "http://norma.example/api/openid/callback");
    assert!(said("scope").contains("openid"));
    Attempt {
        cookie,
        state: said("state"),
        nonce: said("nonce"),
        challenge: said("code_challenge"),
    }
}

async fn come_back(app: &App, cookie: &str, query: &str) -> Response {
    app.nobody
        .get(format!("{}/api/openid/callback?{query}", app.base))
        .header(COOKIE, cookie)
        .send()
        .await
        .unwrap()
}

fn claims(issuer: &Issuer, attempt: &Attempt) -> Value {
    let now = Utc::now().timestamp();
    json!({
        "iss": issuer.url, "sub": "4711", "aud": CLIENT_ID, "nonce": attempt.nonce,
        "iat": now, "exp": now + 300,
        "preferred_username": "anna", "name": "Anna Petrova",
        "realm": {"roles": ["staff", "norma-clinician"]},
    })
}

/// Where the browser is sent after a sign-in with such a token.
async fn outcome(app: &App, issuer: &Issuer, attempt: &Attempt, token: String) -> (String, Response) {
    issuer.answer_with(token, &attempt.challenge);
    let response = come_back(app, &attempt.cookie, &format!("code=c&state={}", attempt.state)).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = response.headers()[LOCATION].to_str().unwrap().to_owned();
    (location, response)
}

fn session_cookie(response: &Response) -> String {
    let cookies = response.headers().get_all(SET_COOKIE);
    let mut cookies = cookies.iter().map(|cookie| cookie.to_str().unwrap());
    let cookie = cookies.find(|cookie| cookie.starts_with("norma_session="));
    cookie.unwrap().split(';').next().unwrap().to_owned()
}

async fn session_of(app: &App, response: &Response) -> Value {
    let session = app
        .nobody
        .get(format!("{}/api/session", app.base))
        .header(COOKIE, session_cookie(response))
        .send()
        .await
        .unwrap();
    session.json().await.unwrap()
}

async fn sign_out(app: &App, signed_in: &Response) -> Response {
    let csrf = session_of(app, signed_in).await["csrf_token"].clone();
    app.nobody
        .delete(format!("{}/api/session", app.base))
        .header(COOKIE, session_cookie(signed_in))
        .header("x-csrf-token", csrf.as_str().unwrap())
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_session_is_as_fresh_as_the_issuer_says_and_asks_it_again() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    let app = start(&issuer).await;
    let make_a_key = async |signed_in: &Response| {
        let csrf = session_of(&app, signed_in).await["csrf_token"].clone();
        app.nobody
            .post(format!("{}/api/keys", app.base))
            .header(COOKIE, session_cookie(signed_in))
            .header("x-csrf-token", csrf.as_str().unwrap())
            .json(&json!({"name": "pacs", "roles": ["integrator"]}))
            .send()
            .await
            .unwrap()
    };
    let now = Utc::now().timestamp();
    for (shown, is_fresh) in [(Some(now - 3600), false), (Some(now), true), (None, true)] {
        let attempt = begin(&app).await;
        let mut said = claims(&issuer, &attempt);
        said["realm"]["roles"] = json!(["norma-administrator"]);
        if let Some(shown) = shown {
            said["auth_time"] = json!(shown);
        }
        let (_, response) = outcome(&app, &issuer, &attempt, key.sign(&said)).await;
        let made = make_a_key(&response).await;
        if is_fresh {
            assert_eq!(made.status(), StatusCode::CREATED);
        } else {
            problem(made, StatusCode::FORBIDDEN, "verification_required").await;
        }
        assert_eq!(session_of(&app, &response).await["second_factor"], Value::Null);
    }
    let url = format!("{}/api/openid/start?again=true&return_to=/keys", app.base);
    let asked = app.nobody.get(url).send().await.unwrap();
    let location = asked.headers()[LOCATION].to_str().unwrap();
    assert!(
        location.contains("prompt=login") && location.contains("max_age=0"),
        "{location}"
    );
}

#[tokio::test]
async fn who_signs_out_here_signs_out_at_the_issuer_too() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    issuer.end_sessions();
    let app = start(&issuer).await;
    let attempt = begin(&app).await;
    let token = key.sign(&claims(&issuer, &attempt));
    let (_, response) = outcome(&app, &issuer, &attempt, token.clone()).await;
    let out = sign_out(&app, &response).await;
    assert_eq!(out.status(), StatusCode::OK);
    assert_eq!(out.headers()["clear-site-data"], "\"cache\"");
    let cookie = out.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("norma_session=;"), "{cookie}");
    let document: Value = out.json().await.unwrap();
    let place = Url::parse(document["continue_at"].as_str().unwrap()).unwrap();
    assert_eq!(place.path(), "/end-session");
    let said: Vec<(String, String)> = place.query_pairs().into_owned().collect();
    for (name, value) in [
        ("tenant", "1"),
        ("id_token_hint", token.as_str()),
        ("client_id", CLIENT_ID),
        ("post_logout_redirect_uri", "http://norma.example/login"),
    ] {
        assert!(
            said.contains(&(name.to_owned(), value.to_owned())),
            "{name}: {said:?}"
        );
    }
    // Here it is over, whether or not the browser goes there.
    let after = session_of(&app, &response).await;
    assert_eq!(after["code"], "not_authenticated");

    // A person with a password has nothing to do there.
    let ivan = app.make_user("ivan", &["clinician"]).await;
    let path = format!("/api/users/{}/sign-in-link", ivan["id"].as_str().unwrap());
    let link: Value = app.post(&path).await.json().await.unwrap();
    let (_, token) = link["link"].as_str().unwrap().split_once("#token=").unwrap();
    let (own, _) = browser(app.redeem(token).await).await;
    let out = app.as_browser(&own, Method::DELETE, "/api/session", None).await;
    assert_eq!(out.status(), StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn an_issuer_without_a_place_to_sign_out_keeps_nobody_signed_in_here() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    let quiet = start(&issuer).await;
    issuer.end_sessions();
    let url = issuer.url.clone();
    let unwilling = spawn_app_with(move |options| {
        options.public_url = Some("http://norma.example".to_owned());
        options.identity.openid.issuer = Some(url);
        options.identity.openid.client_id = Some(CLIENT_ID.to_owned());
        options.identity.openid.roles_claim = "realm.roles".to_owned();
        options.identity.openid.sign_out_at_issuer = false;
    })
    .await;
    for (app, ends_sessions) in [(unwilling, true), (quiet, false)] {
        if !ends_sessions {
            issuer.end_no_sessions();
        }
        let attempt = begin(&app).await;
        let (_, response) = outcome(&app, &issuer, &attempt, key.sign(&claims(&issuer, &attempt))).await;
        let out = sign_out(&app, &response).await;
        assert_eq!(out.status(), StatusCode::NO_CONTENT);
        assert_eq!(session_of(&app, &response).await["code"], "not_authenticated");
    }
}

#[tokio::test]
async fn who_signs_in_at_the_issuer_has_the_roles_that_it_says() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    let app = start(&issuer).await;
    let attempt = begin(&app).await;
    let token = key.sign(&claims(&issuer, &attempt));
    let (location, response) = outcome(&app, &issuer, &attempt, token).await;
    assert_eq!(location, "/patients");
    let session = session_of(&app, &response).await;
    assert_eq!(session["user"]["login"], "anna");
    assert_eq!(session["user"]["display_name"], "Anna Petrova");
    assert_eq!(session["user"]["roles"], json!(["clinician"]));
    assert_eq!(session["must_set_password"], false);

    // The same person again, with another name and another role.
    let attempt = begin(&app).await;
    let mut later = claims(&issuer, &attempt);
    later["preferred_username"] = "anna.ivanova".into();
    later["realm"]["roles"] = json!(["norma-operator"]);
    let (_, response) = outcome(&app, &issuer, &attempt, key.sign(&later)).await;
    let again = session_of(&app, &response).await;
    assert_eq!(again["user"]["id"], session["user"]["id"]);
    assert_eq!(again["user"]["roles"], json!(["operator"]));

    // Without a role nobody is let in, not even who was before.
    let attempt = begin(&app).await;
    let mut without = claims(&issuer, &attempt);
    without["realm"]["roles"] = json!(["staff"]);
    let (location, _) = outcome(&app, &issuer, &attempt, key.sign(&without)).await;
    assert_eq!(location, "/login?error=openid_no_role");
    let trail = app.get_json("/api/audit?action=sign_in.openid").await;
    let outcomes: Vec<_> = trail["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["outcome"])
        .collect();
    assert_eq!(outcomes, ["refused", "success", "success"]);
}

#[tokio::test]
async fn a_name_at_the_issuer_opens_no_account_of_another() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    let app = start(&issuer).await;
    let local = json!({"login": "anna", "display_name": "Anna", "roles": ["administrator"]});
    app.send_json(reqwest::Method::POST, "/api/users", &local).await;
    let attempt = begin(&app).await;
    let token = key.sign(&claims(&issuer, &attempt));
    let (_, response) = outcome(&app, &issuer, &attempt, token).await;
    let session = session_of(&app, &response).await;
    assert_eq!(session["user"]["login"], "anna-2");
    assert_eq!(session["user"]["roles"], json!(["clinician"]));
}

#[tokio::test]
async fn tokens_that_must_not_be_believed_are_not() {
    let issuer = Issuer::start();
    let (key, stranger) = (Key::new(1), Key::new(2));
    issuer.publish(&[&key]);
    let app = start(&issuer).await;
    type Forge = fn(&Key, &Key, Value) -> String;
    let changed = |name: &'static str, value: fn() -> Value| (name, value);
    let forged: [(&str, Forge); 5] = [
        (
            "signed by a stranger under the key's name",
            |key, stranger, claims| {
                let unsigned = unsigned(&key.header("ES256"), &claims);
                let signature = stranger.sign(&claims);
                format!("{unsigned}.{}", signature.rsplit('.').next().unwrap())
            },
        ),
        ("without a signature", |key, _, claims| {
            format!("{}.", unsigned(&key.header("none"), &claims))
        }),
        ("HS256 with the public key", |key, _, claims| {
            let unsigned = unsigned(&key.header("HS256"), &claims);
            let signature = hmac_sha256(&key.public_bytes(), unsigned.as_bytes());
            format!("{unsigned}.{}", encode(&signature))
        }),
        ("HS256 with the client's secret", |key, _, claims| {
            let unsigned = unsigned(&key.header("HS256"), &claims);
            let signature = hmac_sha256(b"secret of the client", unsigned.as_bytes());
            format!("{unsigned}.{}", encode(&signature))
        }),
        ("changed after it was signed", |key, _, mut claims| {
            let signed = key.sign(&claims);
            claims["realm"]["roles"] = json!(["norma-administrator"]);
            let unsigned = unsigned(&key.header("ES256"), &claims);
            format!("{unsigned}.{}", signed.rsplit('.').next().unwrap())
        }),
    ];
    for (name, forge) in forged {
        let attempt = begin(&app).await;
        let token = forge(&key, &stranger, claims(&issuer, &attempt));
        let (location, _) = outcome(&app, &issuer, &attempt, token).await;
        // What is no token at all is refused as an answer that cannot be read.
        let refusals = ["/login?error=openid_token", "/login?error=openid_unreachable"];
        assert!(refusals.contains(&location.as_str()), "{name}: {location}");
    }
    for (claim, value) in [
        changed("exp", || json!(Utc::now().timestamp() - 60)),
        changed("aud", || json!("another client")),
        changed("iss", || json!("http://127.0.0.1:1")),
        changed("nonce", || json!("of another sign-in")),
    ] {
        let attempt = begin(&app).await;
        let mut claims = claims(&issuer, &attempt);
        claims[claim] = value();
        let (location, _) = outcome(&app, &issuer, &attempt, key.sign(&claims)).await;
        assert_eq!(location, "/login?error=openid_token", "{claim}");
    }
    assert_eq!(
        app.get_json("/api/users").await["total"],
        0,
        "nobody got an account"
    );
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

#[tokio::test]
async fn a_sign_in_belongs_to_the_browser_that_began_it_and_ends_once() {
    let issuer = Issuer::start();
    let key = Key::new(1);
    issuer.publish(&[&key]);
    let app = start(&issuer).await;
    let attempt = begin(&app).await;
    issuer.answer_with(key.sign(&claims(&issuer, &attempt)), &attempt.challenge);
    let query = format!("code=c&state={}", attempt.state);
    let other = begin(&app).await;
    for (cookie, query, error) in [
        ("", query.as_str(), "openid_state"),
        (other.cookie.as_str(), query.as_str(), "openid_state"),
        (attempt.cookie.as_str(), "code=c", "openid_state"),
        (attempt.cookie.as_str(), "code=c&state=x", "openid_state"),
    ] {
        let response = come_back(&app, cookie, query).await;
        let location = response.headers()[LOCATION].to_str().unwrap();
        assert_eq!(location, format!("/login?error={error}"), "{cookie} {query}");
    }
    let denied = format!("error=access_denied&state={}", other.state);
    let response = come_back(&app, &other.cookie, &denied).await;
    assert_eq!(response.headers()[LOCATION], "/login?error=openid_denied");
    let response = come_back(&app, &attempt.cookie, &query).await;
    assert_eq!(response.headers()[LOCATION], "/patients");
    let response = come_back(&app, &attempt.cookie, &query).await;
    assert_eq!(response.headers()[LOCATION], "/login?error=openid_state");
}

#[tokio::test]
async fn the_issuer_may_change_its_keys() {
    let issuer = Issuer::start();
    let (old, new) = (Key::new(1), Key::new(2));
    issuer.publish(&[&old]);
    let app = start(&issuer).await;
    for (keys, signing, asked) in [
        (vec![&old], &old, 1),
        (vec![&old, &new], &new, 2),
        (vec![&new], &new, 2),
    ] {
        issuer.publish(&keys);
        let attempt = begin(&app).await;
        let token = signing.sign(&claims(&issuer, &attempt));
        let (location, _) = outcome(&app, &issuer, &attempt, token).await;
        assert_eq!(location, "/patients");
        assert_eq!(issuer.times_asked(), asked);
    }
}

#[tokio::test]
async fn an_issuer_that_is_away_or_not_set_up_is_said() {
    let issuer = Issuer::start();
    let app = start(&issuer).await;
    let options = app.get_json("/api/login-options").await;
    assert_eq!(options["openid"], json!({"name": "Single sign-on"}));
    let away = spawn_app_with(|options| {
        options.public_url = Some("http://norma.example".to_owned());
        options.identity.openid.issuer = Some("http://127.0.0.1:9".to_owned());
        options.identity.openid.client_id = Some(CLIENT_ID.to_owned());
    })
    .await;
    let response = away.get("/api/openid/start").await;
    assert_eq!(response.headers()[LOCATION], "/login?error=openid_unreachable");
    let without = spawn_app().await;
    for path in ["/api/openid/start", "/api/openid/callback"] {
        problem(
            without.get(path).await,
            StatusCode::NOT_FOUND,
            "openid_not_configured",
        )
        .await;
    }
}
