//! An OpenID Connect issuer of the test's own: discovery, keys and the token endpoint, and tokens good and bad.

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(crate) const CLIENT_ID: &str = "norma";

#[derive(Default)]
struct State {
    /// The ID token that the next code is answered with.
    token: String,
    /// The PKCE challenge of the sign-in under way; its verifier must fit.
    challenge: String,
    keys: Vec<Value>,
    /// How often the keys were asked for.
    times_asked: usize,
    /// Whether it says where to sign out of it.
    ends_sessions: bool,
}

/// A running issuer.
pub(crate) struct Issuer {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
    handle: ServerHandle,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        let handle = self.handle.clone();
        tokio::spawn(async move { handle.stop(false).await });
    }
}

/// A signing key of the issuer.
pub(crate) struct Key {
    id: String,
    key: SigningKey,
}

impl Key {
    pub(crate) fn new(seed: u8) -> Self {
        Self {
            id: format!("key-{seed}"),
            key: SigningKey::from_slice(&[seed; 32]).unwrap(),
        }
    }

    /// 0x04, x, y.
    pub(crate) fn public_bytes(&self) -> Vec<u8> {
        self.key.verifying_key().to_sec1_point(false).as_bytes().to_vec()
    }

    fn published(&self) -> Value {
        let point = self.public_bytes();
        json!({
            "kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.id,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.id, "typ": "JWT"});
        let unsigned = unsigned(&header, claims);
        let signature: Signature = self.key.sign(unsigned.as_bytes());
        format!("{unsigned}.{}", URL_SAFE_NO_PAD.encode(signature.to_bytes()))
    }

    /// The header that a forger would put over its own signature.
    pub(crate) fn header(&self, algorithm: &str) -> Value {
        json!({"alg": algorithm, "kid": self.id, "typ": "JWT"})
    }
}

/// Header and claims, ready to be signed.
pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims.to_string())
    )
}

/// HMAC with SHA-256 (RFC 2104), as `HS256` signs.
pub(crate) fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner: Vec<u8> = block
        .iter()
        .map(|byte| byte ^ 0x36)
        .chain(message.iter().copied())
        .collect();
    let inner = Sha256::digest(inner);
    let outer: Vec<u8> = block.iter().map(|byte| byte ^ 0x5c).chain(inner).collect();
    Sha256::digest(outer).to_vec()
}

impl Issuer {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (shared, issuer) = (web::Data::from(Arc::clone(&state)), web::Data::new(url.clone()));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .app_data(issuer.clone())
                .route("/.well-known/openid-configuration", web::get().to(discovery))
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { url, state, handle }
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        self.state.lock().unwrap().keys = keys.iter().map(|key| key.published()).collect();
    }

    /// What the next code is answered with.
    pub(crate) fn answer_with(&self, token: String, challenge: &str) {
        let mut state = self.state.lock().unwrap();
        state.token = token;
        challenge.clone_into(&mut state.challenge);
    }

    /// From now on it does not say where to sign out of it.
    pub(crate) fn end_no_sessions(&self) {
        self.state.lock().unwrap().ends_sessions = false;
    }

    /// From now on it says where to sign out of it.
    pub(crate) fn end_sessions(&self) {
        self.state.lock().unwrap().ends_sessions = true;
    }

    pub(crate) fn times_asked(&self) -> usize {
        self.state.lock().unwrap().times_asked
    }
}

async fn discovery(issuer: web::Data<String>, state: web::Data<Mutex<State>>) -> HttpResponse {
    let url = issuer.as_str();
    let mut document = json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        // A careless issuer: it names what must not be believed.
        "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
    });
    if state.lock().unwrap().ends_sessions {
        document["end_session_endpoint"] = format!("{url}/end-session?tenant=1").into();
    }
    HttpResponse::Ok().json(document)
}

async fn keys(state: web::Data<Mutex<State>>) -> HttpResponse {
    let mut state = state.lock().unwrap();
    state.times_asked += 1;
    HttpResponse::Ok().json(json!({"keys": state.keys}))
}

async fn token(state: web::Data<Mutex<State>>, form: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let state = state.lock().unwrap();
    let verifier = form.iter().find(|(name, _)| name == "code_verifier");
    let challenge = verifier.map(|(_, verifier)| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
    if challenge.as_deref() != Some(state.challenge.as_str()) {
        return HttpResponse::BadRequest().json(json!({"error": "invalid_grant"}));
    }
    HttpResponse::Ok().json(json!({
        "access_token": "a", "token_type": "Bearer", "expires_in": 60, "id_token": state.token,
    }))
}
