//! What a role of PostgreSQL may do and what not, asked of a server.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};

#[derive(QueryableByName)]
struct Table {
    #[diesel(sql_type = Text)]
    name: String,
}

pub(crate) fn execute(url: &str, sql: &str) -> Result<(), String> {
    let mut connection = PgConnection::establish(url).unwrap();
    connection.batch_execute(sql).map_err(|error| error.to_string())
}

#[track_caller]
pub(crate) fn assert_denied(url: &str, sql: &str) {
    let answer = execute(url, sql);
    let is_denied = answer
        .as_ref()
        .is_err_and(|error| error.contains("permission denied") || error.contains("must be "));
    assert!(is_denied, "{sql}: {answer:?}");
}

/// The names of all tables of the schema.
pub(crate) fn tables(owner_url: &str) -> Vec<String> {
    let tables: Vec<Table> = diesel::sql_query(
        "SELECT tablename::text AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1",
    )
    .load(&mut PgConnection::establish(owner_url).unwrap())
    .unwrap();
    assert!(tables.len() > 30, "{}", tables.len());
    tables.into_iter().map(|table| table.name).collect()
}
