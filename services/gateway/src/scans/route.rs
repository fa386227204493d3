//! `/api/scans`: uploaded studies.

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use futures::StreamExt;
use norma_domain::{PatientId, Role, Roles, ScanId};
use norma_object_storage::ObjectKey;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::byte_range::{ByteRange, parse_range};
use crate::http::file_name::attachment;
use crate::http::freshness::{Freshness, header_text};
use crate::http::paging::{Page, Paging};
use crate::http::text::checked_description;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Failures, NotFound, RangeNotSatisfiable, StorageFull, Unprocessable, UnsupportedMediaType,
};
use crate::scans::deletion::forget_objects;
use crate::scans::preamble::{holds_a_preamble, without_preamble};
use crate::scans::schema::{Scan, ScanChange, ScanUpload};
use crate::scans::storage::{NewUpload, store_scan};
use crate::uploads::Uploads;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScanFilter {
    /// Only this patient's scans.
    patient_id: Option<PatientId>,
}

/// Lists scans, newest first.
#[utoipa::path(
    tag = "scans",
    operation_id = "listScans",
    params(ScanFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<Scan>), BadRequest, Failures)
)]
#[get("/api/scans")]
pub(crate) async fn list_scans(
    gateway: Data<Gateway>,
    access: Access,
    filter: Query<ScanFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<Scan>>, ApiError> {
    let listing = gateway
        .database
        .list_scans(filter.patient_id, access.visible_owner(), paging.part())
        .await?;
    Ok(Json(paging.page_of(listing)))
}

/// Uploads one study. What is answered with 201 is stored.
///
/// Several studies in one upload are refused with `several_studies`, which names them. An integrator names no
/// patient.
#[utoipa::path(
    tag = "scans",
    operation_id = "uploadScan",
    request_body(content = ScanUpload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The new scan", body = Scan,
            headers(("Location" = String, description = "Where the scan is"))),
        BadRequest, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[post("/api/scans")]
pub(crate) async fn upload_scan(
    gateway: Data<Gateway>,
    uploads: Data<Uploads>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: actix_web::web::Payload,
) -> Result<HttpResponse, ApiError> {
    const TEXT_FIELDS: &[&str] = &[
        "patient_id",
        "description",
        DEIDENTIFY_FIELD,
        PIXELS_CHECKED_FIELD,
    ];
    let (upload, _place) = uploads.receive(&request, payload, TEXT_FIELDS).await?;
    let patient_id: Option<PatientId> = upload.parsed("patient_id", "the identifier of a patient")?;
    if patient_id.is_some() && access.is_limited_to_own {
        // Patients are the clinicians': a machine that only uploads adds to nobody's record.
        return Err(ApiError::Forbidden {
            allowed: Roles::of(&[Role::Clinician]),
        });
    }
    let description = checked_description(upload.text("description").map(ToOwned::to_owned))?;
    if let Some(patient_id) = patient_id
        && gateway.database.patient(patient_id).await?.is_none()
    {
        return Err(ApiError::UnknownPatient);
    }
    uploads.reader.refuse_several(&upload.path).await?;
    let scan = store_scan(
        &gateway,
        NewUpload {
            file: upload.path,
            file_name: upload.file_name,
            patient_id,
            description,
            owner: access.caller.owner(),
        },
    )
    .await?;
    notes.object(scan.id);
    notes.scan(scan.id);
    notes.patient(scan.patient_id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/scans/{}", scan.id)))
        .json(Scan::from(scan)))
}

/// Gives a scan.
#[utoipa::path(
    tag = "scans",
    operation_id = "getScan",
    params(("scan_id" = ScanId, Path)),
    responses((status = 200, description = "The scan", body = Scan), BadRequest, NotFound, Failures)
)]
#[get("/api/scans/{scan_id}")]
pub(crate) async fn get_scan(gateway: Data<Gateway>, scan_id: Path<ScanId>) -> Result<Json<Scan>, ApiError> {
    Ok(Json(gateway.scan(*scan_id).await?.into()))
}

