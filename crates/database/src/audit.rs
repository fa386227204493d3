//! The audit trail: what is appended to it. Nothing is ever changed or taken away; a trigger of the database and the
//! chain of hashes ([`crate::AuditVerification`]) see to that.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use norma_domain::{PatientId, ScanId};
use uuid::Uuid;

use crate::audit_chain::hash_of;
use crate::audit_row::AuditEventRow;
use crate::connection::AnyConnection;
use crate::schema::{audit_events, audit_head};
use crate::sql_types::RowId;
use crate::{Database, DatabaseError, time};

/// How an audited action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditOutcome {
    /// A change is about to be made. A second event says how it ended; where that is missing, the process died or the
    /// trail could not be written in between.
    Begun,
    Success,
    /// Who asked may not do it.
    Refused,
    Failed,
}

impl AuditOutcome {
    const ALL: [Self; 4] = [Self::Begun, Self::Success, Self::Refused, Self::Failed];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Success => "success",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditActor {
    /// `user`, `key`, `anonymous`, `system` or `authentication_off`.
    pub kind: String,
    pub id: Option<Uuid>,
    /// Login of a person, name of a key, name of a process.
    pub name: String,
}

impl AuditActor {
    /// Norma itself: a retention sweep, a command at the terminal.
    pub fn system(name: impl Into<String>) -> Self {
        Self {
            kind: "system".to_owned(),
            id: None,
            name: name.into(),
        }
    }
}

/// What was acted upon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditObject {
    /// E.g. `scan`, `patient`, `user`, `key`, `bundle`.
    pub kind: String,
    pub id: String,
}

/// An event to be appended. It names people by account and patients by id, nothing else of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAuditEvent {
    pub at: DateTime<Utc>,
    /// E.g. `patient.read`, `sign_in`.
    pub action: String,
    pub outcome: AuditOutcome,
    pub actor: AuditActor,
    /// The address that the request came from; empty for the system.
    pub source_address: String,
    pub object: Option<AuditObject>,
    pub patient_id: Option<PatientId>,
    pub scan_id: Option<ScanId>,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    pub detail: String,
}

impl NewAuditEvent {
    /// Something that Norma did by itself, now.
    pub fn of_system(name: &str, action: &str) -> Self {
        Self {
            at: Utc::now(),
            action: action.to_owned(),
            outcome: AuditOutcome::Success,
            actor: AuditActor::system(name),
            source_address: String::new(),
            object: None,
            patient_id: None,
            scan_id: None,
            status: None,
            detail: String::new(),
        }
    }

    pub fn about(mut self, kind: &str, id: impl std::fmt::Display) -> Self {
        self.object = Some(AuditObject {
            kind: kind.to_owned(),
            id: id.to_string(),
        });
        self
    }
}

/// An event of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// From 1, without gaps.
    pub sequence: u64,
    pub event: NewAuditEvent,
    /// Hash of the event before; empty for the first.
    pub previous_hash: String,
    /// SHA-256 over the previous hash and this event, lower-case hexadecimal.
    pub hash: String,
}

impl TryFrom<AuditEventRow> for AuditEvent {
    type Error = DatabaseError;

    fn try_from(row: AuditEventRow) -> Result<Self, DatabaseError> {
        let corrupt = |column| DatabaseError::CorruptRow {
            table: "audit_events",
            column,
        };
        let outcome = AuditOutcome::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == row.outcome);
        // A word of a newer version is no success, and is shown as it stands.
        let detail = match outcome {
            Some(_) => row.detail,
            None => format!("{} ({})", row.detail, row.outcome),
        };
        let outcome = outcome.unwrap_or(AuditOutcome::Failed);
        Ok(Self {
            sequence: u64::try_from(row.sequence).map_err(|_| corrupt("sequence"))?,
            event: NewAuditEvent {
                at: time::from_row(row.at),
                action: row.action,
                outcome,
                actor: AuditActor {
                    kind: row.actor_kind,
                    id: row.actor_id.map(|id| id.0),
                    name: row.actor_name,
                },
                source_address: row.source_address,
                object: row
                    .object_kind
                    .zip(row.object_id)
                    .map(|(kind, id)| AuditObject { kind, id }),
                patient_id: row.patient_id.map(PatientId::from),
                scan_id: row.scan_id.map(ScanId::from),
                status: row
                    .status
                    .map(u16::try_from)
                    .transpose()
                    .map_err(|_| corrupt("status"))?,
                detail,
            },
            previous_hash: row.previous_hash,
            hash: row.hash,
        })
    }
}

impl Database {
    /// Appends events in their order, all or none. Writers of several processes take turns: the chain never forks.
    pub async fn append_audit_events(
        &self,
        events: Vec<NewAuditEvent>,
    ) -> Result<Vec<AuditEvent>, DatabaseError> {
        self.change(move |connection| append(connection, events)).await
    }
}

pub(crate) fn append(
    connection: &mut AnyConnection,
    events: Vec<NewAuditEvent>,
) -> Result<Vec<AuditEvent>, DatabaseError> {
    let (mut sequence, mut previous_hash) = locked_head(connection)?;
    let mut appended = Vec::with_capacity(events.len());
    for event in events {
        sequence += 1;
        let mut row = row_of(sequence, event, previous_hash);
        row.hash = hash_of(&row);
        previous_hash = row.hash.clone();
        diesel::insert_into(audit_events::table)
            .values(&row)
            .execute(connection)?;
        appended.push(row.try_into()?);
    }
    if !appended.is_empty() {
        diesel::update(audit_head::table.find(1))
            .set((
                audit_head::sequence.eq(sequence),
                audit_head::hash.eq(previous_hash),
            ))
            .execute(connection)?;
    }
    Ok(appended)
}

fn locked_head(connection: &mut AnyConnection) -> Result<(i64, String), DatabaseError> {
    let columns = (audit_head::sequence, audit_head::hash);
    let head = match connection {
        AnyConnection::Postgres(inner) => audit_head::table
            .find(1)
            .select(columns)
            .for_update()
            .first(inner)
            .optional()?,
        // The transaction holds the write lock already.
        AnyConnection::Sqlite(inner) => audit_head::table
            .find(1)
            .select(columns)
            .first(inner)
            .optional()?,
    };
    head.ok_or(DatabaseError::CorruptRow {
        table: "audit_head",
        column: "id",
    })
}

fn row_of(sequence: i64, event: NewAuditEvent, previous_hash: String) -> AuditEventRow {
    // What PostgreSQL cannot keep is left out; both sides hash the same.
    let text = |text: String| text.replace('\0', "");
    let (object_kind, object_id) = event.object.map(|object| (object.kind, text(object.id))).unzip();
    AuditEventRow {
        sequence,
        at: time::to_row(event.at),
        action: event.action,
        outcome: event.outcome.as_str().to_owned(),
        actor_kind: event.actor.kind,
        actor_id: event.actor.id.map(RowId),
        actor_name: text(event.actor.name),
        source_address: event.source_address,
        object_kind,
        object_id,
        patient_id: event.patient_id.map(RowId::from),
        scan_id: event.scan_id.map(RowId::from),
        status: event.status.map(i32::from),
        detail: text(event.detail),
        previous_hash,
        hash: String::new(),
    }
}
