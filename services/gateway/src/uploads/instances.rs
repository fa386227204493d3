//! Instances of a DICOMweb request (multipart/related, PS3.18 section 8.6), read as a stream into an archive of the spool
//! folder, in constant memory.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use tokio::sync::mpsc;

use crate::http::content_length::content_length;
use crate::problem::ApiError;
use crate::uploads::archive::{Packed, Piece, write_archive};
use crate::uploads::limits::UploadLimits;
use crate::uploads::pace::Pace;
use crate::uploads::part_headers::with_part_headers;
use crate::uploads::receive::Upload;
use crate::uploads::spool::{create_spool_file, storage_failure};
use crate::uploads::storage_room::check_free;

const EXPECTED: &str = "instances come as multipart/related; type=\"application/dicom\" with a boundary";
/// Beside the instances: boundaries and headers of parts.
const OVERHEAD_BYTES: u64 = 16 << 20;
const ROOM_CHECKED_EVERY_BYTES: u64 = 16 << 20;
/// Parts of one request at most: as many files as the reader takes in an archive.
const MOST_PARTS: usize = 100_000;
/// Preamble and mark of a file of PS3.10.
const HEAD_BYTES: usize = 132;
/// Of RFC 2046.
const LONGEST_BOUNDARY: usize = 70;
const WAITING_PIECES: usize = 16;

/// What one part of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// A file of PS3.10, which begins at this place of the archive.
    At(u64),
    /// Byte for byte the part with this number.
    Same(usize),
    /// No file of PS3.10; it is not in the archive.
    NoDicomFile,
}

/// The instances of a request.
pub(crate) struct ReceivedInstances {
    /// An archive of them.
    pub(crate) upload: Upload,
    /// In the order in which they came.
    pub(crate) parts: Vec<Part>,
}

/// Reads the parts of a request.
pub(crate) async fn receive_instances(
    request: &HttpRequest,
    payload: Payload,
    limits: &UploadLimits,
) -> Result<ReceivedInstances, ApiError> {
    let boundary = boundary_of(request.headers())?;
    let too_large = || ApiError::UploadTooLarge {
        limit_bytes: limits.file_bytes,
    };
    if content_length(request.headers())
        .is_some_and(|bytes| bytes > limits.file_bytes.saturating_add(OVERHEAD_BYTES))
    {
        return Err(too_large());
    }
    let pace = Pace::new(request, limits);
    let body = with_part_headers(pace.watch(payload), &boundary);
    let mut body = Multipart::new(&headers_with(&boundary)?, body);
    let (file, path) = create_spool_file(&limits.spool_folder).map_err(storage_failure)?;
    let (pieces, received) = mpsc::channel(WAITING_PIECES);
    let is_large = limits.file_bytes > u64::from(u32::MAX);
    let writing = tokio::task::spawn_blocking(move || write_archive(file, received, is_large));
    let mut receiver = Receiver {
        limits,
        pace: &pace,
        pieces,
        size_bytes: 0,
    };
    let mut is_packed = Vec::new();
    let mut failure = None;
    while let Some(field) = pace.in_time(body.next()).await? {
        let mut field = field.map_err(|error| refusal(&error))?;
        if is_packed.len() == MOST_PARTS {
            return Err(ApiError::InvalidBody(format!("more than {MOST_PARTS} parts")));
        }
        match receiver.receive(&mut field).await {
            Ok(packed) => is_packed.push(packed),
            Err(Stop::Refused(error)) => return Err(error),
            Err(Stop::NotWritten) => {
                failure = Some(ApiError::internal(anyhow::anyhow!("an archive was not written")));
                break;
            }
        }
    }
    drop(receiver);
    let written = writing
        .await
        .map_err(ApiError::internal)?
        .map_err(storage_failure)?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    if is_packed.is_empty() {
        return Err(ApiError::EmptyUpload);
    }
    let upload = Upload::of_file(path, "study.zip", written.size_bytes, written.received_sha256);
    Ok(ReceivedInstances {
        upload,
        parts: parts_of(&is_packed, &written.instances),
    })
}

/// `is_packed`: of each part, whether it is in the archive. The numbers in `instances` are those of the archive.
fn parts_of(is_packed: &[bool], instances: &[Packed]) -> Vec<Part> {
    let numbers: Vec<usize> = is_packed
        .iter()
        .enumerate()
        .filter_map(|(number, packed)| packed.then_some(number))
        .collect();
    let mut instances = instances.iter();
    is_packed
        .iter()
        .map(|packed| match packed.then(|| instances.next()).flatten() {
            Some(Packed::At(start)) => Part::At(*start),
            Some(Packed::Same(first)) => numbers.get(*first).map_or(Part::NoDicomFile, |n| Part::Same(*n)),
            None => Part::NoDicomFile,
        })
        .collect()
}

struct Receiver<'a> {
    limits: &'a UploadLimits,
    pace: &'a Pace,
    pieces: mpsc::Sender<Piece>,
    /// Of all parts.
    size_bytes: u64,
}

/// Why nothing more is received.
enum Stop {
    Refused(ApiError),
    /// The writer has ended: it tells why.
    NotWritten,
}

