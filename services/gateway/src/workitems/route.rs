//! `/dicom-web/workitems` (UPS-RS, PS3.18 sections 11.4 to 11.9): created, retrieved, updated, claimed, ended, canceled, searched for.

use actix_web::http::header;
use actix_web::web::{Bytes, Data, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, get, post, put};
use chrono::Utc;
use norma_database::{NewWorkitem, WorkitemCreated, WorkitemState};
use norma_dicom_instances::Attributes;

use super::attributes::{STATE, TRANSACTION_UID, parse, parse_xml};
use super::change::{self, Changed};
use super::creation::{check_size, create};
use super::events;
use super::matching::{Filter, Wanted};
use super::performer::is_for_station;
use super::room::{MOST_OF_OWNER, Visit, Workitems};
use crate::dicomweb::{DICOM_JSON, DICOM_XML, MORE, ModelForm};
use crate::identity::{Access, Notes};
use crate::problem::{ApiError, WorkitemProblem};

/// Work items looked at in one go.
const BATCH: u32 = 200;

/// Reads the data set of a body.
type Parse = fn(&[u8]) -> Option<Attributes>;

const CREATED_MODIFIED: &str = "The Workitem was created with modifications.";
const IS_CANCELED: &str = "The UPS is already in the requested state of CANCELED.";
const IS_COMPLETED: &str = "The UPS is already in the requested state of COMPLETED.";

/// Creates a work item.
#[post("/dicom-web/workitems")]
pub(crate) async fn create_workitem(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let attributes = visit.body(&request, payload).await?;
    let named = query_uid(&request, &["workitem", "AffectedSOPInstanceUID"]);
    let created = create(named.as_deref(), attributes, Utc::now());
    let created = created.and_then(|created| check_size(&created.attributes).map(|()| created));
    let created = created.map_err(|problem| visit.refuse(problem))?;
    notes.object(&created.uid);
    let station = &visit.gateway.options.workitem_station;
    let new = NewWorkitem {
        sop_instance_uid: created.uid.clone(),
        owner: access.caller.owner(),
        studies_of: access.visible_owner(),
        attributes: created.attributes.clone(),
        is_for_norma: is_for_station(&created.attributes, station),
        event: events::state_report(&created.uid, &created.attributes),
    };
    let attributes = created.attributes;
    let is_of = move |filter: &str| Filter::of_text(filter).is_ok_and(|filter| filter.matches(&attributes));
    let database = &visit.gateway.database;
    match database.create_workitem(new, MOST_OF_OWNER, is_of).await? {
        WorkitemCreated::Created => {}
        WorkitemCreated::Exists => return Err(visit.refuse(WorkitemProblem::Exists)),
        WorkitemCreated::TooMany => return Err(visit.refuse(WorkitemProblem::TooMany)),
    }
    let mut answer = HttpResponse::Created();
    answer.insert_header((header::LOCATION, visit.url(&created.uid)));
    if created.is_modified {
        answer.append_header(visit.warning(CREATED_MODIFIED));
    }
    Ok(answer.finish())
}

/// Gives a work item, without its transaction UID.
#[get("/dicom-web/workitems/{workitem}")]
pub(crate) async fn retrieve_workitem(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_one(&request)?;
    let visit = workitems.visit(&request, &access);
    let workitem = visit.workitem(&visit.uid(&request, &notes)?).await?;
    form.answer(&[change::document_of(&workitem)], HttpResponse::Ok())
}

/// Replaces attributes of a work item.
#[post("/dicom-web/workitems/{workitem}")]
pub(crate) async fn update_workitem(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let uid = visit.uid(&request, &notes)?;
    let attributes = visit.body(&request, payload).await?;
    let transaction = query_uid(&request, &["transaction-uid", "transaction", "transactionUID"]);
    let station = &visit.gateway.options.workitem_station;
    let made = visit.change(&uid, |workitem| {
        let mut change = change::update(workitem, transaction.as_deref(), attributes.clone(), Utc::now())?;
        check_size(&change.attributes)?;
        change.is_for_norma = match workitem.state {
            WorkitemState::Scheduled => is_for_station(&change.attributes, station),
            _ => workitem.is_for_norma,
        };
        Ok((Some(change), ()))
    });
    made.await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_LOCATION, visit.url(&uid)))
        .finish())
}

/// Claims a work item, or ends it.
#[put("/dicom-web/workitems/{workitem}/state")]
pub(crate) async fn change_workitem_state(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let uid = visit.uid(&request, &notes)?;
    let attributes = visit.body(&request, payload).await?;
    let wanted = change::named(&attributes, STATE).and_then(|state| WorkitemState::parse(&state));
    let Some(wanted) = wanted else {
        let detail = "Procedure Step State (0074,1000) is IN PROGRESS, COMPLETED or CANCELED";
        return Err(visit.refuse(WorkitemProblem::Invalid(detail.to_owned())));
    };
    notes.detail(wanted.as_str());
    let transaction = change::named(&attributes, TRANSACTION_UID);
    let made = visit.change(&uid, |workitem| {
        Ok(
            match change::change_state(workitem, wanted, transaction.as_deref(), Utc::now())? {
                // Whoever claims it by this interface is not Norma.
                Changed::To(change) => (Some(*change), None),
                Changed::AlreadyIs(state) => (None, Some(state)),
            },
        )
    });
    let already = made.await?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_LOCATION, visit.url(&uid)));
    match already {
        Some(WorkitemState::Canceled) => answer.append_header(visit.warning(IS_CANCELED)),
        Some(_) => answer.append_header(visit.warning(IS_COMPLETED)),
        None => &mut answer,
    };
    Ok(answer.finish())
}

