//! What every answer carries and every request must pass: security headers, the refusal of requests that other
//! sites make a browser send, and the rule of where the gateway may listen.

use std::net::{IpAddr, SocketAddr};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, ResponseError};
use norma_service::Authentication;

use crate::http::host::host_of;
use crate::problem::ApiError;

/// Scripts and styles from here only. Inline styles are needed by component libraries and by the Swagger page,
/// WebAssembly, blobs and workers by the viewer's decoders.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
     style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
     connect-src 'self' blob:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// Middleware: refuses what another site made a browser send, and adds the security headers to every answer.
pub(crate) async fn guard<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let allowed_origins = request
        .app_data::<actix_web::web::Data<AllowedOrigins>>()
        .map(|origins| origins.0.clone())
        .unwrap_or_default();
    let is_encrypted = request.app_config().secure();
    let is_foreign = {
        let host = host_of(request.request());
        comes_from_elsewhere(request.method(), request.headers(), host, &allowed_origins)
    };
    let mut response = if is_foreign {
        let answer = ApiError::CrossOrigin.error_response();
        request.into_response(answer).map_into_right_body()
    } else {
        match next.call(request).await {
            Ok(response) => response.map_into_left_body(),
            // A middleware's refusal without a response, as that of a request that took too long.
            Err(error) => {
                let mut answer = error.error_response();
                add_headers(answer.headers_mut(), is_encrypted);
                return Err(InternalError::from_response(error, answer).into());
            }
        }
    };
    add_headers(response.headers_mut(), is_encrypted);
    Ok(response)
}

fn add_headers(headers: &mut HeaderMap, is_encrypted: bool) {
    if is_encrypted {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000"),
        );
    }
    for (name, value) in HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    // Said by handlers to keep the compression away.
    if headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| value == "identity")
    {
        headers.remove(header::CONTENT_ENCODING);
    }
}

/// The origins that the settings allow beside the gateway's own.
pub(crate) struct AllowedOrigins(pub(crate) Vec<String>);

/// Whether a page of another origin made a browser send a request that changes something, or opens a WebSocket: what is said over one
/// is read by whoever opened it, and a page beside this one (another port, another name of the same site) opens it with the
/// session's cookie. Programs send neither `Origin` nor `Sec-Fetch-Site`.
fn comes_from_elsewhere(
    method: &Method,
    headers: &HeaderMap,
    host: Option<&str>,
    allowed: &[String],
) -> bool {
    if method.is_safe() && !headers.contains_key(header::UPGRADE) {
        return false;
    }
    let text = |value: &HeaderValue| value.to_str().unwrap_or("null").to_owned();
    let is_foreign = |origin: &HeaderValue| {
        let origin = text(origin);
        let is_own = origin.split_once("://").is_some_and(|(_, of)| Some(of) == host);
        !is_own && !allowed.contains(&origin)
    };
    if headers.contains_key(header::ORIGIN) {
        return headers.get_all(header::ORIGIN).any(is_foreign);
    }
    let site = headers.get(HeaderName::from_static("sec-fetch-site"));
    site.is_some_and(|site| text(site) == "cross-site")
}

/// An address that the gateway does not listen on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} is not a loopback address, and identity.authentication is off: whoever reaches the port would read and change \
     every study. Switch authentication on, or listen on 127.0.0.1"
)]
pub struct BeyondLoopback(pub IpAddr);

/// Where to listen; with authentication off on loopback alone.
pub fn listen_address(
    address: IpAddr,
    port: u16,
    authentication: Authentication,
) -> Result<SocketAddr, BeyondLoopback> {
    if address.is_loopback() || authentication == Authentication::On {
        Ok(SocketAddr::new(address, port))
    } else {
        Err(BeyondLoopback(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn other_sites_change_nothing() {
        let host = "127.0.0.1:8080";
        for (method, pairs, elsewhere) in [
            (Method::POST, vec![], false),
            (Method::POST, vec![("origin", "http://127.0.0.1:8080")], false),
            (Method::POST, vec![("origin", "http://evil.example")], true),
            (Method::DELETE, vec![("origin", "null")], true),
            (
                Method::POST,
                vec![
                    ("origin", "http://127.0.0.1:8080"),
                    ("origin", "http://evil.example"),
                ],
                true,
            ),
            (Method::POST, vec![("sec-fetch-site", "cross-site")], true),
            (Method::POST, vec![("origin", "https://ris.example")], false),
            (Method::GET, vec![("origin", "http://evil.example")], false),
            (
                Method::GET,
                vec![("upgrade", "websocket"), ("origin", "http://127.0.0.1:9090")],
                true,
            ),
            (
                Method::GET,
                vec![("upgrade", "websocket"), ("origin", "http://127.0.0.1:8080")],
                false,
            ),
            (Method::GET, vec![("upgrade", "websocket")], false),
        ] {
            let allowed = ["https://ris.example".to_owned()];
            assert_eq!(
                comes_from_elsewhere(&method, &headers(&pairs), Some(host), &allowed),
                elsewhere,
                "{method} {pairs:?}"
            );
        }
    }

    #[test]
    fn without_authentication_on_loopback_alone() {
        use Authentication::{Off, On};
        for (address, authentication, is_fine) in [
            ("127.0.0.1", Off, true),
            ("::1", Off, true),
            ("0.0.0.0", Off, false),
            ("192.0.2.1", Off, false),
            ("0.0.0.0", On, true),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(
                listen_address(address, 0, authentication).is_ok(),
                is_fine,
                "{address}"
            );
        }
    }
}
