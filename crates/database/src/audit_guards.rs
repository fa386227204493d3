//! The triggers that forbid changes of the audit trail: whoever owns the database may take them away unnoticed.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::connection::AnyConnection;
use crate::{Database, DatabaseError};

/// What a trigger forbids, by its name.
type Guard = (&'static str, &'static [&'static str]);

const POSTGRES: [Guard; 6] = [
    (
        "audit_events_append_only",
        &["UPDATE", "TRUNCATE", "audit_events"],
    ),
    (
        "audit_events_stay",
        &["DELETE", "audit_events", "audit_pruned", "patient.erase"],
    ),
    ("audit_head_stays", &["DELETE", "TRUNCATE", "audit_head"]),
    ("audit_head_moves_on", &["UPDATE", "audit_head"]),
    (
        "audit_pruned_stays",
        &["INSERT", "DELETE", "TRUNCATE", "audit_pruned"],
    ),
    ("audit_pruned_moves_on", &["UPDATE", "audit_pruned", "30 days"]),
];
const SQLITE: [Guard; 7] = [
    ("audit_events_no_update", &["UPDATE", "audit_events"]),
    (
        "audit_events_no_delete",
        &["DELETE", "audit_events", "audit_pruned", "patient.erase"],
    ),
    ("audit_head_stays", &["DELETE", "audit_head"]),
    ("audit_head_moves_on", &["UPDATE", "audit_head"]),
    ("audit_pruned_one", &["INSERT", "audit_pruned"]),
    ("audit_pruned_stays", &["DELETE", "audit_pruned"]),
    ("audit_pruned_moves_on", &["UPDATE", "audit_pruned", "30 days"]),
];
/// What each of them refuses with.
const REFUSAL: &str = "append-only";

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    name: String,
    /// What it fires on, and what it then does.
    #[diesel(sql_type = Text)]
    definition: String,
}

impl Database {
    /// Names of the triggers over the audit trail that are missing, off, or forbid something else.
    pub async fn missing_audit_guards(&self) -> Result<Vec<&'static str>, DatabaseError> {
        self.run(|connection| {
            let (guards, found): (&[Guard], Vec<Found>) = match connection {
                AnyConnection::Postgres(inner) => {
                    let sql = "SELECT t.tgname::text AS name, \
                                      pg_get_triggerdef(t.oid) || ' ' || p.prosrc AS definition \
                               FROM pg_trigger t \
                               JOIN pg_class c ON c.oid = t.tgrelid \
                               JOIN pg_proc p ON p.oid = t.tgfoid \
                               WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') \
                                 AND c.oid IN ('audit_events'::regclass, 'audit_head'::regclass, \
                                           'audit_pruned'::regclass)";
                    (&POSTGRES, diesel::sql_query(sql).load(inner)?)
                }
                AnyConnection::Sqlite(inner) => {
                    let sql = "SELECT name, sql AS definition FROM sqlite_master WHERE type = 'trigger'";
                    (&SQLITE, diesel::sql_query(sql).load(inner)?)
                }
            };
            Ok(missing(guards, &found))
        })
        .await
    }
}

fn missing(guards: &[Guard], found: &[Found]) -> Vec<&'static str> {
    let is_there = |(name, words): &Guard| {
        found.iter().any(|found| {
            found.name == *name
                && words.iter().all(|word| found.definition.contains(word))
                && found.definition.contains(REFUSAL)
        })
    };
    guards
        .iter()
        .filter(|guard| !is_there(guard))
        .map(|(name, _)| *name)
        .collect()
}
