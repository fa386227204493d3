//! The schema's migrations, compiled in, one set for each side.

use diesel::migration::MigrationSource;
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel::{PgConnection, RunQueryDsl as _};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::DatabaseError;
use crate::connection::AnyConnection;
use crate::roles::{Roles, applied};

const POSTGRESQL: EmbeddedMigrations = embed_migrations!("../../migrations/postgresql");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Key of the advisory lock that a process holds while it migrates: `norma` in ASCII.
const MIGRATION_LOCK: i64 = 0x006e_6f72_6d61;

/// Brings the schema up to date; refuses one that is newer than the program. Processes that start at once
/// wait for each other. A user that does not own the tables of PostgreSQL only looks whether they are up to date.
pub(crate) fn apply(connection: &mut AnyConnection, roles: &Roles) -> Result<(), DatabaseError> {
    if let AnyConnection::Postgres(inner) = connection
        && roles.only_reads_schema(inner)?
    {
        let missing = |missing: &str| DatabaseError::OlderSchema {
            missing: missing.to_owned(),
        };
        let applied = applied(inner)?.ok_or_else(|| missing("every migration"))?;
        let known = known::<Pg>(&POSTGRESQL)?;
        refuse_newer(&applied, &known)?;
        let unapplied = known.iter().find(|version| !applied.contains(version));
        return unapplied.map_or(Ok(()), |version| Err(missing(version)));
    }
    exclusively(connection, |side| match side {
        AnyConnection::Postgres(inner) => {
            run_pending::<Pg>(inner, POSTGRESQL)?;
            roles.grant(inner)
        }
        AnyConnection::Sqlite(inner) => run_pending::<Sqlite>(inner, SQLITE),
    })
}

/// Takes back every migration, and with them every row.
pub(crate) fn revert_all(connection: &mut AnyConnection) -> Result<(), DatabaseError> {
    exclusively(connection, |side| {
        match side {
            AnyConnection::Postgres(inner) => inner.revert_all_migrations(POSTGRESQL).map(drop),
            AnyConnection::Sqlite(inner) => inner.revert_all_migrations(SQLITE).map(drop),
        }
        .map_err(migration_error)
    })
}

fn exclusively(
    connection: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<(), DatabaseError>,
) -> Result<(), DatabaseError> {
    match connection {
        AnyConnection::Postgres(inner) => {
            // A change of the schema, and the wait for another process that makes one, may take any time.
            let limits = replace_limits(inner, ["0".to_owned(), "0".to_owned()])?;
            advisory_lock(inner, "SELECT pg_advisory_lock($1)")?;
            let outcome = work(connection);
            if let AnyConnection::Postgres(inner) = connection {
                // Should this fail, the lock goes with the session.
                let _ = advisory_lock(inner, "SELECT pg_advisory_unlock($1)");
                replace_limits(inner, limits)?;
            }
            outcome
        }
        AnyConnection::Sqlite(_) => crate::connection::in_transaction(connection, work),
    }
}

/// Sets how long statements may take and wait for locks; gives what held before.
fn replace_limits(connection: &mut PgConnection, limits: [String; 2]) -> Result<[String; 2], DatabaseError> {
    const SETTINGS: [&str; 2] = ["statement_timeout", "lock_timeout"];
    let mut before = SETTINGS.map(|_| String::new());
    for ((setting, limit), before) in SETTINGS.iter().zip(limits).zip(&mut before) {
        *before = diesel::select(diesel::dsl::sql::<Text>(&format!("current_setting('{setting}')")))
            .get_result(connection)?;
        diesel::sql_query("SELECT set_config($1, $2, false)")
            .bind::<Text, _>(*setting)
            .bind::<Text, _>(limit)
            .execute(connection)?;
    }
    Ok(before)
}

fn advisory_lock(connection: &mut PgConnection, sql: &str) -> Result<(), DatabaseError> {
    diesel::sql_query(sql)
        .bind::<diesel::sql_types::BigInt, _>(MIGRATION_LOCK)
        .execute(connection)?;
    Ok(())
}

fn run_pending<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> Result<(), DatabaseError> {
    let known = known::<DB>(&migrations)?;
    let applied = connection.applied_migrations().map_err(migration_error)?;
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    refuse_newer(&applied, &known)?;
    connection
        .run_pending_migrations(migrations)
        .map_err(migration_error)?;
    Ok(())
}

fn known<DB: diesel::backend::Backend>(
    migrations: &EmbeddedMigrations,
) -> Result<Vec<String>, DatabaseError> {
    let all = MigrationSource::<DB>::migrations(migrations).map_err(migration_error)?;
    Ok(all
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect())
}

fn refuse_newer(applied: &[String], known: &[String]) -> Result<(), DatabaseError> {
    match applied.iter().find(|version| !known.contains(version)) {
        Some(unknown) => Err(DatabaseError::NewerSchema {
            found: unknown.clone(),
            newest: known.iter().max().cloned().unwrap_or_default(),
        }),
        None => Ok(()),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn migration_error(error: Box<dyn std::error::Error + Send + Sync>) -> DatabaseError {
    DatabaseError::Migration(error.to_string())
}
