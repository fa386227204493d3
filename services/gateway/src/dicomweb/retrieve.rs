//! WADO-RS (PS3.18 section 10.4): instances, their metadata, frames and large values.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, routes};
use futures::StreamExt;
use norma_dicom_instances::{Attributes, Section};
use norma_object_storage::Objects;
use serde_json::Value;

use crate::dicomweb::accept::{DICOM, Form, OCTETS, choose_form};
use crate::dicomweb::body::{BodySender, Boundary, answer_of, streamed};
use crate::dicomweb::document::{instance_url, service_url};
use crate::dicomweb::frames::pixels_of;
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::locate::{Located, PathUids};
use crate::dicomweb::model_form::ModelForm;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;

/// Explicit VR Little Endian: as frames are given out.
const EXPLICIT_LITTLE_ENDIAN: &str = "1.2.840.10008.1.2.1";
/// Metadata read ahead.
const READ_AHEAD: usize = 8;
/// Frames of one request.
const MOST_FRAMES: usize = 10_000;

/// Gives the instances of a study, of a series, or one, as they were stored.
#[routes]
#[get("/dicom-web/studies/{study}")]
#[get("/dicom-web/studies/{study}/series/{series}")]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}")]
pub(crate) async fn retrieve_instances(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let web = web.into_inner();
    let uids = PathUids::of(&request)?;
    let located = web.instances(&access, &notes, &uids).await?;
    let syntaxes: Vec<&str> = located
        .iter()
        .map(|located| located.instance().transfer_syntax_uid.as_str())
        .collect();
    let told = "multipart/related; type=\"application/dicom\" in the transfer syntax it is stored in (transfer-syntax=*)";
    let form = choose_form(&request, DICOM, &syntaxes, uids.instance.is_some(), told)?;
    let objects = web.gateway.objects.clone();
    if form == Form::Single {
        return Ok(streamed(DICOM, |body| async move {
            for located in located {
                send(&objects, &located, &body).await?;
            }
            Ok(())
        }));
    }
    let boundary = Boundary::new();
    let service = service_url(&request, &web.gateway);
    Ok(streamed(&boundary.media_type(DICOM), |body| async move {
        for located in located {
            let syntax = &located.instance().transfer_syntax_uid;
            let media_type = format!("{DICOM}; transfer-syntax={syntax}");
            let url = instance_url(&service, &located);
            body.send(boundary.before(&media_type, Some(&url))).await?;
            send(&objects, &located, &body).await?;
        }
        body.send(boundary.end()).await?;
        Ok(())
    }))
}

async fn send(
    objects: &Objects,
    located: &Located,
    body: &BodySender,
) -> Result<(), crate::dicomweb::body::BodyError> {
    located.holding.send_file(objects, located.instance(), body).await
}

/// Gives what the headers of a study, a series or an instance say, large values by their URI.
#[routes]
#[get("/dicom-web/studies/{study}/metadata")]
#[get("/dicom-web/studies/{study}/series/{series}/metadata")]
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/metadata")]
pub(crate) async fn retrieve_metadata(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_list(&request)?;
    let web = web.into_inner();
    let located = web.instances(&access, &notes, &PathUids::of(&request)?).await?;
    let service = service_url(&request, &web.gateway);
    Ok(streamed(&form.media_type(), |body| async move {
        let mut documents = futures::stream::iter(located)
            .map(|located| metadata(Arc::clone(&web), service.clone(), located))
            .buffered(READ_AHEAD);
        let mut is_first = true;
        while let Some(document) = documents.next().await {
            body.send(form.piece(is_first, &document?)?).await?;
            is_first = false;
        }
        body.send(form.end()).await?;
        Ok(())
    }))
}

async fn metadata(web: Arc<DicomWeb>, service: String, located: Located) -> Result<Attributes, ApiError> {
    let span = located.instance().metadata;
    let json = located
        .holding
        .read(&web.gateway.objects, Section::Container, span)
        .await?;
    let mut metadata: Attributes = serde_json::from_slice(&json).map_err(ApiError::internal)?;
    let base = format!("{}/bulkdata", instance_url(&service, &located));
    metadata.values_mut().for_each(|value| resolve(value, &base));
    Ok(metadata)
}

/// Makes the URIs of large values whole.
fn resolve(value: &mut Value, base: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    Value::String(path) if name == "BulkDataURI" => *path = format!("{base}/{path}"),
                    member => resolve(member, base),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| resolve(item, base)),
        _ => {}
    }
}