impl From<ApiError> for Stop {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl Receiver<'_> {
    /// Receives a part; false where it is no file of PS3.10.
    async fn receive(&mut self, field: &mut Field) -> Result<bool, Stop> {
        let is_dicom = field.content_type().is_none_or(|kind| {
            matches!(
                kind.essence_str(),
                "application/dicom" | "application/octet-stream"
            )
        });
        if !is_dicom {
            return Err(
                ApiError::UnsupportedMediaType("every part is an instance, application/dicom").into(),
            );
        }
        let mut head = BytesMut::new();
        while head.len() < HEAD_BYTES {
            match self.next(field).await? {
                Some(chunk) => head.extend_from_slice(&chunk),
                // Shorter than the head of a file, and not to be asked again.
                None => return Ok(false),
            }
        }
        if head.get(HEAD_BYTES - 4..HEAD_BYTES) != Some(b"DICM") {
            while self.next(field).await?.is_some() {}
            return Ok(false);
        }
        self.put(Piece::Begin(head.freeze())).await?;
        while let Some(chunk) = self.next(field).await? {
            self.put(Piece::More(chunk)).await?;
        }
        self.put(Piece::End).await?;
        Ok(true)
    }

    async fn next(&mut self, field: &mut Field) -> Result<Option<Bytes>, ApiError> {
        let Some(chunk) = self.pace.in_time(field.next()).await? else {
            return Ok(None);
        };
        let chunk = chunk.map_err(|error| refusal(&error))?;
        let before = self.size_bytes;
        self.size_bytes += chunk.len() as u64;
        if self.size_bytes / ROOM_CHECKED_EVERY_BYTES > before / ROOM_CHECKED_EVERY_BYTES {
            check_free(&self.limits.spool_folder, 0, self.limits.free_floor_bytes)?;
        }
        if self.size_bytes > self.limits.file_bytes {
            return Err(ApiError::UploadTooLarge {
                limit_bytes: self.limits.file_bytes,
            });
        }
        Ok(Some(chunk))
    }

    async fn put(&self, piece: Piece) -> Result<(), Stop> {
        self.pieces.send(piece).await.map_err(|_| Stop::NotWritten)
    }
}

/// What stands between the parts. Clients write `type=application/dicom` without the quotation marks that RFC 2045 asks for, so it is
/// found here.
fn boundary_of(headers: &HeaderMap) -> Result<String, ApiError> {
    let unsupported = || ApiError::UnsupportedMediaType(EXPECTED);
    let text = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(unsupported)?;
    let mut parts = text.split(';');
    let is_related = parts
        .next()
        .is_some_and(|name| name.trim().eq_ignore_ascii_case("multipart/related"));
    let mut boundary = None;
    let mut is_dicom = true;
    for (name, value) in parts.filter_map(|part| part.split_once('=')) {
        let value = value.trim().trim_matches('"');
        match name.trim().to_ascii_lowercase().as_str() {
            "type" => is_dicom = value.eq_ignore_ascii_case("application/dicom"),
            "boundary" => boundary = Some(value),
            _ => {}
        }
    }
    boundary
        .filter(|text| (1..=LONGEST_BOUNDARY).contains(&text.len()) && !text.contains(['"', '\\']))
        .filter(|_| is_related && is_dicom)
        .map(str::to_owned)
        .ok_or_else(unsupported)
}

/// The headers that the parts are read by.
fn headers_with(boundary: &str) -> Result<HeaderMap, ApiError> {
    let value = HeaderValue::from_str(&format!("multipart/related; boundary=\"{boundary}\""));
    let value = value.map_err(|_| ApiError::UnsupportedMediaType(EXPECTED))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, value);
    Ok(headers)
}

fn refusal(error: &MultipartError) -> ApiError {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible
        | MultipartError::BoundaryMissing => ApiError::UnsupportedMediaType(EXPECTED),
        MultipartError::Nested => ApiError::InvalidBody("no part holds parts itself".to_owned()),
        _ => ApiError::UploadIncomplete,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_found_however_it_is_written() {
        let boundary = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_str(text).unwrap());
            boundary_of(&headers).ok()
        };
        let expected = Some("a b/c".to_owned());
        for text in [
            "multipart/related; type=\"application/dicom\"; boundary=\"a b/c\"",
            "Multipart/Related;boundary=a b/c;type=application/dicom",
            "multipart/related; boundary=\"a b/c\"",
        ] {
            assert_eq!(boundary(text), expected, "{text}");
        }
        for text in [
            "multipart/form-data; boundary=x",
            "multipart/related; type=\"application/dicom+json\"; boundary=x",
            "multipart/related; type=\"application/dicom\"",
            "application/dicom",
        ] {
            assert_eq!(boundary(text), None, "{text}");
        }
    }

    #[test]
    fn parts_are_counted_with_those_that_are_left_out() {
        let packed = [true, false, true, true];
        let instances = [Packed::At(40), Packed::At(90), Packed::Same(1)];
        assert_eq!(
            parts_of(&packed, &instances),
            [Part::At(40), Part::NoDicomFile, Part::At(90), Part::Same(2)]
        );
    }
}
