//! Pixels as answers: numbers or a picture.

use std::sync::Arc;

use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use norma_database::Analysis;
use norma_domain::WindowLevel;
use norma_pipeline::{SliceCoding, VolumeHeader};

use crate::http::freshness::{Freshness, header_text};
use crate::pixels::picture::{heatmap_png, slice_png};
use crate::problem::ApiError;

/// Pixels belong to an analysis and never change in it.
pub(crate) fn freshness(analysis: &Analysis, what: &str) -> Freshness {
    Freshness {
        etag: EntityTag::new_weak(format!("{}-{what}", analysis.id)),
    }
}

/// A slice of int16 values: as it is stored where the client takes that coding.
pub(crate) fn slice_values(
    request: &HttpRequest,
    freshness: &Freshness,
    header: &VolumeHeader,
    compressed: Bytes,
) -> Result<HttpResponse, ApiError> {
    let mut response = pixels_answer(freshness, header);
    let coding = match header.coding {
        SliceCoding::Gzip => ContentEncoding::Gzip,
        SliceCoding::Zstd => ContentEncoding::Zstd,
    };
    if accepts(request, coding) {
        return Ok(response.insert_header(coding).body(compressed));
    }
    Ok(response.body(header.slice_bytes(&compressed).map_err(ApiError::internal)?))
}

/// A slice through a window.
pub(crate) async fn slice_picture(
    freshness: &Freshness,
    header: &Arc<VolumeHeader>,
    compressed: Bytes,
    window: WindowLevel,
) -> Result<HttpResponse, ApiError> {
    let header = Arc::clone(header);
    let [_, rows, columns] = header.geometry.shape;
    picture_answer(freshness, move || {
        let slice = header.slice_bytes(&compressed).map_err(ApiError::internal)?;
        slice_png(&slice, side(rows)?, side(columns)?, window).map_err(ApiError::internal)
    })
    .await
}

/// A map of one slice, a byte for each pixel.
pub(crate) fn map_values(freshness: &Freshness, header: &VolumeHeader, map: Vec<u8>) -> HttpResponse {
    pixels_answer(freshness, header).body(map)
}

/// A map of one slice in colours.
pub(crate) async fn map_picture(
    freshness: &Freshness,
    header: &VolumeHeader,
    map: Vec<u8>,
) -> Result<HttpResponse, ApiError> {
    let [_, rows, columns] = header.geometry.shape;
    picture_answer(freshness, move || {
        heatmap_png(&map, side(rows)?, side(columns)?).map_err(ApiError::internal)
    })
    .await
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

/// `draw` gives a PNG.
async fn picture_answer(
    freshness: &Freshness,
    draw: impl FnOnce() -> Result<Vec<u8>, ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let png = web::block(draw).await.map_err(ApiError::internal)??;
    let mut response = HttpResponse::Ok();
    freshness.insert_into(&mut response);
    Ok(response
        .content_type("image/png")
        // A picture is compressed already.
        .insert_header(ContentEncoding::Identity)
        .body(png))
}

fn accepts(request: &HttpRequest, coding: ContentEncoding) -> bool {
    header_text(request, header::ACCEPT_ENCODING).is_some_and(|accepted| {
        accepted.split(',').any(|accepted| {
            let (name, weight) = accepted.split_once(';').unwrap_or((accepted, ""));
            name.trim().eq_ignore_ascii_case(coding.as_str()) && weight.replace(' ', "") != "q=0"
        })
    })
}

fn side(length: usize) -> Result<u32, ApiError> {
    u32::try_from(length).map_err(ApiError::internal)
}
