//! `/api/events`: progress as it happens.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::{self, ContentEncoding};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse, get};
use bytes::Bytes;
use futures::{Stream, StreamExt, future, stream};
use norma_domain::ScanId;
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::time::Instant;
use utoipa::IntoParams;

use crate::events::feed::{EventFeed, Missed, NumberedEvent, missed_events};
use crate::events::schema::AnalysisEvent;
use crate::gateway::Gateway;
use crate::identity::authentication::is_still_let_in;
use crate::identity::{Access, Identity};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures};

/// How often a listener's session or key is looked at again.
const CHECK: Duration = Duration::from_secs(5);
/// After so many of these in silence something is sent, so that a lost connection is noticed on both sides.
const CHECKS_PER_BEAT: u32 = 3;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct EventFilter {
    /// Only events of this scan.
    scan_id: Option<ScanId>,
}

/// Streams server-sent events: `event: analysis` with an `AnalysisEvent` whenever an analysis changes, a comment
/// every 15 seconds where nothing does. Each event has an `id`; a client that comes back with `Last-Event-ID`
/// gets what it missed. The stream ends for a client that reads too slowly, and within seconds once its session or key is
/// no longer valid.
#[utoipa::path(
    tag = "events",
    operation_id = "streamEvents",
    params(
        EventFilter,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event seen"),
    ),
    responses(
        (status = 200, description = "A stream; `data` is an AnalysisEvent",
            body = AnalysisEvent, content_type = "text/event-stream"),
        BadRequest, Failures
    )
)]
#[get("/api/events")]
pub(crate) async fn stream_events(
    gateway: Data<Gateway>,
    rooms: (Data<EventFeed>, Data<Identity>),
    request: HttpRequest,
    access: Access,
    filter: Query<EventFilter>,
) -> Result<HttpResponse, ApiError> {
    // First the subscription, then what was missed: a change in between comes twice rather than never.
    let (feed, identity) = rooms;
    let (live, head) = feed.subscribe(&gateway.database).await?;
    let missed = match last_event_id(&request) {
        Some(last_seen) => missed_events(&gateway.database, last_seen, head).await?,
        None => Missed {
            events: Vec::new(),
            is_partial: false,
        },
    };
    let listener = Listener {
        missed: missed.events.into(),
        is_partial: missed.is_partial,
        live,
        last_told: 0,
        wanted: filter.scan_id,
    };
    let stopping = gateway.stopping.clone();
    let events = listener.stream(move || {
        let (gateway, identity, access) = (gateway.clone(), identity.clone(), access.clone());
        async move { is_still_let_in(&identity, &gateway.database, &access).await }
    });
    let body = stream::once(future::ready(Bytes::from_static(b"retry: 2000\n\n")))
        .chain(events)
        .take_until(stopping.cancelled_owned())
        .map(Ok::<_, Infallible>);
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        // Proxies must pass each event on at once, and nothing may compress and thereby buffer it.
        .insert_header(("X-Accel-Buffering", "no"))
        .insert_header(ContentEncoding::Identity)
        .streaming(body))
}

/// One who listens.
struct Listener {
    missed: VecDeque<Arc<NumberedEvent>>,
    /// More was missed than is told at once.
    is_partial: bool,
    live: broadcast::Receiver<Arc<NumberedEvent>>,
    last_told: u64,
    wanted: Option<ScanId>,
}

