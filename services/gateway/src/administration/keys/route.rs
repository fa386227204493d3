//! `/api/keys`: what machines show.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{TimeDelta, Utc};
use norma_access::ApiKeySecret;
use norma_database::NewApiKey;
use norma_domain::KeyId;

use crate::administration::keys::schema::{Key, KeyInput, NewKey};
use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::text::checked_name;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound, UnsupportedMediaType};

/// Lists keys, the newest first, revoked and expired ones too.
#[utoipa::path(
    tag = "keys",
    operation_id = "listKeys",
    params(Paging),
    responses((status = 200, description = "A part of the list", body = Page<Key>), BadRequest, Failures)
)]
#[get("/api/keys")]
pub(crate) async fn list_keys(
    gateway: Data<Gateway>,
    paging: Query<Paging>,
) -> Result<Json<Page<Key>>, ApiError> {
    let listing = gateway.database.list_api_keys(paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}

/// Makes a key. Its secret is in this answer and nowhere else.
///
/// A key makes no key of clinicians or administrators that it is none of itself, nor one that shares another scope (403
/// `roles_beyond_own`): a person who signed in does.
#[utoipa::path(
    tag = "keys",
    operation_id = "createKey",
    request_body = KeyInput,
    responses(
        (status = 201, description = "The new key and its secret", body = NewKey),
        BadRequest, UnsupportedMediaType, Failures
    )
)]
#[post("/api/keys")]
pub(crate) async fn create_key(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    input: Json<KeyInput>,
) -> Result<HttpResponse, ApiError> {
    let input = input.into_inner();
    let name = checked_name("name", &input.name)?;
    let scope = match input.scope.filter(|scope| !scope.trim().is_empty()) {
        Some(scope) => {
            let scope = checked_name("scope", &scope)?;
            access.caller.may_share(&scope)?;
            scope
        }
        // Its own: a name may be given twice.
        None => String::new(),
    };
    if input.roles.is_empty() {
        return Err(ApiError::InvalidField {
            field: "roles",
            detail: "at least one role".to_owned(),
        });
    }
    access.caller.may_give(input.roles)?;
    if input
        .expires_in_days
        .is_some_and(|days| !(1..=3650).contains(&days))
    {
        return Err(ApiError::InvalidField {
            field: "expires_in_days",
            detail: "1 to 3650".to_owned(),
        });
    }
    let usual = gateway.options.identity.key_lifetime_days;
    let lifetime = input.expires_in_days.or((usual > 0).then_some(usual));
    notes.detail(format!("roles: {}", input.roles));
    let secret = ApiKeySecret::generate();
    let key = gateway
        .database
        .create_api_key(NewApiKey {
            name,
            scope,
            roles: input.roles,
            secret_hash: secret.hash(),
            prefix: secret.prefix().to_owned(),
            created_by: access.caller.actor().name,
            expires_at: lifetime.map(|days| Utc::now() + TimeDelta::days(days.into())),
        })
        .await?;
    notes.object(key.id);
    Ok(HttpResponse::Created().json(NewKey {
        key: key.into(),
        secret: secret.expose().to_owned(),
    }))
}

/// Revokes a key, at once and for good. It stays in the list.
#[utoipa::path(
    tag = "keys",
    operation_id = "revokeKey",
    params(("key_id" = KeyId, Path)),
    responses((status = 204, description = "Revoked"), BadRequest, NotFound, Failures)
)]
#[delete("/api/keys/{key_id}")]
pub(crate) async fn revoke_key(
    gateway: Data<Gateway>,
    key_id: Path<KeyId>,
) -> Result<HttpResponse, ApiError> {
    match gateway.database.revoke_api_key(*key_id).await? {
        Some(_) => Ok(HttpResponse::NoContent().finish()),
        None => Err(ApiError::KeyNotFound),
    }
}
