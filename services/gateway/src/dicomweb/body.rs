//! Bodies that are made while they are sent: in parts (RFC 2387), or as a list of JSON.

use std::io;

use actix_web::http::header::ContentEncoding;
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use norma_object_storage::ObjectError;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use uuid::Uuid;

use crate::problem::ApiError;

/// Pieces that wait for the client.
const WAITING: usize = 4;

/// Sends the pieces of a body. An error ends the connection before the body's end, so that nobody takes a part for the whole.
pub(crate) struct BodySender(mpsc::Sender<Result<Bytes, io::Error>>);

/// The client went away.
#[derive(Debug)]
pub(crate) struct ClientGone;

/// Why a body was not finished.
#[derive(Debug)]
pub(crate) enum BodyError {
    ClientGone,
    Failed(ApiError),
}

impl From<ClientGone> for BodyError {
    fn from(_: ClientGone) -> Self {
        Self::ClientGone
    }
}

impl From<ApiError> for BodyError {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl From<ObjectError> for BodyError {
    fn from(error: ObjectError) -> Self {
        Self::Failed(error.into())
    }
}

impl BodySender {
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), ClientGone> {
        self.0.send(Ok(bytes.into())).await.map_err(|_| ClientGone)
    }
}

/// An answer whose body `make` sends.
pub(crate) fn streamed<Made>(media_type: &str, make: impl FnOnce(BodySender) -> Made) -> HttpResponse
where
    Made: Future<Output = Result<(), BodyError>> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING);
    let failing = sender.clone();
    let making = make(BodySender(sender));
    tokio::spawn(async move {
        if let Err(BodyError::Failed(error)) = making.await {
            tracing::warn!(code = error.code(), "an answer by DICOMweb was not finished");
            let _ = failing
                .send(Err(io::Error::other("the answer could not be finished")))
                .await;
        }
    });
    answer_of(media_type).streaming(ReceiverStream::new(receiver))
}

/// An answer with a patient's pixels or values: sent as it is, kept by no cache.
pub(crate) fn answer_of(media_type: &str) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type(media_type)
        .insert_header(ContentEncoding::Identity)
        .insert_header(("Cache-Control", "private, no-store"));
    answer
}

/// The boundary between parts.
#[derive(Debug, Clone)]
pub(crate) struct Boundary(String);

impl Boundary {
    pub(crate) fn new() -> Self {
        Self(format!("norma-{}", Uuid::new_v4().simple()))
    }

    pub(crate) fn media_type(&self, of_parts: &str) -> String {
        format!("multipart/related; type=\"{of_parts}\"; boundary={}", self.0)
    }

    /// What stands before a part.
    pub(crate) fn before(&self, media_type: &str, location: Option<&str>) -> String {
        let location = location
            .map(|url| format!("Content-Location: {url}\r\n"))
            .unwrap_or_default();
        format!("\r\n--{}\r\nContent-Type: {media_type}\r\n{location}\r\n", self.0)
    }

    /// What stands behind the last.
    pub(crate) fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.0)
    }
}
