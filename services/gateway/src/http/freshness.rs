//! ETags and how long an answer may be kept.

use actix_web::http::header::{
    self, AsHeaderName, CacheControl, CacheDirective, EntityTag, Header, IfNoneMatch, IfRange,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

/// A year, in seconds.
const FOR_EVER: u32 = 31_536_000;

/// The version of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Freshness {
    pub(crate) etag: EntityTag,
    /// Whether the same address never answers anything else. Where not, a client asks each time whether its
    /// version still holds.
    pub(crate) is_for_ever: bool,
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

    /// What is medical stays out of shared caches.
    pub(crate) fn insert_into(&self, response: &mut HttpResponseBuilder) {
        let directives = if self.is_for_ever {
            vec![
                CacheDirective::Private,
                CacheDirective::MaxAge(FOR_EVER),
                CacheDirective::Extension("immutable".to_owned(), None),
            ]
        } else {
            vec![CacheDirective::Private, CacheDirective::NoCache]
        };
        response
            .insert_header(CacheControl(directives))
            .insert_header(header::ETag(self.etag.clone()));
    }
}

/// A header's text; None where it is absent or no text.
pub(crate) fn header_text(request: &HttpRequest, name: impl AsHeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}
