//! `/api/audit`: who did what.

use actix_web::get;
use actix_web::web::{Data, Json, Query};
use chrono::{DateTime, Utc};
use norma_database::AuditQuery;
use norma_domain::PatientId;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::conversions::part;
use crate::gateway::Gateway;
use crate::openapi::{BadRequest, Failures};
use crate::paging::{Limit, Offset, Page};
use crate::problem::ApiError;
use crate::schema::AuditItem;
use crate::search::{checked_search, checked_time};

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
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 20)]
    limit: Limit,
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 0, maximum = 2147483647, default = 0)]
    offset: Offset,
}

/// Lists the audit trail, the newest event first.
#[utoipa::path(
    tag = "audit",
    operation_id = "listAudit",
    params(AuditFilter),
    responses((status = 200, description = "A part of the trail", body = Page<AuditItem>), BadRequest, Failures)
)]
#[get("/api/audit")]
pub(crate) async fn list_audit(
    gateway: Data<Gateway>,
    filter: Query<AuditFilter>,
) -> Result<Json<Page<AuditItem>>, ApiError> {
    let filter = filter.into_inner();
    let query = AuditQuery {
        from: checked_time("from", filter.from)?,
        to: checked_time("to", filter.to)?,
        actor_name: checked_search(filter.user)?,
        action: checked_search(filter.action)?,
        patient_id: filter.patient_id,
        after: None,
    };
    let listing = gateway
        .database
        .list_audit_events(query, part(filter.limit, filter.offset))
        .await?;
    Ok(Json(Page::of(listing, filter.limit, filter.offset)))
}
