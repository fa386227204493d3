//! `/api/audit`: who did what.

use actix_web::http::header;
use actix_web::web::{Data, Json, Query};
use actix_web::{HttpResponse, get};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::{Stream, stream};
use norma_audit::{audit_message, to_xml};
use norma_database::{AuditEvent, AuditQuery, Database};
use norma_domain::PatientId;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::audit::schema::AuditItem;
use crate::gateway::Gateway;
use crate::http::paging::{Page, Paging};
use crate::http::search::{checked_search, checked_time};
use crate::problem::ApiError;
use crate::problem::answers::{BadRequest, Failures};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditFilter {
    /// At this time or later (RFC 3339).
    from: Option<DateTime<Utc>>,
    /// Before this time (RFC 3339).
    to: Option<DateTime<Utc>>,
    /// Login of a person or name of a key.
    #[param(max_length = 200)]
    user: Option<String>,
    /// An action (`report.read`), or with a dot at its end all of a group (`patient.`).
    #[param(max_length = 200)]
    action: Option<String>,
    patient_id: Option<PatientId>,
}

impl AuditFilter {
    fn into_query(self) -> Result<AuditQuery, ApiError> {
        Ok(AuditQuery {
            from: checked_time("from", self.from)?,
            to: checked_time("to", self.to)?,
            actor_name: checked_search(self.user)?,
            action: checked_search(self.action)?,
            patient_id: self.patient_id,
            after: None,
        })
    }
}

/// The form of an export.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuditFormat {
    #[default]
    Json,
    Xml,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AuditExportForm {
    #[serde(default)]
    #[param(value_type = Option<AuditFormat>)]
    format: AuditFormat,
}

/// Events of an export that are read at a time.
const BATCH: u32 = 500;

/// Lists the audit trail, the newest event first.
#[utoipa::path(
    tag = "audit",
    operation_id = "listAudit",
    params(AuditFilter, Paging),
    responses((status = 200, description = "A part of the trail", body = Page<AuditItem>), BadRequest, Failures)
)]
#[get("/api/audit")]
pub(crate) async fn list_audit(
    gateway: Data<Gateway>,
    filter: Query<AuditFilter>,
    paging: Query<Paging>,
) -> Result<Json<Page<AuditItem>>, ApiError> {
    let query = filter.into_inner().into_query()?;
    let listing = gateway.database.list_audit_events(query, paging.part()).await?;
    Ok(Json(paging.page_of(listing)))
}

/// Exports the audit trail, the oldest event first, as DICOM audit messages (PS3.15 section A.5, IHE ATNA).
///
/// XML: `<AuditMessages>` with an `<AuditMessage>` for each event. JSON: `{"AuditMessages": […]}` with the same members.
#[utoipa::path(
    tag = "audit",
    operation_id = "exportAudit",
    params(AuditFilter, AuditExportForm),
    responses(
        (status = 200, description = "The messages", content(
            (Object = "application/json"),
            (String = "application/xml"),
        )),
        BadRequest, Failures
    )
)]
#[get("/api/audit/export")]
pub(crate) async fn export_audit(
    gateway: Data<Gateway>,
    filter: Query<AuditFilter>,
    form: Query<AuditExportForm>,
) -> Result<HttpResponse, ApiError> {
    let query = filter.into_inner().into_query()?;
    let format = form.format;
    let (media_type, name) = match format {
        AuditFormat::Json => ("application/json", "norma-audit.json"),
        AuditFormat::Xml => ("application/xml", "norma-audit.xml"),
    };
    Ok(HttpResponse::Ok()
        .content_type(media_type)
        .insert_header((
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ))
        .streaming(messages(gateway.database.clone(), query, format)))
}

/// Where an export is.
enum Place {
    Begin,
    After(u64),
    End,
}

/// The export as a stream: it may be longer than memory. A failure cuts it off, which the client notices.
fn messages(
    database: Database,
    query: AuditQuery,
    format: AuditFormat,
) -> impl Stream<Item = Result<Bytes, ApiError>> {
    stream::try_unfold(Place::Begin, move |place| {
        let (database, mut query) = (database.clone(), query.clone());
        async move {
            let (after, mut text) = match place {
                Place::End => return Ok(None),
                Place::Begin => (0, begin_of(format).to_owned()),
                Place::After(after) => (after, String::new()),
            };
            query.after = Some(after);
            let events = database.next_audit_events(query, BATCH).await?;
            for (index, event) in events.iter().enumerate() {
                if format == AuditFormat::Json && (after > 0 || index > 0) {
                    text.push(',');
                }
                text.push_str(&written(event, format)?);
            }
            let next = match events.last() {
                Some(last) => Place::After(last.sequence),
                None => {
                    text.push_str(end_of(format));
                    Place::End
                }
            };
            Ok(Some((Bytes::from(text), next)))
        }
    })
}

const fn begin_of(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Json => "{\"AuditMessages\":[",
        AuditFormat::Xml => "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AuditMessages>",
    }
}

const fn end_of(format: AuditFormat) -> &'static str {
    match format {
        AuditFormat::Json => "]}\n",
        AuditFormat::Xml => "\n</AuditMessages>\n",
    }
}

fn written(event: &AuditEvent, format: AuditFormat) -> Result<String, ApiError> {
    let message = audit_message(event);
    Ok(match format {
        AuditFormat::Json => serde_json::to_string(&message).map_err(ApiError::internal)?,
        AuditFormat::Xml => format!("\n{}", to_xml(&message).map_err(ApiError::internal)?),
    })
}
