//! The web page: from a folder where the setting names one, else out of the binary.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use actix_web::http::Method;
use actix_web::http::header::Header;
use actix_web::http::header::{
    self, AcceptEncoding, CacheControl, CacheDirective, ContentEncoding, Encoding, EntityTag, IfNoneMatch,
};
use actix_web::{HttpRequest, HttpResponse};
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};

use self::embedded::Kept;
use crate::problem::ApiError;

mod embedded {
    /// How the binary holds a file.
    #[derive(Clone, Copy)]
    pub(super) enum Kept {
        Plain(&'static [u8]),
        Gzip(&'static [u8]),
    }

    include!(concat!(env!("OUT_DIR"), "/page_files.rs"));
}

const INDEX: &str = "index.html";
/// A year, in seconds.
const FOR_EVER: u32 = 31_536_000;

/// A file of the page.
enum PageFile {
    Kept(Kept),
    Read(Vec<u8>),
}

impl PageFile {
    fn etag(&self) -> EntityTag {
        let bytes = match self {
            Self::Kept(Kept::Plain(bytes) | Kept::Gzip(bytes)) => bytes,
            Self::Read(bytes) => bytes.as_slice(),
        };
        EntityTag::new_weak(hex::encode(&Sha256::digest(bytes)[..12]))
    }
}

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

    async fn file(&self, name: &str) -> Option<PageFile> {
        match self {
            Self::Embedded => embedded::FILES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, kept)| PageFile::Kept(*kept)),
            Self::Folder(folder) => {
                let is_plain = Path::new(name)
                    .components()
                    .all(|part| matches!(part, std::path::Component::Normal(_)));
                if !is_plain {
                    return None;
                }
                tokio::fs::read(folder.join(name)).await.ok().map(PageFile::Read)
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
        if let Some(file) = self.file(name).await {
            return Some(page_file(request, name, file));
        }
        let is_deep_link =
            !name.rsplit('/').next().unwrap_or_default().contains('.') && accepts_html(request);
        if is_deep_link {
            self.file(INDEX).await.map(|file| page_file(request, INDEX, file))
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

fn page_file(request: &HttpRequest, name: &str, file: PageFile) -> HttpResponse {
    let etag = file.etag();
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
    match file {
        PageFile::Kept(Kept::Gzip(bytes)) if takes_gzip(request) => response
            .insert_header(ContentEncoding::Gzip)
            .insert_header((header::VARY, "accept-encoding"))
            .body(bytes),
        PageFile::Kept(Kept::Gzip(bytes)) => {
            let mut plain = Vec::new();
            // What the build compressed; a damaged binary serves no half of a page.
            match GzDecoder::new(bytes).read_to_end(&mut plain) {
                Ok(_) => response.body(plain),
                Err(_) => HttpResponse::InternalServerError().finish(),
            }
        }
        PageFile::Kept(Kept::Plain(bytes)) => response.body(bytes),
        PageFile::Read(bytes) => response.body(bytes),
    }
}

fn takes_gzip(request: &HttpRequest) -> bool {
    AcceptEncoding::parse(request).is_ok_and(|accepted| {
        accepted.negotiate([Encoding::gzip(), Encoding::identity()].iter()) == Some(Encoding::gzip())
    })
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
