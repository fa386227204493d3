//! The PostgreSQL role of the workers that read uploads and run models: it may do their work and nothing else. Names of patients
//! and files, accounts, keys, sessions, reports and the audit trail are out of its reach.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _};

use crate::DatabaseError;

/// PostgreSQL cuts longer names off.
const LONGEST_NAME: usize = 63;

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

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    answer: bool,
}

/// Gives the role what it needs and takes from it what else it has in this schema, in one transaction.
///
/// # Errors
/// [`DatabaseError::WorkerRole`] where there is no such role, or it may do more than can be taken from it.
pub(crate) fn grant(connection: &mut PgConnection, role: &str) -> Result<(), DatabaseError> {
    let quoted = quoted(role)?;
    if !asked(
        connection,
        role,
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS answer",
    )? {
        return Err(refused(
            role,
            "is not there: make it with deploy/postgresql/worker-role.sql",
        ));
    }
    let is_powerful = "SELECT rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication \
                       OR pg_has_role(rolname, current_user, 'MEMBER') AS answer FROM pg_roles WHERE rolname = $1";
    if asked(connection, role, is_powerful)? {
        return Err(refused(
            role,
            "may do more than a worker needs: it is a superuser, makes roles, or stands in for who owns the tables",
        ));
    }
    let schema: Name =
        diesel::sql_query("SELECT quote_ident(current_schema()) AS name").get_result(connection)?;
    let schema = schema.name;
    let mut sql = format!(
        "BEGIN; REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}; \
         REVOKE CREATE ON SCHEMA {schema} FROM {quoted}; GRANT USAGE ON SCHEMA {schema} TO {quoted}; "
    );
    for (table, privileges) in GRANTS {
        sql.push_str(&format!("GRANT {privileges} ON {table} TO {quoted}; "));
    }
    sql.push_str("COMMIT");
    if let Err(error) = connection.batch_execute(&sql) {
        connection.batch_execute("ROLLBACK")?;
        return Err(error.into());
    }
    Ok(())
}

/// Whether this connection's user may not change the schema: it is the workers' role, or another that does not own the tables
/// that are there.
///
/// # Errors
/// [`DatabaseError::WorkerRole`] where the workers' role owns them.
pub(crate) fn only_reads_schema(
    connection: &mut PgConnection,
    role: Option<&str>,
) -> Result<bool, DatabaseError> {
    let is_not_owner = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) \
                        AND NOT pg_has_role(relowner, 'USAGE')) AS answer";
    let is_not_owner = asked(connection, "__diesel_schema_migrations", is_not_owner)?;
    let Some(role) = role else {
        return Ok(is_not_owner);
    };
    if !asked(connection, role, "SELECT current_user::text = $1 AS answer")? {
        return Ok(is_not_owner);
    }
    let is_there = "SELECT to_regclass($1) IS NOT NULL AS answer";
    if !is_not_owner && asked(connection, "__diesel_schema_migrations", is_there)? {
        return Err(refused(role, "owns the tables: workers need a role of their own"));
    }
    Ok(true)
}

/// The versions of the migrations that were applied, read without the right to make their table; None before there is one, and where this
/// user may not read them yet.
pub(crate) fn applied(connection: &mut PgConnection) -> Result<Option<Vec<String>>, DatabaseError> {
    let is_there = "SELECT coalesce(has_table_privilege(to_regclass($1), 'SELECT'), false) AS answer";
    if !asked(connection, "__diesel_schema_migrations", is_there)? {
        return Ok(None);
    }
    let rows: Vec<Name> =
        diesel::sql_query("SELECT version::text AS name FROM __diesel_schema_migrations").load(connection)?;
    Ok(Some(rows.into_iter().map(|row| row.name).collect()))
}

fn asked(connection: &mut PgConnection, about: &str, sql: &str) -> Result<bool, DatabaseError> {
    let answer: Answer = diesel::sql_query(sql)
        .bind::<Text, _>(about)
        .get_result(connection)?;
    Ok(answer.answer)
}

/// The role's name as SQL takes it; none that would have to be escaped.
fn quoted(role: &str) -> Result<String, DatabaseError> {
    let is_plain = !role.is_empty()
        && role.len() <= LONGEST_NAME
        && role
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if is_plain {
        Ok(format!("\"{role}\""))
    } else {
        Err(refused(role, "is no name of small letters, digits and _"))
    }
}

fn refused(role: &str, reason: &'static str) -> DatabaseError {
    DatabaseError::WorkerRole {
        role: role.to_owned(),
        reason,
    }
}
