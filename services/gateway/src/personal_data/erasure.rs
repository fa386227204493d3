//! `/api/patients/{patient_id}/erasure`: what a deletion left of a patient.

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use chrono::{DateTime, Utc};
use norma_database::Erasure;
use norma_domain::{PatientId, ScanId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound};

/// What was deleted of a patient, by the audit trail: written with the deletion or not at all, chained by hashes, and under the
/// signed heads where those are kept (`audit.heads`). It names nobody.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ErasureStatement {
    pub patient_id: PatientId,
    pub erased_at: DateTime<Utc>,
    /// Login of a person, name of a key.
    pub erased_by: String,
    /// Scans that were deleted, in the order of their ids.
    pub scans: Vec<ScanId>,
    pub analyses: u64,
    /// Of the originals.
    pub size_bytes: u64,
    /// SHA-256 over a line `{scan id} {SHA-256 of the original}\n` for each scan, in lower-case hexadecimal.
    pub originals_sha256: String,
    /// Scans of these whose files are not gone for good yet. Files are deleted with the rows, and once more after a while, because
    /// a worker may have stored some meanwhile: 0 says that both were done.
    pub scans_with_files: u64,
    /// Of the event in the audit trail.
    pub audit_sequence: u64,
    /// Hash of the event before it.
    pub audit_previous_hash: String,
    /// SHA-256 over that and the event.
    pub audit_hash: String,
}

impl ErasureStatement {
    fn of(patient_id: PatientId, erasure: Erasure) -> Self {
        let Erasure {
            erased,
            event,
            scans_with_files,
        } = erasure;
        Self {
            patient_id,
            erased_at: event.event.at,
            erased_by: event.event.actor.name,
            scans: erased.scans,
            analyses: erased.analyses,
            size_bytes: erased.size_bytes,
            originals_sha256: erased.originals_sha256,
            scans_with_files,
            audit_sequence: event.sequence,
            audit_previous_hash: event.previous_hash,
            audit_hash: event.hash,
        }
    }
}

/// Says what was deleted of a patient, and when: for whoever asks whether it was.
///
/// Patients that were deleted before there were such statements have none.
#[utoipa::path(
    tag = "patients",
    operation_id = "getErasure",
    params(("patient_id" = PatientId, Path)),
    responses(
        (status = 200, description = "The statement", body = ErasureStatement),
        BadRequest, NotFound, Failures
    )
)]
#[get("/api/patients/{patient_id}/erasure")]
pub(crate) async fn get_erasure(
    gateway: Data<Gateway>,
    patient_id: Path<PatientId>,
) -> Result<Json<ErasureStatement>, ApiError> {
    let erasure = gateway.database.erasure_of(*patient_id).await?;
    let erasure = erasure.ok_or(ApiError::PatientNotFound)?;
    Ok(Json(ErasureStatement::of(*patient_id, erasure)))
}
