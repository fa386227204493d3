//! `/api/session/verification`: who is signed in shows again who they are.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, post};
use norma_database::SessionMethod;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::caller::{Access, Notes, local_person};
use crate::identity::schema::{SessionDocument, Verification};
use crate::identity::second_factor::check_second_factor;
use crate::identity::sign_in::Identity;
use crate::identity::source::{source_address, source_key};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, TooManyAttempts, UnsupportedMediaType,
};

/// Shows again who is signed in, for acts that ask for it (403 `verification_required`): making keys and accounts, exporting
/// and deleting a patient, changing a second factor. People of OpenID Connect sign in again
/// (`GET /api/openid/start?again=true`). The session before ends: the answer sets the cookie of a new one.
#[utoipa::path(
    tag = "session",
    operation_id = "verifySession",
    request_body = Verification,
    responses(
        (status = 200, description = "A new session, of which such acts are done for as long as `identity.session.verified_minutes` says",
            body = SessionDocument),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/verification")]
pub(crate) async fn verify_session(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    input: JsonObject<Verification>,
) -> Result<HttpResponse, ApiError> {
    let (user, _) = local_person(&access.caller)?;
    notes.object(user.id);
    let input = input.into_inner();
    identity.check_current_password(user, input.password).await?;
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    check_second_factor(&identity, user, input.code.as_deref(), &source).await?;
    // A new token: whoever else has the one before is out.
    let method = SessionMethod::Password;
    let token = identity.sign_in(&request, user, method).await?;
    Ok(identity.signed_in(&request, token, user.clone(), method))
}
