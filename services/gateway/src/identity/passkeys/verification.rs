//! `/api/session/verification/passkey`: who is signed in shows again who they are, by a passkey.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, post};
use norma_database::SessionMethod;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::caller::{Access, Notes, local_person};
use crate::identity::passkeys::ceremony::{Asked, Holder, Purpose, ask_for_use, believe, offered_site, take};
use crate::identity::passkeys::schema::{PasskeyAnswer, PasskeyChallenge, PasskeyVerification};
use crate::identity::schema::SessionDocument;
use crate::identity::sign_in::Identity;
use crate::identity::source::{source_address, source_key};
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, TooManyAttempts, UnsupportedMediaType,
};
use crate::problem::{AccessProblem, ApiError};

/// Asks for a passkey of the caller's account, before an act that asks who it is (403 `verification_required`). Without `password`
/// its authenticator verifies who uses it; with it, it is the second factor beside it.
#[utoipa::path(
    tag = "session",
    operation_id = "askForPasskeyAgain",
    request_body = PasskeyVerification,
    responses(
        (status = 200, description = "What the browser asks for", body = PasskeyChallenge),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/verification/passkey/challenge")]
pub(crate) async fn ask_for_passkey_again(
    identity: Data<Identity>,
    access: Access,
    notes: Notes,
    input: JsonObject<PasskeyVerification>,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    let purpose = match input.into_inner().password {
        Some(password) => {
            identity.check_current_password(user, password).await?;
            Purpose::VerificationAfterPassword
        }
        None => {
            offered_site(&identity)?;
            Purpose::Verification
        }
    };
    let challenge = ask_for_use(
        &identity,
        Asked {
            purpose,
            holder: Holder::Session {
                token_hash: session.token.hash(),
                registers: false,
            },
            user_id: Some(user.id),
            link_hash: None,
            source: "",
        },
    )
    .await?;
    Ok(Json(challenge))
}

/// Shows again who is signed in by a passkey. The session before ends: the answer sets the cookie of a new one.
#[utoipa::path(
    tag = "session",
    operation_id = "verifySessionByPasskey",
    request_body = PasskeyAnswer,
    responses(
        (status = 200, description = "A new session, of which acts that ask who it is are done for as long as \
            `identity.session.verified_minutes` says", body = SessionDocument),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures
    )
)]
#[post("/api/session/verification/passkey")]
pub(crate) async fn verify_session_by_passkey(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    input: JsonObject<PasskeyAnswer>,
) -> Result<HttpResponse, ApiError> {
    let (own, session) = local_person(&access.caller)?;
    notes.object(own.id);
    let holder = Holder::Session {
        token_hash: session.token.hash(),
        registers: false,
    };
    let answered = take(&gateway.database, holder).await?;
    let method = match answered.purpose {
        Purpose::Verification => SessionMethod::Passkey,
        Purpose::VerificationAfterPassword => SessionMethod::Password,
        _ => return Err(AccessProblem::PasskeyChallengeGone.into()),
    };
    let source = source_key(source_address(&request, &gateway.options.trusted_proxies));
    let credential = input.into_inner().credential;
    let user = believe(&identity, &answered, credential, &source, &notes).await?;
    if user.id != own.id {
        return Err(AccessProblem::WrongPasskey.into());
    }
    let token = identity.sign_in(&request, &user, method).await?;
    Ok(identity.signed_in(&request, token, user, method))
}
