//! Uploads: a form read as a stream into a file of the spool folder, in constant memory.
//!
//! The file is spooled before it is stored because it is looked at first: a form whose patient does not exist or
//! whose archive holds several studies leaves nothing behind. It is gone when its [`Upload`] is dropped.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Payload;
use futures::StreamExt;
use sha2::{Digest as _, Sha256};
use tempfile::TempPath;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::http::content_length::content_length;
use crate::http::file_name::safe_file_name;
use crate::problem::ApiError;
use crate::uploads::archive::copy_archive;
use crate::uploads::deidentified::Deidentified;
use crate::uploads::limits::UploadLimits;
use crate::uploads::pace::Pace;
use crate::uploads::sender::Sender;
use crate::uploads::spool::{create_spool_file, storage_failure};
use crate::uploads::storage_room::check_free;

/// The form field with the file.
pub(crate) const FILE_FIELD: &str = "file";
/// The form field that asks for de-identification.
pub(crate) const DEIDENTIFY_FIELD: &str = "deidentify";
/// The form field by which a person answers for it that no picture shows text that names the patient.
pub(crate) const PIXELS_CHECKED_FIELD: &str = "pixels_checked";
/// What a form may hold beside its file: text fields, boundaries, part headers.
const FORM_OVERHEAD_BYTES: u64 = 1024 * 1024;
/// A body without an announced length is held against the free space as it comes.
const ROOM_CHECKED_EVERY_BYTES: u64 = 16 << 20;
const WRITE_BUFFER_BYTES: usize = 256 * 1024;

/// A received form.
#[derive(Debug)]
pub struct Upload {
    /// The file in the spool folder; deleted with the upload.
    pub(crate) path: TempPath,
    /// Made safe.
    pub(crate) file_name: String,
    pub(crate) size_bytes: u64,
    /// Of the bytes as they came, lower-case hexadecimal; also of an upload that was replaced since.
    pub(crate) received_sha256: String,
    texts: BTreeMap<&'static str, String>,
    /// What was done to it, where it was de-identified.
    pub(crate) deidentified: Option<Deidentified>,
    /// Who sends it.
    pub(crate) sender: Sender,
}

impl Upload {
    /// Where the file lies until the upload is dropped.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// One harmless component.
    pub fn file_name(&self) -> &str {
        &self.file_name
    }

    pub fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// A file that came otherwise than in a form.
    pub(crate) fn of_file(path: TempPath, file_name: &str, size_bytes: u64, received_sha256: String) -> Self {
        Self {
            path,
            file_name: file_name.to_owned(),
            size_bytes,
            received_sha256,
            texts: BTreeMap::new(),
            deidentified: None,
            sender: None,
        }
    }

    /// The archive that this is with those files alone that begin at these places of it.
    pub(crate) async fn with_files_at(self, starts: &[u64], spool_folder: &Path) -> Result<Self, ApiError> {
        let copy = self.replacement(spool_folder)?;
        let starts = starts.to_owned();
        let copied = tokio::task::spawn_blocking(move || {
            let size_bytes = copy_archive(&self.path, &starts, &copy)?;
            Ok(Self {
                path: copy,
                size_bytes,
                ..self
            })
        });
        copied.await.map_err(ApiError::internal)?.map_err(storage_failure)
    }

    /// An empty file of the spool folder to write another form of the upload to.
    pub(crate) fn replacement(&self, spool_folder: &Path) -> Result<TempPath, ApiError> {
        let (_, path) = create_spool_file(spool_folder).map_err(storage_failure)?;
        Ok(path)
    }

    /// The upload with another file; the one that was received is deleted, and so is what was written about it.
    pub(crate) fn replaced_by(
        self,
        path: TempPath,
        file_name: &str,
        done: Deidentified,
    ) -> Result<Self, ApiError> {
        let size_bytes = std::fs::metadata(&path).map_err(storage_failure)?.len();
        Ok(Self {
            path,
            file_name: file_name.to_owned(),
            size_bytes,
            received_sha256: self.received_sha256,
            sender: self.sender,
            // A description may name whom the file does not name any more.
            texts: self
                .texts
                .into_iter()
                .filter(|(field, _)| *field != "description")
                .collect(),
            deidentified: Some(done),
        })
    }

    /// A text field; None where it is absent or empty.
    pub(crate) fn text(&self, field: &'static str) -> Option<&str> {
        self.texts
            .get(field)
            .map(String::as_str)
            .filter(|text| !text.is_empty())
    }

    /// What was sent, in a form that is the same whenever the same is sent.
    pub(crate) fn fingerprint(&self) -> String {
        let texts: Vec<String> = self
            .texts
            .iter()
            .map(|(field, text)| format!("{field}={}", text.escape_default()))
            .collect();
        format!("{}\n{}", self.received_sha256, texts.join("\n"))
    }

    /// A text field read as `T`; None where it is absent or empty.
    pub(crate) fn parsed<T: FromStr>(
        &self,
        field: &'static str,
        expected: &str,
    ) -> Result<Option<T>, ApiError> {
        self.text(field)
            .map(|text| {
                text.trim().parse().map_err(|_| ApiError::InvalidField {
                    field,
                    detail: expected.to_owned(),
                })
            })
            .transpose()
    }
}

