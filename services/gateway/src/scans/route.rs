//! `/api/scans`: uploaded studies.

use actix_web::body::SizedStream;
use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, put};
use futures::StreamExt;
use norma_database::ScanQuery;
use norma_domain::{PatientId, ScanId};
use norma_object_storage::ObjectKey;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::byte_range::{ByteRange, parse_range};
use crate::http::file_name::attachment;
use crate::http::freshness::{Freshness, expected_version, header_text};
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_text;
use crate::http::text::checked_description;
use crate::identity::Access;
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, ChangedMeanwhile, Failures, NotFound, RangeNotSatisfiable, UnsupportedMediaType,
};
use crate::scans::answer::with_version;
use crate::scans::deletion::forget_objects;
use crate::scans::preamble::{holds_a_preamble, without_preamble};
use crate::scans::schema::{Scan, ScanChange};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScanFilter {
    /// Only this patient's scans.
    patient_id: Option<PatientId>,
    /// Only scans whose files have this Patient ID (0010,0020).
    #[param(max_length = 200)]
    dicom_patient_id: Option<String>,
    /// Only scans whose files have this Accession Number (0008,0050).
    #[param(max_length = 200)]
    accession_number: Option<String>,
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
    let filter = filter.into_inner();
    let query = ScanQuery {
        patient_id: filter.patient_id,
        owner: access.visible_owner(),
        dicom_patient_id: checked_text("dicom_patient_id", filter.dicom_patient_id)?,
        accession_number: checked_text("accession_number", filter.accession_number)?,
    };
    let listing = gateway.database.list_scans(query, paging.part()).await?;
    let ids: Vec<ScanId> = listing.items.iter().map(|scan| scan.id).collect();
    let mut predecessors = gateway.database.predecessors(ids.clone()).await?;
    let mut identities = gateway.database.scan_identities(ids).await?;
    let scans = listing.items.into_iter().map(|scan| {
        let identity = identities.remove(&scan.id);
        Scan {
            predecessor: predecessors.remove(&scan.id),
            ..Scan::new(scan, identity)
        }
    });
    Ok(Json(paging.page(scans.collect(), listing.total)))
}

/// Gives a scan.
#[utoipa::path(
    tag = "scans",
    operation_id = "getScan",
    params(("scan_id" = ScanId, Path)),
    responses(
        (status = 200, description = "The scan", body = Scan, headers(("ETag" = String))),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}")]
pub(crate) async fn get_scan(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
) -> Result<HttpResponse, ApiError> {
    with_version(&gateway, gateway.scan(*scan_id).await?).await
}

/// Changes a scan's description: what is absent or null stays as it is.
#[utoipa::path(
    tag = "scans",
    operation_id = "updateScan",
    params(
        ("scan_id" = ScanId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that is changed; another is refused"),
    ),
    request_body = ScanChange,
    responses(
        (status = 200, description = "The scan as it is now", body = Scan, headers(("ETag" = String))),
        BadRequest, NotFound, ChangedMeanwhile, UnsupportedMediaType, Failures
    )
)]
#[put("/api/scans/{scan_id}")]
pub(crate) async fn update_scan(
    gateway: Data<Gateway>,
    request: HttpRequest,
    scan_id: Path<ScanId>,
    change: JsonObject<ScanChange>,
) -> Result<HttpResponse, ApiError> {
    let change = change.into_inner();
    let expected = expected_version(&request)?;
    let mut scan = gateway.scan(*scan_id).await?;
    if expected.is_some_and(|expected| expected != scan.updated_at) {
        return Err(ApiError::ChangedMeanwhile);
    }
    if change.patient_id.is_some() && change.patient_id != scan.patient_id {
        return Err(ApiError::InvalidField {
            field: "patient_id",
            detail: "PUT /api/scans/{scan_id}/patient puts a scan into another record".to_owned(),
        });
    }
    if change.description.is_some() {
        let description = checked_description(change.description)?;
        let changed = gateway
            .database
            .update_scan_description(*scan_id, description, expected)
            .await?;
        scan = changed.ok_or(ApiError::ScanNotFound)?;
    }
    with_version(&gateway, scan).await
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
