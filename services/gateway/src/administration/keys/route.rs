//! `/api/keys`: what machines show.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, delete, get, post};
use chrono::{TimeDelta, Utc};
use norma_access::{ApiKeySecret, InvalidNetworks, MOST_NETWORKS, Networks};
use norma_database::{ConfirmedKey, KeyConfirmer, NewApiKey};
use norma_domain::KeyId;

use crate::administration::keys::schema::{Key, KeyInput, NewKey};
use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::http::text::checked_name;
use crate::identity::{Access, Caller, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Conflict, Failures, NotAllowed, NotFound, UnsupportedMediaType};

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
/// `roles_beyond_own`): a person who signed in does. Where the settings say so (`identity.confirmed_key_roles`), the key acts
/// only once a second administrator has confirmed it: `awaits_confirmation`.
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
    input: JsonObject<KeyInput>,
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
    let networks = Networks::parse(&input.allowed_addresses).map_err(|error| ApiError::InvalidField {
        field: "allowed_addresses",
        detail: match error {
            // What was typed is not repeated.
            InvalidNetworks::NoNetwork(_) => {
                "addresses and networks: 192.0.2.7, 192.0.2.0/24, 2001:db8::/32".to_owned()
            }
            InvalidNetworks::TooMany => format!("at most {MOST_NETWORKS}"),
        },
    })?;
    let usual = gateway.options.identity.key_lifetime_days;
    let lifetime = input.expires_in_days.or((usual > 0).then_some(usual));
    let needs_confirmation = gateway.options.identity.needs_confirmation(input.roles);
    notes.detail(format!("roles: {}", input.roles));
    if needs_confirmation {
        notes.add_detail("awaits confirmation");
    }
    if !input.allowed_addresses.is_empty() {
        notes.add_detail(format_args!("from {}", networks.texts().join(" ")));
    }
    let made_by_user = match &*access.caller {
        Caller::User { user, .. } => Some(user.id),
        Caller::Key(key) => key.made_by_user,
        Caller::Nobody | Caller::AuthenticationOff => None,
    };
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
            made_by_user,
            needs_confirmation,
            allowed_addresses: networks.texts(),
        })
        .await?;
    notes.object(key.id);
    Ok(HttpResponse::Created().json(NewKey {
        key: key.into(),
        secret: secret.expose().to_owned(),
    }))
}

/// Confirms a key that another administrator made: from now on it acts.
///
/// A person who signed in does, no key; not the person who made it, nor who made the key that made it (403
/// `key_of_own_making`). What waits for nothing is 409 `key_awaits_nothing`.
#[utoipa::path(
    tag = "keys",
    operation_id = "confirmKey",
    params(("key_id" = KeyId, Path)),
    responses(
        (status = 200, description = "The key, which acts now", body = Key),
        BadRequest, NotAllowed, NotFound, Conflict, Failures
    )
)]
#[post("/api/keys/{key_id}/confirm")]
pub(crate) async fn confirm_key(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    key_id: Path<KeyId>,
) -> Result<Json<Key>, ApiError> {
    let Caller::User { user, .. } = &*access.caller else {
        return Err(match &*access.caller {
            // Who everybody is nobody knows.
            Caller::AuthenticationOff => ApiError::AuthenticationOff,
            _ => ApiError::OnlyForSessions,
        });
    };
    let confirmer = KeyConfirmer::User(user.id);
    let by = user.login.clone();
    match gateway.database.confirm_api_key(*key_id, confirmer, by).await? {
        Some(ConfirmedKey::Confirmed(key)) => {
            notes.detail(format!("roles: {}; made by {}", key.roles, key.created_by));
            Ok(Json((*key).into()))
        }
        Some(ConfirmedKey::OwnKey) => Err(ApiError::KeyOfOwnMaking),
        Some(ConfirmedKey::NotAwaited) => Err(ApiError::KeyAwaitsNothing),
        None => Err(ApiError::KeyNotFound),
    }
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