/// Reads a form with a file and the given text fields, in any order. Other fields refuse the form, and so do wishes of
/// the form that stand in the address.
pub async fn receive(
    request: &HttpRequest,
    payload: Payload,
    text_fields: &'static [&'static str],
    limits: &UploadLimits,
) -> Result<Upload, ApiError> {
    check_headers(request, limits)?;
    refuse_wishes_in_address(request)?;
    let pace = Pace::new(request, limits);
    let mut form = Multipart::new(request.headers(), pace.watch(payload));
    let mut texts = BTreeMap::new();
    let mut file = None;
    let mut fields = 0;
    while let Some(field) = pace.in_time(form.next()).await? {
        let mut field = field.map_err(|error| refusal(&error))?;
        fields += 1;
        if fields > limits.fields {
            return Err(ApiError::InvalidBody(format!(
                "a form of more than {} fields",
                limits.fields
            )));
        }
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE_FIELD {
            if file.is_some() {
                return Err(ApiError::RepeatedField(FILE_FIELD));
            }
            file = Some(receive_file(&mut field, limits, &pace).await?);
        } else if let Some(known) = text_fields.iter().find(|known| **known == name) {
            let text = receive_text(&mut field, known, limits, &pace).await?;
            if texts.insert(*known, text).is_some() {
                return Err(ApiError::RepeatedField(known));
            }
        } else {
            // A field that is spelled otherwise would be a wish that nobody hears: an upload stored with its names.
            return Err(ApiError::InvalidBody(format!(
                "a form field that is not known; known are {FILE_FIELD}, {}",
                text_fields.join(", ")
            )));
        }
    }
    let file = file.ok_or(ApiError::MissingField(FILE_FIELD))?;
    if file.size_bytes == 0 {
        return Err(ApiError::EmptyUpload);
    }
    Ok(Upload { texts, ..file })
}

/// De-identification is asked for in the form; in the address nobody would hear it.
fn refuse_wishes_in_address(request: &HttpRequest) -> Result<(), ApiError> {
    let asks = |parameter: &str| {
        let name = parameter
            .split('=')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        [DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD].contains(&name.as_str())
    };
    if request.query_string().split('&').any(asks) {
        return Err(ApiError::InvalidBody(format!(
            "{DEIDENTIFY_FIELD} and {PIXELS_CHECKED_FIELD} are fields of the form, not of the address"
        )));
    }
    Ok(())
}

fn check_headers(request: &HttpRequest, limits: &UploadLimits) -> Result<(), ApiError> {
    const EXPECTED: &str = "an upload is multipart/form-data";
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if !content_type
        .to_ascii_lowercase()
        .starts_with("multipart/form-data")
    {
        return Err(ApiError::UnsupportedMediaType(EXPECTED));
    }
    match content_length(request.headers()) {
        Some(bytes) if bytes > limits.file_bytes.saturating_add(FORM_OVERHEAD_BYTES) => {
            Err(ApiError::UploadTooLarge {
                limit_bytes: limits.file_bytes,
            })
        }
        _ => Ok(()),
    }
}

async fn receive_file(field: &mut Field, limits: &UploadLimits, pace: &Pace) -> Result<Upload, ApiError> {
    let file_name = field
        .content_disposition()
        .and_then(|disposition| {
            disposition.get_filename_ext().map_or_else(
                || disposition.get_filename().map(safe_file_name),
                |extended| Some(safe_file_name(&String::from_utf8_lossy(&extended.value))),
            )
        })
        .unwrap_or_else(|| safe_file_name(""));
    let (file, path) = create_spool_file(&limits.spool_folder).map_err(storage_failure)?;
    let mut writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, tokio::fs::File::from_std(file));
    let mut size_bytes = 0_u64;
    let mut hash = Sha256::new();
    while let Some(chunk) = pace.in_time(field.next()).await? {
        let chunk = chunk.map_err(|error| refusal(&error))?;
        let before = size_bytes;
        size_bytes += chunk.len() as u64;
        if size_bytes / ROOM_CHECKED_EVERY_BYTES > before / ROOM_CHECKED_EVERY_BYTES {
            check_free(&limits.spool_folder, 0, limits.free_floor_bytes)?;
        }
        if size_bytes > limits.file_bytes {
            return Err(ApiError::UploadTooLarge {
                limit_bytes: limits.file_bytes,
            });
        }
        hash.update(&chunk);
        writer.write_all(&chunk).await.map_err(storage_failure)?;
    }
    writer.flush().await.map_err(storage_failure)?;
    Ok(Upload {
        path,
        file_name,
        size_bytes,
        received_sha256: hex::encode(hash.finalize()),
        texts: BTreeMap::new(),
        deidentified: None,
        sender: None,
    })
}

async fn receive_text(
    field: &mut Field,
    name: &'static str,
    limits: &UploadLimits,
    pace: &Pace,
) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = pace.in_time(field.next()).await? {
        let chunk = chunk.map_err(|error| refusal(&error))?;
        if bytes.len() + chunk.len() > limits.text_bytes {
            return Err(ApiError::InvalidField {
                field: name,
                detail: format!("at most {} bytes", limits.text_bytes),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    String::from_utf8(bytes).map_err(|_| ApiError::InvalidField {
        field: name,
        detail: "UTF-8 text".to_owned(),
    })
}

fn refusal(error: &MultipartError) -> ApiError {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible
        | MultipartError::BoundaryMissing => {
            ApiError::UnsupportedMediaType("an upload is multipart/form-data with a boundary")
        }
        MultipartError::ContentDispositionMissing
        | MultipartError::ContentDispositionNameMissing
        | MultipartError::Nested => ApiError::InvalidBody(
            "every part of the form needs a name, and none holds parts itself".to_owned(),
        ),
        _ => ApiError::UploadIncomplete,
    }
}
