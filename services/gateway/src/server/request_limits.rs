//! How much of the gateway one client may take: how often it asks, how long a body may be and take to come, how
//! many uploads are received side by side. Uploads' own limits stand in [`crate::uploads::receive`].

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};
use futures::StreamExt;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use norma_access::sha256;

use crate::fair_turns::{CountedAs, FairTurns};
use crate::gateway::Gateway;
use crate::http::content_length::content_length;
use crate::http::leftover::answer_unread;
use crate::identity::authentication::bearer_token;
use crate::identity::caller::Access;
use crate::identity::session_cookie::SessionCookie;
use crate::identity::source::{source_address, source_key};
use crate::options::RequestRate;
use crate::problem::ApiError;

/// Paths whose bodies are forms with a file, or instances.
pub(crate) const UPLOAD_ROUTES: [&str; 6] = [
    "/api/scans",
    "/api/scans/inspect",
    "/inference/predict",
    "/api/inference/predict",
    "/dicom-web/studies",
    "/dicom-web/studies/{study}",
];
/// Their body is what is said over a WebSocket.
const SOCKET_ROUTES: [&str; 2] = [
    "/dicom-web/subscribers/{subscriber}",
    "/dicom-web/ws/subscribers/{subscriber}",
];
/// What a monitor asks, however often.
const UNCOUNTED_ROUTES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Idle clients are forgotten once so many are known.
const CLIENTS_KEPT: usize = 10_000;

/// Its answer lasts for as long as anybody listens.
const FEED_ROUTE: &str = "/api/events";
/// A refusal for asking too often is answered after so long.
const HELD_BACK: Duration = Duration::from_millis(100);
const MOST_HELD_BACK: usize = 1024;

/// Where people and machines say who they are: such requests are counted whatever they show.
const SIGN_IN_ROUTES: [&str; 4] = [
    "/api/session",
    "/api/session/token",
    "/api/session/passkey",
    "/api/session/passkey/challenge",
];
/// A credential that was known is believed to be for so long, before it is looked at.
const CREDENTIAL_KEPT: Duration = Duration::from_secs(600);

/// Counts requests of each client.
pub(crate) struct RequestCounter {
    limiter: Option<DefaultKeyedRateLimiter<String>>,
    /// Credentials that were known a short while ago, by their hash.
    known: Mutex<HashMap<[u8; 32], Known>>,
}

/// A credential that was known, and whose it was then: its requests are counted before it is looked at again. It opens nothing.
struct Known {
    since: Instant,
    client: String,
}

/// Set where a request was counted by who sends it.
#[derive(Clone, Copy)]
struct CountedByIdentity;

impl RequestCounter {
    pub(crate) fn new(rate: RequestRate) -> Self {
        let quota = NonZeroU32::new(rate.per_minute).map(|per_minute| {
            let burst = NonZeroU32::new(rate.burst).unwrap_or(NonZeroU32::MIN);
            Quota::per_minute(per_minute).allow_burst(burst)
        });
        Self {
            limiter: quota.map(RateLimiter::keyed),
            known: Mutex::default(),
        }
    }

    /// Whose a credential was a short while ago.
    fn client_of(&self, credential: &[u8; 32]) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known
            .get(credential)
            .filter(|known| known.since.elapsed() < CREDENTIAL_KEPT)
            .map(|known| known.client.clone())
    }

    /// Remembers whose a credential is; None: nobody's.
    fn note(&self, credential: [u8; 32], client: Option<String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(client) = client else {
            known.remove(&credential);
            return;
        };
        if known.len() >= CLIENTS_KEPT {
            known.retain(|_, known| known.since.elapsed() < CREDENTIAL_KEPT);
        }
        if known.len() < CLIENTS_KEPT {
            let since = Instant::now();
            known.insert(credential, Known { since, client });
        }
    }

    /// Refuses a request of a client that asked too often.
    fn count(&self, client: &String) -> Result<(), ApiError> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        if limiter.len() > CLIENTS_KEPT {
            limiter.retain_recent();
        }
        limiter.check_key(client).map_err(|early| {
            let wait = early.wait_time_from(DefaultClock::default().now());
            ApiError::TooManyRequests {
                retry_after_seconds: wait.as_secs() + 1,
            }
        })
    }
}

/// Middleware: before anything is done for a request it is counted. Who shows a credential that was known lately counts by
/// whose that was; who shows none, or another one, by the address it comes from. So nobody tries keys at leisure, a reading
/// room behind one address is not taken for one client, and a flood with one key costs no look at the database.
pub(crate) async fn limit_rate<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let pattern = request.match_pattern().unwrap_or_default();
    let is_counted =
        !pattern.is_empty() && !UNCOUNTED_ROUTES.contains(&pattern.as_str()) && !pattern.starts_with("/docs");
    let counter = request.app_data::<Data<RequestCounter>>().cloned();
    let Some(counter) = counter.filter(|_| is_counted) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let options = request
        .app_data::<Data<Gateway>>()
        .map(|gateway| &gateway.options);
    let proxies = options.map_or(&[][..], |options| &options.trusted_proxies);
    let public_url = options.and_then(|options| options.public_url.as_deref());
    let client = source_key(source_address(request.request(), proxies));
    let signs_in = request.method() == Method::POST && SIGN_IN_ROUTES.contains(&pattern.as_str());
    let credential = credential_of(request.request(), public_url).filter(|_| !signs_in);
    let known = credential
        .as_ref()
        .and_then(|credential| counter.client_of(credential));
    let is_known = known.is_some();
    let client = known.unwrap_or(client);
    if let Err(refusal) = counter.count(&client) {
        hold_back().await;
        return Ok(answer_unread(request, refusal.error_response()).map_into_right_body());
    }
    if is_known {
        request.extensions_mut().insert(CountedByIdentity);
    }
    request.extensions_mut().insert(CountedAs(client.clone()));
    let turns = request.app_data::<Data<FairTurns>>().cloned();
    let turn = match turns.filter(|_| request.method() == Method::GET && pattern != FEED_ROUTE) {
        None => None,
        Some(turns) => {
            let Some(turn) = turns.take(&client).await else {
                hold_back().await;
                let refusal = ApiError::TooManyRequests {
                    retry_after_seconds: 1,
                };
                return Ok(answer_unread(request, refusal.error_response()).map_into_right_body());
            };
            Some(turn)
        }
    };
    let response = next.call(request).await?;
    drop(turn);
    if response.status() == StatusCode::TOO_MANY_REQUESTS {
        hold_back().await;
    }
    if let Some(credential) = credential {
        let extensions = response.request().extensions();
        let access = extensions.get::<Access>();
        let client = access.and_then(identity_of);
        if client.is_some() || response.status() == StatusCode::UNAUTHORIZED {
            counter.note(credential, client);
        }
    }
    Ok(response.map_into_left_body())
}

