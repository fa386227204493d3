//! `/inference/predict`: an upload without a patient, answered in one go.

use std::collections::{BTreeMap, HashMap};

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, get, routes};
use norma_domain::Priority;
use norma_service::RoutingWay;
use serde::Deserialize;
use tokio::time::Instant;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::analyses::Asked;
use crate::http::paging::{Page, Paging};
use crate::http::preference::wait_of;
use crate::identity::{Access, Notes};
use crate::predictions::prediction::{Predictions, Seen, Sender};
use crate::predictions::schema::{ListedPrediction, Prediction};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, Conflict, Failures, NotAcceptable, NotFound, StorageFull, Unprocessable, UnsupportedMediaType,
};
use crate::rows::RowFormat;
use crate::rows::rows_answer;
use crate::scans::other_content_detail;
use crate::uploads::receive::{DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD};
use crate::uploads::repetition::{Sent, look_up};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictOptions {
    /// Name of an operating point of the bundle (`GET /api/bundle`); its default where absent.
    operating_point: Option<String>,
    /// `urgent` goes before everything routine, for those who may ask for it (403 `urgent_not_permitted`) and have few such
    /// under way (429 `too_many_urgent`); `routine` where absent.
    priority: Option<Priority>,
    /// Instead of an `Accept` header.
    format: Option<RowFormat>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PredictionOptions {
    /// Instead of an `Accept` header.
    format: Option<RowFormat>,
}

/// The form of a prediction.
#[derive(Debug, ToSchema)]
#[allow(
    dead_code,
    reason = "describes the form in the OpenAPI document; the form itself is read as a stream"
)]
pub(crate) struct PredictUpload {
    /// A zip with one or many studies, a DICOM file, or NIfTI (.nii, .nii.gz).
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    /// Whether to store the upload without what identifies its patients (DICOM PS3.15 annex E, basic profile).
    #[schema(default = false)]
    deidentify: Option<bool>,
    /// With `deidentify`: whether a person has looked at every picture and none shows text that names a patient. Without
    /// it captured screens, ultrasound and what else may carry text are left out.
    pixels_checked: Option<bool>,
}

