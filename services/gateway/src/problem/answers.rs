//! Problems as answers of the OpenAPI document: an operation lists those that it may give.

use std::collections::BTreeMap;

use utoipa::IntoResponses;
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};

use crate::problem::api_error::PROBLEM_JSON;

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
    NotSignedIn = "401", "Nobody is signed in, or what was shown is not valid; `code` tells which";
    NotAllowed = "403", "Signed in, but this is not allowed; `code` tells why";
    NotFound = "404", "No such thing";
    NotAcceptable = "406", "None of the accepted forms can be had";
    UploadStalled = "408", "Nothing, or too little, arrived for too long";
    Running = "409", "The analysis has not ended; `analysis` tells its state";
    Conflict = "409", "The state of things does not allow it; `code` tells why";
    Gone = "410", "The patient's record was merged into another; `merged_into` names it";
    ChangedMeanwhile = "412", "`If-Match` names another version than there is now";
    TooLarge = "413", "The body exceeds the limit";
    UnsupportedMediaType = "415", "The body's media type is not taken";
    RangeNotSatisfiable = "416", "The range lies outside the file";
    Unprocessable = "422", "Well-formed but refused; `code` tells why";
    TooManyAttempts = "429", "Too many failed attempts; Retry-After tells when to come again";
    TooManyRequests = "429", "This client asks too often, or too many uploads are under way; `Retry-After` tells when to ask again";
    InternalError = "500", "A defect of the service; it is in the log";
    BadGateway = "502", "Another system did not answer, or refused; `detail` tells how";
    Unavailable = "503", "A dependency does not answer; try again later";
    TookTooLong = "504", "The answer took too long";
    StorageFull = "507", "The disk is full or the quota reached; nothing was stored";
}

/// What every operation that reads the database may answer.
pub(crate) struct Failures;

impl IntoResponses for Failures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut answers = InternalError::responses();
        answers.append(&mut UploadStalled::responses());
        answers.append(&mut TooLarge::responses());
        answers.append(&mut TooManyRequests::responses());
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
