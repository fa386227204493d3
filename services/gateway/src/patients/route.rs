//! `/api/patients`

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post, put};
use norma_database::DatabaseError;
use norma_domain::PatientId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::freshness::{expected_version, version_tag};
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_search;
use crate::identity::source::source_address;
use crate::identity::{Access, Notes};
use crate::patient_match::confirmed;
use crate::patients::schema::{Patient, PatientChange, PatientInput, PatientMerge};
use crate::problem::ApiError;
use crate::problem::answers::{
    BadRequest, ChangedMeanwhile, Conflict, Failures, Gone, NotFound, UnsupportedMediaType,
};
use crate::scans::forget_objects;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PatientFilter {
    /// Words that the first or last name or the Patient ID holds, in any case.
    #[param(max_length = 200)]
    search: Option<String>,
}

/// Lists patients by name or Patient ID.
#[utoipa::path(
    tag = "patients",
    operation_id = "listPatients",
    params(PatientFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<Patient>), BadRequest, Failures)
)]
#[get("/api/patients")]
pub(crate) async fn list_patients(
    gateway: Data<Gateway>,
    filter: Query<PatientFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<Patient>>, ApiError> {
    let filter = filter.into_inner();
    let listing = gateway
        .database
        .list_patients(checked_search(filter.search)?, paging.part())
        .await?;
    Ok(Json(paging.page_of(listing)))
}

/// Registers a patient.
#[utoipa::path(
    tag = "patients",
    operation_id = "createPatient",
    request_body = PatientInput,
    responses(
        (status = 201, description = "The new patient", body = Patient,
            headers(("Location" = String, description = "Where the patient is"))),
        BadRequest, UnsupportedMediaType, Failures
    )
)]
#[post("/api/patients")]
pub(crate) async fn create_patient(
    gateway: Data<Gateway>,
    notes: Notes,
    input: JsonObject<PatientInput>,
) -> Result<HttpResponse, ApiError> {
    let patient = gateway
        .database
        .create_patient(input.into_inner().checked()?)
        .await?;
    notes.object(patient.id);
    notes.patient(Some(patient.id));
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/patients/{}", patient.id)))
        .json(Patient::from(patient)))
}

/// Gives a patient.
#[utoipa::path(
    tag = "patients",
    operation_id = "getPatient",
    params(("patient_id" = PatientId, Path)),
    responses(
        (status = 200, description = "The patient", body = Patient, headers(("ETag" = String))),
        BadRequest, NotFound, Gone, Failures
    )
)]
#[get("/api/patients/{patient_id}")]
pub(crate) async fn get_patient(
    gateway: Data<Gateway>,
    patient_id: Path<PatientId>,
) -> Result<HttpResponse, ApiError> {
    Ok(with_version(gateway.patient(*patient_id).await?))
}

fn with_version(patient: norma_database::Patient) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(version_tag(patient.updated_at, None))
        .json(Patient::from(patient))
}

/// Changes a patient: what is absent or null stays as it is.
#[utoipa::path(
    tag = "patients",
    operation_id = "updatePatient",
    params(
        ("patient_id" = PatientId, Path),
        ("If-Match" = Option<String>, Header, description = "The `ETag` of the version that is changed; another is refused"),
    ),
    request_body = PatientChange,
    responses(
        (status = 200, description = "The patient as it is now", body = Patient, headers(("ETag" = String))),
        BadRequest, NotFound, Gone, ChangedMeanwhile, UnsupportedMediaType, Failures
    )
)]
#[put("/api/patients/{patient_id}")]
pub(crate) async fn update_patient(
    gateway: Data<Gateway>,
    request: HttpRequest,
    patient_id: Path<PatientId>,
    change: JsonObject<PatientChange>,
) -> Result<HttpResponse, ApiError> {
    let change = change.into_inner();
    let wanted = expected_version(&request)?;
    loop {
        let read = gateway.patient(*patient_id).await?;
        let version = wanted.unwrap_or(read.updated_at);
        let details = change.clone().applied_to(read)?;
        let changed = gateway
            .database
            .update_patient(*patient_id, details, Some(version))
            .await;
        match changed {
            // Nobody asked for a certain version: what is absent stays as it is by now.
            Err(DatabaseError::ChangedMeanwhile(_)) if wanted.is_none() => {}
            changed => return changed?.map(with_version).ok_or(ApiError::PatientNotFound),
        }
    }
}

/// Makes two records of one patient one: the studies of `merged_patient_id` move into the record of the path, and what
/// this leaves open is taken from the other, which ends. Who asks for the ended one is answered 410 `patient_merged`.
///
/// Where the two contradict each other (Patient ID, name, birth date, sex) the answer is 409 `patient_mismatch`, until
/// `confirm_patient_mismatch` says that a person saw it.
#[utoipa::path(
    tag = "patients",
    operation_id = "mergePatients",
    params(("patient_id" = PatientId, Path)),
    request_body = PatientMerge,
    responses(
        (status = 200, description = "The patient as it is now", body = Patient),
        BadRequest, NotFound, Gone, Conflict, UnsupportedMediaType, Failures
    )
)]
#[post("/api/patients/{patient_id}/merge")]
pub(crate) async fn merge_patients(
    gateway: Data<Gateway>,
    notes: Notes,
    patient_id: Path<PatientId>,
    merge: JsonObject<PatientMerge>,
) -> Result<Json<Patient>, ApiError> {
    let merged_id = merge.merged_patient_id;
    if merged_id == *patient_id {
        return Err(ApiError::InvalidField {
            field: "merged_patient_id",
            detail: "another patient than the one of the path".to_owned(),
        });
    }
    // Both records tell of it.
    notes.also_patient(merged_id);
    notes.detail(format!("{merged_id} into {}", *patient_id));
    let conflicts = gateway.conflicts_of_patients(*patient_id, merged_id).await?;
    confirmed(&notes, conflicts, merge.confirm_patient_mismatch)?;
    let merged = gateway.database.merge_patients(*patient_id, merged_id).await?;
    let merged = merged.ok_or(ApiError::PatientNotFound)?;
    Ok(Json(merged.patient.into()))
}

/// Deletes a patient with all scans, analyses, reports and stored files, also while analyses run. What was erased can be asked for
/// afterwards (`GET /api/patients/{patient_id}/erasure`).
#[utoipa::path(
    tag = "patients",
    operation_id = "deletePatient",
    params(("patient_id" = PatientId, Path)),
    responses((status = 204, description = "Deleted"), BadRequest, NotFound, Failures)
)]
#[delete("/api/patients/{patient_id}")]
pub(crate) async fn delete_patient(
    gateway: Data<Gateway>,
    request: HttpRequest,
    access: Access,
    patient_id: Path<PatientId>,
) -> Result<HttpResponse, ApiError> {
    let source = source_address(&request, &gateway.options.trusted_proxies);
    let source = source.map(|source| source.to_string()).unwrap_or_default();
    let by = access.caller.actor();
    let deleted = gateway.database.delete_patient(*patient_id, by, source).await?;
    forget_objects(&gateway, deleted.ok_or(ApiError::PatientNotFound)?).await;
    Ok(HttpResponse::NoContent().finish())
}