/// Gives frames, counted from 1, not compressed.
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/frames/{frames}")]
pub(crate) async fn retrieve_frames(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let web = web.into_inner();
    let located = web.instance(&access, &notes, &PathUids::of(&request)?).await?;
    let frames = frame_numbers(&request, pixels_of(&located)?.frames)?;
    let is_single = frames.len() == 1;
    let told = "multipart/related; type=\"application/octet-stream\", not compressed";
    let form = choose_form(&request, OCTETS, &[EXPLICIT_LITTLE_ENDIAN], is_single, told)?;
    frames_answer(web, located, frames, form).await
}

async fn frames_answer(
    web: Arc<DicomWeb>,
    located: Located,
    frames: Vec<u64>,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    // Before the answer begins: whether the frames can be had at all.
    let first = web.frame(&located, frames[0]).await?;
    if form == Form::Single {
        return Ok(answer_of(OCTETS).body(first));
    }
    let mut next = Some(first);
    let boundary = Boundary::new();
    let part = format!("{OCTETS}; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}");
    Ok(streamed(&boundary.media_type(OCTETS), |body| async move {
        for frame in frames {
            let bytes = match next.take() {
                Some(bytes) => bytes,
                None => web.frame(&located, frame).await?,
            };
            body.send(boundary.before(&part, None)).await?;
            body.send(bytes).await?;
        }
        body.send(boundary.end()).await?;
        Ok(())
    }))
}

/// The frames of a path, counted from 0.
///
/// # Errors
/// Where they are no numbers from 1, and where the instance has not so many.
pub(super) fn frame_numbers(request: &HttpRequest, frames: u64) -> Result<Vec<u64>, ApiError> {
    let invalid = || ApiError::InvalidParameter {
        parameter: "frames".to_owned(),
        detail: "numbers from 1 with commas between".to_owned(),
    };
    let text = request.match_info().get("frames").unwrap_or_default();
    let numbers: Vec<u64> = text
        .split(',')
        .map(|number| {
            number
                .parse()
                .ok()
                .filter(|number| *number > 0)
                .ok_or_else(invalid)
        })
        .collect::<Result<_, _>>()?;
    if numbers.len() > MOST_FRAMES {
        return Err(invalid());
    }
    if numbers.iter().any(|number| *number > frames) {
        return Err(ApiError::DicomObjectNotFound);
    }
    Ok(numbers.into_iter().map(|number| number - 1).collect())
}

/// Gives a value that the metadata name by its URI: all frames one after the other, or the bytes of an attribute.
#[get("/dicom-web/studies/{study}/series/{series}/instances/{instance}/bulkdata/{attribute}")]
pub(crate) async fn retrieve_bulkdata(
    web: Data<DicomWeb>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let web = web.into_inner();
    let located = web.instance(&access, &notes, &PathUids::of(&request)?).await?;
    let told = "multipart/related; type=\"application/octet-stream\", not compressed";
    let form = choose_form(&request, OCTETS, &[EXPLICIT_LITTLE_ENDIAN], true, told)?;
    let attribute = request.match_info().get("attribute").unwrap_or_default();
    if attribute.starts_with("7FE000") {
        let frames = pixels_of(&located)?.frames;
        return all_frames(web, located, frames, form).await;
    }
    let mut bulk = located.instance().bulk.iter();
    let value = bulk
        .find(|value| value.path == attribute)
        .ok_or(ApiError::DicomObjectNotFound)?;
    let bytes = located
        .holding
        .read(&web.gateway.objects, Section::Container, value.span)
        .await?;
    let boundary = Boundary::new();
    let (media_type, body) = match form {
        Form::Single => (OCTETS.to_owned(), bytes.to_vec()),
        Form::Multipart => (
            boundary.media_type(OCTETS),
            [
                boundary.before(OCTETS, None).as_bytes(),
                &bytes,
                boundary.end().as_bytes(),
            ]
            .concat(),
        ),
    };
    Ok(answer_of(&media_type).body(body))
}

/// All frames as one value.
async fn all_frames(
    web: Arc<DicomWeb>,
    located: Located,
    frames: u64,
    form: Form,
) -> Result<HttpResponse, ApiError> {
    let first = web.frame(&located, 0).await?;
    let boundary = Boundary::new();
    let media_type = match form {
        Form::Single => OCTETS.to_owned(),
        Form::Multipart => boundary.media_type(OCTETS),
    };
    Ok(streamed(&media_type, |body| async move {
        if form == Form::Multipart {
            let part = format!("{OCTETS}; transfer-syntax={EXPLICIT_LITTLE_ENDIAN}");
            body.send(boundary.before(&part, None)).await?;
        }
        body.send(first).await?;
        for frame in 1..frames {
            let bytes = web.frame(&located, frame).await?;
            body.send(bytes).await?;
        }
        if form == Form::Multipart {
            body.send(boundary.end()).await?;
        }
        Ok(())
    }))
}