/// Changes a scan's description.
#[utoipa::path(
    tag = "scans",
    operation_id = "updateScan",
    params(("scan_id" = ScanId, Path)),
    request_body = ScanChange,
    responses(
        (status = 200, description = "The scan as it is now", body = Scan),
        BadRequest, NotFound, UnsupportedMediaType, Failures
    )
)]
#[put("/api/scans/{scan_id}")]
pub(crate) async fn update_scan(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
    change: Json<ScanChange>,
) -> Result<Json<Scan>, ApiError> {
    let description = checked_description(Some(change.into_inner().description))?;
    let scan = gateway
        .database
        .update_scan_description(*scan_id, description)
        .await?;
    scan.map(|scan| Json(scan.into())).ok_or(ApiError::ScanNotFound)
}

/// Deletes a scan with its analyses, reports and stored files, also while an analysis runs.
#[utoipa::path(
    tag = "scans",
    operation_id = "deleteScan",
    params(("scan_id" = ScanId, Path)),
    responses((status = 204, description = "Deleted"), BadRequest, NotFound, Failures)
)]
#[delete("/api/scans/{scan_id}")]
pub(crate) async fn delete_scan(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
) -> Result<HttpResponse, ApiError> {
    let deleted = gateway.database.delete_scan(*scan_id).await?;
    forget_objects(&gateway, vec![deleted.ok_or(ApiError::ScanNotFound)?]).await;
    Ok(HttpResponse::NoContent().finish())
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct DownloadOptions {
    /// The bytes exactly as they came, the preamble included.
    #[serde(default)]
    #[param(default = false)]
    original: bool,
}

/// Gives the uploaded bytes back, as an attachment; takes range requests.
///
/// The first 128 bytes of a single DICOM file mean nothing to DICOM and may hide a program: they come as zeros unless
/// `original` is true. The `ETag` is the SHA-256 of the upload where the bytes are those of the upload. An archive is
/// given as it came.
#[utoipa::path(
    tag = "scans",
    operation_id = "downloadScanFile",
    params(
        ("scan_id" = ScanId, Path),
        DownloadOptions,
        ("Range" = Option<String>, Header, description = "One range of bytes, e.g. `bytes=0-1023`"),
    ),
    responses(
        (status = 200, description = "The whole file", content_type = "application/octet-stream"),
        (status = 206, description = "A part of it", content_type = "application/octet-stream",
            headers(("Content-Range" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, RangeNotSatisfiable, Failures
    )
)]
#[get("/api/scans/{scan_id}/file")]
pub(crate) async fn download_scan_file(
    gateway: Data<Gateway>,
    request: HttpRequest,
    scan_id: Path<ScanId>,
    options: Query<DownloadOptions>,
) -> Result<HttpResponse, ApiError> {
    let scan = gateway.scan(*scan_id).await?;
    let is_changed =
        !options.original && holds_a_preamble(&gateway.objects, scan.id, scan.size_bytes).await?;
    let etag = if is_changed {
        format!("{}-without-preamble", scan.sha256)
    } else {
        scan.sha256.clone()
    };
    let freshness = Freshness {
        etag: EntityTag::new_strong(etag),
        // Nobody downloads an archive twice, and a browser's copy outlives its deletion here.
        is_for_ever: false,
    };
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let range = parse_range(
        header_text(&request, &header::RANGE),
        freshness.allows_range(&request),
        scan.size_bytes,
    )?;
    let (mut response, bytes) = match range {
        ByteRange::Whole => (HttpResponse::Ok(), 0..scan.size_bytes),
        ByteRange::Part(part) => {
            let mut response = HttpResponse::PartialContent();
            let content_range = format!("bytes {}-{}/{}", part.start, part.end - 1, scan.size_bytes);
            response.insert_header((header::CONTENT_RANGE, content_range));
            (response, part)
        }
    };
    let (start, length) = (bytes.start, bytes.end - bytes.start);
    let body = gateway
        .objects
        .get_stream(ObjectKey::Original(scan.id), Some(bytes))
        .await?
        .bytes;
    let body = if is_changed {
        without_preamble(body, start).boxed_local()
    } else {
        body.boxed_local()
    };
    freshness.insert_into(&mut response);
    Ok(response
        .content_type("application/octet-stream")
        .insert_header((header::ACCEPT_RANGES, "bytes"))
        .insert_header(attachment(&scan.file_name))
        // Compressed bytes would not be those of the range.
        .insert_header(ContentEncoding::Identity)
        .body(SizedStream::new(length, body)))
}
