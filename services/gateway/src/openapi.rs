//! The OpenAPI document, made from the handlers and the types that they really use.

use actix_web::http::Method;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::{IntoResponses, OpenApi};

use crate::identity::operations::{self, Rule};
use crate::problem::Problem;
use crate::problem::answers::{NotAllowed, NotSignedIn};

/// The interface of the gateway.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Norma",
        description = "Reads chest CT: norm, pathology, or undetermined, with where and why. For research use; not a medical device.\n\nErrors are RFC 9457 problem details (`application/problem+json`) with a stable `code`. Lists are `{items, total, limit, offset}`.\n\nDICOMweb lies below `/dicom-web`, with the same keys, roles and problems. Its interface is DICOM PS3.18 (QIDO-RS, WADO-RS, STOW-RS), so it is not written down here once more.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        crate::patients::route::list_patients,
        crate::patients::route::create_patient,
        crate::patients::route::get_patient,
        crate::patients::route::update_patient,
        crate::patients::route::delete_patient,
        crate::patients::route::merge_patients,
        crate::personal_data::export::export_patient,
        crate::personal_data::erasure::get_erasure,
        crate::scans::route::list_scans,
        crate::scans::upload::upload_scan,
        crate::whose::route::inspect_upload,
        crate::scans::route::get_scan,
        crate::scans::route::update_scan,
        crate::whose::route::set_scan_patient,
        crate::scans::route::delete_scan,
        crate::scans::route::download_scan_file,
        crate::analyses::route::analyze_scan,
        crate::analyses::many::analyze_many,
        crate::analyses::route::list_scan_analyses,
        crate::analyses::route::get_scan_report,
        crate::analyses::route::get_analysis,
        crate::analyses::route::get_analysis_report,
        crate::dicom_results::route::get_analysis_dicom,
        crate::dicom_results::route::get_analysis_dicom_object,
        crate::feedback::route::list_feedback,
        crate::feedback::route::give_feedback,
        crate::feedback::route::withdraw_feedback,
        crate::studies::route::list_studies,
        crate::predictions::route::predict,
        crate::predictions::route::list_predictions,
        crate::predictions::route::get_prediction,
        crate::pixels::route::get_volume,
        crate::pixels::route::get_slice_picture,
        crate::pixels::route::get_slice,
        crate::pixels::route::get_heatmap_picture,
        crate::pixels::route::get_heatmap,
        crate::events::route::stream_events,
        crate::identity::route::get_session,
        crate::identity::sessions::list_sessions,
        crate::identity::sessions::end_other_sessions,
        crate::identity::sessions::end_session,
        crate::identity::route::sign_in,
        crate::identity::route::redeem_sign_in_link,
        crate::identity::route::sign_out,
        crate::identity::route::change_password,
        crate::identity::verification::verify_session,
        crate::identity::second_factor::route::get_second_factor,
        crate::identity::second_factor::route::begin_second_factor,
        crate::identity::second_factor::route::confirm_second_factor,
        crate::identity::second_factor::route::remove_second_factor,
        crate::identity::second_factor::route::renew_recovery_codes,
        crate::identity::second_factor::route::reset_second_factor,
        crate::identity::passkeys::route::list_passkeys,
        crate::identity::passkeys::route::begin_passkey,
        crate::identity::passkeys::route::add_passkey,
        crate::identity::passkeys::route::remove_passkey,
        crate::identity::passkeys::route::list_user_passkeys,
        crate::identity::passkeys::route::remove_user_passkey,
        crate::identity::passkeys::sign_in::ask_for_passkey,
        crate::identity::passkeys::sign_in::sign_in_by_passkey,
        crate::identity::passkeys::verification::ask_for_passkey_again,
        crate::identity::passkeys::verification::verify_session_by_passkey,
        crate::identity::route::get_login_options,
        crate::identity::openid::route::start_openid,
        crate::identity::openid::route::finish_openid,
        crate::administration::users::route::list_users,
        crate::administration::users::route::create_user,
        crate::administration::users::route::get_user,
        crate::administration::users::route::update_user,
        crate::administration::users::route::delete_user,
        crate::administration::users::route::create_sign_in_link,
        crate::identity::sessions::list_user_sessions,
        crate::identity::sessions::end_user_sessions,
        crate::identity::sessions::end_user_session,
        crate::administration::keys::route::list_keys,
        crate::administration::keys::route::create_key,
        crate::administration::keys::route::confirm_key,
        crate::administration::keys::route::revoke_key,
        crate::audit::route::list_audit,
        crate::audit::route::export_audit,
        crate::deliveries::route::list_deliveries,
        crate::deliveries::route::list_delivery_destinations,
        crate::deliveries::route::send_failed_deliveries_again,
        crate::deliveries::route::send_delivery_again,
        crate::connections::route::list_connections,
        crate::connections::route::echo_connection,
        crate::connections::route::list_arrivals,
        crate::routing::route::list_rules,
        crate::pulls::route::list_sources,
        crate::pulls::route::find_studies,
        crate::pulls::route::list_pulls,
        crate::pulls::route::ask_for_pull,
        crate::pulls::route::get_pull,
        crate::pulls::route::pull_again,
        crate::site::drift::get_drift,
        crate::site::shadow::get_shadow,
        crate::site::proposals::list_threshold_proposals,
        crate::site::proposals::make_threshold_proposal,
        crate::site::proposals::get_threshold_proposal,
        crate::site::proposals::accept_threshold_proposal,
        crate::site::proposals::decline_threshold_proposal,
        crate::site::proposals::withdraw_threshold_proposal,
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
        crate::studies::route::StudyTray,
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
        (name = "deliveries", description = "Results on their way to a PACS"),
        (name = "connections", description = "The systems that this node speaks with, and what comes of them"),
        (name = "pulls", description = "Studies that are pulled from archives"),
        (name = "site", description = "Drift, and thresholds that the site's own studies propose"),
        (name = "service", description = "Models, health, metrics"),
    ),
)]
pub(crate) struct ApiDocument;

/// The document as it is served at `/openapi.json`.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = ApiDocument::openapi();
    add_security_schemes(&mut document);
    add_prediction_alias(&mut document);
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

/// The path under which the reference service's other clients ask for predictions. One handler answers both.
fn add_prediction_alias(document: &mut utoipa::openapi::OpenApi) {
    const ALIAS_OF: &str = "/inference/predict";
    let Some(mut item) = document.paths.paths.get(ALIAS_OF).cloned() else {
        return;
    };
    if let Some(operation) = &mut item.post {
        operation.operation_id = Some("predictUnderApi".to_owned());
        operation.summary = Some(format!("The same as `{ALIAS_OF}`."));
        operation.description = None;
    }
    document
        .paths
        .paths
        .insert("/api/inference/predict".to_owned(), item);
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
