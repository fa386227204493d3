//! A row of the audit trail.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::schema::audit_events;
use crate::sql_types::RowId;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_events, treat_none_as_default_value = false)]
pub(crate) struct AuditEventRow {
    pub(crate) sequence: i64,
    pub(crate) at: NaiveDateTime,
    pub(crate) action: String,
    pub(crate) outcome: String,
    pub(crate) actor_kind: String,
    pub(crate) actor_id: Option<RowId>,
    pub(crate) actor_name: String,
    pub(crate) source_address: String,
    pub(crate) object_kind: Option<String>,
    pub(crate) object_id: Option<String>,
    pub(crate) patient_id: Option<RowId>,
    pub(crate) scan_id: Option<RowId>,
    pub(crate) status: Option<i32>,
    pub(crate) detail: String,
    pub(crate) previous_hash: String,
    pub(crate) hash: String,
}