/// Whoever is refused for asking too often learns it a moment later: who asks again at once asks ten times a second for each of its
/// connections, not as often as refusals can be written. Not beyond so many at a time, each of which is kept meanwhile.
async fn hold_back() {
    static HELD: AtomicUsize = AtomicUsize::new(0);
    struct Held;
    impl Drop for Held {
        fn drop(&mut self) {
            HELD.fetch_sub(1, Ordering::Relaxed);
        }
    }
    let before = HELD.fetch_add(1, Ordering::Relaxed);
    let _held = Held;
    if before < MOST_HELD_BACK {
        tokio::time::sleep(HELD_BACK).await;
    }
}

/// By what the requests of a caller are counted that is known.
fn identity_of(access: &Access) -> Option<String> {
    let actor = access.caller.actor();
    actor.id.map(|id| format!("{} {id}", actor.kind))
}

/// The key or session that a request shows, as a hash: the same one, however it is wrapped.
fn credential_of(request: &HttpRequest, public_url: Option<&str>) -> Option<[u8; 32]> {
    match request.headers().get(header::AUTHORIZATION) {
        Some(shown) => shown
            .to_str()
            .ok()
            .and_then(bearer_token)
            .map(|secret| sha256(secret.as_bytes())),
        None => SessionCookie::of(request, public_url)
            .token_of(request)
            .map(|token| token.hash()),
    }
}

/// Middleware: who is known counts by who it is, from wherever it comes, unless it was counted so before it was looked at.
pub(crate) async fn limit_identity<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let identity = {
        let extensions = request.extensions();
        let access = extensions.get::<Access>();
        access
            .filter(|_| !extensions.contains::<CountedByIdentity>())
            .and_then(identity_of)
    };
    let counter = request.app_data::<Data<RequestCounter>>().cloned();
    if let (Some(identity), Some(counter)) = (identity, counter)
        && let Err(refusal) = counter.count(&identity)
    {
        return Ok(answer_unread(request, refusal.error_response()).map_into_right_body());
    }
    Ok(next.call(request).await?.map_into_left_body())
}

/// Middleware: a body that is no upload comes whole, soon and is short. The handler then has it at once.
pub(crate) async fn limit_body<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let is_upload = request.match_pattern().is_some_and(|pattern| {
        UPLOAD_ROUTES.contains(&pattern.as_str()) || SOCKET_ROUTES.contains(&pattern.as_str())
    });
    if is_upload {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let limits = request
        .app_data::<Data<Gateway>>()
        .map(|gateway| (gateway.options.json_limit_bytes, gateway.options.body_timeout));
    if let Some((limit_bytes, in_time)) = limits {
        let announced = content_length(request.headers());
        let payload = request.parts_mut().1.take();
        if let Payload::None = payload {
            request.set_payload(payload);
        } else {
            match read_body(payload, announced, limit_bytes, in_time).await {
                Ok(body) => request.set_payload(Payload::from(body)),
                Err(refusal) => {
                    let answer = refusal.error_response();
                    return Ok(request.into_response(answer).map_into_right_body());
                }
            }
        }
    }
    Ok(next.call(request).await?.map_into_left_body())
}

async fn read_body(
    mut payload: Payload,
    announced: Option<u64>,
    limit_bytes: usize,
    in_time: Duration,
) -> Result<Bytes, ApiError> {
    let too_large = || ApiError::BodyTooLarge {
        limit_bytes: limit_bytes as u64,
    };
    if announced.is_some_and(|bytes| bytes > limit_bytes as u64) {
        return Err(too_large());
    }
    let read = async {
        let mut body = BytesMut::new();
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| match error {
                PayloadError::Overflow => too_large(),
                _ => ApiError::InvalidBody("the body ended before its end".to_owned()),
            })?;
            if body.len() + chunk.len() > limit_bytes {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    };
    tokio::time::timeout(in_time, read)
        .await
        .map_err(|_| ApiError::BodyStalled)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_when_to_come_back_and_others_are_not_kept_waiting() {
        let counter = RequestCounter::new(RequestRate {
            per_minute: 1,
            burst: 2,
        });
        let client = "192.0.2.1".to_owned();
        assert!(counter.count(&client).is_ok());
        assert!(counter.count(&client).is_ok());
        let Err(ApiError::TooManyRequests { retry_after_seconds }) = counter.count(&client) else {
            panic!("the third request passes");
        };
        assert!((1..=60).contains(&retry_after_seconds), "{retry_after_seconds}");
        assert!(counter.count(&"192.0.2.2".to_owned()).is_ok());
    }
}
