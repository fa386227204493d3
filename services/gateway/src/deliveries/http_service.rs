//! A web service that is posted to.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream;
use norma_database::DatabaseError;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderName};
use reqwest::{Body, Client, StatusCode};
use secrecy::{ExposeSecret as _, SecretString};

use crate::peer_failure::{Failure, FailureKind};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Of the request as a whole.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(300);
/// Of an answer; more of it is not read.
const ANSWER_BYTES: usize = 1 << 20;

/// A service at a URL.
#[derive(Debug, Clone)]
pub(super) struct HttpService {
    url: String,
    authorization: Option<SecretString>,
    client: Client,
}

impl HttpService {
    pub(super) fn new(url: String, authorization: Option<SecretString>) -> reqwest::Result<Self> {
        Ok(Self {
            url,
            authorization,
            // What redirects could have patients' data sent elsewhere.
            client: Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .connect_timeout(CONNECT_TIMEOUT)
                .timeout(REQUEST_TIMEOUT)
                .build()?,
        })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Posts a body; gives the answer.
    ///
    /// `before`: once the service is there, before anything of the body leaves. Where it fails nothing does.
    pub(super) async fn post<const N: usize>(
        &self,
        body: Vec<u8>,
        headers: [(HeaderName, String); N],
        before: impl Future<Output = Result<(), DatabaseError>> + Send + 'static,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let length = body.len();
        let failed = Arc::new(Mutex::new(None));
        let failing = Arc::clone(&failed);
        // Asked for by the connection, which there is then.
        let body = stream::once(async move {
            before.await.map(|()| body).map_err(|error| {
                *locked(&failing) = Some(Failure::from(error));
                io::Error::other("nothing is sent")
            })
        });
        let mut request = self
            .client
            .post(&self.url)
            .header(CONTENT_LENGTH, length)
            .body(Body::wrap_stream(body));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        let sent = request.send().await;
        let failure = |error| locked(&failed).take().unwrap_or_else(|| of_transport(&error));
        read(sent.map_err(failure)?).await
    }
}

impl HttpService {
    /// Asks for what stands at `path` below the URL.
    pub(super) async fn get(&self, path: &str, accept: &str) -> Result<(StatusCode, Vec<u8>), Failure> {
        let mut request = self
            .client
            .get(format!("{}{path}", self.url))
            .header(ACCEPT, accept);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.expose_secret());
        }
        read(request.send().await.map_err(|error| of_transport(&error))?).await
    }
}

/// The status of an answer, and its beginning.
async fn read(mut answer: reqwest::Response) -> Result<(StatusCode, Vec<u8>), Failure> {
    let status = answer.status();
    let mut document = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| of_transport(&error))? {
        document.extend_from_slice(&chunk);
        if document.len() > ANSWER_BYTES {
            break;
        }
    }
    Ok((status, document))
}

fn locked(failure: &Mutex<Option<Failure>>) -> MutexGuard<'_, Option<Failure>> {
    failure.lock().unwrap_or_else(PoisonError::into_inner)
}

fn of_transport(error: &reqwest::Error) -> Failure {
    let (code, detail) = if error.is_connect() {
        ("peer_unreachable", "no connection")
    } else if error.is_timeout() {
        ("peer_silent", "no answer in time")
    } else {
        ("connection_lost", "the connection failed")
    };
    Failure::of_peer(code, None, FailureKind::Connection, detail)
}

/// What the status of an answer says of the request as a whole.
pub(super) fn of_status(status: StatusCode) -> Result<(), Failure> {
    let (code, kind) = match status.as_u16() {
        200..=299 => return Ok(()),
        // A person may mend the settings, here or there.
        401 | 403 => ("not_authorized", FailureKind::Connection),
        300..=399 | 404 | 405 => ("no_such_service", FailureKind::Connection),
        429 | 503 | 507 => ("peer_out_of_resources", FailureKind::Passing),
        408 | 425 | 500..=599 => ("peer_failed", FailureKind::Passing),
        _ => ("refused_by_peer", FailureKind::Final),
    };
    let peer_status = status.as_str().to_owned();
    Err(Failure::of_peer(
        code,
        Some(peer_status),
        kind,
        "the service answered so",
    ))
}
