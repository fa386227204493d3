//! The issuer: where to send browsers, what it says of a person, and whether that can be believed.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use norma_access::Token;
use norma_service::OpenIdSettings;
use openidconnect::core::{
    CoreAuthPrompt, CoreAuthenticationFlow, CoreClient, CoreClientAuthMethod, CoreIdToken,
    CoreIdTokenVerifier, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, HttpRequest,
    HttpResponse, IssuerUrl, LogoutRequest, Nonce, PkceCodeChallenge, PkceCodeVerifier,
    PostLogoutRedirectUrl, ProviderMetadataWithLogout, RedirectUrl, Scope, TokenResponse as _,
};
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::identity::openid::Refusal;
use crate::options::GatewayOptions;

/// How long the issuer's metadata and keys are used before they are asked for again.
const KEPT: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest document of an issuer.
const LARGEST_ANSWER: usize = 1 << 20;

/// Signatures that are believed: public-key ones alone. With `HS256` whoever knows the public key (or a client's
/// secret) could sign, and `none` is no signature.
const ASYMMETRIC: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// An issuer that people sign in at.
pub(crate) struct OpenId {
    settings: OpenIdSettings,
    issuer: IssuerUrl,
    client_id: ClientId,
    redirect_url: RedirectUrl,
    /// Where the issuer sends browsers back to that signed out there.
    signed_out_url: PostLogoutRedirectUrl,
    http: reqwest::Client,
    known: RwLock<Option<(Instant, Arc<ProviderMetadataWithLogout>)>>,
}

/// What has to be kept until the browser comes back.
pub(crate) struct Start {
    pub(crate) url: String,
    pub(crate) nonce: String,
    pub(crate) pkce_verifier: String,
}

/// A person as the issuer describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// From `preferred_username`, else `email`.
    pub(crate) login: Option<String>,
    pub(crate) name: Option<String>,
    pub(crate) roles: norma_domain::Roles,
    /// When they showed the issuer who they are, where it says that.
    pub(crate) verified_at: Option<DateTime<Utc>>,
}

impl OpenId {
    /// None where no issuer is set.
    pub(crate) fn of(options: &GatewayOptions) -> anyhow::Result<Option<Self>> {
        let settings = options.identity.openid.clone();
        let Some(issuer) = settings.issuer.clone() else {
            return Ok(None);
        };
        let public_url = options
            .public_url
            .as_deref()
            .context("gateway.public_url is not set")?;
        let client_id = settings
            .client_id
            .clone()
            .context("identity.openid.client_id is not set")?;
        Ok(Some(Self {
            issuer: IssuerUrl::new(issuer).context("identity.openid.issuer is no URL")?,
            client_id: ClientId::new(client_id),
            redirect_url: RedirectUrl::new(format!("{public_url}/api/openid/callback"))
                .context("gateway.public_url is no URL")?,
            signed_out_url: PostLogoutRedirectUrl::new(format!("{public_url}/login"))
                .context("gateway.public_url is no URL")?,
            // An issuer that redirects could send requests with our secret elsewhere.
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .timeout(TIMEOUT)
                .build()
                .context("failed to set up the client for the issuer")?,
            known: RwLock::default(),
            settings,
        }))
    }

    /// Where to send a browser. `asks_again`: the issuer asks who it is, also where somebody is signed in there, and says when.
    pub(crate) async fn start(&self, state: &Token, asks_again: bool) -> Result<Start, Refusal> {
        let metadata = self.metadata(false).await?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let client =
            CoreClient::from_provider_metadata((*metadata).clone(), self.client_id.clone(), self.secret())
                .set_redirect_uri(self.redirect_url.clone());
        let state = state.expose().to_owned();
        let mut request = client.authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            Nonce::new_random,
        );
        for scope in self.settings.scopes.iter().filter(|scope| *scope != "openid") {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        if asks_again {
            request = request
                .add_prompt(CoreAuthPrompt::Login)
                .set_max_age(Duration::ZERO);
        }
        let (url, _, nonce) = request.set_pkce_challenge(challenge).url();
        Ok(Start {
            url: url.to_string(),
            nonce: nonce.secret().clone(),
            pkce_verifier: verifier.secret().clone(),
        })
    }

