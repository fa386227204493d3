//! `/api/sessions`: where somebody is signed in, and an end to it.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get};
use norma_database::{User, session_id};
use norma_domain::UserId;
use uuid::Uuid;

use crate::gateway::Gateway;
use crate::identity::caller::{Access, Caller, CallerSession, Notes};
use crate::identity::schema::{EndedSessions, ListedSession, Sessions};
use crate::identity::sign_in::Identity;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Conflict, Failures, NotAllowed, NotFound};

/// Who asks and with which session: keys have none.
fn person(caller: &Caller) -> Result<(&User, &CallerSession), ApiError> {
    match caller {
        Caller::User { user, session } => Ok((user, session)),
        Caller::AuthenticationOff => Err(ApiError::AuthenticationOff),
        Caller::Key(_) | Caller::Nobody => Err(ApiError::OnlyForSessions),
    }
}

async fn list(
    gateway: &Gateway,
    identity: &Identity,
    user_id: UserId,
    current: Option<&CallerSession>,
) -> Result<Json<Sessions>, ApiError> {
    let listed = gateway
        .database
        .list_sessions(user_id, identity.longest_idle())
        .await?;
    let current = current.map(|session| session_id(&session.token.hash()));
    Ok(Json(Sessions {
        items: listed
            .into_iter()
            .map(|session| ListedSession::of(session, current))
            .collect(),
    }))
}

async fn end(gateway: &Gateway, user: &User, session_id: Uuid) -> Result<HttpResponse, ApiError> {
    if gateway.database.end_session_of(user.id, session_id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::SessionNotFound)
    }
}

/// Ends all but the one that is kept.
async fn end_all(
    gateway: &Gateway,
    user: &User,
    kept: Option<[u8; 32]>,
    notes: &Notes,
) -> Result<Json<EndedSessions>, ApiError> {
    let ended = gateway.database.end_sessions_of(user.id, kept).await?;
    notes.detail(format!("{ended} sessions"));
    Ok(Json(EndedSessions { ended }))
}

/// Lists where the caller is signed in, the session that was used last first.
#[utoipa::path(
    tag = "session",
    operation_id = "listSessions",
    responses(
        (status = 200, description = "The sessions that still sign the caller in", body = Sessions),
        NotAllowed, Conflict, Failures
    )
)]
#[get("/api/sessions")]
pub(crate) async fn list_sessions(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
) -> Result<Json<Sessions>, ApiError> {
    let (user, session) = person(&access.caller)?;
    list(&gateway, &identity, user.id, Some(session)).await
}

/// Signs the caller out everywhere else.
#[utoipa::path(
    tag = "session",
    operation_id = "endOtherSessions",
    responses(
        (status = 200, description = "How many sessions were ended", body = EndedSessions),
        NotAllowed, Conflict, Failures
    )
)]
#[delete("/api/sessions")]
pub(crate) async fn end_other_sessions(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
) -> Result<Json<EndedSessions>, ApiError> {
    let (user, session) = person(&access.caller)?;
    let kept = Some(session.token.hash());
    end_all(&gateway, user, kept, &notes).await
}

/// Ends one session of the caller: the next request with it is refused. `DELETE /api/session` signs out of this one.
#[utoipa::path(
    tag = "session",
    operation_id = "endSession",
    params(("session_id" = Uuid, Path, description = "From the list")),
    responses((status = 204, description = "Ended"), BadRequest, NotAllowed, NotFound, Conflict, Failures)
)]
#[delete("/api/sessions/{session_id}")]
pub(crate) async fn end_session(
    gateway: Data<Gateway>,
    access: Access,
    session_id: Path<Uuid>,
) -> Result<HttpResponse, ApiError> {
    let (user, _) = person(&access.caller)?;
    end(&gateway, user, *session_id).await
}

async fn existing(gateway: &Gateway, user_id: UserId) -> Result<User, ApiError> {
    gateway
        .database
        .user(user_id)
        .await?
        .ok_or(ApiError::UserNotFound)
}

/// Lists where an account is signed in.
#[utoipa::path(
    tag = "users",
    operation_id = "listUserSessions",
    params(("user_id" = UserId, Path)),
    responses(
        (status = 200, description = "The sessions that still sign the account in", body = Sessions),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/users/{user_id}/sessions")]
pub(crate) async fn list_user_sessions(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    user_id: Path<UserId>,
) -> Result<Json<Sessions>, ApiError> {
    let user = existing(&gateway, *user_id).await?;
    let current = person(&access.caller).ok().map(|(_, session)| session);
    list(&gateway, &identity, user.id, current).await
}

/// Signs an account out everywhere.
#[utoipa::path(
    tag = "users",
    operation_id = "endUserSessions",
    params(("user_id" = UserId, Path)),
    responses(
        (status = 200, description = "How many sessions were ended", body = EndedSessions),
        BadRequest, NotFound, Failures
    )
)]
#[delete("/api/users/{user_id}/sessions")]
pub(crate) async fn end_user_sessions(
    gateway: Data<Gateway>,
    notes: Notes,
    user_id: Path<UserId>,
) -> Result<Json<EndedSessions>, ApiError> {
    let user = existing(&gateway, *user_id).await?;
    end_all(&gateway, &user, None, &notes).await
}

/// Ends one session of an account.
#[utoipa::path(
    tag = "users",
    operation_id = "endUserSession",
    params(("user_id" = UserId, Path), ("session_id" = Uuid, Path, description = "From the list")),
    responses((status = 204, description = "Ended"), BadRequest, NotFound, Failures)
)]
#[delete("/api/users/{user_id}/sessions/{session_id}")]
pub(crate) async fn end_user_session(
    gateway: Data<Gateway>,
    notes: Notes,
    path: Path<(UserId, Uuid)>,
) -> Result<HttpResponse, ApiError> {
    let (user_id, session_id) = path.into_inner();
    let user = existing(&gateway, user_id).await?;
    notes.detail(format!("session {session_id}"));
    end(&gateway, &user, session_id).await
}
