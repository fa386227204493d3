//! The handlers, one file per group of paths.

pub(crate) mod analyses;
pub(crate) mod bundle;
pub(crate) mod events;
pub(crate) mod feedback;
pub(crate) mod health;
pub(crate) mod patients;
pub(crate) mod pixels;
pub(crate) mod predict;
pub(crate) mod scans;
pub(crate) mod studies;

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
        .service(bundle::get_bundle)
        .service(health::live)
        .service(health::ready)
        .service(health::metrics);
}
