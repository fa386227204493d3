//! From a request to who sent it.

use std::net::IpAddr;

use actix_web::HttpRequest;
use actix_web::http::header;
use chrono::{TimeDelta, Utc};
use norma_access::{ApiKeySecret, Networks};
use norma_database::Database;

use crate::http::host::host_of;
use crate::identity::caller::{Access, Caller};
use crate::identity::sign_in::Identity;
use crate::identity::source::source_address;
use crate::problem::{AccessProblem, ApiError};

/// Use is noted at most this often, so that reading a study does not write a row for each slice.
const NOTED_EVERY: TimeDelta = TimeDelta::seconds(60);

/// Who sent the request. A key that is shown counts alone: a wrong one is refused, whatever the cookie says.
/// `is_noted`: that the session or key was used is written down now and then.
pub(crate) async fn authenticate(
    identity: &Identity,
    database: &Database,
    request: &HttpRequest,
    is_noted: bool,
) -> Result<Caller, ApiError> {
    if !identity.is_on() {
        return Ok(Caller::AuthenticationOff);
    }
    if let Some(authorization) = request.headers().get(header::AUTHORIZATION) {
        let secret = authorization.to_str().ok().and_then(bearer_token);
        let source = source_address(request, identity.trusted_proxies());
        return of_key(database, secret, source, is_noted).await;
    }
    of_session(identity, database, request, is_noted).await
}

/// Whether a request that goes on for long would still be let in: its session or key is valid and has a role for it.
/// A database that does not answer ends nothing.
pub(crate) async fn is_still_let_in(identity: &Identity, database: &Database, access: &Access) -> bool {
    let roles = match &*access.caller {
        Caller::AuthenticationOff => return true,
        Caller::Nobody => return false,
        Caller::User { session, .. } => database
            .session(session.token.hash(), identity.longest_idle())
            .await
            .map(|session| session.map(|session| session.user.roles)),
        Caller::Key(key) => database
            .valid_api_key_of(key.id)
            .await
            .map(|key| key.map(|key| key.roles)),
    };
    match roles {
        Ok(Some(roles)) => access.allowed.is_empty() || !roles.intersection(access.allowed).is_empty(),
        Ok(None) => false,
        Err(_) => true,
    }
}

/// The token of `Authorization: Bearer …` (RFC 6750; the scheme's case does not matter, RFC 9110).
pub(crate) fn bearer_token(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

async fn of_key(
    database: &Database,
    secret: Option<&str>,
    source: Option<IpAddr>,
    is_noted: bool,
) -> Result<Caller, ApiError> {
    let secret = secret
        .and_then(|secret| ApiKeySecret::parse(secret).ok())
        .ok_or(ApiError::InvalidKey)?;
    let Some(key) = database.valid_api_key(secret.hash()).await? else {
        let waits = database.is_unconfirmed_api_key(secret.hash()).await?;
        return Err(if waits {
            ApiError::KeyNotConfirmed
        } else {
            ApiError::InvalidKey
        });
    };
    let networks = Networks::parse(&key.allowed_addresses).map_err(ApiError::internal)?;
    if !networks.allow(source) {
        tracing::warn!(key_id = %key.id, "a key was shown from an address that it is not used from");
        return Err(AccessProblem::AddressNotAllowed.into());
    }
    if is_noted
        && key
            .last_used_at
            .is_none_or(|used| Utc::now() - used > NOTED_EVERY)
    {
        let (database, id) = (database.clone(), key.id);
        tokio::spawn(async move {
            if let Err(error) = database.touch_api_key(id).await {
                tracing::warn!(key_id = %id, %error, "a key's use could not be noted");
            }
        });
    }
    Ok(Caller::Key(Box::new(key)))
}

async fn of_session(
    identity: &Identity,
    database: &Database,
    request: &HttpRequest,
    is_noted: bool,
) -> Result<Caller, ApiError> {
    let Some(token) = identity.cookie(request).token_of(request) else {
        return Ok(Caller::Nobody);
    };
    let idle = identity.longest_idle();
    let Some(session) = database.session(token.hash(), idle).await? else {
        return Ok(Caller::Nobody);
    };
    if is_noted && Utc::now() - session.last_seen_at > NOTED_EVERY.min(idle / 2) {
        let (database, hash) = (database.clone(), token.hash());
        tokio::spawn(async move {
            if let Err(error) = database.touch_session(hash).await {
                tracing::warn!(%error, "a session's use could not be noted");
            }
        });
    }
    Ok(Caller::of_session(token, session))
}

/// Whether the request's host is one of this machine's own names. Where authentication is off, a page of another
/// site could otherwise make its name point here (DNS rebinding) and read everything.
pub(crate) fn is_local_host(request: &HttpRequest) -> bool {
    let host = host_of(request).unwrap_or_default();
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn bearer_tokens_are_read() {
        assert_eq!(bearer_token("Bearer norma_x"), Some("norma_x"));
        assert_eq!(bearer_token("bearer norma_x"), Some("norma_x"));
        assert_eq!(bearer_token("Basic norma_x"), None);
        assert_eq!(bearer_token("norma_x"), None);
    }

    #[test]
    fn local_names_are_known() {
        for (host, is_local) in [
            ("localhost:8080", true),
            ("127.0.0.1", true),
            ("[::1]:8080", true),
            ("evil.example:8080", false),
            ("127.0.0.1.evil.example", false),
            ("", false),
        ] {
            let request = TestRequest::default()
                .insert_header((header::HOST, host))
                .to_http_request();
            assert_eq!(is_local_host(&request), is_local, "{host}");
        }
    }
}
