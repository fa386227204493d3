//! Reading the audit trail.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::PatientId;

use crate::audit_row::AuditEventRow;
use crate::connection::MultiBackend;
use crate::schema::{audit_events, audit_exports};
use crate::sql_types::RowId;
use crate::{AuditEvent, Database, DatabaseError, Listing, Page, time};

/// Which events are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditQuery {
    /// At this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Before this time.
    pub to: Option<DateTime<Utc>>,
    /// Login of a person or name of a key.
    pub actor_name: Option<String>,
    /// An action (`patient.read`), or all of a group (`patient.`).
    pub action: Option<String>,
    pub patient_id: Option<PatientId>,
    /// Only events after this one.
    pub after: Option<u64>,
}

impl AuditQuery {
    fn rows(&self) -> audit_events::BoxedQuery<'static, MultiBackend> {
        let mut wanted = audit_events::table.into_boxed::<MultiBackend>();
        if let Some(from) = self.from {
            wanted = wanted.filter(audit_events::at.ge(time::to_row(from)));
        }
        if let Some(to) = self.to {
            wanted = wanted.filter(audit_events::at.lt(time::to_row(to)));
        }
        if let Some(name) = &self.actor_name {
            wanted = wanted.filter(audit_events::actor_name.eq(name.clone()));
        }
        match &self.action {
            Some(group) if group.ends_with('.') => {
                let pattern = format!(
                    "{}%",
                    group
                        .replace('\\', "\\\\")
                        .replace('%', "\\%")
                        .replace('_', "\\_")
                );
                wanted = wanted.filter(audit_events::action.like(pattern).escape('\\'));
            }
            Some(action) => wanted = wanted.filter(audit_events::action.eq(action.clone())),
            None => {}
        }
        if let Some(patient_id) = self.patient_id {
            wanted = wanted.filter(audit_events::patient_id.eq(RowId::from(patient_id)));
        }
        if let Some(after) = self.after {
            wanted = wanted.filter(audit_events::sequence.gt(i64::try_from(after).unwrap_or(i64::MAX)));
        }
        wanted
    }
}

impl Database {
    /// Events, the newest first.
    pub async fn list_audit_events(
        &self,
        query: AuditQuery,
        page: Page,
    ) -> Result<Listing<AuditEvent>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<AuditEventRow> = query
                .rows()
                .order(audit_events::sequence.desc())
                .limit(page.limit.into())
                .offset(page.offset.into())
                .select(AuditEventRow::as_select())
                .load(connection)?;
            let items = rows
                .into_iter()
                .map(AuditEvent::try_from)
                .collect::<Result<_, _>>()?;
            Ok(Listing::new(items, query.rows().count().get_result(connection)?))
        })
        .await
    }

    /// The next events in their order, for an export that goes on where it stopped ([`AuditQuery::after`]).
    pub async fn next_audit_events(
        &self,
        query: AuditQuery,
        limit: u32,
    ) -> Result<Vec<AuditEvent>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<AuditEventRow> = query
                .rows()
                .order(audit_events::sequence)
                .limit(limit.into())
                .select(AuditEventRow::as_select())
                .load(connection)?;
            rows.into_iter().map(AuditEvent::try_from).collect()
        })
        .await
    }

    /// The last event that an export has sent; 0 before the first.
    pub async fn audit_export_position(&self, name: &'static str) -> Result<u64, DatabaseError> {
        self.run(move |connection| {
            let position: Option<i64> = audit_exports::table
                .find(name)
                .select(audit_exports::sequence)
                .first(connection)
                .optional()?;
            Ok(u64::try_from(position.unwrap_or_default()).unwrap_or_default())
        })
        .await
    }

    /// Notes how far an export has come; never back.
    pub async fn note_audit_export(&self, name: &'static str, sequence: u64) -> Result<(), DatabaseError> {
        let sequence = i64::try_from(sequence).map_err(|_| DatabaseError::NotStorable("sequence"))?;
        self.change(move |connection| {
            let known: i64 = audit_exports::table.find(name).count().get_result(connection)?;
            if known == 0 {
                diesel::insert_into(audit_exports::table)
                    .values((audit_exports::name.eq(name), audit_exports::sequence.eq(sequence)))
                    .execute(connection)?;
            } else {
                let behind = audit_exports::table
                    .find(name)
                    .filter(audit_exports::sequence.lt(sequence));
                diesel::update(behind)
                    .set(audit_exports::sequence.eq(sequence))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }
}
