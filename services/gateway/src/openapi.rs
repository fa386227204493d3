//! The OpenAPI document, made from the handlers and the types that they really use.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

use crate::problem::{PROBLEM_JSON, Problem};
use crate::{routes, schema};

macro_rules! problem_answers {
    ($($(#[$doc:meta])* $name:ident = $status:literal, $description:literal;)*) => {
        $(
            $(#[$doc])*
            pub(crate) struct $name;

            impl IntoResponses for $name {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    problem_answer($status, $description)
                }
            }
        )*
    };
}

problem_answers! {
    BadRequest = "400", "A parameter, a form field or the body is malformed";
    NotFound = "404", "No such thing";
    NotAcceptable = "406", "None of the accepted forms can be had";
    UploadStalled = "408", "No byte arrived for too long";
    Running = "409", "The analysis has not ended; `analysis` tells its state";
    TooLarge = "413", "The upload exceeds the limit";
    UnsupportedMediaType = "415", "The body's media type is not taken";
    RangeNotSatisfiable = "416", "The range lies outside the file";
    Unprocessable = "422", "Well-formed but refused; `code` tells why";
    InternalError = "500", "A defect of the service; it is in the log";
    Unavailable = "503", "A dependency does not answer; try again later";
    TookTooLong = "504", "The answer took too long";
    StorageFull = "507", "The disk is full; nothing was stored";
}

/// What every operation that reads the database may answer.
pub(crate) struct Failures;

impl IntoResponses for Failures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = InternalError::responses();
        answers.append(&mut Unavailable::responses());
        answers.append(&mut TookTooLong::responses());
        answers
    }
}

fn problem_answer(status: &str, description: &str) -> BTreeMap<String, RefOr<Response>> {
    let response = ResponseBuilder::new()
        .description(description)
        .content(
            PROBLEM_JSON,
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("Problem")))
                .build(),
        )
        .build();
    BTreeMap::from([(status.to_owned(), RefOr::T(response))])
}

/// The interface of the gateway.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Norma",
        description = "Reads chest CT: norm, pathology, or undetermined, with where and why. For research use; not a medical device.\n\nErrors are RFC 9457 problem details (`application/problem+json`) with a stable `code`. Lists are `{items, total, limit, offset}`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        routes::patients::list_patients,
        routes::patients::create_patient,
        routes::patients::get_patient,
        routes::patients::update_patient,
        routes::patients::delete_patient,
        routes::scans::list_scans,
        routes::scans::upload_scan,
        routes::scans::get_scan,
        routes::scans::update_scan,
        routes::scans::delete_scan,
        routes::scans::download_scan_file,
        routes::analyses::analyze_scan,
        routes::analyses::list_scan_analyses,
        routes::analyses::get_scan_report,
        routes::analyses::get_analysis,
        routes::analyses::get_analysis_report,
        routes::feedback::list_feedback,
        routes::feedback::give_feedback,
        routes::studies::list_studies,
        routes::predict::predict,
        routes::predict::predict_under_api,
        routes::predict::get_prediction,
        routes::pixels::get_volume,
        routes::pixels::get_slice_picture,
        routes::pixels::get_slice,
        routes::pixels::get_heatmap_picture,
        routes::pixels::get_heatmap,
        routes::events::stream_events,
        routes::bundle::get_bundle,
        routes::health::live,
        routes::health::ready,
        routes::health::metrics,
    ),
    components(schemas(
        Problem,
        norma_domain::Report,
        schema::AnalysisEvent,
        crate::negotiation::RowFormat,
        routes::studies::StudyOrder,
    )),
    tags(
        (name = "patients", description = "Patients as registered here"),
        (name = "scans", description = "Uploaded studies"),
        (name = "analyses", description = "Runs of the models, reports, feedback"),
        (name = "studies", description = "The worklist"),
        (name = "inference", description = "Uploads without a patient, answered in one go"),
        (name = "viewer", description = "Volumes, slices, maps"),
        (name = "events", description = "Progress as it happens"),
        (name = "service", description = "Models, health, metrics"),
    ),
)]
pub(crate) struct ApiDocument;

/// The document as it is served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    ApiDocument::openapi()
}
