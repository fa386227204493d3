//! `/api/users`: people's accounts.

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, delete, get, post, put};
use norma_database::DatabaseError;
use norma_domain::UserId;

use crate::administration::users::schema::{SignInLink, User, UserInput, UserUpdate};
use crate::gateway::Gateway;
use crate::http::freshness::{expected_version, version_tag};
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::identity::{Access, Caller, Identity, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, ChangedMeanwhile, Conflict, Failures, NotFound, UnsupportedMediaType,
};

/// Lists accounts by login.
#[utoipa::path(
    tag = "users",
    operation_id = "listUsers",
    params(Paging),
    responses((status = 200, description = "A part of the list", body = Page<User>), BadRequest, Failures)
)]
#[get("/api/users")]
pub(crate) async fn list_users(
    gateway: Data<Gateway>,
    paging: Query<Paging>,
) -> Result<Json<Page<User>>, ApiError> {
    let listing = gateway.database.list_users(paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}

/// Makes an account. It has no password yet: ask for a sign-in link and hand it over.
#[utoipa::path(
    tag = "users",
    operation_id = "createUser",
    request_body = UserInput,
    responses(
        (status = 201, description = "The new account", body = User,
            headers(("Location" = String, description = "Where the account is"))),
        BadRequest, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/users")]
pub(crate) async fn create_user(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    input: JsonObject<UserInput>,
) -> Result<HttpResponse, ApiError> {
    let new = input.into_inner().checked()?;
    access.caller.may_give(new.roles)?;
    notes.detail(format!("roles: {}", new.roles));
    let user = gateway
        .database
        .create_user(new)
        .await
        .map_err(|error| match error {
            DatabaseError::UniqueViolation { .. } => ApiError::LoginTaken,
            other => other.into(),
        })?;
    notes.object(user.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/users/{}", user.id)))
        .json(User::from(user)))
}

/// Gives an account.
#[utoipa::path(
    tag = "users",
    operation_id = "getUser",
    params(("user_id" = UserId, Path)),
    responses(
        (status = 200, description = "The account", body = User, headers(("ETag" = String))),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/users/{user_id}")]
pub(crate) async fn get_user(
    gateway: Data<Gateway>,
    user_id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let user = gateway.database.user(*user_id).await?;
    user.map(|user| with_version(HttpResponse::Ok(), user))
        .ok_or(ApiError::UserNotFound)
}

fn with_version(mut response: HttpResponseBuilder, user: norma_database::User) -> HttpResponse {
    response
        .insert_header(version_tag(user.updated_at, None))
        .json(User::from(user))
}

/// Changes an account's name and roles, disables or enables it. The last enabled administrator stays one.
///
/// Where roles change or the account is disabled, its sessions end; whoever changes the own account gets a new one.
#[utoipa::path(
    tag = "users",
    operation_id = "updateUser",
    params(
        ("user_id" = UserId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that is changed; another is refused"),
    ),
    request_body = UserUpdate,
    responses(
        (status = 200, description = "The account as it is now", body = User, headers(("ETag" = String))),
        BadRequest, NotFound, Conflict, ChangedMeanwhile, UnsupportedMediaType, Failures
    )
)]
#[put("/api/users/{user_id}")]
pub(crate) async fn update_user(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    user_id: Path<UserId>,
    change: JsonObject<UserUpdate>,
) -> Result<HttpResponse, ApiError> {
    let change = change.into_inner().checked()?;
    notes.detail(format!("roles: {}; disabled: {}", change.roles, change.disabled));
    let earlier = gateway.database.user(*user_id).await?;
    let earlier = earlier.ok_or(ApiError::UserNotFound)?.roles;
    access.caller.may_give(change.roles.without(earlier))?;
    let user = gateway
        .database
        .update_user(*user_id, change, expected_version(&request)?)
        .await?
        .ok_or(ApiError::UserNotFound)?;
    let mut response = HttpResponse::Ok();
    if let Caller::User { user: own, session } = &*access.caller
        && own.id == user.id
        && own.roles != user.roles
        && !user.disabled
    {
        let token = identity.sign_in(&request, &user, session.method).await?;
        response.cookie(identity.cookie(&request).with(&token));
    }
    Ok(with_version(response, user))
}

/// Deletes an account; what it did stays in the audit trail. The last enabled administrator stays.
#[utoipa::path(
    tag = "users",
    operation_id = "deleteUser",
    params(("user_id" = UserId, Path)),
    responses((status = 204, description = "Deleted"), BadRequest, NotFound, Conflict, Failures)
)]
#[delete("/api/users/{user_id}")]
pub(crate) async fn delete_user(
    gateway: Data<Gateway>,
    user_id: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    if gateway.database.delete_user(*user_id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::UserNotFound)
    }
}

/// Makes a link that signs an account in once: an invitation, or help for a forgotten password. Older ones of the
/// account stop working.
#[utoipa::path(
    tag = "users",
    operation_id = "createSignInLink",
    params(("user_id" = UserId, Path)),
    responses(
        (status = 200, description = "The link, shown once", body = SignInLink),
        BadRequest, NotFound, Conflict, Failures
    )
)]
#[post("/api/users/{user_id}/sign-in-link")]
pub(crate) async fn create_sign_in_link(
    gateway: Data<Gateway>,
    identity: Data<Identity>,
    access: Access,
    user_id: Path<UserId>,
) -> Result<Json<SignInLink>, ApiError> {
    let user = gateway
        .database
        .user(*user_id)
        .await?
        .ok_or(ApiError::UserNotFound)?;
    // Whoever has the link signs in as that person.
    access.caller.may_give(user.roles)?;
    let (link, expires_at) = identity.sign_in_link(&gateway.base_url, &user).await?;
    Ok(Json(SignInLink { link, expires_at }))
}
