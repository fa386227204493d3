//! `/api/session/passkeys`: adding passkeys to one's own account, and taking them away, also another's.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use norma_access::{PasskeyOwner, PasskeyRefusal};
use norma_database::{self as rows, AddedPasskey as Added};
use norma_domain::{PasskeyId, UserId};

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::http::text::checked_name;
use crate::identity::caller::{Access, Caller, Notes, local_person};
use crate::identity::passkeys::ceremony::{Asked, Holder, Purpose, keep, known, offered_site, stored, take};
use crate::identity::passkeys::schema::{AddedPasskey, NewPasskey, PasskeyChallenge, Passkeys};
use crate::identity::recovery_codes::codes_and_hashes;
use crate::identity::sign_in::{Identity, Secret};
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, NotFound, TooManyAttempts, Unprocessable,
    UnsupportedMediaType,
};
use crate::problem::{AccessProblem, ApiError};

/// Lists the passkeys of the caller's account.
#[utoipa::path(
    tag = "session",
    operation_id = "listPasskeys",
    responses((status = 200, description = "The oldest first", body = Passkeys), NotAllowed, Conflict, Failures)
)]
#[get("/api/session/passkeys")]
pub(crate) async fn list_passkeys(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
) -> Result<Json<Passkeys>, ApiError> {
    let (user, _) = local_person(&access.caller)?;
    listed(&gateway, &identity, user.id).await
}

async fn listed(gateway: &Gateway, identity: &Identity, id: UserId) -> Result<Json<Passkeys>, ApiError> {
    let passkeys = gateway.database.list_passkeys(id).await?;
    Ok(Json(Passkeys {
        items: passkeys.into_iter().map(Into::into).collect(),
        is_offered: identity.offers_passkeys(),
    }))
}

/// Begins a passkey: what the browser asks an authenticator to make. It counts once that came back (`POST /api/session/passkeys`).
#[utoipa::path(
    tag = "session",
    operation_id = "beginPasskey",
    responses((status = 200, description = "What the browser asks for", body = PasskeyChallenge),
        NotAllowed, Conflict, Failures)
)]
#[post("/api/session/passkeys/challenge")]
pub(crate) async fn begin_passkey(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    notes: Notes,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    let site = offered_site(&identity)?;
    let own = gateway.database.list_passkeys(user.id).await?;
    let own: Vec<_> = own.iter().map(known).collect();
    let owner = PasskeyOwner {
        id: user.id.as_uuid().into_bytes(),
        login: &user.login,
        display_name: &user.display_name,
    };
    let ceremony = site.begin_registration(owner, &own).map_err(ApiError::internal)?;
    let asked = Asked {
        purpose: Purpose::Registration,
        holder: Holder::Session {
            token_hash: session.token.hash(),
            registers: true,
        },
        user_id: Some(user.id),
        link_hash: None,
        source: "",
    };
    Ok(Json(keep(&gateway.database, asked, ceremony).await?))
}

/// Adds the passkey that an authenticator made. It signs in from now on: beside the password, and alone where its authenticator
/// verifies who uses it. Where it is the account's first second factor, every other session of the account ends.
#[utoipa::path(
    tag = "session",
    operation_id = "addPasskey",
    request_body = NewPasskey,
    responses((status = 201, description = "Added", body = AddedPasskey),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, Unprocessable, TooManyAttempts, Failures)
)]
#[post("/api/session/passkeys")]
pub(crate) async fn add_passkey(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    notes: Notes,
    input: JsonObject<NewPasskey>,
) -> Result<HttpResponse, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    let site = offered_site(&identity)?;
    let input = input.into_inner();
    let name = checked_name("name", &input.name)?;
    // By the account: no address makes it more.
    let attempt = identity.count_attempt(Secret::Passkey, &user.login, "").await?;
    let holder = Holder::Session {
        token_hash: session.token.hash(),
        registers: true,
    };
    let answered = take(&gateway.database, holder).await?;
    if answered.purpose != Purpose::Registration || answered.user_id != Some(user.id) {
        return Err(AccessProblem::PasskeyChallengeGone.into());
    }
    let made = site
        .finish_registration(&answered.state, input.credential)
        .map_err(|refusal: PasskeyRefusal| {
            notes.detail(refusal.to_string());
            AccessProblem::PasskeyNotTaken(refusal)
        })?;
    let (recovery_codes, recovery_code_hashes) = codes_and_hashes();
    let added = gateway
        .database
        .add_passkey(rows::NewPasskey {
            user_id: user.id,
            name,
            credential: stored(made),
            recovery_code_hashes,
            kept_session: session.token.hash(),
        })
        .await?;
    let (passkey, is_first) = match added {
        Added::Added { passkey, is_first } => (passkey, is_first),
        Added::Known => return Err(AccessProblem::PasskeyKnown.into()),
        Added::TooMany => return Err(AccessProblem::TooManyPasskeys.into()),
        Added::NoAccount => return Err(ApiError::UserNotFound),
    };
    identity.forget_attempt(attempt).await?;
    notes.detail(format!("passkey {}", passkey.id));
    Ok(HttpResponse::Created().json(AddedPasskey {
        passkey: passkey.into(),
        recovery_codes: is_first.then_some(recovery_codes),
    }))
}