    /// Where a browser signs out of the issuer (OpenID Connect RP-Initiated Logout 1.0); None where the issuer has no such
    /// place or does not answer, or the settings say no: who signed out here has signed out here in any case.
    pub(crate) async fn sign_out_url(&self, id_token: Option<String>) -> Option<String> {
        if !self.settings.sign_out_at_issuer {
            return None;
        }
        let metadata = self.metadata(false).await.ok()?;
        let place = metadata.additional_metadata().end_session_endpoint.clone()?;
        let mut request = LogoutRequest::from(place)
            .set_client_id(self.client_id.clone())
            .set_post_logout_redirect_uri(self.signed_out_url.clone());
        // So that the issuer knows whose session it is, and asks nobody.
        if let Some(token) = id_token.and_then(|token| token.parse::<CoreIdToken>().ok()) {
            request = request.set_id_token_hint(&token);
        }
        Some(request.http_get_url().to_string())
    }

    /// Redeems a code at the issuer and verifies the ID token that comes back; gives it with what it says.
    pub(crate) async fn finish(
        &self,
        code: String,
        pkce_verifier: String,
        nonce: String,
    ) -> Result<(Person, String), Refusal> {
        let metadata = self.metadata(false).await?;
        let token = self.redeem(&metadata, code, pkce_verifier).await?;
        let nonce = Nonce::new(nonce);
        let person = match self.verify(&metadata, &token, &nonce) {
            Ok(person) => Ok(person),
            // Signed with a key that was not there an hour ago: issuers change their keys.
            Err(ClaimsVerificationError::SignatureVerification(_)) => {
                let metadata = self.metadata(true).await?;
                self.verify(&metadata, &token, &nonce).map_err(refuse)
            }
            Err(error) => Err(refuse(error)),
        };
        person.map(|person| (person, token.to_string()))
    }

    async fn redeem(
        &self,
        metadata: &ProviderMetadataWithLogout,
        code: String,
        pkce_verifier: String,
    ) -> Result<CoreIdToken, Refusal> {
        let mut client =
            CoreClient::from_provider_metadata(metadata.clone(), self.client_id.clone(), self.secret())
                .set_redirect_uri(self.redirect_url.clone());
        // The standard's default is the Authorization header; some issuers take the body alone.
        let takes_body_alone = metadata
            .token_endpoint_auth_methods_supported()
            .is_some_and(|methods| !methods.contains(&CoreClientAuthMethod::ClientSecretBasic));
        if takes_body_alone {
            client = client.set_auth_type(AuthType::RequestBody);
        }
        let http = |request| send(self.http.clone(), request);
        let exchange = client
            .exchange_code(AuthorizationCode::new(code))
            .map_err(|error| unreachable_issuer(&error))?;
        let tokens = exchange
            .set_pkce_verifier(PkceCodeVerifier::new(pkce_verifier))
            .request_async(&http)
            .await
            .map_err(|error| unreachable_issuer(&error))?;
        let token = tokens.id_token().cloned();
        token.ok_or_else(|| {
            tracing::warn!("the issuer answered without an ID token");
            Refusal::InvalidToken
        })
    }

