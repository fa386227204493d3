//! Roles of PostgreSQL that own no table: whoever owns the tables brings the schema up to date and grants each what it needs.

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{Bool, Text};
use diesel::{PgConnection, QueryableByName, RunQueryDsl as _};

use crate::{DatabaseError, application_role, worker_role};

/// PostgreSQL cuts longer names off.
const LONGEST_NAME: usize = 63;

/// Names of the roles, by the settings of the same name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Roles {
    pub(crate) application: Option<String>,
    pub(crate) worker: Option<String>,
}

/// A role, and the setting that names it.
#[derive(Clone, Copy)]
struct Role<'a> {
    setting: &'static str,
    name: &'a str,
}

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

impl Roles {
    fn named(&self) -> impl Iterator<Item = Role<'_>> {
        let application = ("database.application_role", self.application.as_deref());
        let worker = ("database.worker_role", self.worker.as_deref());
        [application, worker]
            .into_iter()
            .filter_map(|(setting, name)| name.map(|name| Role { setting, name }))
    }

    /// Gives each role what it needs and takes from it what else it has in this schema, in one transaction.
    ///
    /// # Errors
    /// [`DatabaseError::Role`] where there is no such role, or it may do more than can be taken from it.
    pub(crate) fn grant(&self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        if self.named().next().is_none() {
            return Ok(());
        }
        let schema: Name =
            diesel::sql_query("SELECT quote_ident(current_schema()) AS name").get_result(connection)?;
        let schema = schema.name;
        if let (Some(application), Some(worker)) = (&self.application, &self.worker)
            && application == worker
        {
            let role = Role {
                setting: "database.worker_role",
                name: worker,
            };
            return Err(role.refused("is that of database.application_role: workers need one of their own"));
        }
        let mut sql = "BEGIN; ".to_owned();
        for role in self.named() {
            let quoted = role.quoted()?;
            role.check(connection)?;
            sql.push_str(&format!(
                "REVOKE ALL ON ALL TABLES IN SCHEMA {schema} FROM {quoted}; \
                 REVOKE CREATE ON SCHEMA {schema} FROM {quoted}; GRANT USAGE ON SCHEMA {schema} TO {quoted}; "
            ));
            sql.push_str(&if Some(role.name) == self.worker.as_deref() {
                worker_role::statements(&quoted)
            } else {
                application_role::statements(&schema, &quoted)
            });
        }
        sql.push_str("COMMIT");
        if let Err(error) = connection.batch_execute(&sql) {
            connection.batch_execute("ROLLBACK")?;
            return Err(error.into());
        }
        Ok(())
    }

    /// Whether this connection's user may not change the schema: it is one of the roles, or another that does not own the tables
    /// that are there.
    ///
    /// # Errors
    /// [`DatabaseError::Role`] where one of the roles owns them.
    pub(crate) fn only_reads_schema(&self, connection: &mut PgConnection) -> Result<bool, DatabaseError> {
        let is_not_owner = "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) \
                            AND NOT pg_has_role(relowner, 'USAGE')) AS answer";
        let is_not_owner = asked(connection, "__diesel_schema_migrations", is_not_owner)?;
        for role in self.named() {
            if !asked(connection, role.name, "SELECT current_user::text = $1 AS answer")? {
                continue;
            }
            let is_there = "SELECT to_regclass($1) IS NOT NULL AS answer";
            if !is_not_owner && asked(connection, "__diesel_schema_migrations", is_there)? {
                return Err(role.refused("owns the tables: it has to be a role of its own"));
            }
            return Ok(true);
        }
        Ok(is_not_owner)
    }
}

impl Role<'_> {
    /// That it is there, and is nobody whose rights cannot be taken away.
    fn check(self, connection: &mut PgConnection) -> Result<(), DatabaseError> {
        let is_there = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1) AS answer";
        if !asked(connection, self.name, is_there)? {
            return Err(self.refused("is not there: make it with deploy/postgresql/role.sql"));
        }
        let is_powerful = "SELECT rolsuper OR rolcreaterole OR rolbypassrls OR rolreplication \
                           OR pg_has_role(rolname, current_user, 'MEMBER') AS answer FROM pg_roles WHERE rolname = $1";
        if asked(connection, self.name, is_powerful)? {
            return Err(self.refused(
                "may do more than it needs: it is a superuser, makes roles, or stands in for who owns the tables",
            ));
        }
        Ok(())
    }

    /// Its name as SQL takes it; none that would have to be escaped.
    fn quoted(self) -> Result<String, DatabaseError> {
        let is_plain = !self.name.is_empty()
            && self.name.len() <= LONGEST_NAME
            && self
                .name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if is_plain {
            Ok(format!("\"{}\"", self.name))
        } else {
            Err(self.refused("is no name of small letters, digits and _"))
        }
    }

    fn refused(self, reason: &'static str) -> DatabaseError {
        DatabaseError::Role {
            setting: self.setting,
            role: self.name.to_owned(),
            reason,
        }
    }
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
