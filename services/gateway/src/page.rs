//! The web page: from a folder where the setting names one, else out of the binary.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use actix_web::http::Method;
use actix_web::http::header::Header;
use actix_web::http::header::{self, CacheControl, CacheDirective, EntityTag, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use sha2::{Digest, Sha256};

use crate::problem::ApiError;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/page_files.rs"));
}

const INDEX: &str = "index.html";
/// A year, in seconds.
const FOR_EVER: u32 = 31_536_000;

/// Where the page comes from.
#[derive(Debug, Clone)]
pub(crate) enum PageSource {
    Embedded,
    Folder(PathBuf),
}

impl PageSource {
    /// The folder where it holds a page, else the embedded page.
    pub(crate) fn choose(folder: Option<PathBuf>) -> Self {
        match folder {
            Some(folder) if folder.join(INDEX).is_file() => Self::Folder(folder),
            _ => Self::Embedded,
        }
    }

    async fn file(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        match self {
            Self::Embedded => embedded::FILES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, bytes)| Cow::Borrowed(*bytes)),
            Self::Folder(folder) => {
                let is_plain = Path::new(name)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                if !is_plain {
                    return None;
                }
                tokio::fs::read(folder.join(name)).await.ok().map(Cow::Owned)
            }
        }
    }

    /// The file that the request's path names; for a path of the page's own (a deep link) its first file. None
    /// where the path names a file that does not exist, or belongs to the interface for programs.
    pub(crate) async fn answer(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.path().trim_start_matches('/');
        if ["api", "inference"].iter().any(|reserved| {
            path.strip_prefix(reserved)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }) {
            return None;
        }
        let name = if path.is_empty() { INDEX } else { path };
        if let Some(bytes) = self.file(name).await {
            return Some(page_file(request, name, bytes));
        }
        let is_deep_link =
            !name.rsplit('/').next().unwrap_or_default().contains('.') && accepts_html(request);
        if is_deep_link {
            self.file(INDEX)
                .await
                .map(|bytes| page_file(request, INDEX, bytes))
        } else {
            None
        }
    }
}

fn accepts_html(request: &HttpRequest) -> bool {
    request
        .headers()
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"))
}

fn page_file(request: &HttpRequest, name: &str, bytes: Cow<'static, [u8]>) -> HttpResponse {
    let etag = EntityTag::new_weak(hex::encode(&Sha256::digest(&bytes)[..12]));
    // The web's build puts a hash of the content into the names under assets/.
    let cache = if name.starts_with("assets/") {
        CacheControl(vec![
            CacheDirective::Public,
            CacheDirective::MaxAge(FOR_EVER),
            CacheDirective::Extension("immutable".to_owned(), None),
        ])
    } else {
        CacheControl(vec![CacheDirective::NoCache])
    };
    let unchanged = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(&etag)),
        Err(_) => false,
    };
    let mut response = if unchanged {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response.insert_header(header::ETag(etag)).insert_header(cache);
    if unchanged {
        return response.finish();
    }
    response.content_type(media_type(name));
    match bytes {
        Cow::Borrowed(bytes) => response.body(bytes),
        Cow::Owned(bytes) => response.body(bytes),
    }
}

/// By the name's extension; texts are UTF-8.
fn media_type(name: &str) -> String {
    let guess = mime_guess::from_path(name).first_or_octet_stream();
    if guess.type_() == mime_guess::mime::TEXT {
        format!("{guess}; charset=utf-8")
    } else {
        guess.to_string()
    }
}

/// What is no operation: a file of the page, or a problem.
pub(crate) async fn page_or_problem(
    request: &HttpRequest,
    page: &PageSource,
) -> Result<HttpResponse, ApiError> {
    if matches!(*request.method(), Method::GET | Method::HEAD)
        && let Some(answer) = page.answer(request).await
    {
        return Ok(answer);
    }
    Err(ApiError::RouteNotFound)
}