impl Listener {
    /// The stream of a listener. It ends for one that lags too far behind, that missed more than is told at once (both
    /// come back with `Last-Event-ID`), or is not let in any more.
    fn stream<Let: Future<Output = bool>>(self, is_let_in: impl Fn() -> Let) -> impl Stream<Item = Bytes> {
        let checks = tokio::time::interval_at(Instant::now() + CHECK, CHECK);
        stream::unfold(
            (self, checks, 0_u32, is_let_in),
            async |(mut listener, mut checks, mut quiet, is_let_in)| {
                loop {
                    let event = match listener.missed.pop_front() {
                        Some(event) => event,
                        None if listener.is_partial => return None,
                        None => tokio::select! {
                            event = listener.live.recv() => event.ok()?,
                            _ = checks.tick() => {
                                if !is_let_in().await {
                                    return None;
                                }
                                quiet += 1;
                                if quiet < CHECKS_PER_BEAT {
                                    continue;
                                }
                                let beat = Bytes::from_static(b": \n\n");
                                return Some((beat, (listener, checks, 0, is_let_in)));
                            }
                        },
                    };
                    if event.sequence <= listener.last_told {
                        continue;
                    }
                    listener.last_told = event.sequence;
                    if listener
                        .wanted
                        .is_none_or(|scan_id| event.event.scan_id == scan_id)
                    {
                        return Some((event_bytes(&event), (listener, checks, 0, is_let_in)));
                    }
                }
            },
        )
    }
}

/// One event as the standard writes it (HTML, section 9.2); the id is the number of the change.
fn event_bytes(event: &NumberedEvent) -> Bytes {
    // The document holds no line break: JSON escapes those in texts.
    let data = serde_json::to_string(&event.event).unwrap_or_default();
    Bytes::from(format!(
        "event: analysis\nid: {}\ndata: {data}\n\n",
        event.sequence
    ))
}

fn last_event_id(request: &HttpRequest) -> Option<u64> {
    let id = request.headers().get("last-event-id")?.to_str().ok()?;
    id.parse().ok()
}

#[cfg(test)]
mod tests {
    use chrono::Utc;
    use norma_domain::{AnalysisId, AnalysisStatus};

    use super::*;

    fn event(sequence: u64) -> Arc<NumberedEvent> {
        Arc::new(NumberedEvent {
            sequence,
            event: AnalysisEvent {
                analysis_id: AnalysisId::generate(),
                scan_id: ScanId::generate(),
                status: AnalysisStatus::Queued,
                stages: Vec::new(),
                waiting_since: None,
                verdict: None,
                probability_of_pathology: None,
                failure_code: None,
                updated_at: Utc::now(),
            },
        })
    }

    fn listener(live: broadcast::Receiver<Arc<NumberedEvent>>, missed: &[u64], is_partial: bool) -> Listener {
        Listener {
            missed: missed.iter().copied().map(event).collect(),
            is_partial,
            live,
            last_told: 0,
            wanted: None,
        }
    }

    async fn told(stream: impl Stream<Item = Bytes>) -> Vec<String> {
        let lines = stream.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        lines
            .map(|text| text.lines().nth(1).unwrap_or(":").to_owned())
            .collect()
            .await
    }

    #[tokio::test]
    async fn a_listener_that_lags_is_sent_away_and_gets_no_heartbeats_for_ever() {
        let sender = broadcast::Sender::new(4);
        let listener = listener(sender.subscribe(), &[], false);
        for sequence in 1..=10 {
            sender.send(event(sequence)).unwrap();
        }
        let stream = listener.stream(async || true);
        let ended = tokio::time::timeout(Duration::from_secs(1), told(stream)).await;
        assert_eq!(ended.unwrap(), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_was_missed_comes_first_and_once() {
        let sender = broadcast::Sender::new(8);
        let listener = listener(sender.subscribe(), &[3, 4], false);
        for sequence in [4, 5] {
            sender.send(event(sequence)).unwrap();
        }
        drop(sender);
        assert_eq!(
            told(listener.stream(async || true)).await,
            ["id: 3", "id: 4", "id: 5"]
        );
    }

    #[tokio::test]
    async fn who_missed_more_than_is_told_at_once_comes_back_for_it() {
        let sender = broadcast::Sender::new(8);
        let listener = listener(sender.subscribe(), &[3, 4], true);
        assert_eq!(told(listener.stream(async || true)).await, ["id: 3", "id: 4"]);
    }

    #[tokio::test]
    async fn who_is_not_let_in_any_more_hears_no_more() {
        let sender = broadcast::Sender::new(8);
        let listener = listener(sender.subscribe(), &[], false);
        sender.send(event(1)).unwrap();
        assert_eq!(told(listener.stream(async || false)).await, ["id: 1"]);
    }
}