    fn verify(
        &self,
        metadata: &ProviderMetadataWithLogout,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Result<Person, ClaimsVerificationError> {
        // A verifier of a public client, also where there is a secret: nothing symmetric is believed.
        let verifier = CoreIdTokenVerifier::new_public_client(
            self.client_id.clone(),
            self.issuer.clone(),
            metadata.jwks().clone(),
        )
        .set_allowed_algs(ASYMMETRIC);
        let claims = token.claims(&verifier, nonce)?;
        let said = payload(token).unwrap_or_default();
        let first = |name: &str| {
            let text = said.get(name).and_then(Value::as_str)?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Ok(Person {
            issuer: self.issuer.to_string(),
            subject: claims.subject().to_string(),
            login: first("preferred_username").or_else(|| first("email")),
            name: first("name"),
            roles: self
                .settings
                .role_values
                .roles_of(&claim_values(&said, &self.settings.roles_claim)),
            verified_at: claims.auth_time(),
        })
    }

    fn secret(&self) -> Option<ClientSecret> {
        let secret = self.settings.client_secret.as_ref()?;
        Some(ClientSecret::new(secret.expose_secret().to_owned()))
    }

    /// The issuer's metadata with its keys; `anew` where those that are known do not fit.
    async fn metadata(&self, anew: bool) -> Result<Arc<ProviderMetadataWithLogout>, Refusal> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, metadata)) = known
            && !anew
            && at.elapsed() < KEPT
        {
            return Ok(metadata);
        }
        let http = |request| send(self.http.clone(), request);
        // Checks that the document names this issuer.
        let metadata = ProviderMetadataWithLogout::discover_async(self.issuer.clone(), &http)
            .await
            .map_err(|error| unreachable_issuer(&error))?;
        let metadata = Arc::new(metadata);
        *self.known.write().unwrap_or_else(PoisonError::into_inner) =
            Some((Instant::now(), Arc::clone(&metadata)));
        Ok(metadata)
    }
}

fn unreachable_issuer(error: &dyn std::error::Error) -> Refusal {
    let cause = error.source().map(ToString::to_string).unwrap_or_default();
    tracing::warn!(%error, cause, "the issuer did not answer as it should");
    Refusal::Unreachable
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn refuse(error: ClaimsVerificationError) -> Refusal {
    tracing::warn!(%error, "an ID token is refused");
    Refusal::InvalidToken
}

/// The claims of a token that was verified, all of them.
fn payload(token: &CoreIdToken) -> Option<Value> {
    let text = token.to_string();
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&payload).ok()
}

/// The texts of a claim; a dot goes into an object.
fn claim_values<'claims>(claims: &'claims Value, path: &str) -> Vec<&'claims str> {
    // A claim may also have a dot in its name, as namespaced ones do.
    let found = claims
        .get(path)
        .or_else(|| path.split('.').try_fold(claims, |value, part| value.get(part)));
    match found {
        Some(Value::String(text)) => text.split_whitespace().collect(),
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

/// The issuer could not be asked.
#[derive(Debug, thiserror::Error)]
enum SendError {
    #[error("the request failed")]
    Request(#[from] reqwest::Error),
    #[error("the answer is larger than {LARGEST_ANSWER} bytes")]
    TooLarge,
    #[error("the answer is malformed")]
    Malformed(#[from] openidconnect::http::Error),
}

async fn send(client: reqwest::Client, request: HttpRequest) -> Result<HttpResponse, SendError> {
    let mut response = client.execute(request.try_into()?).await?;
    let mut answer = openidconnect::http::Response::builder().status(response.status());
    for (name, value) in response.headers() {
        answer = answer.header(name, value);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(SendError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(answer.body(body)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_claim_is_found_by_its_path() {
        let claims = json!({
            "roles": ["a", 1, "b"],
            "realm_access": {"roles": ["c"]},
            "groups": "d e",
            "https://norma.example/roles": "f",
        });
        assert_eq!(claim_values(&claims, "roles"), ["a", "b"]);
        assert_eq!(claim_values(&claims, "realm_access.roles"), ["c"]);
        assert_eq!(claim_values(&claims, "groups"), ["d", "e"]);
        assert_eq!(claim_values(&claims, "https://norma.example/roles"), ["f"]);
        assert_eq!(claim_values(&claims, "nothing"), [""; 0]);
    }
}
