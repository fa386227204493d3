//! What the viewer shows: geometry, pixels, maps.

use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use norma_domain::{AnalysisId, ScanId, Stage, StageOutcome, WindowLevel};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::pixels::answer::{freshness, map_picture, map_values, slice_picture, slice_values};
use crate::pixels::objects::PixelObjects;
use crate::pixels::schema::VolumeDescription;
use crate::pixels::volume::{extent_of, slice_map, volume_of};
use crate::pixels::window::{WindowChoice, window_presets};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PixelSource {
    /// The analysis whose volume or maps are meant; the latest that has them where absent. Where given, the
    /// answer never changes.
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
    pixels: Data<PixelObjects>,
    scan_id: Path<ScanId>,
    source: Query<PixelSource>,
) -> Result<Json<VolumeDescription>, ApiError> {
    let (analysis, _) = volume_of(&gateway, &pixels, *scan_id, source.analysis_id).await?;
    let prepared = match gateway.database.prepared(analysis.id).await? {
        Some(prepared) => prepared,
        // A study that failed is described by what it left beside its volume.
        None => pixels
            .refused_summary(analysis.id)
            .await?
            .ok_or(ApiError::VolumeNotPrepared)?,
    };
    let outcomes = gateway.database.stage_outcomes(analysis.id).await?;
    let heatmaps = outcomes.iter().filter_map(|outcome| match outcome {
        StageOutcome::Completed(result) if result.has_map => Some(result.stage),
        StageOutcome::Completed(_) | StageOutcome::Failed(_) => None,
    });
    let base = format!("/api/scans/{scan_id}");
    Ok(Json(VolumeDescription {
        scan_id: *scan_id,
        analysis_id: analysis.id,
        study: prepared.study,
        slices: prepared.slices,
        selected_slices: prepared.selected_slices,
        lung_extent: prepared.lung_extent,
        lung_volume_ml: prepared.lung_volume_ml,
        quality: prepared.quality,
        heatmaps: heatmaps.collect(),
        windows: window_presets(),
        pixel_format: "int16le".to_owned(),
        slice_href: format!("{base}/slices/{{n}}?analysis_id={}", analysis.id),
        heatmap_href: format!("{base}/heatmaps/{{stage}}/{{n}}?analysis_id={}", analysis.id),
    }))
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
    pixels: Data<PixelObjects>,
    request: HttpRequest,
    path: Path<(ScanId, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    answer_slice(
        &gateway,
        &pixels,
        &request,
        path.into_inner(),
        source.analysis_id,
        None,
    )
    .await
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
    pixels: Data<PixelObjects>,
    request: HttpRequest,
    path: Path<(ScanId, usize)>,
    options: Query<PictureOptions>,
) -> Result<HttpResponse, ApiError> {
    let window = Some(options.window.0);
    answer_slice(
        &gateway,
        &pixels,
        &request,
        path.into_inner(),
        options.analysis_id,
        window,
    )
    .await
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
    pixels: Data<PixelObjects>,
    request: HttpRequest,
    path: Path<(ScanId, Stage, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    answer_map(
        &gateway,
        &pixels,
        &request,
        path.into_inner(),
        source.analysis_id,
        MapForm::Values,
    )
    .await
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
    pixels: Data<PixelObjects>,
    request: HttpRequest,
    path: Path<(ScanId, Stage, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    answer_map(
        &gateway,
        &pixels,
        &request,
        path.into_inner(),
        source.analysis_id,
        MapForm::Picture,
    )
    .await
}

/// A slice: its values, or a picture through `window`.
async fn answer_slice(
    gateway: &Gateway,
    pixels: &PixelObjects,
    request: &HttpRequest,
    (scan_id, slice): (ScanId, usize),
    analysis_id: Option<AnalysisId>,
    window: Option<WindowLevel>,
) -> Result<HttpResponse, ApiError> {
    let (analysis, header) = volume_of(gateway, pixels, scan_id, analysis_id).await?;
    let extent = extent_of(&header, slice)?;
    let version = match window {
        None => format!("{slice}"),
        Some(window) => format!("{slice}-{}-{}", window.center(), window.width()),
    };
    let freshness = freshness(&analysis, &version);
    if freshness.is_known_to(request) {
        return Ok(freshness.not_modified());
    }
    let compressed = pixels.compressed_slice(analysis.id, extent).await?;
    match window {
        None => slice_values(request, &freshness, &header, compressed),
        Some(window) => slice_picture(&freshness, &header, compressed, window).await,
    }
}

/// In what form a map is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum MapForm {
    Values,
    Picture,
}

/// A stage's map of a slice.
async fn answer_map(
    gateway: &Gateway,
    pixels: &PixelObjects,
    request: &HttpRequest,
    (scan_id, stage, slice): (ScanId, Stage, usize),
    analysis_id: Option<AnalysisId>,
    form: MapForm,
) -> Result<HttpResponse, ApiError> {
    let (analysis, header) = volume_of(gateway, pixels, scan_id, analysis_id).await?;
    let map = slice_map(pixels, &analysis, &header, stage, slice).await?;
    let version = match form {
        MapForm::Values => format!("{stage}-{slice}"),
        MapForm::Picture => format!("{stage}-{slice}-png"),
    };
    let freshness = freshness(&analysis, &version);
    if freshness.is_known_to(request) {
        return Ok(freshness.not_modified());
    }
    match form {
        MapForm::Values => Ok(map_values(&freshness, &header, map)),
        MapForm::Picture => map_picture(&freshness, &header, map).await,
    }
}
