//! `/api/scans`: uploaded studies.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use norma_domain::{PatientId, ScanId};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::openapi::{
    BadRequest, Failures, NotFound, RangeNotSatisfiable, StorageFull, TooLarge, Unprocessable,
    UnsupportedMediaType, UploadStalled,
};
use crate::paging::{Limit, Offset, Page};
use crate::problem::ApiError;
use crate::schema::{Scan, ScanChange, ScanUpload};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ScanFilter {
    /// Only this patient's scans.
    patient_id: Option<PatientId>,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 2147483647, default = 0)]
    offset: Offset,
}

/// Lists scans, newest first.
#[utoipa::path(
    tag = "scans",
    operation_id = "listScans",
    params(ScanFilter),
    responses((status = 200, description = "A part of the list", body = Page<Scan>), BadRequest, Failures)
)]
#[get("/api/scans")]
pub(crate) async fn list_scans(
    gateway: Data<Gateway>,
    filter: Query<ScanFilter>,
) -> Result<Json<Page<Scan>>, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Uploads one study. What is answered with 201 is stored.
///
/// Several studies in one upload are refused with `several_studies`, which names them.
#[utoipa::path(
    tag = "scans",
    operation_id = "uploadScan",
    request_body(content = ScanUpload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The new scan", body = Scan,
            headers(("Location" = String, description = "Where the scan is"))),
        BadRequest, UploadStalled, TooLarge, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[post("/api/scans")]
pub(crate) async fn upload_scan(
    gateway: Data<Gateway>,
    request: HttpRequest,
    payload: actix_web::web::Payload,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
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
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
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
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
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
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives the uploaded bytes back, as an attachment; takes range requests.
#[utoipa::path(
    tag = "scans",
    operation_id = "downloadScanFile",
    params(
        ("scan_id" = ScanId, Path),
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
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}
