//! How long a request says that its body is.

use actix_web::http::header::{self, HeaderMap};

/// The length that a request announces.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse().ok())
}
