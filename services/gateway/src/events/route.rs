//! `/api/events`: progress as it happens.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{StreamExt, future, stream};
use norma_domain::ScanId;
use serde::Deserialize;
use tokio_stream::wrappers::{BroadcastStream, IntervalStream};
use utoipa::IntoParams;

use crate::events::feed::{EventFeed, missed_events};
use crate::events::schema::AnalysisEvent;
use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures};

/// How often something is sent, so that a lost connection is noticed on both sides.
const HEARTBEAT: Duration = Duration::from_secs(15);

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
    feed: Data<EventFeed>,
    request: HttpRequest,
    filter: Query<EventFilter>,
) -> Result<HttpResponse, ApiError> {
    // First the subscription, then what was missed: a change in between comes twice rather than never.
    let live = feed.subscribe();
    let missed = match last_event_time(&request) {
        Some(since) => missed_events(&gateway.database, since).await?,
        None => Vec::new(),
    };
    let wanted = filter.scan_id;
    let events = stream::iter(missed.into_iter().map(Arc::new))
        // A listener that lags too far behind is sent away; it comes back with Last-Event-ID.
        .chain(
            BroadcastStream::new(live)
                .take_while(|event| future::ready(event.is_ok()))
                .filter_map(|event| future::ready(event.ok())),
        )
        .filter(move |event| future::ready(wanted.is_none_or(|scan_id| event.scan_id == scan_id)))
        .map(|event| event_bytes(&event));
    let beats = IntervalStream::new(tokio::time::interval(HEARTBEAT)).map(|_| Bytes::from_static(b": \n\n"));
    let body = stream::once(future::ready(Bytes::from_static(b"retry: 2000\n\n")))
        .chain(stream::select(events, beats))
        .take_until(gateway.stopping.clone().cancelled_owned())
        .map(Ok::<_, Infallible>);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        // Proxies must pass each event on at once, and nothing may compress and thereby buffer it.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(body))
}

/// One event as the standard writes it (HTML, section 9.2); the id is the time of the change in microseconds.
fn event_bytes(event: &AnalysisEvent) -> Bytes {
    // The document holds no line break: JSON escapes those in texts.
    let data = serde_json::to_string(event).unwrap_or_default();
    Bytes::from(format!(
        "event: analysis\nid: {}\ndata: {data}\n\n",
        event.updated_at.timestamp_micros()
    ))
}

fn last_event_time(request: &HttpRequest) -> Option<DateTime<Utc>> {
    let id = request.headers().get("last-event-id")?.to_str().ok()?;
    DateTime::from_timestamp_micros(id.parse().ok()?)
}
