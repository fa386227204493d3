//! `/api/session`: signing in and out.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use norma_database::SessionMethod;
use norma_service::Authentication;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::caller::{Access, Caller, Notes};
use crate::identity::openid::OpenId;
use crate::identity::schema::{
    AuthenticationState, LoginOptions, OpenIdOption, PasswordChange, SessionDocument, SignIn, SignInToken,
    SignOutElsewhere,
};
use crate::identity::second_factor::check_second_factor;
use crate::identity::sign_in::Identity;
use crate::identity::source::{source_address, source_key};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, NotSignedIn, TooManyAttempts, Unprocessable,
    UnsupportedMediaType,
};

/// Says who is signed in. With authentication off, everybody is.
#[utoipa::path(
    tag = "session",
    operation_id = "getSession",
    responses((status = 200, description = "Who it is, and what they may do", body = SessionDocument), Failures)
)]
#[get("/api/session")]
pub(crate) async fn get_session(identity: Data<Identity>, access: Access) -> Json<SessionDocument> {
    Json(SessionDocument::of(&access.caller, identity.settings()))
}

/// Signs in with a password. The answer sets the session's cookie.
///
/// Where the account has a second factor, a right password without `code` is 403 `second_factor_required`: send both, or ask for a
/// passkey (`POST /api/session/passkey/challenge`) where `allowed` of the problem names it.
#[utoipa::path(
    tag = "session",
    operation_id = "signIn",
    request_body = SignIn,
    responses(
        (status = 200, description = "Signed in", body = SessionDocument),
        BadRequest, NotSignedIn, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session")]
pub(crate) async fn sign_in(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    notes: Notes,
    input: JsonObject<SignIn>,
) -> Result<HttpResponse, ApiError> {
    let input = input.into_inner();
    match gateway.database.user_of_login(&input.login).await? {
        Some(user) => notes.user(&user),
        // What was typed may be a password in the wrong field.
        None => notes.detail("unknown login"),
    }
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    let user = identity
        .check_password(&input.login, input.password, &source)
        .await?;
    check_second_factor(&identity, &user, input.code.as_deref(), &source).await?;
    identity.remember_source(&user, &source).await?;
    let method = SessionMethod::Password;
    let token = identity.sign_in(&request, &user, method).await?;
    Ok(identity.signed_in(&request, token, user, method))
}

/// Signs in with a link that works once: of the first start, an invitation, a forgotten password.
///
/// Where the account has a second factor, the link without `code` is 403 `second_factor_required` and stays unused: send both.
#[utoipa::path(
    tag = "session",
    operation_id = "redeemSignInLink",
    request_body = SignInToken,
    responses(
        (status = 200, description = "Signed in", body = SessionDocument),
        BadRequest, NotSignedIn, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/token")]
pub(crate) async fn redeem_sign_in_link(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    notes: Notes,
    input: JsonObject<SignInToken>,
) -> Result<HttpResponse, ApiError> {
    let user = identity.user_of_link(&input.token).await?;
    notes.user(&user);
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    check_second_factor(&identity, &user, input.code.as_deref(), &source).await?;
    let user = identity.redeem(&input.token).await?;
    let method = SessionMethod::Link;
    let token = identity.sign_in(&request, &user, method).await?;
    Ok(identity.signed_in(&request, token, user, method))
}

/// Signs out. Who signed in at an issuer of OpenID Connect that ends sessions is told where to sign out of it too.
#[utoipa::path(
    tag = "session",
    operation_id = "signOut",
    responses(
        (status = 200, description = "Signed out here; `continue_at` signs out at the issuer", body = SignOutElsewhere),
        (status = 204, description = "Signed out"),
        Failures
    )
)]
#[delete("/api/session")]
pub(crate) async fn sign_out(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    openid: Option<Data<OpenId>>,
    request: HttpRequest,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let ended = match &*access.caller {
        Caller::User { session, .. } => gateway.database.delete_session(session.token.hash()).await?,
        _ => None,
    };
    let continue_at = match (openid, ended) {
        (Some(openid), Some(ended)) if ended.method == SessionMethod::OpenId => {
            openid.sign_out_url(ended.id_token).await
        }
        _ => None,
    };
    let mut answer = match continue_at {
        Some(_) => HttpResponse::Ok(),
        None => HttpResponse::NoContent(),
    };
    // What an earlier version let the browser keep, and what it kept of itself.
    answer
        .cookie(identity.cookie(&request).removal())
        .insert_header(("Clear-Site-Data", "\"cache\""));
    Ok(match continue_at {
        Some(continue_at) => answer.json(SignOutElsewhere { continue_at }),
        None => answer.finish(),
    })
}

/// Sets a new password. Every session of the account ends; the answer begins a new one.
#[utoipa::path(
    tag = "session",
    operation_id = "changePassword",
    request_body = PasswordChange,
    responses(
        (status = 200, description = "Changed", body = SessionDocument),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, Unprocessable, TooManyAttempts, Failures
    )
)]
#[put("/api/session/password")]
pub(crate) async fn change_password(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    input: JsonObject<PasswordChange>,
) -> Result<HttpResponse, ApiError> {
    let Caller::User { user, session } = &*access.caller else {
        return Err(match &*access.caller {
            Caller::AuthenticationOff => ApiError::AuthenticationOff,
            _ => ApiError::OnlyForSessions,
        });
    };
    if user.openid.is_some() {
        return Err(ApiError::OpenIdAccount);
    }
    notes.object(user.id);
    let input = input.into_inner();
    if user.password_hash.is_some() && !session.is_by_link() {
        let current = input.current_password.unwrap_or_default();
        identity.check_current_password(user, current).await?;
    }
    identity.set_password(user, input.new_password).await?;
    let user = gateway
        .database
        .user(user.id)
        .await?
        .ok_or(ApiError::UserNotFound)?;
    let method = SessionMethod::Password;
    let token = identity.sign_in(&request, &user, method).await?;
    Ok(identity.signed_in(&request, token, user, method))
}

/// Says how people sign in here: for the sign-in page.
#[utoipa::path(
    tag = "session",
    operation_id = "getLoginOptions",
    responses((status = 200, description = "What the page offers", body = LoginOptions))
)]
#[get("/api/login-options")]
pub(crate) async fn get_login_options(gateway: Data<Gateway>, people: Data<Identity>) -> Json<LoginOptions> {
    let identity = &gateway.options.identity;
    let is_on = identity.authentication == Authentication::On;
    Json(LoginOptions {
        authentication: if is_on {
            AuthenticationState::On
        } else {
            AuthenticationState::Off
        },
        password: is_on,
        passkey: people.offers_passkeys(),
        openid: (is_on && identity.openid.issuer.is_some()).then(|| OpenIdOption {
            name: identity.openid.name.clone(),
        }),
    })
}
