//! Bodies of requests that were refused before they were read: they are read slowly for a while, so that the client, which may still send,
//! finds the answer, and then no more. Left to the server they would be read as fast as they come, and keep it from everybody else.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpMessage as _, HttpResponse};
use futures::Stream as _;
use tokio::time::{Instant, Sleep, sleep_until};

/// How long such a body is read.
const PATIENCE: Duration = Duration::from_secs(5);
/// All of them together, in bytes a second.
const PACE: u64 = 16 << 20;

/// When the next piece of any of them may be read.
static NEXT: Mutex<Option<Instant>> = Mutex::new(None);

/// Answers a request whose body nobody reads.
pub(crate) fn answer_unread(mut request: ServiceRequest, answer: HttpResponse) -> ServiceResponse<BoxBody> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return request.into_response(answer);
    }
    let (mut answer, body) = answer.into_parts();
    // Compressed, it would leave only when it has ended.
    let identity = HeaderValue::from_static("identity");
    answer.headers_mut().insert(header::CONTENT_ENCODING, identity);
    let body = match body.try_into_bytes() {
        Ok(text) if !text.is_empty() => BoxBody::new(Unread::new(text, payload)),
        Ok(text) => BoxBody::new(text),
        Err(body) => body,
    };
    request.into_response(answer.set_body(body))
}

/// An answer that lasts while the body of its request is read.
struct Unread {
    length: u64,
    answer: Option<Bytes>,
    payload: Payload,
    until: Pin<Box<Sleep>>,
    pause: Pin<Box<Sleep>>,
}

impl Unread {
    fn new(answer: Bytes, payload: Payload) -> Self {
        let now = Instant::now();
        Self {
            length: answer.len() as u64,
            answer: Some(answer),
            payload,
            until: Box::pin(sleep_until(now + PATIENCE)),
            pause: Box::pin(sleep_until(now)),
        }
    }
}

impl MessageBody for Unread {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.length)
    }

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        let this = self.get_mut();
        if let Some(answer) = this.answer.take() {
            return Poll::Ready(Some(Ok(answer)));
        }
        loop {
            if this.until.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            ready!(this.pause.as_mut().poll(context));
            match ready!(Pin::new(&mut this.payload).poll_next(context)) {
                Some(Ok(piece)) => this.pause.as_mut().reset(after(piece.len())),
                // It has ended, or the client is gone.
                Some(Err(_)) | None => return Poll::Ready(None),
            }
        }
    }
}

/// When so many bytes that were read let others be read.
fn after(bytes: usize) -> Instant {
    let mut next = NEXT.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = Duration::from_micros(bytes as u64 * 1_000_000 / PACE);
    let from = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
    *next.insert(from + taken)
}
