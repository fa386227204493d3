//! The PostgreSQL role of the workers that read uploads and run models: it may do their work and nothing else. Names of patients
//! and files, accounts, keys, sessions, reports and the audit trail are out of its reach.

/// What the role may do: privileges on a table, and for which columns, all where none are named.
const GRANTS: [(&str, &str); 18] = [
    ("__diesel_schema_migrations", "SELECT"),
    ("installation", "SELECT, INSERT"),
    ("workers", "SELECT, INSERT, UPDATE, DELETE"),
    // Who asked is a bare id there; no column holds a name.
    ("analyses", "SELECT"),
    (
        "analyses",
        "UPDATE (status, attempt, started_at, released_at, finished_at)",
    ),
    (
        "analyses",
        "UPDATE (failure_code, failure_message, quality_flags, updated_at)",
    ),
    ("scans", "SELECT (id, size_bytes, latest_analysis_id)"),
    (
        "scans",
        "UPDATE (study_uid, series_uid, study_date, slice_count, updated_at)",
    ),
    ("scans", "UPDATE (suspicion_group, suspicion)"),
    ("stage_starts", "SELECT, INSERT, DELETE"),
    // What is there is neither changed nor taken away.
    ("stage_results", "SELECT, INSERT"),
    ("waiting_analyses", "SELECT, DELETE"),
    ("turn_clocks", "SELECT"),
    ("turn_clocks", "UPDATE (used_ms)"),
    ("turn_shares", "SELECT, INSERT, DELETE"),
    ("turn_shares", "UPDATE (used_ms)"),
    ("outbox", "SELECT, INSERT"),
    ("outbox", "UPDATE (claimed_until, published_at)"),
];

/// Statements that give it to a role, whose name is quoted.
pub(crate) fn statements(role: &str) -> String {
    GRANTS
        .iter()
        .map(|(table, privileges)| format!("GRANT {privileges} ON {table} TO {role}; "))
        .collect()
}