/// What a request to cancel does.
enum Cancellation {
    Done,
    AlreadyIs,
    Asked,
}

/// Asks for a work item to be canceled: done at once where nobody has claimed it, else its performer is told.
#[post("/dicom-web/workitems/{workitem}/cancelrequest")]
pub(crate) async fn cancel_workitem(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
    notes: Notes,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let visit = workitems.visit(&request, &access);
    let uid = visit.uid(&request, &notes)?;
    let asked = visit.optional_body(&request, payload).await?;
    let is_told = visit
        .gateway
        .database
        .has_workitem_subscribers(uid.clone())
        .await?;
    let requesting = access.caller.actor().name;
    let requesting: String = requesting
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(16)
        .collect();
    let made = visit.change(&uid, |workitem| match workitem.state {
        WorkitemState::Scheduled => {
            let change = change::cancel(workitem, &asked, Utc::now());
            Ok((Some(change), Cancellation::Done))
        }
        WorkitemState::Canceled => Ok((None, Cancellation::AlreadyIs)),
        WorkitemState::Completed => Err(WorkitemProblem::Completed),
        WorkitemState::InProgress if workitem.is_for_norma => Err(WorkitemProblem::NotCanceled),
        WorkitemState::InProgress if !is_told => Err(WorkitemProblem::NoContact),
        WorkitemState::InProgress => {
            let event = events::cancel_requested(&uid, &requesting, &asked);
            Ok((Some(change::only_telling(workitem, event)), Cancellation::Asked))
        }
    });
    let mut answer = HttpResponse::Accepted();
    if let Cancellation::AlreadyIs = made.await? {
        answer.append_header(visit.warning(IS_CANCELED));
    }
    Ok(answer.finish())
}

/// Searches for work items.
#[get("/dicom-web/workitems")]
pub(crate) async fn search_workitems(
    workitems: Data<Workitems>,
    request: HttpRequest,
    access: Access,
) -> Result<HttpResponse, ApiError> {
    let form = ModelForm::of_list(&request)?;
    let visit = workitems.visit(&request, &access);
    let wanted = Wanted::of(request.query_string())?;
    let _turn = visit.search().await?;
    let (limit, offset) = (wanted.parameters.limit as usize, wanted.parameters.offset);
    let state = wanted.filter.state();
    let (mut found, mut after, mut skipped, mut has_more) = (Vec::new(), String::new(), 0, false);
    'looking: loop {
        let owner = access.visible_owner();
        let listed = visit
            .gateway
            .database
            .list_workitems(state, owner, after, BATCH)
            .await?;
        let Some(last) = listed.last() else { break };
        after = last.sop_instance_uid.clone();
        for workitem in &wanted.filter.of(listed).await? {
            if skipped < offset {
                skipped += 1;
            } else if found.len() == limit {
                has_more = true;
                break 'looking;
            } else {
                found.push(change::document_of(workitem));
            }
        }
    }
    if found.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    let mut answer = HttpResponse::Ok();
    let more = has_more.then_some(MORE);
    for warning in wanted.parameters.unsupported().chain(more) {
        answer.append_header(visit.warning(warning));
    }
    form.answer(&found, answer)
}

impl Visit<'_> {
    /// The data set of a request.
    async fn body(&self, request: &HttpRequest, payload: Payload) -> Result<Attributes, ApiError> {
        let (parse, bytes) = self.bytes(request, payload).await?;
        parse(&bytes).ok_or_else(|| self.refuse(WorkitemProblem::NotReadable))
    }

    /// The same of a request that may have none.
    async fn optional_body(&self, request: &HttpRequest, payload: Payload) -> Result<Attributes, ApiError> {
        let (parse, bytes) = self.bytes(request, payload).await?;
        if bytes.is_empty() {
            return Ok(Attributes::new());
        }
        parse(&bytes).ok_or_else(|| self.refuse(WorkitemProblem::NotReadable))
    }

    /// The body, and what reads it.
    async fn bytes(&self, request: &HttpRequest, payload: Payload) -> Result<(Parse, Bytes), ApiError> {
        let of = request.headers().get(header::CONTENT_TYPE);
        let media_type = of.and_then(|of| of.to_str().ok()).unwrap_or(DICOM_JSON);
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        let parse: Parse = match media_type.to_ascii_lowercase().as_str() {
            DICOM_JSON | "application/json" => parse,
            DICOM_XML | "application/xml" | "text/xml" => parse_xml,
            _ => {
                return Err(ApiError::UnsupportedMediaType(
                    "work items are sent as application/dicom+json or application/dicom+xml",
                ));
            }
        };
        let limit = self.gateway.options.json_limit_bytes;
        let read = payload.to_bytes_limited(limit).await;
        let read = read.map_err(|_| ApiError::BodyTooLarge {
            limit_bytes: limit as u64,
        })?;
        Ok((parse, read.map_err(|_| ApiError::BodyStalled)?))
    }
}

/// A UID that the query names, or is.
fn query_uid(request: &HttpRequest, names: &[&str]) -> Option<String> {
    let query = request.query_string();
    if !query.contains('=') {
        return (!query.is_empty()).then(|| query.to_owned());
    }
    let pairs = Query::<Vec<(String, String)>>::from_query(query)
        .ok()?
        .into_inner();
    pairs
        .into_iter()
        .find_map(|(name, value)| names.contains(&name.as_str()).then_some(value))
}