/// Takes a passkey of the caller's account away; every other session of the account ends.
#[utoipa::path(
    tag = "session",
    operation_id = "removePasskey",
    params(("passkey_id" = PasskeyId, Path)),
    responses((status = 204, description = "It signs in no more"), BadRequest, NotAllowed, NotFound, Conflict, Failures)
)]
#[delete("/api/session/passkeys/{passkey_id}")]
pub(crate) async fn remove_passkey(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    passkey_id: Path<PasskeyId>,
) -> Result<HttpResponse, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    let kept = Some(session.token.hash());
    remove(&gateway, user.id, *passkey_id, kept, &notes).await
}

/// Lists the passkeys of an account.
#[utoipa::path(
    tag = "users",
    operation_id = "listUserPasskeys",
    params(("user_id" = UserId, Path)),
    responses((status = 200, description = "The oldest first", body = Passkeys), BadRequest, NotFound, Failures)
)]
#[get("/api/users/{user_id}/passkeys")]
pub(crate) async fn list_user_passkeys(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    user_id: Path<UserId>,
) -> Result<Json<Passkeys>, ApiError> {
    let user = gateway.database.user(*user_id).await?;
    let user = user.ok_or(ApiError::UserNotFound)?;
    listed(&gateway, &identity, user.id).await
}

/// Takes a passkey of another's account away, whose device is lost; its sessions end. A person who signed in does, no key; one's
/// own goes by `DELETE /api/session/passkeys/{passkey_id}` (403 `own_second_factor`).
#[utoipa::path(
    tag = "users",
    operation_id = "removeUserPasskey",
    params(("user_id" = UserId, Path), ("passkey_id" = PasskeyId, Path)),
    responses((status = 204, description = "It signs in no more"), BadRequest, NotAllowed, NotFound, Conflict, Failures)
)]
#[delete("/api/users/{user_id}/passkeys/{passkey_id}")]
pub(crate) async fn remove_user_passkey(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    path: Path<(UserId, PasskeyId)>,
) -> Result<HttpResponse, ApiError> {
    let (user_id, passkey_id) = path.into_inner();
    let own = match &*access.caller {
        Caller::User { user, .. } => user.id,
        Caller::AuthenticationOff => return Err(ApiError::AuthenticationOff),
        Caller::Key(_) | Caller::Nobody => return Err(ApiError::OnlyForSessions),
    };
    if own == user_id {
        return Err(AccessProblem::OwnSecondFactor.into());
    }
    let user = gateway.database.user(user_id).await?;
    let user = user.ok_or(ApiError::UserNotFound)?;
    remove(&gateway, user.id, passkey_id, None, &notes).await
}

async fn remove(
    gateway: &Gateway,
    user_id: UserId,
    passkey_id: PasskeyId,
    kept: Option<[u8; 32]>,
    notes: &Notes,
) -> Result<HttpResponse, ApiError> {
    notes.detail(format!("passkey {passkey_id}"));
    if gateway.database.remove_passkey(user_id, passkey_id, kept).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(AccessProblem::PasskeyNotFound.into())
    }
}
