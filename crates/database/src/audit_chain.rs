//! The chain of hashes over the audit trail, and what it finds.
//!
//! Each row holds SHA-256 over the hash of the row before and its own content; `audit_head` holds number and hash of
//! the last row. So a row that was altered, taken out or put in breaks the chain, and rows missing at the end do not
//! reach the head. Whoever may rewrite the whole database can make a new chain: against that, keep a head outside of it
//! (`norma audit verify` prints it, the syslog export sends the hash of each event) and verify against it.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::audit_row::AuditEventRow;
use crate::connection::AnyConnection;
use crate::schema::{audit_events, audit_head};
use crate::{Database, DatabaseError};

/// Rows that are read at a time.
const BATCH: i64 = 2000;
/// After so many faults the rest is left out: one altered row makes one fault, a rewritten table would make millions.
const MOST_FAULTS: usize = 100;

/// A place of the trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    pub sequence: u64,
    pub hash: String,
}

/// Something that is wrong with the trail.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    #[error("events {from} to {to} are missing")]
    Missing { from: u64, to: u64 },
    #[error("event {sequence} was altered: its content does not have its hash")]
    Altered { sequence: u64 },
    #[error("event {sequence} does not follow the one before it")]
    Unchained { sequence: u64 },
    #[error("the trail ends with event {found}, but went on to {expected}: its end was removed")]
    Truncated { found: u64, expected: u64 },
    #[error("the last event is not the one that the trail's head names")]
    WrongHead,
    #[error("the trail's head is missing")]
    NoHead,
    #[error("event {sequence} is not the one that was noted outside of the database")]
    NotAsNoted { sequence: u64 },
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditVerification {
    pub events: u64,
    /// The last event; none of an empty trail.
    pub head: Option<AuditHead>,
    /// Empty where the trail is whole.
    pub faults: Vec<AuditFault>,
}

/// The content of a row in the form that is hashed: one JSON array, UTF-8, no blanks between members.
#[derive(Serialize)]
struct Canonical<'a>(
    i64,
    String,
    &'a str,
    &'a str,
    &'a str,
    Option<String>,
    &'a str,
    &'a str,
    Option<&'a str>,
    Option<&'a str>,
    Option<String>,
    Option<String>,
    Option<i32>,
    &'a str,
);

/// SHA-256 over the previous hash, a line feed and the canonical content, lower-case hexadecimal.
pub(crate) fn hash_of(row: &AuditEventRow) -> String {
    let canonical = Canonical(
        row.sequence,
        row.at.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
        &row.action,
        &row.outcome,
        &row.actor_kind,
        row.actor_id.map(|id| id.0.to_string()),
        &row.actor_name,
        &row.source_address,
        row.object_kind.as_deref(),
        row.object_id.as_deref(),
        row.patient_id.map(|id| id.0.to_string()),
        row.scan_id.map(|id| id.0.to_string()),
        row.status,
        &row.detail,
    );
    let canonical = serde_json::to_vec(&canonical).expect("texts and numbers are always JSON");
    let mut hash = Sha256::new();
    hash.update(row.previous_hash.as_bytes());
    hash.update(b"\n");
    hash.update(&canonical);
    hex::encode(hash.finalize())
}

impl Database {
    /// The last event as the trail's head names it; None of an empty trail.
    pub async fn audit_head(&self) -> Result<Option<AuditHead>, DatabaseError> {
        let head = self.run(stored_head).await?;
        Ok(head
            .map(|(sequence, hash)| AuditHead {
                sequence: u64::try_from(sequence).unwrap_or_default(),
                hash,
            })
            .filter(|head| head.sequence > 0))
    }
}

/// Number and hash of the last event, 0 of an empty trail.
pub(crate) fn stored_head(connection: &mut AnyConnection) -> Result<Option<(i64, String)>, DatabaseError> {
    let columns = (audit_head::sequence, audit_head::hash);
    Ok(audit_head::table
        .find(1)
        .select(columns)
        .first(connection)
        .optional()?)
}

pub(crate) fn next_rows(
    connection: &mut AnyConnection,
    after: i64,
) -> Result<Option<Vec<AuditEventRow>>, DatabaseError> {
    let rows: Vec<AuditEventRow> = audit_events::table
        .filter(audit_events::sequence.gt(after))
        .order(audit_events::sequence)
        .limit(BATCH)
        .select(AuditEventRow::as_select())
        .load(connection)?;
    Ok((!rows.is_empty()).then_some(rows))
}

/// Checks link after link.
pub(crate) struct Walk {
    /// The last event that was seen.
    pub(crate) sequence: i64,
    hash: String,
    events: u64,
    /// Hashes that were noted outside, by the number of their event.
    pub(crate) noted: BTreeMap<u64, Vec<String>>,
    is_head_right: bool,
    faults: Vec<AuditFault>,
}

impl Walk {
    pub(crate) fn new(noted: impl IntoIterator<Item = AuditHead>) -> Self {
        let mut by_sequence: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        // 0 is the head of an empty trail.
        for head in noted.into_iter().filter(|head| head.sequence > 0) {
            by_sequence.entry(head.sequence).or_default().push(head.hash);
        }
        Self {
            sequence: 0,
            hash: String::new(),
            events: 0,
            noted: by_sequence,
            is_head_right: false,
            faults: Vec::new(),
        }
    }

    pub(crate) fn fault(&mut self, fault: AuditFault) {
        if self.faults.len() < MOST_FAULTS {
            self.faults.push(fault);
        }
    }

    pub(crate) fn step(&mut self, row: &AuditEventRow, head: Option<&(i64, String)>) {
        let number = |sequence: i64| u64::try_from(sequence).unwrap_or_default();
        let sequence = number(row.sequence);
        if row.sequence != self.sequence + 1 {
            self.fault(AuditFault::Missing {
                from: number(self.sequence + 1),
                to: number(row.sequence - 1),
            });
        } else if row.previous_hash != self.hash {
            self.fault(AuditFault::Unchained { sequence });
        }
        if hash_of(row) != row.hash {
            self.fault(AuditFault::Altered { sequence });
        }
        if let Some(noted) = self.noted.remove(&sequence)
            && noted.iter().any(|hash| *hash != row.hash)
        {
            self.fault(AuditFault::NotAsNoted { sequence });
        }
        if let Some((head_sequence, head_hash)) = head
            && *head_sequence == row.sequence
        {
            self.is_head_right = *head_hash == row.hash;
        }
        self.sequence = row.sequence;
        self.hash.clone_from(&row.hash);
        self.events += 1;
    }

    pub(crate) fn finish(mut self, head: Option<&(i64, String)>) -> AuditVerification {
        let found = u64::try_from(self.sequence).unwrap_or_default();
        match head {
            None => self.fault(AuditFault::NoHead),
            Some(&(expected, _)) if expected > self.sequence => self.fault(AuditFault::Truncated {
                found,
                expected: u64::try_from(expected).unwrap_or_default(),
            }),
            Some((0, _)) => {}
            Some(_) if !self.is_head_right => self.fault(AuditFault::WrongHead),
            Some(_) => {}
        }
        // Those in a gap were told with it.
        if let Some((&expected, _)) = self.noted.last_key_value()
            && expected > found
        {
            self.fault(AuditFault::Truncated { found, expected });
        }
        AuditVerification {
            events: self.events,
            head: (self.events > 0).then_some(AuditHead {
                sequence: found,
                hash: self.hash,
            }),
            faults: self.faults,
        }
    }
}
