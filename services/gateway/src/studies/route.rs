//! The worklist.

use actix_web::get;
use actix_web::web::{Data, Json, Query};
use chrono::{DateTime, Utc};
use norma_database::StudyQuery;
use norma_domain::{AnalysisStatus, PatientId, Verdict};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::search::{checked_search, checked_text, checked_time};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures};
use crate::studies::schema::StudyRow;

/// The order of the worklist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StudyOrder {
    /// Pathology, and what is undetermined at a probability at or above the threshold, by falling probability; then the
    /// other undetermined, then failed, which a person has to look at; then what runs; then what was never analysed; then
    /// norm, by falling probability; last what holds no chest.
    #[default]
    Suspicion,
    /// Newest upload first.
    Newest,
    /// Oldest upload first.
    Oldest,
}

/// What is read, what holds no chest, and what readers contradict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StudyTray {
    /// All but what holds no chest.
    Reading,
    /// Failed with `not_ct`, `no_chest_series` or `no_lungs`.
    NoChest,
    /// A reader's feedback contradicts the verdict: to be reviewed. They are in `reading` too.
    Contradicted,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct StudyFilter {
    /// Words that the patient's name or Patient ID, as registered or as the files say, or the Accession Number holds, in
    /// any case; or a Study Instance UID.
    #[param(max_length = 200)]
    search: Option<String>,
    /// Only this patient's studies.
    patient_id: Option<PatientId>,
    /// Only studies whose files have this Patient ID (0010,0020).
    #[param(max_length = 200)]
    dicom_patient_id: Option<String>,
    /// Only studies whose files have this Accession Number (0008,0050).
    #[param(max_length = 200)]
    accession_number: Option<String>,
    /// Only studies whose latest analysis stands so.
    status: Option<AnalysisStatus>,
    /// Only studies whose latest analysis says so.
    verdict: Option<Verdict>,
    /// Only one of these; all where it is absent.
    tray: Option<StudyTray>,
    /// Uploaded at this time or later (RFC 3339).
    uploaded_from: Option<DateTime<Utc>>,
    /// Uploaded before this time (RFC 3339).
    uploaded_before: Option<DateTime<Utc>>,
    #[serde(default)]
    #[param(value_type = Option<StudyOrder>)]
    order: StudyOrder,
}

/// Lists studies with their latest analysis, most suspicious first.
#[utoipa::path(
    tag = "studies",
    operation_id = "listStudies",
    params(StudyFilter, Paging),
    responses((status = 200, description = "A part of the worklist", body = Page<StudyRow>), BadRequest, Failures)
)]
#[get("/api/studies")]
pub(crate) async fn list_studies(
    gateway: Data<Gateway>,
    filter: Query<StudyFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<StudyRow>>, ApiError> {
    let filter = filter.into_inner();
    let query = StudyQuery {
        search: checked_search(filter.search)?,
        patient_id: filter.patient_id,
        dicom_patient_id: checked_text("dicom_patient_id", filter.dicom_patient_id)?,
        accession_number: checked_text("accession_number", filter.accession_number)?,
        status: filter.status,
        verdict: filter.verdict,
        tray: filter.tray.map(|tray| match tray {
            StudyTray::Reading => norma_database::StudyTray::Reading,
            StudyTray::NoChest => norma_database::StudyTray::NoChest,
            StudyTray::Contradicted => norma_database::StudyTray::Contradicted,
        }),
        created_from: checked_time("uploaded_from", filter.uploaded_from)?,
        created_before: checked_time("uploaded_before", filter.uploaded_before)?,
        order: match filter.order {
            StudyOrder::Suspicion => norma_database::StudyOrder::MostSuspicious,
            StudyOrder::Newest => norma_database::StudyOrder::Newest,
            StudyOrder::Oldest => norma_database::StudyOrder::Oldest,
        },
    };
    let listing = gateway.database.list_studies(query, paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}
