//! The role that workers sign in as on PostgreSQL does their work, and reaches nothing else.

use std::time::Duration;

use norma_database::{Database, DatabaseError, DatabaseOptions, DatabaseUrl, Worker};
use norma_domain::{BundleReference, Reason, ReasonCode, Stage};
use norma_test_support::servers::PostgreSql;
use uuid::Uuid;

use crate::builders::{completed, details, message, requested, scan, summary};
use crate::roles::{assert_denied, execute, tables};

/// What the role may read in whole. Everything else of the schema is refused, also what later migrations bring.
const READABLE: [&str; 10] = [
    "__diesel_schema_migrations",
    "analyses",
    "installation",
    "outbox",
    "stage_results",
    "stage_starts",
    "turn_clocks",
    "turn_shares",
    "waiting_analyses",
    "workers",
];

struct Installation {
    owner_url: String,
    worker_url: String,
    owner: Database,
}

async fn open(url: &str, role: &str) -> Result<Database, DatabaseError> {
    let options = DatabaseOptions {
        worker_role: Some(role.to_owned()),
        ..DatabaseOptions::new(DatabaseUrl::parse(url)?)
    };
    Database::open_with(options).await
}

async fn installation(server: &PostgreSql, role: &str) -> Installation {
    let owner_url = server.fresh_database();
    let worker_url = server.role(&owner_url, role);
    Installation {
        owner: open(&owner_url, role).await.unwrap(),
        owner_url,
        worker_url,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_does_the_work_of_workers() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let Installation {
        owner,
        owner_url,
        worker_url,
    } = installation(server, "worker_at_work").await;
    let worker = open(&worker_url, "worker_at_work").await.unwrap();
    worker.ping().await.unwrap();
    let id = worker.create_installation(Uuid::now_v7()).await.unwrap();
    assert_eq!(owner.installation().await.unwrap(), Some(id));
    let (analysis, refused) = (requested(&owner).await, requested(&owner).await);
    let known = worker.existing_scans(vec![analysis.scan_id]).await.unwrap();
    assert_eq!(known.len(), 1);

    // The relay.
    assert_eq!(worker.release_analyses(10).await.unwrap().count, 2);
    let claimed = worker.claim_outbox(10, Duration::from_secs(30)).await.unwrap();
    let ids: Vec<Uuid> = claimed.iter().map(|message| message.message_id).collect();
    worker.release_outbox(ids[..1].to_vec()).await.unwrap();
    worker.mark_published(ids[1..].to_vec()).await.unwrap();
    assert_eq!(owner.count_unpublished().await.unwrap(), 1);

    // Its presence.
    let present = Worker {
        id: Uuid::now_v7(),
        stage: Stage::Anomaly,
        bundle: BundleReference {
            name: "bundle".to_owned(),
            version: "1".to_owned(),
            sha256: "0".repeat(64),
        },
    };
    worker.note_worker(present.clone()).await.unwrap();
    worker.note_worker(present.clone()).await.unwrap();
    worker.forget_worker(present.id).await.unwrap();

    // Preparing, given up half-way, slow, begun again, and what is refused.
    worker.begin_preparing(analysis.id).await.unwrap().unwrap();
    // An hour ago: leaving it charges whoever asked.
    let earlier = "UPDATE stage_starts SET started_at = started_at - interval '1 hour'";
    execute(&owner_url, earlier).unwrap();
    worker.leave_stage(analysis.id, Stage::Preprocess).await.unwrap();
    worker.begin_preparing(analysis.id).await.unwrap().unwrap();
    let recorded = worker.record_prepared(analysis.id, summary(), message("prepared"));
    assert!(recorded.await.unwrap());
    assert_eq!(owner.prepared(analysis.id).await.unwrap(), Some(summary()));
    worker.begin_preparing(refused.id).await.unwrap().unwrap();
    let reason = Reason::new(ReasonCode::UndecodablePixels, "cut off");
    assert!(worker.fail_analysis(refused.id, reason).await.unwrap());

    // A stage of the models.
    assert!(worker.begin_stage(analysis.id, Stage::Typing).await.unwrap());
    let outcome = completed(Stage::Typing);
    for is_first in [true, false] {
        let recorded = worker.record_stage_outcome(analysis.id, outcome.clone(), message("stage"));
        assert_eq!(recorded.await.unwrap(), is_first);
    }
    assert_eq!(worker.stage_outcomes(analysis.id).await.unwrap(), [outcome]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_workers_role_reaches_no_patients_accounts_keys_reports_or_audit() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let Installation {
        owner,
        owner_url,
        worker_url,
    } = installation(server, "worker_that_was_taken_over").await;
    let patient = owner.create_patient(details("Ivan", "Ivanov")).await.unwrap();
    scan(&owner, Some(patient.id)).await;

    let tables = tables(&owner_url);
    for name in &tables {
        if READABLE.contains(&name.as_str()) {
            execute(&worker_url, &format!("SELECT * FROM {name}")).unwrap();
        } else {
            assert_denied(&worker_url, &format!("SELECT * FROM {name}"));
            assert_denied(&worker_url, &format!("DELETE FROM {name}"));
        }
        assert_denied(&worker_url, &format!("TRUNCATE {name} CASCADE"));
        assert_denied(&worker_url, &format!("DROP TABLE {name} CASCADE"));
        assert_denied(&worker_url, &format!("ALTER TABLE {name} DISABLE TRIGGER ALL"));
    }
    for table in [
        "patients",
        "study_identities",
        "dicom_studies",
        "reports",
        "users",
        "sessions",
        "api_keys",
        "second_factors",
        "recovery_codes",
        "audit_events",
        "audit_head",
    ] {
        assert!(tables.iter().any(|found| found == table), "{table}");
    }
    for sql in [
        "SELECT file_name FROM scans",
        "SELECT description FROM scans",
        "SELECT patient_id FROM scans",
        "UPDATE scans SET patient_id = NULL",
        "UPDATE scans SET owner = 'key:mine'",
        "DELETE FROM scans",
        "INSERT INTO scans (id) VALUES (gen_random_uuid())",
        "INSERT INTO analyses (id) VALUES (gen_random_uuid())",
        "UPDATE analyses SET scan_id = gen_random_uuid()",
        "UPDATE analyses SET threshold_proposal_id = NULL",
        "DELETE FROM analyses",
        "INSERT INTO reports (analysis_id) VALUES (gen_random_uuid())",
        "UPDATE stage_results SET payload = '{}'",
        "DELETE FROM stage_results",
        "UPDATE outbox SET payload = ''",
        "DELETE FROM outbox",
        "INSERT INTO api_keys (id) VALUES (gen_random_uuid())",
        "INSERT INTO audit_events DEFAULT VALUES",
        "SELECT norma_prune_audit(1, '')",
        "CREATE TABLE mine (id integer)",
        "CREATE TEMPORARY TABLE mine (id integer)",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ] {
        assert_denied(&worker_url, sql);
    }
    assert!(execute(&worker_url, "CREATE ROLE another").is_err());
    assert!(execute(&worker_url, "SET ROLE norma").is_err());
    assert!(execute(&worker_url, "SET session_replication_role = replica").is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_given_by_hand_go_at_the_next_start() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let role = "worker_with_more";
    let of = installation(server, role).await;
    execute(
        &of.owner_url,
        &format!("GRANT ALL ON patients TO {role}; GRANT SELECT (file_name) ON scans TO {role}"),
    )
    .unwrap();
    execute(
        &of.worker_url,
        "SELECT * FROM patients; SELECT file_name FROM scans",
    )
    .unwrap();
    open(&of.owner_url, role).await.unwrap();
    assert_denied(&of.worker_url, "SELECT * FROM patients");
    assert_denied(&of.worker_url, "SELECT file_name FROM scans");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_waits_for_the_schema_and_never_makes_it() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let role = "worker_before_the_gateway";
    let owner_url = server.fresh_database();
    let worker_url = server.role(&owner_url, role);
    let waits = |opened: Result<Database, DatabaseError>| {
        let error = opened.unwrap_err();
        assert!(matches!(error, DatabaseError::OlderSchema { .. }), "{error:?}");
        assert!(error.is_retryable());
    };
    // Of an empty database, one whose owner knows no role, and one that is older.
    waits(open(&worker_url, role).await);
    Database::open(&owner_url).await.unwrap();
    waits(open(&worker_url, role).await);
    open(&owner_url, role).await.unwrap();
    open(&worker_url, role).await.unwrap();
    execute(
        &owner_url,
        "CREATE TABLE kept AS SELECT * FROM __diesel_schema_migrations; \
         DELETE FROM __diesel_schema_migrations WHERE version = (SELECT max(version) FROM kept)",
    )
    .unwrap();
    waits(open(&worker_url, role).await);
    // Whoever is told of no role and does not own the tables waits too.
    waits(Database::open(&worker_url).await);
    execute(
        &owner_url,
        "INSERT INTO __diesel_schema_migrations SELECT * FROM kept WHERE version = (SELECT max(version) FROM kept); \
         INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')",
    )
    .unwrap();
    let newer = open(&worker_url, role).await.unwrap_err();
    assert!(matches!(newer, DatabaseError::NewerSchema { .. }), "{newer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_may_too_much_or_is_not_there_is_refused() {
    let Some(server) = PostgreSql::shared() else {
        return;
    };
    let url = server.fresh_database();
    Database::open(&url).await.unwrap();
    execute(
        &url,
        "CREATE ROLE worker_as_superuser SUPERUSER; CREATE ROLE worker_as_owner; GRANT norma TO worker_as_owner",
    )
    .unwrap();
    for role in [
        "nobody_made_it",
        "worker_as_superuser",
        "worker_as_owner",
        "norma",
        "x\"; DROP TABLE scans; --",
        "",
    ] {
        let refused = open(&url, role).await.unwrap_err();
        assert!(
            matches!(&refused, DatabaseError::Role { role: named, .. } if named == role),
            "{role}: {refused:?}"
        );
        assert!(!refused.is_retryable());
    }
}
