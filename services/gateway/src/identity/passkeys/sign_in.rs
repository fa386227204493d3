//! `/api/session/passkey`: signing in by a passkey, alone or beside a password or a link.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use norma_access::Token;
use norma_database::SessionMethod;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::caller::Notes;
use crate::identity::passkeys::ceremony::{Asked, Holder, Purpose, ask_for_use, believe, offered_site, take};
use crate::identity::passkeys::cookie::{cookie, cookie_removal, token_of};
use crate::identity::passkeys::schema::{PasskeyAnswer, PasskeyChallenge, PasskeySignIn};
use crate::identity::schema::SessionDocument;
use crate::identity::sign_in::Identity;
use crate::identity::source::{source_address, source_key};
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, NotSignedIn, TooManyAttempts, UnsupportedMediaType,
};
use crate::problem::{AccessProblem, ApiError};

/// Asks for a passkey to sign in with. The answer sets a cookie that its own answer (`POST /api/session/passkey`) needs.
///
/// With nothing in the body any passkey of this site signs in, and its authenticator verifies who uses it. With `login` and
/// `password`, or the `token` of a link, it is the second factor beside them.
#[utoipa::path(
    tag = "session",
    operation_id = "askForPasskey",
    request_body = PasskeySignIn,
    responses(
        (status = 200, description = "What the browser asks for", body = PasskeyChallenge),
        BadRequest, NotSignedIn, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/passkey/challenge")]
pub(crate) async fn ask_for_passkey(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    notes: Notes,
    input: JsonObject<PasskeySignIn>,
) -> Result<HttpResponse, ApiError> {
    if !identity.is_on() {
        return Err(ApiError::AuthenticationOff);
    }
    let input = input.into_inner();
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    let mut link_hash = None;
    let (purpose, user) = match (input.login, input.password, input.token) {
        (None, None, None) => {
            offered_site(&identity)?;
            (Purpose::SignIn, None)
        }
        (Some(login), Some(password), None) => {
            match gateway.database.user_of_login(&login).await? {
                Some(user) => notes.user(&user),
                // What was typed may be a password in the wrong field.
                None => notes.detail("unknown login"),
            }
            let user = identity.check_password(&login, password, &source).await?;
            (Purpose::SignInAfterPassword, Some(user))
        }
        (None, None, Some(token)) => {
            let user = identity.user_of_link(&token).await?;
            notes.user(&user);
            link_hash = Token::parse(&token).ok().map(|token| token.hash());
            (Purpose::SignInAfterLink, Some(user))
        }
        _ => {
            return Err(ApiError::InvalidField {
                field: "login",
                detail: "with `password`; or `token` alone; or nothing".to_owned(),
            });
        }
    };
    let token = Token::generate();
    let challenge = ask_for_use(
        &identity,
        Asked {
            purpose,
            holder: Holder::SignIn(token.hash()),
            user_id: user.map(|user| user.id),
            link_hash,
            source: &source,
        },
    )
    .await?;
    let is_secure = identity.cookie(&request).is_secure;
    Ok(HttpResponse::Ok()
        .cookie(cookie(&token, is_secure))
        .json(challenge))
}

/// Signs in with the answer of an authenticator to the challenge that this browser asked for. The answer sets the session's cookie.
#[utoipa::path(
    tag = "session",
    operation_id = "signInByPasskey",
    request_body = PasskeyAnswer,
    responses(
        (status = 200, description = "Signed in", body = SessionDocument),
        BadRequest, NotSignedIn, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/passkey")]
pub(crate) async fn sign_in_by_passkey(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    notes: Notes,
    input: JsonObject<PasskeyAnswer>,
) -> Result<HttpResponse, ApiError> {
    if !identity.is_on() {
        return Err(ApiError::AuthenticationOff);
    }
    let token = token_of(&request).ok_or(AccessProblem::PasskeyChallengeGone)?;
    let answered = take(&gateway.database, Holder::SignIn(token.hash())).await?;
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    let credential = input.into_inner().credential;
    let user = believe(&identity, &answered, credential, &source, &notes).await?;
    let method = match (answered.purpose, answered.link_hash) {
        (Purpose::SignIn, _) => {
            offered_site(&identity)?;
            SessionMethod::Passkey
        }
        (Purpose::SignInAfterPassword, _) => SessionMethod::Password,
        (Purpose::SignInAfterLink, Some(link_hash)) => {
            let redeemed = gateway.database.redeem_one_time_token(link_hash).await?;
            if redeemed.is_none_or(|redeemed| redeemed.id != user.id) {
                return Err(ApiError::SignInLinkInvalid);
            }
            SessionMethod::Link
        }
        _ => return Err(AccessProblem::PasskeyChallengeGone.into()),
    };
    identity.remember_source(&user, &source).await?;
    let token = identity.sign_in(&request, &user, method).await?;
    let mut answer = identity.signed_in(&request, token, user, method);
    answer.add_cookie(&cookie_removal()).map_err(ApiError::internal)?;
    Ok(answer)
}
