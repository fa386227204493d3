//! What the viewer shows: geometry, pixels, maps.

use std::io::Read;
use std::sync::Arc;

use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{self, Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, get};
use flate2::read::GzDecoder;
use norma_database::Analysis;
use norma_domain::{AnalysisId, AnalysisStatus, ScanId, Stage, StageOutcome};
use norma_pipeline::{SliceExtent, VolumeHeader};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::freshness::{Freshness, header_text};
use crate::openapi::{BadRequest, Failures, NotFound};
use crate::pixels::picture::{heatmap_png, slice_png};
use crate::pixels::schema::VolumeDescription;
use crate::pixels::window::{WindowChoice, window_presets};
use crate::problem::ApiError;

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
    let (analysis, _) = volume_of(&gateway, *scan_id, source.analysis_id).await?;
    let prepared = gateway.database.prepared(analysis.id).await?;
    let prepared = prepared.ok_or(ApiError::VolumeNotPrepared)?;
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
    request: HttpRequest,
    path: Path<(ScanId, usize)>,
    source: Query<PixelSource>,
) -> Result<HttpResponse, ApiError> {
    let (scan_id, slice) = path.into_inner();
    let (analysis, header) = volume_of(&gateway, scan_id, source.analysis_id).await?;
    let extent = extent_of(&header, slice)?;
    let freshness = freshness(&analysis, source.analysis_id, &format!("{slice}"));
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let member = gateway.pixels.slice_member(analysis.id, extent).await?;
    let mut response = pixels_answer(&freshness, &header);
    if accepts_gzip(&request) {
        return Ok(response.insert_header(ContentEncoding::Gzip).body(member));
    }
    let [_, rows, columns] = header.geometry.shape;
    Ok(response
        .insert_header(ContentEncoding::Identity)
        .body(inflate(&member, rows, columns)?))
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
    let (scan_id, slice) = path.into_inner();
    let (analysis, header) = volume_of(&gateway, scan_id, options.analysis_id).await?;
    let extent = extent_of(&header, slice)?;
    let window = options.window.0;
    let version = format!("{slice}-{}-{}", window.center(), window.width());
    let freshness = freshness(&analysis, options.analysis_id, &version);
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let member = gateway.pixels.slice_member(analysis.id, extent).await?;
    let [_, rows, columns] = header.geometry.shape;
    let png = web::block(move || {
        let slice = inflate(&member, rows, columns)?;
        slice_png(&slice, side(rows)?, side(columns)?, window).map_err(ApiError::internal)
    })
    .await
    .map_err(ApiError::internal)??;
    Ok(picture_answer(&freshness, png))
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
    let (scan_id, stage, slice) = path.into_inner();
    let (analysis, header) = volume_of(&gateway, scan_id, source.analysis_id).await?;
    let map = slice_map(&gateway, &analysis, &header, stage, slice).await?;
    let freshness = freshness(&analysis, source.analysis_id, &format!("{stage}-{slice}"));
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    Ok(pixels_answer(&freshness, &header).body(map))
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
    let (scan_id, stage, slice) = path.into_inner();
    let (analysis, header) = volume_of(&gateway, scan_id, source.analysis_id).await?;
    let map = slice_map(&gateway, &analysis, &header, stage, slice).await?;
    let freshness = freshness(&analysis, source.analysis_id, &format!("{stage}-{slice}-png"));
    if freshness.is_known_to(&request) {
        return Ok(freshness.not_modified());
    }
    let [_, rows, columns] = header.geometry.shape;
    let png = web::block(move || heatmap_png(&map, side(rows)?, side(columns)?).map_err(ApiError::internal))
        .await
        .map_err(ApiError::internal)??;
    Ok(picture_answer(&freshness, png))
}

