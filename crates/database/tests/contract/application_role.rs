//! The role that gateway, report and shadow sign in as on PostgreSQL owns nothing. That it can do their work is shown by this whole suite,
//! which signs in so.

use norma_database::{Database, DatabaseError, DatabaseOptions, DatabaseUrl};
use norma_test_support::servers::PostgreSql;

use crate::roles::{assert_denied, execute, tables};

async fn open(url: &str, application: &str, worker: Option<&str>) -> Result<Database, DatabaseError> {
    let options = DatabaseOptions {
        application_role: Some(application.to_owned()),
        worker_role: worker.map(str::to_owned),
        ..DatabaseOptions::new(DatabaseUrl::parse(url)?)
    };
    Database::open_with(options).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_role_changes_no_table_no_right_and_no_audit_event() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let role = "application_that_was_taken_over";
    let owner_url = server.fresh_database();
    let url = server.role(&owner_url, role);
    open(&owner_url, role, None).await.unwrap();
    // By hand, what a start takes away again.
    execute(&owner_url, &format!("GRANT ALL ON audit_events TO {role}")).unwrap();
    open(&owner_url, role, None).await.unwrap();
    open(&url, role, None).await.unwrap();

    let tables = tables(&owner_url);
    for name in &tables {
        execute(&url, &format!("SELECT * FROM {name}")).unwrap();
        for sql in [
            format!("TRUNCATE {name} CASCADE"),
            format!("DROP TABLE {name} CASCADE"),
            format!("ALTER TABLE {name} DISABLE TRIGGER ALL"),
            format!("ALTER TABLE {name} ADD COLUMN mine integer"),
            format!("ALTER TABLE {name} OWNER TO {role}"),
        ] {
            assert_denied(&url, &sql);
        }
    }
    for sql in [
        "UPDATE audit_events SET action = 'nothing'",
        "DELETE FROM audit_events",
        "DELETE FROM audit_head",
        "UPDATE audit_pruned SET sequence = 9",
        "DELETE FROM audit_pruned",
        "DELETE FROM __diesel_schema_migrations",
        "CREATE TABLE mine (id integer)",
        "CREATE TEMPORARY TABLE mine (id integer)",
        "CREATE OR REPLACE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "DROP TRIGGER audit_events_append_only ON audit_events",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE ROLE another",
        "SET session_replication_role = replica",
    ] {
        assert_denied(&url, sql);
    }
    assert!(execute(&url, "SET ROLE norma").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_application_waits_for_the_schema_and_never_makes_it() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let role = "application_before_the_schema";
    let owner_url = server.fresh_database();
    let url = server.role(&owner_url, role);
    let waits = open(&url, role, None).await.unwrap_err();
    assert!(matches!(waits, DatabaseError::OlderSchema { .. }), "{waits:?}");
    assert!(waits.is_retryable());
    open(&owner_url, role, None).await.unwrap();
    open(&url, role, None).await.unwrap();
    // One that has its tables already is refused: rights that nobody can take from it.
    let owns = open(&owner_url, "norma", None).await.unwrap_err();
    assert!(matches!(&owns, DatabaseError::Role { setting, .. } if *setting == "database.application_role"));
    let one_for_both = open(&owner_url, role, Some(role)).await.unwrap_err();
    assert!(
        matches!(&one_for_both, DatabaseError::Role { setting, .. } if *setting == "database.worker_role")
    );
}
