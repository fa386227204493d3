//! Target: the form that an upload arrives in.

use std::cell::RefCell;
use std::path::{Component, Path};
use std::pin::Pin;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header;
use actix_web::test::TestRequest;
use actix_web::{FromRequest, ResponseError, web};
use bytes::Bytes;
use futures::Stream;
use norma_gateway::{UploadLimits, receive_upload};
use tempfile::TempDir;

/// The boundary that seeds use; mutations of it in the body are part of the game.
pub const BOUNDARY: &str = "norma";
/// Text fields that the form may have.
const TEXT_FIELDS: &[&str] = &["patient_id", "description"];
/// The largest file; inputs reach beyond it.
const FILE_LIMIT_BYTES: u64 = 2048;

type BoxedPayloadStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

/// How an execution ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Received,
    Refused,
}

thread_local! {
    static RUNTIME: RefCell<(tokio::runtime::Runtime, TempDir)> = RefCell::new(make_runtime());
}

fn make_runtime() -> (tokio::runtime::Runtime, TempDir) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(1)
        .build();
    (
        runtime.expect("a runtime can be made"),
        folder.expect("a scratch folder can be made"),
    )
}

/// An input: how large the chunks are that the body arrives in, and the body.
pub fn input(chunk_bytes: u8, body: &[u8]) -> Vec<u8> {
    let mut input = vec![chunk_bytes];
    input.extend_from_slice(body);
    input
}

/// Receives the form that `input` stands for.
///
/// # Panics
/// Where the code under test breaks its rules.
pub fn run(input: &[u8]) -> Outcome {
    RUNTIME.with_borrow(|(runtime, folder)| runtime.block_on(receive(input, folder.path())))
}

async fn receive(input: &[u8], spool_folder: &Path) -> Outcome {
    let (chunk_bytes, body) = input
        .split_first()
        .map_or((1, input), |(first, rest)| (usize::from(*first).max(1), rest));
    let chunks: Vec<Result<Bytes, PayloadError>> = body
        .chunks(chunk_bytes * 4)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    let stream: BoxedPayloadStream = Box::pin(futures::stream::iter(chunks));
    let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
    let request = TestRequest::post()
        .insert_header((header::CONTENT_TYPE, content_type))
        .to_http_request();
    let mut payload = Payload::from(stream);
    let payload = web::Payload::from_request(&request, &mut payload)
        .await
        .expect("a payload can be had of any request");
    let limits = UploadLimits {
        spool_folder: spool_folder.to_owned(),
        file_bytes: FILE_LIMIT_BYTES,
        idle: Duration::from_secs(5),
        deadline: Duration::from_secs(60),
        least_bytes_per_second: 0,
        fields: 8,
        text_bytes: 512,
        free_floor_bytes: 0,
    };
    match receive_upload(&request, payload, TEXT_FIELDS, &limits).await {
        Ok(upload) => {
            check_name(upload.file_name());
            let stored = std::fs::metadata(upload.path()).expect("what is received lies on the disk");
            assert_eq!(stored.len(), upload.size_bytes());
            assert!((1..=FILE_LIMIT_BYTES).contains(&stored.len()));
            Outcome::Received
        }
        Err(error) => {
            let status = error.status_code();
            assert!(status.is_client_error(), "{status}: {error:?}");
            Outcome::Refused
        }
    }
}

/// One component, seen as it is, that fits into a header.
fn check_name(name: &str) {
    let components: Vec<Component<'_>> = Path::new(name).components().collect();
    assert!(
        matches!(components.as_slice(), [Component::Normal(_)]),
        "{name:?} is no single component"
    );
    assert!(name.chars().count() <= 120, "{name:?} is long");
    assert!(
        !name
            .chars()
            .any(|character| character.is_control() || matches!(character, '"' | '\\' | '/' | ';')),
        "{name:?} holds what a header or a file system reads in its own way"
    );
}
