//! What readers say of answers.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use norma_database::NewFeedback;
use norma_domain::AnalysisId;

use crate::feedback::schema::{Feedback, FeedbackInput};
use crate::gateway::Gateway;
use crate::identity::Access;
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
    input: Json<FeedbackInput>,
) -> Result<HttpResponse, ApiError> {
    let input = input.into_inner().checked()?;
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
