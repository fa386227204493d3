//! ETags of what is medical, which no cache keeps.

use actix_web::http::header::{
    self, AsHeaderName, CacheControl, CacheDirective, EntityTag, Header, IfMatch, IfNoneMatch, IfRange,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, Utc};

use crate::problem::ApiError;

/// The version of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Freshness {
    pub(crate) etag: EntityTag,
}

impl Freshness {
    /// Whether the client has this version already (`If-None-Match`).
    pub(crate) fn is_known_to(&self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&self.etag)),
            Err(_) => false,
        }
    }

    /// Whether a range may be answered: not where `If-Range` names another version.
    pub(crate) fn allows_range(&self, request: &HttpRequest) -> bool {
        if !request.headers().contains_key(header::IF_RANGE) {
            return true;
        }
        match IfRange::parse(request) {
            Ok(IfRange::EntityTag(known)) => known.strong_eq(&self.etag),
            Ok(IfRange::Date(_)) | Err(_) => false,
        }
    }

    pub(crate) fn not_modified(&self) -> HttpResponse {
        let mut response = HttpResponse::NotModified();
        self.insert_into(&mut response);
        response.finish()
    }

    /// What is medical stays out of caches, a browser's too: it would outlive sign-out and deletion there.
    pub(crate) fn insert_into(&self, response: &mut HttpResponseBuilder) {
        response
            .insert_header(CacheControl(vec![
                CacheDirective::Private,
                CacheDirective::NoStore,
            ]))
            .insert_header(header::ETag(self.etag.clone()));
    }
}

/// The version of something that `PUT` changes: when it was changed last, and what else of it may differ.
pub(crate) fn version_tag(updated_at: DateTime<Utc>, beside: Option<String>) -> header::ETag {
    let beside = beside.map(|beside| format!("-{beside}")).unwrap_or_default();
    header::ETag(EntityTag::new_strong(format!(
        "{}{beside}",
        updated_at.timestamp_micros()
    )))
}

/// The version that a change is meant for (`If-Match`): when it was changed last. None where any version will do.
///
/// # Errors
/// [`ApiError::ChangedMeanwhile`] where no version of ours is named.
pub(crate) fn expected_version(request: &HttpRequest) -> Result<Option<DateTime<Utc>>, ApiError> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(None);
    }
    let named = match IfMatch::parse(request) {
        Ok(IfMatch::Any) => return Ok(None),
        Ok(IfMatch::Items(named)) => named,
        Err(_) => Vec::new(),
    };
    named
        .iter()
        .filter(|tag| !tag.weak)
        .find_map(|tag| {
            let micros = tag.tag().split('-').next()?.parse().ok()?;
            DateTime::from_timestamp_micros(micros)
        })
        .map(Some)
        .ok_or(ApiError::ChangedMeanwhile)
}

/// A header's text; None where it is absent or no text.
pub(crate) fn header_text(request: &HttpRequest, name: impl AsHeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}