/// Reads an upload without a patient and waits for the answer.
///
/// Many studies in one archive give a row each. A study that cannot be read is a row of status `Failure` with a
/// reason and neither probability nor pathology. A study that was here before is stored again; `duplicate_of` and
/// `other_content` tell of it. Past a time limit (`Prefer: wait=10` shortens it) the answer is
/// 202 with the studies that have ended so far and a link.
#[utoipa::path(
    post,
    path = "/inference/predict",
    tag = "inference",
    operation_id = "predict",
    params(
        PredictOptions,
        ("Prefer" = Option<String>, Header, description = "`wait=10`: seconds to wait at most (RFC 7240)"),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same key within a day, the same upload gets the prediction of the first; another upload is refused"),
    ),
    request_body(content = PredictUpload, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Every study has ended; as CSV or XLSX only the rows", content(
            (Prediction = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 202, description = "Accepted, not all have ended yet", body = Prediction,
            headers(("Location" = String, description = "Where to ask again"))),
        BadRequest, NotFound, NotAcceptable, Conflict, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[routes]
#[post("/inference/predict")]
#[post("/api/inference/predict")]
pub(crate) async fn predict(
    predictions: Data<Predictions>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    options: Query<PredictOptions>,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let options = options.into_inner();
    // What would be refused is refused before the upload is read.
    let format = RowFormat::choose(&request, options.format)?;
    // As it was asked: a request that is sent again is the same one, whichever thresholds were accepted meanwhile.
    let wish = format!(
        "predict {}",
        options.operating_point.as_deref().unwrap_or_default()
    );
    let question = predictions.bundle.question(options.operating_point).await?;
    let asked = Asked::of(&predictions.gateway, &access, question, options.priority)?;
    let (upload, place) = predictions
        .uploads
        .receive(&request, payload, &[DEIDENTIFY_FIELD, PIXELS_CHECKED_FIELD])
        .await?;
    let deidentified = upload.deidentified.clone();
    let limits = &predictions.gateway.options;
    let wait = wait_of(&request, limits.longest_wait, limits.predict_wait);
    let deadline = Instant::now() + wait;
    let sent = look_up(&predictions.gateway, &request, &access, &upload, &wish).await?;
    let (id, earlier) = match sent {
        Sent::Again(id) => {
            predictions.complete_requests(id, &asked).await?;
            // Waiting for the answer takes no place.
            drop(place);
            (id, HashMap::new())
        }
        Sent::First(in_hand) => {
            let sender = Sender {
                instances: BTreeMap::new(),
                owner: access.caller.owner(),
                request: in_hand.key(),
                came_by: RoutingWay::Upload,
                in_hand: None,
                compared_with: Some(Seen(access.visible_owner())),
            };
            match predictions.start_prediction((upload, place), asked, sender).await {
                Ok(started) => (started.id, started.earlier),
                Err(error) => {
                    in_hand.forget(&predictions.gateway).await;
                    return Err(error);
                }
            }
        }
    };
    notes.object(id);
    let other_content: usize = earlier.values().filter_map(|content| content.other_content).sum();
    if other_content > 0 {
        notes.add_detail(other_content_detail(other_content));
    }
    let mut prediction = Prediction {
        deidentified,
        ..predictions.prediction(id, Some(deadline)).await?
    };
    for study in &mut prediction.studies {
        if let Some(content) = earlier.get(&study.scan_id) {
            study.duplicate_of = Some(content.duplicate_of);
            study.other_content = content.other_content;
        }
    }
    answer(prediction, format)
}

/// Lists predictions, the newest first. Those whose studies were all deleted are left out.
#[utoipa::path(
    tag = "inference",
    operation_id = "listPredictions",
    params(Paging),
    responses(
        (status = 200, description = "A part of the list", body = Page<ListedPrediction>),
        BadRequest, Failures
    )
)]
#[get("/inference/predictions")]
pub(crate) async fn list_predictions(
    predictions: Data<Predictions>,
    access: Access,
    paging: Query<Paging>,
) -> Result<Json<Page<ListedPrediction>>, ApiError> {
    let database = &predictions.gateway.database;
    let listing = database
        .list_predictions(access.visible_owner(), paging.part())
        .await?;
    Ok(Json(paging.page_of(listing)))
}

/// Gives a prediction again: 200 once every study has ended, 202 before.
#[utoipa::path(
    tag = "inference",
    operation_id = "getPrediction",
    params(("prediction_id" = Uuid, Path), PredictionOptions),
    responses(
        (status = 200, description = "Every study has ended; as CSV or XLSX only the rows", content(
            (Prediction = "application/json"),
            (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        )),
        (status = 202, description = "Not all have ended yet", body = Prediction),
        BadRequest, NotFound, NotAcceptable, Failures
    )
)]
#[get("/inference/predictions/{prediction_id}")]
pub(crate) async fn get_prediction(
    predictions: Data<Predictions>,
    request: HttpRequest,
    prediction_id: Path<Uuid>,
    options: Query<PredictionOptions>,
) -> Result<HttpResponse, ApiError> {
    let format = RowFormat::choose(&request, options.format)?;
    let prediction = predictions.prediction(*prediction_id, None).await?;
    answer(prediction, format)
}

/// 202 with JSON as long as studies are under way, whatever was asked for: a table with rows missing could be
/// taken for the whole.
fn answer(prediction: Prediction, format: RowFormat) -> Result<HttpResponse, ApiError> {
    if !prediction.finished {
        return Ok(HttpResponse::Accepted()
            .insert_header((header::LOCATION, prediction.href.clone()))
            .insert_header((header::RETRY_AFTER, "2"))
            .json(prediction));
    }
    match format {
        RowFormat::Json => Ok(HttpResponse::Ok().json(prediction)),
        format => rows_answer(&prediction.rows, format),
    }
}
