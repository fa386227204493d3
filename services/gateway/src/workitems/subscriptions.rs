//! Who is told of work items (PS3.18 sections 11.10 to 11.12), and how: over a WebSocket.

use std::time::Duration;

use actix_web::http::header;
use actix_web::web::{Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, delete, post, routes};
use actix_ws::{CloseCode, CloseReason, Message};
use futures::StreamExt as _;
use norma_database::{FILTERED_WORKLIST, Owner, WORKLIST, WORKLISTS, WorkitemSubscription};

use super::events::{self, ServiceStatus};
use super::matching::Filter;
use super::room::{MOST_SUBSCRIBERS, Visit, Workitems};
use crate::gateway::Gateway;
use crate::identity::authentication::is_still_let_in;
use crate::identity::{Access, Identity, Notes};
use crate::places::Seat;
use crate::problem::{ApiError, WorkitemProblem};

/// Work items looked at in one go.
const BATCH: u32 = 200;
/// How often events are looked for.
const LOOK: Duration = Duration::from_millis(500);
/// After so many looks it is asked whether the listener is still let in, and a ping is sent.
const LOOKS_PER_CHECK: u32 = 10;
/// Events sent in one go.
const AT_ONCE: u32 = 100;

impl Visit<'_> {
    /// The AE title of the path, as the rows name it: those of others are others.
    fn subscriber(&self, request: &HttpRequest) -> Result<(String, String), ApiError> {
        let title = request
            .match_info()
            .get("subscriber")
            .unwrap_or_default()
            .trim()
            .to_owned();
        let is_title = (1..=16).contains(&title.len())
            && title
                .bytes()
                .all(|byte| (b' '..=b'~').contains(&byte) && byte != b'\\');
        if !is_title {
            let detail = "a subscriber is named by an AE title: 1 to 16 characters";
            return Err(self.refuse(WorkitemProblem::Invalid(detail.to_owned())));
        }
        let owner = self.access.caller.owner().map(String::from);
        Ok((format!("{title}@{}", owner.unwrap_or_default()), title))
    }
}

/// Subscribes to a work item, to the worklist or to a part of it.
#[post("/dicom-web/workitems/{workitem}/subscribers/{subscriber}")]
pub(crate) async fn subscribe(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let uid = visit.uid(&request, &notes)?;
    let (subscriber, title) = visit.subscriber(&request)?;
    let mut filter = None;
    let mut has_deletion_lock = false;
    let pairs = Query::<Vec<(String, String)>>::from_query(request.query_string());
    for (name, value) in pairs.map(Query::into_inner).unwrap_or_default() {
        match name.as_str() {
            "deletionlock" => has_deletion_lock = value == "true",
            "filter" => filter = Some(value),
            _ => {}
        }
    }
    // Until it is written down: each subscription may write as often as there are work items.
    let turn = if WORKLISTS.contains(&uid.as_str()) {
        Some(visit.search().await?)
    } else {
        None
    };
    let existing = match uid.as_str() {
        WORKLIST => visit.existing(&Filter::default()).await?,
        FILTERED_WORKLIST => {
            let text = filter.as_deref().unwrap_or_default();
            visit.existing(&Filter::of_text(text)?).await?
        }
        uid => {
            let workitem = visit.workitem(uid).await?;
            let report = events::state_report(uid, &workitem.attributes);
            vec![(uid.to_owned(), report)]
        }
    };
    let subscription = WorkitemSubscription {
        subscriber,
        filter: filter.filter(|_| uid == FILTERED_WORKLIST),
        workitem: uid,
        owner: access.visible_owner(),
        has_deletion_lock,
    };
    let whose = access.caller.owner().map(String::from).unwrap_or_default();
    let database = &visit.gateway.database;
    let subscribed = database.subscribe_to_workitems(subscription, existing, whose, MOST_SUBSCRIBERS);
    if !subscribed.await? {
        return Err(visit.refuse(WorkitemProblem::TooManySubscribers));
    }
    drop(turn);
    let socket = visit.service.replacen("http", "ws", 1);
    Ok(HttpResponse::Created()
        .insert_header((header::CONTENT_LOCATION, format!("{socket}/subscribers/{title}")))
        .finish())
}

impl Visit<'_> {
    /// The work items that there are, with what is told of each.
    async fn existing(&self, filter: &Filter) -> Result<Vec<(String, String)>, ApiError> {
        let (mut found, mut after) = (Vec::new(), String::new());
        loop {
            let owner = self.access.visible_owner();
            let listed = self
                .gateway
                .database
                .list_workitems(None, owner, after, BATCH)
                .await?;
            let Some(last) = listed.last() else {
                return Ok(found);
            };
            after = last.sop_instance_uid.clone();
            for workitem in filter.of(listed).await? {
                let report = events::state_report(&workitem.sop_instance_uid, &workitem.attributes);
                found.push((workitem.sop_instance_uid, report));
            }
        }
    }
}

