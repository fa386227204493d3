//! What readers say of answers.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use norma_database::NewFeedback;
use norma_domain::AnalysisId;
use uuid::Uuid;

use crate::feedback::schema::{Feedback, FeedbackInput};
use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::identity::{Access, Notes};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures, NotFound, UnsupportedMediaType};

/// Lists the feedback on an analysis, oldest first.
#[utoipa::path(
    tag = "analyses",
    operation_id = "listFeedback",
    params(("analysis_id" = AnalysisId, Path)),
    responses((status = 200, description = "All of it", body = Vec<Feedback>), BadRequest, NotFound, Failures)
)]
#[get("/api/analyses/{analysis_id}/feedback")]
pub(crate) async fn list_feedback(
    gateway: Data<Gateway>,
    analysis_id: Path<AnalysisId>,
) -> Result<Json<Vec<Feedback>>, ApiError> {
    gateway.analysis(*analysis_id).await?;
    let feedback = gateway.database.list_feedback(*analysis_id).await?;
    Ok(Json(feedback.into_iter().map(Feedback::from).collect()))
}

/// Takes one's own feedback back: it is no longer listed, and stays in the audit trail.
#[utoipa::path(
    tag = "analyses",
    operation_id = "withdrawFeedback",
    params(("analysis_id" = AnalysisId, Path), ("feedback_id" = Uuid, Path)),
    responses((status = 204, description = "Taken back"), BadRequest, NotFound, Failures)
)]
#[delete("/api/analyses/{analysis_id}/feedback/{feedback_id}")]
pub(crate) async fn withdraw_feedback(
    gateway: Data<Gateway>,
    access: Access,
    notes: Notes,
    path: Path<(AnalysisId, Uuid)>,
) -> Result<HttpResponse, ApiError> {
    let (analysis_id, feedback_id) = path.into_inner();
    notes.object(feedback_id);
    let by = access.caller.feedback_user().and_then(|user| user.id);
    let database = &gateway.database;
    if database.withdraw_feedback(analysis_id, feedback_id, by).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(ApiError::FeedbackNotFound)
    }
}

/// Agrees or disagrees with an answer.
#[utoipa::path(
    tag = "analyses",
    operation_id = "giveFeedback",
    params(("analysis_id" = AnalysisId, Path)),
    request_body = FeedbackInput,
    responses(
        (status = 201, description = "Kept", body = Feedback),
        BadRequest, NotFound, UnsupportedMediaType, Failures
    )
)]
#[post("/api/analyses/{analysis_id}/feedback")]
pub(crate) async fn give_feedback(
    gateway: Data<Gateway>,
    access: Access,
    analysis_id: Path<AnalysisId>,
    input: JsonObject<FeedbackInput>,
) -> Result<HttpResponse, ApiError> {
    let input = input.into_inner().checked()?;
    if let Some(answer) = gateway.database.answer(*analysis_id).await? {
        input.fits(answer.verdict)?;
    }
    let feedback = gateway
        .database
        .add_feedback(NewFeedback {
            analysis_id: *analysis_id,
            agree: input.agree,
            label: input.label,
            comment: input.comment,
            user: access.caller.feedback_user(),
        })
        .await?;
    Ok(HttpResponse::Created().json(Feedback::from(feedback)))
}
