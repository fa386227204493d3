//! `/api/openid`: sign-in at an issuer.

use actix_web::http::header;
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use chrono::{DateTime, TimeDelta, Utc};
use norma_access::{Token, are_equal};
use norma_database::{Database, OpenIdAttempt, User};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::identity::caller::Notes;
use crate::identity::openid::account::account_of;
use crate::identity::openid::provider::OpenId;
use crate::identity::openid::{
    ATTEMPT_MINUTES, Refusal, own_page, state_cookie, state_cookie_removal, state_of,
};
use crate::identity::sign_in::Identity;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Destination {
    /// The page to go to afterwards: a path of this site.
    #[param(max_length = 2000, example = "/studies")]
    return_to: Option<String>,
    /// Whether the issuer asks who it is although somebody is signed in there: before an act that asks for it
    /// (`verification_required`).
    #[serde(default)]
    again: bool,
}

/// What the issuer adds to the address.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Return {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
}

/// Sends the browser to the issuer of OpenID Connect.
#[utoipa::path(
    tag = "session",
    operation_id = "startOpenId",
    params(Destination),
    responses(
        (status = 302, description = "To the issuer; to `/login?error=…` where it does not answer",
            headers(("Location" = String))),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/openid/start")]
pub(crate) async fn start_openid(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    openid: Option<Data<OpenId>>,
    request: HttpRequest,
    destination: Query<Destination>,
) -> Result<HttpResponse, ApiError> {
    let openid = openid.ok_or(ApiError::OpenIdNotConfigured)?;
    let state = Token::generate();
    let start = match openid.start(&state, destination.again).await {
        Ok(start) => start,
        Err(refusal) => return Ok(to_login_page(refusal)),
    };
    gateway
        .database
        .create_openid_attempt(OpenIdAttempt {
            state_hash: state.hash(),
            nonce: start.nonce,
            pkce_verifier: start.pkce_verifier,
            return_to: own_page(destination.into_inner().return_to),
            expires_at: Utc::now() + TimeDelta::minutes(ATTEMPT_MINUTES),
        })
        .await?;
    let is_secure = identity.cookie(&request).is_secure;
    Ok(HttpResponse::Found()
        .insert_header((header::LOCATION, start.url))
        .cookie(state_cookie(&state, is_secure))
        .finish())
}

/// Where the issuer sends the browser back to.
#[utoipa::path(
    tag = "session",
    operation_id = "finishOpenId",
    params(Return),
    responses(
        (status = 302, description = "Signed in: to the page that was asked for; otherwise to `/login?error=…`",
            headers(("Location" = String))),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/openid/callback")]
pub(crate) async fn finish_openid(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    openid: Option<Data<OpenId>>,
    request: HttpRequest,
    notes: Notes,
    come_back: Query<Return>,
) -> Result<HttpResponse, ApiError> {
    let openid = openid.ok_or(ApiError::OpenIdNotConfigured)?;
    match finish(&gateway.database, &openid, &request, come_back.into_inner()).await? {
        Ok(Arrival {
            user,
            return_to,
            id_token,
            verified_at,
        }) => {
            notes.user(&user);
            notes.detail(format!("roles: {}", user.roles));
            let token = identity
                .sign_in_by_openid(&request, &user, id_token, verified_at)
                .await?;
            Ok(HttpResponse::Found()
                .insert_header((header::LOCATION, return_to))
                .cookie(identity.cookie(&request).with(&token))
                .cookie(state_cookie_removal())
                .finish())
        }
        Err(refusal) => {
            notes.refused(refusal.code());
            Ok(to_login_page(refusal))
        }
    }
}

fn to_login_page(refusal: Refusal) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((header::LOCATION, format!("/login?error={}", refusal.code())))
        .cookie(state_cookie_removal())
        .finish()
}

/// Somebody whom the issuer sent back.
struct Arrival {
    user: User,
    return_to: String,
    id_token: String,
    verified_at: Option<DateTime<Utc>>,
}

async fn finish(
    database: &Database,
    openid: &OpenId,
    request: &HttpRequest,
    come_back: Return,
) -> Result<Result<Arrival, Refusal>, ApiError> {
    // Begun in this very browser, a short while ago, and not finished yet.
    let own = state_of(request);
    let Some(state) = own.filter(|own| {
        let sent = come_back.state.as_deref();
        sent.is_some_and(|sent| are_equal(sent, own.expose()))
    }) else {
        return Ok(Err(Refusal::UnknownState));
    };
    let Some(attempt) = database.take_openid_attempt(state.hash()).await? else {
        return Ok(Err(Refusal::UnknownState));
    };
    let (None, Some(code)) = (come_back.error, come_back.code) else {
        return Ok(Err(Refusal::Denied));
    };
    let (person, id_token) = match openid.finish(code, attempt.pkce_verifier, attempt.nonce).await {
        Ok(found) => found,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let account = account_of(database, &person).await?;
    Ok(account.map(|user| Arrival {
        user,
        return_to: attempt.return_to,
        id_token,
        verified_at: person.verified_at,
    }))
}