/// Ends a subscription; that of the worklist ends all.
#[delete("/dicom-web/workitems/{workitem}/subscribers/{subscriber}")]
pub(crate) async fn unsubscribe(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    end(&workitems, &request, &access, &notes, false).await
}

/// Ends the subscription to new work items of the worklist or of a part of it; those that are there go on.
#[post("/dicom-web/workitems/{workitem}/subscribers/{subscriber}/suspend")]
pub(crate) async fn suspend(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    end(&workitems, &request, &access, &notes, true).await
}

async fn end(
    workitems: &Workitems,
    request: &HttpRequest,
    access: &Access,
    notes: &Notes,
    only_new: bool,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(request, access);
    let uid = visit.uid(request, notes)?;
    let (subscriber, _) = visit.subscriber(request)?;
    let is_of_worklist = WORKLISTS.contains(&uid.as_str());
    if only_new && !is_of_worklist {
        let detail = "the subscription to the worklist, or to a part of it, is suspended";
        return Err(visit.refuse(WorkitemProblem::Invalid(detail.to_owned())));
    }
    let database = &visit.gateway.database;
    if !database
        .unsubscribe_from_workitems(subscriber, uid, only_new)
        .await?
    {
        return Err(visit.refuse(WorkitemProblem::NotSubscribed));
    }
    Ok(HttpResponse::Ok().finish())
}

/// Opens the connection over which a subscriber is told.
#[routes]
#[get("/dicom-web/subscribers/{subscriber}")]
#[get("/dicom-web/ws/subscribers/{subscriber}")]
pub(crate) async fn follow_workitems(
    workitems: Data<Workitems>,
    identity: Data<Identity>,
    request: HttpRequest,
    access: Access,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let (subscriber, _) = visit.subscriber(&request)?;
    let seat = visit.listener()?;
    let opened = actix_ws::handle(&request, payload);
    let (answer, session, messages) = opened.map_err(|_| ApiError::InvalidParameter {
        parameter: "Upgrade".to_owned(),
        detail: "events are told over a WebSocket: ask for one (RFC 6455)".to_owned(),
    })?;
    let listener = Listener {
        gateway: workitems.gateway.clone(),
        identity,
        access,
        subscriber,
        session,
        _seat: seat,
    };
    actix_web::rt::spawn(listener.tell(messages));
    Ok(answer)
}

/// One who is told.
struct Listener {
    gateway: std::sync::Arc<Gateway>,
    identity: Data<Identity>,
    access: Access,
    subscriber: String,
    session: actix_ws::Session,
    /// Given back when nobody is told any more.
    _seat: Seat<Owner>,
}

impl Listener {
    /// Tells until the listener goes, is not let in any more, or the gateway stops.
    async fn tell(mut self, mut messages: actix_ws::MessageStream) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut count = 0_u32;
        let reason = loop {
            tokio::select! {
                () = self.gateway.stopping.cancelled() => {
                    // It may be gone.
                    let _ = self.session.text(events::service_status(ServiceStatus::GoingDown)).await;
                    break Some(CloseCode::Away);
                }
                message = messages.next() => match message {
                    Some(Ok(Message::Ping(bytes))) => {
                        if self.session.pong(&bytes).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_))) => break None,
                    // What a subscriber says beside is nobody's business.
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return,
                },
                _ = looks.tick() => {
                    if self.send_waiting().await.is_err() {
                        return;
                    }
                    count = count.wrapping_add(1);
                    if count.is_multiple_of(LOOKS_PER_CHECK) {
                        if !is_still_let_in(&self.identity, &self.gateway.database, &self.access).await {
                            break Some(CloseCode::Policy);
                        }
                        if self.session.ping(b"").await.is_err() {
                            return;
                        }
                    }
                }
            }
        };
        let reason = reason.map(|code| CloseReason {
            code,
            description: None,
        });
        // It may be gone.
        let _ = self.session.close(reason).await;
    }

    /// The connection is gone where this fails.
    async fn send_waiting(&mut self) -> Result<(), actix_ws::Closed> {
        let subscriber = self.subscriber.clone();
        let taken = self
            .gateway
            .database
            .take_workitem_events(subscriber, AT_ONCE)
            .await;
        let events = taken.unwrap_or_else(|error| {
            tracing::warn!(%error, "events of work items could not be looked for");
            Vec::new()
        });
        for event in events {
            self.session.text(event).await?;
        }
        Ok(())
    }
}
