//! The operations of every room.

use actix_web::web::ServiceConfig;

use crate::administration::{keys, users};
use crate::identity::openid;
use crate::{
    analyses, audit, bundle, deliveries, dicom_results, dicomweb, events, feedback, health, identity,
    patients, pixels, predictions, scans, studies, whose,
};

/// Every operation of the OpenAPI document, and DICOMweb's.
pub(crate) fn configure(services: &mut ServiceConfig) {
    services
        .service(patients::route::list_patients)
        .service(patients::route::create_patient)
        .service(patients::route::get_patient)
        .service(patients::route::update_patient)
        .service(patients::route::delete_patient)
        .service(patients::route::merge_patients)
        .service(scans::route::list_scans)
        .service(scans::upload::upload_scan)
        .service(whose::route::inspect_upload)
        .service(scans::route::get_scan)
        .service(scans::route::update_scan)
        .service(whose::route::set_scan_patient)
        .service(scans::route::delete_scan)
        .service(scans::route::download_scan_file)
        .service(analyses::route::analyze_scan)
        .service(analyses::many::analyze_many)
        .service(analyses::route::list_scan_analyses)
        .service(analyses::route::get_scan_report)
        .service(analyses::route::get_analysis)
        .service(analyses::route::get_analysis_report)
        .service(dicom_results::route::get_analysis_dicom)
        .service(dicom_results::route::get_analysis_dicom_object)
        .service(feedback::route::list_feedback)
        .service(feedback::route::give_feedback)
        .service(feedback::route::withdraw_feedback)
        .service(studies::route::list_studies)
        .service(predictions::route::predict)
        .service(predictions::route::list_predictions)
        .service(predictions::route::get_prediction)
        .service(pixels::route::get_volume)
        // Before the raw forms: `{slice}` would take `12.png` too.
        .service(pixels::route::get_slice_picture)
        .service(pixels::route::get_slice)
        .service(pixels::route::get_heatmap_picture)
        .service(pixels::route::get_heatmap)
        .service(events::route::stream_events)
        .service(identity::route::get_session)
        .service(identity::route::sign_in)
        .service(identity::route::redeem_sign_in_link)
        .service(identity::route::sign_out)
        .service(identity::route::change_password)
        .service(identity::route::get_login_options)
        .service(openid::route::start_openid)
        .service(openid::route::finish_openid)
        .service(users::route::list_users)
        .service(users::route::create_user)
        .service(users::route::get_user)
        .service(users::route::update_user)
        .service(users::route::delete_user)
        .service(users::route::create_sign_in_link)
        .service(keys::route::list_keys)
        .service(keys::route::create_key)
        .service(keys::route::revoke_key)
        .service(audit::route::list_audit)
        .service(audit::route::export_audit)
        .service(deliveries::route::list_deliveries)
        .service(deliveries::route::list_delivery_destinations)
        .service(deliveries::route::send_failed_deliveries_again)
        .service(deliveries::route::send_delivery_again)
        .service(bundle::route::get_bundle)
        .service(health::route::live)
        .service(health::route::ready)
        .service(health::route::metrics)
        .service(dicomweb::search::search_studies)
        .service(dicomweb::search::search_series)
        .service(dicomweb::search::search_instances)
        .service(dicomweb::retrieve::retrieve_instances)
        .service(dicomweb::retrieve::retrieve_metadata)
        .service(dicomweb::retrieve::retrieve_frames)
        .service(dicomweb::retrieve::retrieve_bulkdata)
        .service(dicomweb::store::route::store_instances)
        .service(dicomweb::render::retrieve_rendered)
        .service(dicomweb::render::retrieve_thumbnail);
}
