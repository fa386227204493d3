//! `/api/patients`

use actix_web::http::header;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpResponse, delete, get, post, put};
use norma_domain::PatientId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_search;
use crate::identity::Notes;
use crate::patients::schema::{Patient, PatientInput};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound, UnsupportedMediaType};
use crate::scans::forget_objects;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PatientFilter {
    /// Words that the first or last name holds, in any case.
    #[param(max_length = 200)]
    search: Option<String>,
}

/// Lists patients by name.
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
    input: Json<PatientInput>,
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
    responses((status = 200, description = "The patient", body = Patient), BadRequest, NotFound, Failures)
)]
#[get("/api/patients/{patient_id}")]
pub(crate) async fn get_patient(
    gateway: Data<Gateway>,
    patient_id: Path<PatientId>,
) -> Result<Json<Patient>, ApiError> {
    let patient = gateway.database.patient(*patient_id).await?;
    patient
        .map(|patient| Json(patient.into()))
        .ok_or(ApiError::PatientNotFound)
}

/// Replaces a patient's names and description.
#[utoipa::path(
    tag = "patients",
    operation_id = "updatePatient",
    params(("patient_id" = PatientId, Path)),
    request_body = PatientInput,
    responses(
        (status = 200, description = "The patient as it is now", body = Patient),
        BadRequest, NotFound, UnsupportedMediaType, Failures
    )
)]
#[put("/api/patients/{patient_id}")]
pub(crate) async fn update_patient(
    gateway: Data<Gateway>,
    patient_id: Path<PatientId>,
    input: Json<PatientInput>,
) -> Result<Json<Patient>, ApiError> {
    let details = input.into_inner().checked()?;
    let patient = gateway.database.update_patient(*patient_id, details).await?;
    patient
        .map(|patient| Json(patient.into()))
        .ok_or(ApiError::PatientNotFound)
}

/// Deletes a patient with all scans, analyses, reports and stored files, also while analyses run.
#[utoipa::path(
    tag = "patients",
    operation_id = "deletePatient",
    params(("patient_id" = PatientId, Path)),
    responses((status = 204, description = "Deleted"), BadRequest, NotFound, Failures)
)]
#[delete("/api/patients/{patient_id}")]
pub(crate) async fn delete_patient(
    gateway: Data<Gateway>,
    patient_id: Path<PatientId>,
) -> Result<HttpResponse, ApiError> {
    let deleted = gateway.database.delete_patient(*patient_id).await?;
    forget_objects(&gateway, deleted.ok_or(ApiError::PatientNotFound)?).await;
    Ok(HttpResponse::NoContent().finish())
}
