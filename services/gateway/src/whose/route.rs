//! Whose study a scan is: what an upload says of its patient, and the way into another record.

use actix_web::web::{Data, Json, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, post, put};
use norma_domain::{PatientId, ScanId};

use crate::gateway::Gateway;
use crate::http::freshness::expected_version;
use crate::http::json_object::JsonObject;
use crate::identity::{Access, Notes};
use crate::patient_match::{WantedPatient, wanted_patient};
use crate::patients::schema::Patient;
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, ChangedMeanwhile, Conflict, Failures, Gone, NotFound, StorageFull, Unprocessable,
    UnsupportedMediaType,
};
use crate::scans::answer::with_version;
use crate::scans::schema::Scan;
use crate::uploads::Uploads;
use crate::whose::schema::{InspectedUpload, ScanPatient, UploadToInspect};
use crate::whose::stored::identity_of_stored;

/// Tells whose study an upload is and stores nothing of it.
#[utoipa::path(
    tag = "scans",
    operation_id = "inspectUpload",
    request_body(content = UploadToInspect, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "What the files say", body = InspectedUpload),
        BadRequest, Gone, Conflict, UnsupportedMediaType, Unprocessable, StorageFull, Failures
    )
)]
#[post("/api/scans/inspect")]
pub(crate) async fn inspect_upload(
    gateway: Data<Gateway>,
    uploads: Data<Uploads>,
    request: HttpRequest,
    notes: Notes,
    payload: Payload,
) -> Result<Json<InspectedUpload>, ApiError> {
    let (upload, _place) = uploads.receive(&request, payload, &["patient_id"]).await?;
    let patient_id: Option<PatientId> = upload.parsed("patient_id", "the identifier of a patient")?;
    notes.patient(patient_id);
    let study = uploads.reader.only_study(&upload).await?;
    let study = study.identity.ok_or(ApiError::PatientUnread)?;
    let patient_mismatch = match patient_id {
        Some(id) => gateway.contradictions(id, &study).await?,
        None => Vec::new(),
    };
    let patients = match &study.patient_id {
        Some(id) => gateway.database.patients_by_dicom_id(id.clone()).await?,
        None => Vec::new(),
    };
    Ok(Json(InspectedUpload {
        patient_mismatch,
        patients: patients.into_iter().map(Patient::from).collect(),
        identity: Some(study).filter(|study| !study.is_empty()),
    }))
}

/// Puts a scan into a patient's record, with its analyses and reports; both patients' records tell of it in the audit
/// trail.
///
/// Where the files name another patient the answer is 409 `patient_mismatch`, until `confirm_patient_mismatch` says that
/// a person saw it; `patient_from_dicom` takes or registers the one they name. What was stored without being read is read first;
/// where that takes too long, the answer is 409 `patient_unread` in the same way.
#[utoipa::path(
    tag = "scans",
    operation_id = "setScanPatient",
    params(
        ("scan_id" = ScanId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that is changed; another is refused"),
    ),
    request_body = ScanPatient,
    responses(
        (status = 200, description = "The scan as it is now", body = Scan, headers(("ETag" = String))),
        BadRequest, NotFound, Conflict, Gone, ChangedMeanwhile, UnsupportedMediaType, Unprocessable, Failures
    )
)]
#[put("/api/scans/{scan_id}/patient")]
pub(crate) async fn set_scan_patient(
    gateway: Data<Gateway>,
    uploads: Data<Uploads>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    scan_id: Path<ScanId>,
    change: JsonObject<ScanPatient>,
) -> Result<HttpResponse, ApiError> {
    let expected = expected_version(&request)?;
    let wanted = wanted_patient(change.patient_id, change.patient_from_dicom)?;
    if wanted == WantedPatient::Nobody {
        return Err(ApiError::InvalidField {
            field: "patient_id",
            detail: "the identifier of a patient, or `patient_from_dicom`".to_owned(),
        });
    }
    let scan = gateway.scan(*scan_id).await?;
    let study = identity_of_stored(&gateway, &uploads, access.caller.owner(), &scan).await?;
    let (patient_id, identity) = gateway
        .patient_of_study(&notes, wanted, study, change.confirm_patient_mismatch)
        .await?;
    let patient_id = patient_id.ok_or(ApiError::UnknownPatient)?;
    notes.patient(Some(patient_id));
    match scan.patient_id {
        Some(before) => {
            notes.also_patient(before);
            notes.add_detail(format!("from {before} to {patient_id}"));
        }
        None => notes.add_detail(format!("to {patient_id}")),
    }
    let moved = gateway
        .database
        .move_scan(*scan_id, patient_id, identity, expected)
        .await
        .map_err(|error| match ApiError::from(error) {
            ApiError::PatientNotFound => ApiError::UnknownPatient,
            other => other,
        })?
        .ok_or(ApiError::ScanNotFound)?;
    with_version(&gateway, moved).await
}
