//! `/api/pacs`: what archives have, and studies that are pulled from them.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{CustomizeResponder, Responder as _, get, post};
use norma_database::{PullQuery, PulledAgain};
use norma_domain::PullId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::http::json_object::JsonObject;
use crate::http::paging::{Page, Paging};
use crate::http::search::checked_text;
use crate::problem::answers::{
    BadGateway, BadRequest, Conflict, Failures, NotFound, Unprocessable, UnsupportedMediaType,
};
use crate::problem::{ApiError, PullProblem};
use crate::pulls::failure::failure_of;
use crate::pulls::schema::{ArchiveStudies, Pull, PullSource, PullSources, PullState, SourceQuery};
use crate::pulls::source::Sources;

/// Studies that a search answers.
const MOST_FOUND: usize = 200;

/// Lists the archives of the settings `pacs.sources` with what waits to be pulled from each and what failed.
#[utoipa::path(
    tag = "pulls",
    operation_id = "listSources",
    responses((status = 200, description = "The sources", body = PullSources), Failures)
)]
#[get("/api/pacs/sources")]
pub(crate) async fn list_sources(
    gateway: Data<Gateway>,
    sources: Data<Sources>,
) -> Result<Json<PullSources>, ApiError> {
    let mut items = Vec::new();
    for name in sources.names() {
        let waiting = gateway.database.waiting_pulls(name.to_owned()).await?;
        items.push(PullSource {
            name: name.to_owned(),
            waiting: waiting.waiting,
            failed: waiting.failed,
            oldest_seconds: waiting.oldest.map(|oldest| oldest.as_secs()),
        });
    }
    Ok(Json(PullSources { items }))
}

/// Asks an archive which studies it has (C-FIND).
#[utoipa::path(
    tag = "pulls",
    operation_id = "findStudies",
    request_body = SourceQuery,
    responses(
        (status = 200, description = "What it has", body = ArchiveStudies),
        BadRequest, Unprocessable, UnsupportedMediaType, BadGateway, Failures
    )
)]
#[post("/api/pacs/find")]
pub(crate) async fn find_studies(
    sources: Data<Sources>,
    query: JsonObject<SourceQuery>,
) -> Result<Json<ArchiveStudies>, ApiError> {
    let keys = query.keys();
    keys.check()
        .map_err(|invalid| ApiError::InvalidBody(invalid.to_string()))?;
    let asked = sources.find(&query.source, &keys, MOST_FOUND).await;
    match asked.ok_or(PullProblem::UnknownSource)? {
        Ok(found) => Ok(Json(found.into())),
        Err(error) => {
            let failure = failure_of(&error);
            tracing::warn!(
                source = query.source,
                code = failure.code,
                peer_status = failure.peer_status,
                error = failure.detail,
                "an archive did not answer a search"
            );
            Err(PullProblem::SourceFailed {
                code: failure.code,
                peer_status: failure.peer_status,
            }
            .into())
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct PullFilter {
    #[param(inline)]
    state: Option<PullState>,
    /// A name of the settings `pacs.sources`.
    #[param(max_length = 200)]
    source: Option<String>,
}

/// Lists what is pulled, the newest first; what is done is listed for 30 days.
#[utoipa::path(
    tag = "pulls",
    operation_id = "listPulls",
    params(PullFilter, Paging),
    responses((status = 200, description = "A part of the list", body = Page<Pull>), BadRequest, Failures)
)]
#[get("/api/pacs/pulls")]
pub(crate) async fn list_pulls(
    gateway: Data<Gateway>,
    filter: Query<PullFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<Pull>>, ApiError> {
    let filter = filter.into_inner();
    let query = PullQuery {
        state: filter.state.map(Into::into),
        source: checked_text("source", filter.source)?,
    };
    let listing = gateway.database.list_pulls(query, paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}

/// Asks for studies of an archive: they are looked for, pulled, stored and analysed as if the archive had sent them, across restarts.
/// What is asked for already and has not ended is that one.
#[utoipa::path(
    tag = "pulls",
    operation_id = "askForPull",
    request_body = SourceQuery,
    responses(
        (status = 202, description = "Asked for", body = Pull),
        BadRequest, Unprocessable, UnsupportedMediaType, Failures
    )
)]
#[post("/api/pacs/pulls")]
pub(crate) async fn ask_for_pull(
    gateway: Data<Gateway>,
    sources: Data<Sources>,
    query: JsonObject<SourceQuery>,
) -> Result<CustomizeResponder<Json<Pull>>, ApiError> {
    query
        .keys()
        .check()
        .map_err(|invalid| ApiError::InvalidBody(invalid.to_string()))?;
    let query = query.into_inner();
    if !sources.has(&query.source) {
        return Err(PullProblem::UnknownSource.into());
    }
    let source = query.source.clone();
    let pull = gateway.database.ask_for_pull(source, query.wish()).await?;
    Ok(Json(Pull::from(pull))
        .customize()
        .with_status(StatusCode::ACCEPTED))
}

/// Says how far a pull has come.
#[utoipa::path(
    tag = "pulls",
    operation_id = "getPull",
    params(("pull_id" = PullId, Path)),
    responses((status = 200, description = "The pull", body = Pull), BadRequest, NotFound, Failures)
)]
#[get("/api/pacs/pulls/{pull_id}")]
pub(crate) async fn get_pull(gateway: Data<Gateway>, pull_id: Path<PullId>) -> Result<Json<Pull>, ApiError> {
    let pull = gateway.database.pull(*pull_id).await?;
    Ok(Json(pull.ok_or(PullProblem::NotFound)?.into()))
}

/// Pulls again what has ended, at once. Instances that are here stay as they are.
#[utoipa::path(
    tag = "pulls",
    operation_id = "pullAgain",
    params(("pull_id" = PullId, Path)),
    responses(
        (status = 200, description = "Asked for again", body = Pull),
        BadRequest, NotFound, Conflict, Failures
    )
)]
#[post("/api/pacs/pulls/{pull_id}/pull-again")]
pub(crate) async fn pull_again(
    gateway: Data<Gateway>,
    pull_id: Path<PullId>,
) -> Result<Json<Pull>, ApiError> {
    match gateway.database.pull_again(*pull_id).await? {
        Some(PulledAgain::Asked(pull)) => Ok(Json((*pull).into())),
        Some(PulledAgain::Waiting) => Err(PullProblem::Waiting.into()),
        None => Err(PullProblem::NotFound.into()),
    }
}
