//! `/api/session/second-factor`: setting it up, and taking it away.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post, put};
use norma_access::TotpSecret;
use norma_database::NewSecondFactor;
use norma_domain::UserId;
use norma_service::SecondFactorMode;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::caller::{Access, Caller, Notes, local_person};
use crate::identity::recovery_codes::codes_and_hashes;
use crate::identity::second_factor::check::step_of;
use crate::identity::second_factor::kept::kept;
use crate::identity::second_factor::schema::{
    RecoveryCodes, SecondFactor, SecondFactorCode, SecondFactorStart,
};
use crate::identity::sign_in::{Identity, Secret};
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAllowed, NotFound, TooManyAttempts, UnsupportedMediaType,
};
use crate::problem::{AccessProblem, ApiError};

/// Says whether the caller's account has a second factor.
#[utoipa::path(
    tag = "session",
    operation_id = "getSecondFactor",
    responses((status = 200, description = "Since when, and how many recovery codes are left", body = SecondFactor),
        NotAllowed, Conflict, Failures)
)]
#[get("/api/session/second-factor")]
pub(crate) async fn get_second_factor(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
) -> Result<Json<SecondFactor>, ApiError> {
    let (user, _) = local_person(&access.caller)?;
    let settings = identity.settings();
    Ok(Json(SecondFactor {
        since: gateway.database.codes_since(user.id).await?,
        recovery_codes_left: gateway.database.recovery_codes_left(user.id).await?,
        is_required: settings.needs_second_factor(user.roles),
        is_offered: settings.second_factor.mode == SecondFactorMode::Optional,
    }))
}

/// Begins a second factor: a new secret for an authenticator app. Nothing is asked for before a code of it was sent (PUT).
#[utoipa::path(
    tag = "session",
    operation_id = "beginSecondFactor",
    responses((status = 200, description = "The secret, shown once", body = SecondFactorStart),
        NotAllowed, Conflict, Failures)
)]
#[post("/api/session/second-factor")]
pub(crate) async fn begin_second_factor(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    notes: Notes,
) -> Result<Json<SecondFactorStart>, ApiError> {
    let (user, _) = local_person(&access.caller)?;
    notes.object(user.id);
    let settings = &identity.settings().second_factor;
    if settings.mode == SecondFactorMode::Off {
        return Err(AccessProblem::SecondFactorOff.into());
    }
    let secret = TotpSecret::generate();
    let told = secret
        .enrolment(&settings.issuer, &user.login)
        .map_err(ApiError::internal)?;
    let kept = kept(&identity, user.id, &secret).await?;
    if !gateway.database.begin_second_factor(user.id, kept).await? {
        return Err(AccessProblem::SecondFactorSet.into());
    }
    Ok(Json(SecondFactorStart {
        secret: told.secret,
        url: told.url,
        qr_svg: told.qr_svg,
    }))
}

/// Confirms the second factor that was begun by a code of it. From now on sign-ins ask for codes; every other session of the
/// account ends.
#[utoipa::path(
    tag = "session",
    operation_id = "confirmSecondFactor",
    request_body = SecondFactorCode,
    responses((status = 200, description = "Codes for a lost device, shown once", body = RecoveryCodes),
        BadRequest, NotAllowed, Conflict, UnsupportedMediaType, TooManyAttempts, Failures)
)]
#[put("/api/session/second-factor")]
pub(crate) async fn confirm_second_factor(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    notes: Notes,
    input: JsonObject<SecondFactorCode>,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    if gateway.database.codes_since(user.id).await?.is_some() {
        return Err(AccessProblem::SecondFactorSet.into());
    }
    if gateway.database.second_factor_secret(user.id).await?.is_none() {
        return Err(AccessProblem::NoSecondFactor.into());
    }
    // By the account: no address makes it more.
    let attempt = identity.count_attempt(Secret::Code, &user.login, "").await?;
    let found = step_of(&identity, user, &input.code).await?;
    let (secret, step) = found.ok_or(AccessProblem::WrongCode)?;
    let (recovery_codes, recovery_code_hashes) = codes_and_hashes();
    let confirmed = gateway
        .database
        .confirm_second_factor(NewSecondFactor {
            user_id: user.id,
            secret,
            step,
            recovery_code_hashes,
            kept_session: session.token.hash(),
        })
        .await?;
    if !confirmed {
        return Err(AccessProblem::NoSecondFactor.into());
    }
    identity.forget_attempt(attempt).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

/// Takes the codes of the caller's account away; every other session of the account ends. Passkeys stay.
#[utoipa::path(
    tag = "session",
    operation_id = "removeSecondFactor",
    responses((status = 204, description = "Codes are asked for no more"), NotAllowed, Conflict, Failures)
)]
#[delete("/api/session/second-factor")]
pub(crate) async fn remove_second_factor(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let (user, session) = local_person(&access.caller)?;
    notes.object(user.id);
    let kept = session.token.hash();
    gone(gateway.database.remove_codes(user.id, kept).await?)
}

/// Makes new recovery codes; those before no longer work.
#[utoipa::path(
    tag = "session",
    operation_id = "renewRecoveryCodes",
    responses((status = 200, description = "The codes, shown once", body = RecoveryCodes), NotAllowed, Conflict, Failures)
)]
#[post("/api/session/recovery-codes")]
pub(crate) async fn renew_recovery_codes(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
) -> Result<Json<RecoveryCodes>, ApiError> {
    let (user, _) = local_person(&access.caller)?;
    notes.object(user.id);
    let (recovery_codes, hashes) = codes_and_hashes();
    if gateway.database.renew_recovery_codes(user.id, hashes).await? {
        Ok(Json(RecoveryCodes { recovery_codes }))
    } else {
        Err(AccessProblem::NoSecondFactor.into())
    }
}

/// Takes every second factor of another's account away, codes and passkeys, whose devices and recovery codes are lost; its sessions
/// end.
///
/// A person who signed in does, no key: what a key may do a thief may do alone. One's own goes by
/// `DELETE /api/session/second-factor` (403 `own_second_factor`).
#[utoipa::path(
    tag = "users",
    operation_id = "resetSecondFactor",
    params(("user_id" = UserId, Path)),
    responses((status = 204, description = "Codes are asked for no more"), BadRequest, NotAllowed, NotFound, Conflict, Failures)
)]
#[delete("/api/users/{user_id}/second-factor")]
pub(crate) async fn reset_second_factor(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    user_id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let own = match &*access.caller {
        Caller::User { user, .. } => user.id,
        Caller::AuthenticationOff => return Err(ApiError::AuthenticationOff),
        Caller::Key(_) | Caller::Nobody => return Err(ApiError::OnlyForSessions),
    };
    if own == *user_id {
        return Err(AccessProblem::OwnSecondFactor.into());
    }
    let user = gateway.database.user(*user_id).await?;
    let user = user.ok_or(ApiError::UserNotFound)?;
    notes.detail(format!("roles: {}", user.roles));
    gone(gateway.database.remove_second_factor(user.id).await?)
}

fn gone(had: bool) -> Result<HttpResponse, ApiError> {
    if had {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(AccessProblem::NoSecondFactor.into())
    }
}
