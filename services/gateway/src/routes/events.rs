//! `/api/events`: progress as it happens.

use actix_web::web::{Data, Query};
use actix_web::{HttpResponse, get};
use norma_domain::ScanId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::gateway::Gateway;
use crate::openapi::{BadRequest, Failures};
use crate::problem::ApiError;
use crate::schema::AnalysisEvent;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilter {
    /// Only events of this scan.
    scan_id: Option<ScanId>,
}

/// Streams server-sent events: `event: analysis` with an `AnalysisEvent` whenever an analysis changes, a comment
/// every 15 seconds where nothing does. Each event has an `id`; a client that comes back with `Last-Event-ID`
/// gets what it missed.
#[utoipa::path(
    tag = "events",
    operation_id = "streamEvents",
    params(
        EventFilter,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen"),
    ),
    responses(
        (status = 200, description = "A stream that does not end; `data` is an AnalysisEvent",
            body = AnalysisEvent, content_type = "text/event-stream"),
        BadRequest, Failures
    )
)]
#[get("/api/events")]
pub(crate) async fn stream_events(
    gateway: Data<Gateway>,
    request: actix_web::HttpRequest,
    filter: Query<EventFilter>,
) -> Result<HttpResponse, ApiError> {
    Err(ApiError::Internal(anyhow::anyhow!("pending")))
}
