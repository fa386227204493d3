//! Pixels as answers: numbers or a picture.

use std::io::Read;

use actix_web::http::header::{self, ContentEncoding, EntityTag};
use actix_web::web::{self, Bytes};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use flate2::read::GzDecoder;
use norma_database::Analysis;
use norma_domain::WindowLevel;
use norma_pipeline::VolumeHeader;

use crate::http::freshness::{Freshness, header_text};
use crate::pixels::picture::{heatmap_png, slice_png};
use crate::problem::ApiError;

/// Pixels belong to an analysis and never change in it.
pub(crate) fn freshness(analysis: &Analysis, what: &str) -> Freshness {
    Freshness {
        etag: EntityTag::new_weak(format!("{}-{what}", analysis.id)),
    }
}

/// A slice of int16 values in their gzip member: as they are stored where the client takes gzip.
pub(crate) fn slice_values(
    request: &HttpRequest,
    freshness: &Freshness,
    header: &VolumeHeader,
    member: Bytes,
) -> Result<HttpResponse, ApiError> {
    let mut response = pixels_answer(freshness, header);
    if accepts_gzip(request) {
        return Ok(response.insert_header(ContentEncoding::Gzip).body(member));
    }
    let [_, rows, columns] = header.geometry.shape;
    Ok(response
        .insert_header(ContentEncoding::Identity)
        .body(inflate(&member, rows, columns)?))
}

/// A slice through a window.
pub(crate) async fn slice_picture(
    freshness: &Freshness,
    header: &VolumeHeader,
    member: Bytes,
    window: WindowLevel,
) -> Result<HttpResponse, ApiError> {
    let [_, rows, columns] = header.geometry.shape;
    picture_answer(freshness, move || {
        let slice = inflate(&member, rows, columns)?;
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
