//! How long a client is ready to wait for an answer.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header;

/// The `wait` preference of a request in seconds (RFC 7240 section 4.3), at most `longest`.
fn preferred_wait(request: &HttpRequest, longest: Duration) -> Option<Duration> {
    request
        .headers()
        .get_all(header::HeaderName::from_static("prefer"))
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .find_map(|preference| {
            let (name, seconds) = preference.split_once('=')?;
            let seconds = seconds.trim().trim_matches('"').parse().ok()?;
            name.trim()
                .eq_ignore_ascii_case("wait")
                .then(|| Duration::from_secs(seconds).min(longest))
        })
}

/// How long to wait for a request: as it prefers, at once for `respond-async` alone (RFC 7240 section 4.1), else `usual`.
pub(crate) fn wait_of(request: &HttpRequest, longest: Duration, usual: Duration) -> Duration {
    preferred_wait(request, longest).unwrap_or_else(|| {
        if prefers_async(request) {
            Duration::ZERO
        } else {
            usual
        }
    })
}

fn prefers_async(request: &HttpRequest) -> bool {
    request
        .headers()
        .get_all(header::HeaderName::from_static("prefer"))
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|preference| preference.trim().eq_ignore_ascii_case("respond-async"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_wait_preference() {
        let wait = |value: &str| {
            preferred_wait(
                &TestRequest::default()
                    .insert_header(("prefer", value))
                    .to_http_request(),
                Duration::from_secs(120),
            )
        };
        assert_eq!(wait("wait=60"), Some(Duration::from_secs(60)));
        assert_eq!(wait("respond-async, Wait = 5"), Some(Duration::from_secs(5)));
        assert_eq!(wait("wait=9999"), Some(Duration::from_secs(120)));
        assert_eq!(wait("wait=soon"), None);
        assert_eq!(wait("respond-async"), None);

        let waits = |value: &str| {
            let request = TestRequest::default().insert_header(("prefer", value));
            let (longest, usual) = (Duration::from_secs(120), Duration::from_secs(60));
            wait_of(&request.to_http_request(), longest, usual).as_secs()
        };
        assert_eq!(waits("respond-async"), 0);
        assert_eq!(waits("Respond-Async, wait=5"), 5);
        assert_eq!(waits("return=minimal"), 60);
    }
}
