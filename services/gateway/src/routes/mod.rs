//! The handlers, one file per group of paths.

pub(crate) mod analyses;
pub(crate) mod audit;
pub(crate) mod bundle;
pub(crate) mod events;
pub(crate) mod feedback;
pub(crate) mod health;
pub(crate) mod keys;
pub(crate) mod openid;
pub(crate) mod patients;
pub(crate) mod pixels;
pub(crate) mod predict;
pub(crate) mod scans;
pub(crate) mod session;
pub(crate) mod studies;
pub(crate) mod users;

use actix_web::web::ServiceConfig;

/// Registers every operation of the OpenAPI document.
pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(patients::list_patients)
        .service(patients::create_patient)
        .service(patients::get_patient)
        .service(patients::update_patient)
        .service(patients::delete_patient)
        .service(scans::list_scans)
        .service(scans::upload_scan)
        .service(scans::get_scan)
        .service(scans::update_scan)
        .service(scans::delete_scan)
        .service(scans::download_scan_file)
        .service(analyses::analyze_scan)
        .service(analyses::list_scan_analyses)
        .service(analyses::get_scan_report)
        .service(analyses::get_analysis)
        .service(analyses::get_analysis_report)
        .service(feedback::list_feedback)
        .service(feedback::give_feedback)
        .service(studies::list_studies)
        .service(predict::predict)
        .service(predict::predict_under_api)
        .service(predict::get_prediction)
        .service(pixels::get_volume)
        // Before the raw forms: `{slice}` would take `12.png` too.
        .service(pixels::get_slice_picture)
        .service(pixels::get_slice)
        .service(pixels::get_heatmap_picture)
        .service(pixels::get_heatmap)
        .service(events::stream_events)
        .service(session::get_session)
        .service(session::sign_in)
        .service(session::redeem_sign_in_link)
        .service(session::sign_out)
        .service(session::change_password)
        .service(session::get_login_options)
        .service(openid::start_openid)
        .service(openid::finish_openid)
        .service(users::list_users)
        .service(users::create_user)
        .service(users::get_user)
        .service(users::update_user)
        .service(users::delete_user)
        .service(users::create_sign_in_link)
        .service(keys::list_keys)
        .service(keys::create_key)
        .service(keys::revoke_key)
        .service(audit::list_audit)
        .service(audit::export_audit)
        .service(bundle::get_bundle)
        .service(health::live)
        .service(health::ready)
        .service(health::metrics);
}
