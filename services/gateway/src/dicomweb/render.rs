//! WADO-RS, rendered (PS3.18 section 10.4.1.1.3): pictures of instances and frames.

use std::sync::Arc;

use actix_web::web::{self, Data, Query};
use actix_web::{HttpRequest, HttpResponse, routes};
use serde::Deserialize;

use crate::dicomweb::accept::choose_type;
use crate::dicomweb::body::answer_of;
use crate::dicomweb::frames::pixels_of;
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::locate::{Located, PathUids};
use crate::dicomweb::picture::{JPEG, PNG, Wish, draw};
use crate::dicomweb::retrieve::frame_numbers;
use crate::dicomweb::window::Window;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;

/// The longer side of a thumbnail where the client does not say.
const THUMBNAIL: u32 = 128;
const LARGEST_VIEWPORT: f64 = 8192.0;
const QUALITY: u8 = 90;

#[derive(Debug, Deserialize)]
pub(crate) struct RenderOptions {
    /// `center,width,function`.
    window: Option<String>,
    /// `width,height`.
    viewport: Option<String>,
    quality: Option<u8>,
}

impl RenderOptions {
    fn wish(&self, request: &HttpRequest, viewport: Option<(u32, u32)>) -> Result<Wish, ApiError> {
        let media_type =
            choose_type(request, &[JPEG, PNG]).ok_or(ApiError::NotAcceptable("image/jpeg or image/png"))?;
        Ok(Wish {
            media_type,
            window: self.window.as_deref().map(Window::parse).transpose()?,
            viewport: self
                .viewport
                .as_deref()
                .map(viewport_of)
                .transpose()?
                .or(viewport),
            quality: self.quality.map(quality_of).transpose()?.unwrap_or(QUALITY),
        })
    }
}

fn quality_of(quality: u8) -> Result<u8, ApiError> {
    let is_one = (1..=100).contains(&quality);
    is_one
        .then_some(quality)
        .ok_or_else(|| ApiError::InvalidParameter {
            parameter: "quality".to_owned(),
            detail: "a number from 1 to 100".to_owned(),
        })
}

fn viewport_of(text: &str) -> Result<(u32, u32), ApiError> {
    let invalid = || ApiError::InvalidParameter {
        parameter: "viewport".to_owned(),
        detail: "width,height of 1 to 8192 pixels".to_owned(),
    };
    let parts: Vec<f64> = text
        .split(',')
        .map(|part| part.trim().parse().map_err(|_| invalid()))
        .collect::<Result<_, _>>()?;
    match parts.as_slice() {
        [width, height]
            if [width, height]
                .iter()
                .all(|side| (1.0..=LARGEST_VIEWPORT).contains(*side)) =>
        {
            Ok((*width as u32, *height as u32))
        }
        _ => Err(invalid()),
    }
}

/// Draws an instance (its frame in the middle) or a frame.
#[routes]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/rendered")]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/rendered")]
pub(crate) async fn retrieve_rendered(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    options: Query<RenderOptions>,
) -> Result<HttpResponse, ApiError> {
    let wish = options.wish(&request, None)?;
    let web = web.into_inner();
    let located = web.instance(&access, &notes, &PathUids::of(&request)?).await?;
    rendered(web, &request, located, wish).await
}

/// A small picture of a study, a series, an instance or a frame.
#[routes]
#[get("/dicom-web/studies/{study}/thumbnail")]
#[get("/dicom-web/studies/{study}/series/{series}/thumbnail")]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/thumbnail")]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}/thumbnail")]
pub(crate) async fn retrieve_thumbnail(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    options: Query<RenderOptions>,
) -> Result<HttpResponse, ApiError> {
    let wish = options.wish(&request, Some((THUMBNAIL, THUMBNAIL)))?;
    let web = web.into_inner();
    let mut located = web.instances(&access, &notes, &PathUids::of(&request)?).await?;
    // Of the first series with pictures, the one in the middle.
    let first = located.iter().find(|located| pixels_of(located).is_ok());
    if let Some(series) = first.map(|located| located.instance().series_instance_uid.clone()) {
        located.retain(|located| located.instance().series_instance_uid == series);
    }
    let middle = located.swap_remove(located.len() / 2);
    rendered(web, &request, middle, wish).await
}

async fn rendered(
    web: Arc<DicomWeb>,
    request: &HttpRequest,
    located: Located,
    wish: Wish,
) -> Result<HttpResponse, ApiError> {
    let pixels = pixels_of(&located)?.clone();
    let frame = match request.match_info().get("frames") {
        Some(_) => match frame_numbers(request, pixels.frames)?.as_slice() {
            [frame] => *frame,
            _ => return Err(ApiError::NotAcceptable("one frame: a picture shows one")),
        },
        None => pixels.frames / 2,
    };
    let bytes = web.frame(&located, frame).await?;
    let picture = web::block(move || draw(&pixels, &bytes, frame, wish))
        .await
        .map_err(ApiError::internal)??;
    Ok(answer_of(wish.media_type).body(picture))
}
