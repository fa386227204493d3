//! The OpenAPI document, made from the handlers and the types that they really use.

use std::collections::BTreeMap;

use actix_web::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoResponses, OpenApi};

use crate::identity::operations::{self, Rule};
use crate::problem::{PROBLEM_JSON, Problem};

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
    TooLarge = "413", "The body exceeds the limit";
    UnsupportedMediaType = "415", "The body's media type is not taken";
    RangeNotSatisfiable = "416", "The range lies outside the file";
    Unprocessable = "422", "Well-formed but refused; `code` tells why";
    TooManyAttempts = "429", "Too many failed attempts; Retry-After tells when to come again";
    TooManyRequests = "429", "This client asks too often, or too many uploads are under way; `Retry-After` tells when to ask again";
    InternalError = "500", "A defect of the service; it is in the log";
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

/// The interface of the gateway.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Norma",
        description = "Reads chest CT: norm, pathology, or undetermined, with where and why. For research use; not a medical device.\n\nErrors are RFC 9457 problem details (`application/problem+json`) with a stable `code`. Lists are `{items, total, limit, offset}`.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        crate::patients::route::list_patients,
        crate::patients::route::create_patient,
        crate::patients::route::get_patient,
        crate::patients::route::update_patient,
        crate::patients::route::delete_patient,
        crate::scans::route::list_scans,
        crate::scans::route::upload_scan,
        crate::scans::route::get_scan,
        crate::scans::route::update_scan,
        crate::scans::route::delete_scan,
        crate::scans::route::download_scan_file,
        crate::analyses::route::analyze_scan,
        crate::analyses::route::list_scan_analyses,
        crate::analyses::route::get_scan_report,
        crate::analyses::route::get_analysis,
        crate::analyses::route::get_analysis_report,
        crate::feedback::route::list_feedback,
        crate::feedback::route::give_feedback,
        crate::studies::route::list_studies,
        crate::predictions::route::predict,
        crate::predictions::route::predict_under_api,
        crate::predictions::route::get_prediction,
        crate::pixels::route::get_volume,
        crate::pixels::route::get_slice_picture,
        crate::pixels::route::get_slice,
        crate::pixels::route::get_heatmap_picture,
        crate::pixels::route::get_heatmap,
        crate::events::route::stream_events,
        crate::identity::route::get_session,
        crate::identity::route::sign_in,
        crate::identity::route::redeem_sign_in_link,
        crate::identity::route::sign_out,
        crate::identity::route::change_password,
        crate::identity::route::get_login_options,
        crate::identity::openid::route::start_openid,
        crate::identity::openid::route::finish_openid,
        crate::administration::users::route::list_users,
        crate::administration::users::route::create_user,
        crate::administration::users::route::get_user,
        crate::administration::users::route::update_user,
        crate::administration::users::route::delete_user,
        crate::administration::users::route::create_sign_in_link,
        crate::administration::keys::route::list_keys,
        crate::administration::keys::route::create_key,
        crate::administration::keys::route::revoke_key,
        crate::audit::route::list_audit,
        crate::audit::route::export_audit,
        crate::bundle::route::get_bundle,
        crate::health::route::live,
        crate::health::route::ready,
        crate::health::route::metrics,
    ),
    components(schemas(
        Problem,
        norma_domain::Report,
        norma_domain::Role,
        crate::events::schema::AnalysisEvent,
        crate::rows::RowFormat,
        crate::audit::route::AuditFormat,
        crate::studies::route::StudyOrder,
    )),
    tags(
        (name = "patients", description = "Patients as registered here"),
        (name = "scans", description = "Uploaded studies"),
        (name = "analyses", description = "Runs of the models, reports, feedback"),
        (name = "studies", description = "The worklist"),
        (name = "inference", description = "Uploads without a patient, answered in one go"),
        (name = "viewer", description = "Volumes, slices, maps"),
        (name = "events", description = "Progress as it happens"),
        (name = "session", description = "Signing in and out"),
        (name = "users", description = "People's accounts"),
        (name = "keys", description = "Keys of machines"),
        (name = "audit", description = "Who did what"),
        (name = "service", description = "Models, health, metrics"),
    ),
)]
pub(crate) struct ApiDocument;

/// The document as it is served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = ApiDocument::openapi();
    add_security_schemes(&mut document);
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in [
            (Method::GET, &mut item.get),
            (Method::POST, &mut item.post),
            (Method::PUT, &mut item.put),
            (Method::DELETE, &mut item.delete),
        ] {
            if let (Some(operation), Some(known)) = (operation, operations::find(&method, path)) {
                describe_access(operation, known.rule);
            }
        }
    }
    document
}

const BEARER: &str = "key";
const COOKIE: &str = "session";

fn add_security_schemes(document: &mut utoipa::openapi::OpenApi) {
    let components = document.components.get_or_insert_default();
    let key = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("An API key: `norma keys create NAME`"))
        .build();
    let session = ApiKeyValue::with_description(
        "norma_session",
        "The cookie of a person who signed in (`__Host-norma_session` under TLS). Requests that change something \
         also need the session's csrf_token in the header `X-CSRF-Token`",
    );
    components.add_security_scheme(BEARER, SecurityScheme::Http(key));
    components.add_security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(session)));
}

/// Who may call an operation, from the one table of rules: as security requirement (OpenAPI 3.1 lists the roles), as
/// words, and as the answers to everybody else.
fn describe_access(operation: &mut Operation, rule: Rule) {
    let roles: Vec<String> = match rule {
        Rule::Public | Rule::PublicKnowing => {
            operation.security = Some(Vec::new());
            return;
        }
        Rule::Known => Vec::new(),
        Rule::Roles(roles) => roles.iter().map(|role| role.to_string()).collect(),
    };
    let words = if roles.is_empty() {
        "Roles: any.".to_owned()
    } else {
        format!("Roles: {}.", roles.join(", ")).replace("integrator", "integrator (its own studies)")
    };
    let description = operation.description.take().unwrap_or_default();
    operation.description = Some(format!("{description}\n\n{words}").trim().to_owned());
    operation.security = Some(vec![
        SecurityRequirement::new(BEARER, roles.clone()),
        SecurityRequirement::new(COOKIE, roles),
    ]);
    for (status, answer) in NotSignedIn::responses()
        .into_iter()
        .chain(NotAllowed::responses())
    {
        operation.responses.responses.entry(status).or_insert(answer);
    }
}
