//! Parts that say nothing of themselves: RFC 2046 section 5.1 lets a part begin with an empty line in place of headers, and whoever reads the
//! parts looks for headers in what is the part itself.

use actix_web::error::PayloadError;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, future, stream};
use memchr::memmem::Finder;

/// What a part without headers is taken for: whatever it holds.
const HEADER: &[u8] = b"Content-Type: application/octet-stream\r\n";
const LINE: &[u8] = b"\r\n";

/// The same body, in which each part has a header.
pub(super) fn with_part_headers<S>(
    body: S,
    boundary: &str,
) -> impl Stream<Item = Result<Bytes, PayloadError>> + use<S>
where
    S: Stream<Item = Result<Bytes, PayloadError>>,
{
    let mut headers = PartHeaders::new(boundary);
    let chunks = body.map(Some).chain(stream::once(future::ready(None)));
    chunks.map(move |chunk| match chunk {
        Some(Ok(chunk)) => Ok(headers.push(&chunk)),
        Some(Err(error)) => Err(error),
        None => Ok(headers.end()),
    })
}

struct PartHeaders {
    /// A boundary that an empty line follows; it stands at the beginning of a line.
    headless: Finder<'static>,
    /// What may be the beginning of that. The end of a line is put before the body, where a boundary may stand as well.
    held: BytesMut,
    /// Bytes of `held` that are not the body's.
    before_body: usize,
}

impl PartHeaders {
    fn new(boundary: &str) -> Self {
        let headless = [LINE, b"--", boundary.as_bytes(), LINE, LINE].concat();
        Self {
            headless: Finder::new(&headless).into_owned(),
            held: BytesMut::from(LINE),
            before_body: LINE.len(),
        }
    }

    fn push(&mut self, chunk: &[u8]) -> Bytes {
        self.held.extend_from_slice(chunk);
        let mut done = BytesMut::with_capacity(self.held.len());
        while let Some(at) = self.headless.find(&self.held) {
            let to_empty_line = at + self.headless.needle().len() - LINE.len();
            done.extend_from_slice(&self.held.split_to(to_empty_line));
            done.extend_from_slice(HEADER);
        }
        let kept = self.held.len().min(self.headless.needle().len() - 1);
        done.extend_from_slice(&self.held.split_to(self.held.len() - kept));
        self.of_body(done)
    }

    fn end(&mut self) -> Bytes {
        let rest = self.held.split();
        self.of_body(rest)
    }

    fn of_body(&mut self, mut done: BytesMut) -> Bytes {
        let before = done.len().min(self.before_body);
        self.before_body -= before;
        done.split_off(before).freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(body: &[u8], chunk_bytes: usize) -> Vec<u8> {
        let mut headers = PartHeaders::new("b");
        let mut all = Vec::new();
        for chunk in body.chunks(chunk_bytes) {
            all.extend_from_slice(&headers.push(chunk));
        }
        all.extend_from_slice(&headers.end());
        all
    }

    #[test]
    fn a_part_without_headers_gets_one_however_the_body_is_cut() {
        let header = String::from_utf8_lossy(HEADER);
        for (body, expected) in [
            (
                "--b\r\n\r\nDICM\r\n--b--",
                format!("--b\r\n{header}\r\nDICM\r\n--b--"),
            ),
            (
                "--b\r\nA: 1\r\n\r\nx\r\n--b\r\n\r\ny\r\n--b\r\n\r\n\r\n--b--\r\n",
                format!("--b\r\nA: 1\r\n\r\nx\r\n--b\r\n{header}\r\ny\r\n--b\r\n{header}\r\n\r\n--b--\r\n"),
            ),
            ("before\r\n--b\r\n\r\n", format!("before\r\n--b\r\n{header}\r\n")),
            ("x--b\r\n\r\n--bb\r\n\r\n", "x--b\r\n\r\n--bb\r\n\r\n".to_owned()),
            ("", String::new()),
            ("-", "-".to_owned()),
        ] {
            for chunk_bytes in 1..=body.len().max(1) {
                let told = String::from_utf8(pushed(body.as_bytes(), chunk_bytes)).unwrap();
                assert_eq!(told, expected, "{body:?} by {chunk_bytes}");
            }
        }
    }
}