/// The analysis that is meant and its volume: the given one, which must be the scan's, or the latest with a
/// volume.
async fn volume_of(
    gateway: &Gateway,
    scan_id: ScanId,
    analysis_id: Option<AnalysisId>,
) -> Result<(Analysis, Arc<VolumeHeader>), ApiError> {
    if let Some(analysis_id) = analysis_id {
        let analysis = gateway.analysis(analysis_id).await?;
        if analysis.scan_id != scan_id {
            return Err(ApiError::AnalysisNotFound);
        }
        let header = gateway.pixels.header(analysis_id).await?;
        return Ok((analysis, header.ok_or(ApiError::VolumeNotPrepared)?));
    }
    gateway.scan(scan_id).await?;
    for analysis in gateway.database.analyses_of_scan(scan_id).await? {
        // Before its preparation is recorded, an object may be half of another attempt's.
        let may_have_volume = !matches!(
            analysis.status,
            AnalysisStatus::Queued | AnalysisStatus::Preparing
        );
        if may_have_volume && let Some(header) = gateway.pixels.header(analysis.id).await? {
            return Ok((analysis, header));
        }
    }
    Err(ApiError::VolumeNotPrepared)
}

fn extent_of(header: &VolumeHeader, slice: usize) -> Result<SliceExtent, ApiError> {
    let slices = header.slices.len();
    let extent = header.slices.get(slice).copied();
    extent.ok_or(ApiError::SliceNotFound { slices })
}

/// A stage's map of a slice in the slice's rows and columns; nothing where the stage did not look.
async fn slice_map(
    gateway: &Gateway,
    analysis: &Analysis,
    header: &VolumeHeader,
    stage: Stage,
    slice: usize,
) -> Result<Vec<u8>, ApiError> {
    let [slices, rows, columns] = header.geometry.shape;
    if slice >= slices {
        return Err(ApiError::SliceNotFound { slices });
    }
    let map = gateway.pixels.map(analysis.id, stage).await?;
    let map = map.ok_or(ApiError::HeatmapNotFound {
        analysis_id: analysis.id,
    })?;
    web::block(move || {
        map.slice_map(slice, rows, columns).map_or_else(
            || vec![0; rows * columns],
            |pixels| pixels.iter().copied().collect(),
        )
    })
    .await
    .map_err(ApiError::internal)
}

/// Pixels belong to an analysis: where the client named it, they never change.
fn freshness(analysis: &Analysis, named: Option<AnalysisId>, what: &str) -> Freshness {
    Freshness {
        etag: EntityTag::new_weak(format!("{}-{what}", analysis.id)),
        is_for_ever: named.is_some(),
    }
}

fn pixels_answer(freshness: &Freshness, header: &VolumeHeader) -> HttpResponseBuilder {
    let [_, rows, columns] = header.geometry.shape;
    let mut response = HttpResponse::Ok();
    freshness.insert_into(&mut response);
    response
        .content_type("application/octet-stream")
        .insert_header((header::VARY, "accept-encoding"))
        .insert_header(("X-Rows", rows.to_string()))
        .insert_header(("X-Columns", columns.to_string()));
    response
}

fn picture_answer(freshness: &Freshness, png: Vec<u8>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    freshness.insert_into(&mut response);
    response
        .content_type("image/png")
        // A picture is compressed already.
        .insert_header(ContentEncoding::Identity)
        .body(png)
}

fn accepts_gzip(request: &HttpRequest) -> bool {
    header_text(request, header::ACCEPT_ENCODING).is_some_and(|accepted| {
        accepted.split(',').any(|coding| {
            let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
            name.trim().eq_ignore_ascii_case("gzip") && weight.replace(' ', "") != "q=0"
        })
    })
}

/// A slice's int16 values out of its gzip member.
fn inflate(member: &[u8], rows: usize, columns: usize) -> Result<Vec<u8>, ApiError> {
    let expected = rows * columns * 2;
    let mut values = Vec::with_capacity(expected);
    GzDecoder::new(member)
        .take(expected as u64 + 1)
        .read_to_end(&mut values)
        .map_err(ApiError::internal)?;
    if values.len() == expected {
        Ok(values)
    } else {
        Err(ApiError::Internal(anyhow::anyhow!(
            "a slice of {} bytes where {expected} are expected",
            values.len()
        )))
    }
}

fn side(length: usize) -> Result<u32, ApiError> {
    u32::try_from(length).map_err(ApiError::internal)
}
