//! What the viewer shows: geometry, pixels, maps.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use norma_domain::{AnalysisId, ScanId, Stage};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::openapi::{BadRequest, Failures, NotFound};
use crate::problem::ApiError;
use crate::schema::VolumeDescription;
use crate::window::WindowChoice;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PixelSource {
    /// The analysis whose volume or maps are meant; the latest that has them where absent. Where given, the
    /// answer never changes and may be kept for ever.
    analysis_id: Option<AnalysisId>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PictureOptions {
    /// The analysis whose volume is meant; the latest that has one where absent.
    analysis_id: Option<AnalysisId>,
    /// `lung`, `mediastinum`, `bone`, `soft`, or `center,width` in HU.
    #[serde(default)]
    #[param(value_type = Option<String>, default = "lung", example = "-600,1500")]
    window: WindowChoice,
}

/// Describes the prepared volume: geometry, slices, lungs, which maps there are.
#[utoipa::path(
    tag = "viewer",
    operation_id = "getVolume",
    params(("scan_id" = ScanId, Path), PixelSource),
    responses((status = 200, description = "The volume", body = VolumeDescription), BadRequest, NotFound, Failures)
)]
#[get("/api/scans/{scan_id}/volume")]
pub(crate) async fn get_volume(
    gateway: Data<Gateway>,
    scan_id: Path<ScanId>,
    source: Query<PixelSource>,
) -> Result<Json<VolumeDescription>, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives a slice: rows × columns int16, little endian, row by row, in Hounsfield units; gzip where accepted.
#[utoipa::path(
    tag = "viewer",
    operation_id = "getSlice",
    params(
        ("scan_id" = ScanId, Path),
        ("slice" = usize, Path, description = "Index along z, from 0"),
        PixelSource
    ),
    responses(
        (status = 200, description = "int16 little endian", content_type = "application/octet-stream",
            headers(("ETag" = String), ("X-Rows" = usize), ("X-Columns" = usize))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/slices/{slice}")]
pub(crate) async fn get_slice(
    gateway: Data<Gateway>,
    request: HttpRequest,
    path: Path<(ScanId, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives a slice as a grey picture through a window.
#[utoipa::path(
    tag = "viewer",
    operation_id = "getSlicePicture",
    params(
        ("scan_id" = ScanId, Path),
        ("slice" = usize, Path, description = "Index along z, from 0"),
        PictureOptions
    ),
    responses(
        (status = 200, description = "8-bit grey", content_type = "image/png", headers(("ETag" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/slices/{slice}.png")]
pub(crate) async fn get_slice_picture(
    gateway: Data<Gateway>,
    request: HttpRequest,
    path: Path<(ScanId, usize)>,
    options: Query<PictureOptions>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives a stage's map for a slice, in the slice's own rows and columns, one byte per pixel: 0 nothing, 255 the
/// most.
#[utoipa::path(
    tag = "viewer",
    operation_id = "getHeatmap",
    params(
        ("scan_id" = ScanId, Path),
        ("stage" = Stage, Path),
        ("slice" = usize, Path, description = "Index along z, from 0"),
        PixelSource
    ),
    responses(
        (status = 200, description = "One byte per pixel", content_type = "application/octet-stream",
            headers(("ETag" = String), ("X-Rows" = usize), ("X-Columns" = usize))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/heatmaps/{stage}/{slice}")]
pub(crate) async fn get_heatmap(
    gateway: Data<Gateway>,
    request: HttpRequest,
    path: Path<(ScanId, Stage, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}

/// Gives a stage's map for a slice as a coloured picture, transparent where there is nothing.
#[utoipa::path(
    tag = "viewer",
    operation_id = "getHeatmapPicture",
    params(
        ("scan_id" = ScanId, Path),
        ("stage" = Stage, Path),
        ("slice" = usize, Path, description = "Index along z, from 0"),
        PixelSource
    ),
    responses(
        (status = 200, description = "RGBA", content_type = "image/png", headers(("ETag" = String))),
        (status = 304, description = "Unchanged since the given ETag"),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/scans/{scan_id}/heatmaps/{stage}/{slice}.png")]
pub(crate) async fn get_heatmap_picture(
    gateway: Data<Gateway>,
    request: HttpRequest,
    path: Path<(ScanId, Stage, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}
