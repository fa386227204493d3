//! Migrations, and what happens to a database that is too new.

use std::collections::HashSet;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use norma_database::{Database, DatabaseError, Page, StudyQuery};
use norma_domain::{Reason, ReasonCode, Verdict};

use crate::builders::{answered, details, requested, scan};
use crate::sides::{Side, on_both_sides};

pub(crate) fn execute(side: &Side, sql: &str) {
    try_execute(side, sql).unwrap();
}

/// The database's words where it refuses.
pub(crate) fn try_execute(side: &Side, sql: &str) -> Result<(), String> {
    match side.url.strip_prefix("sqlite://") {
        Some(path) => SqliteConnection::establish(path).unwrap().batch_execute(sql),
        None => PgConnection::establish(&side.url).unwrap().batch_execute(sql),
    }
    .map_err(|error| error.to_string())
}

#[test]
fn migrations_go_down_and_up_again() {
    on_both_sides(|side| async move {
        side.database.create_patient(details("A", "B")).await.unwrap();
        let owner = Database::open(&side.url).await.unwrap();
        owner.revert_all_migrations().await.unwrap();
        let gone = side.database.list_patients(None, Page::default()).await;
        assert!(matches!(gone, Err(DatabaseError::Query(_))));

        let reopened = Database::open(&side.url).await.unwrap();
        let listing = reopened.list_patients(None, Page::default()).await.unwrap();
        assert_eq!(listing.total, 0);
    });
}

#[test]
fn the_worklist_of_a_database_from_before_is_put_in_order() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let norm = answered(database, None, Verdict::Norm, Some(0.1)).await.scan_id;
        let untouched = scan(database, None).await.id;
        let failed = requested(database).await;
        let reason = Reason::new(ReasonCode::UndecodablePixels, "cut off");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());
        let running = requested(database).await.scan_id;
        let likely = answered(database, None, Verdict::Pathology, Some(0.9))
            .await
            .scan_id;
        let unlikely = answered(database, None, Verdict::Pathology, Some(0.6))
            .await
            .scan_id;
        let order = async || {
            let listing = database.list_studies(StudyQuery::default(), Page::default());
            let items = listing.await.unwrap().items;
            items.into_iter().map(|row| row.scan.id).collect::<Vec<_>>()
        };
        let before = order().await;
        assert_eq!(
            before,
            [likely, unlikely, failed.scan_id, running, untouched, norm]
        );

        let migration = "2026-11-23-000003_worklist_order";
        let down = format!(
            "{}/../../migrations/{}/{migration}/down.sql",
            env!("CARGO_MANIFEST_DIR"),
            side.name
        );
        execute(&side, &std::fs::read_to_string(down).unwrap());
        execute(
            &side,
            "DELETE FROM __diesel_schema_migrations WHERE version = '20261123000003'",
        );
        Database::open(&side.url).await.unwrap();

        assert_eq!(order().await, before);
    });
}

#[test]
fn the_trays_of_a_database_from_before_are_filled() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let incomplete = answered(database, None, Verdict::Undetermined, Some(0.98)).await;
        let likely = answered(database, None, Verdict::Pathology, Some(0.9)).await;
        let no_chest = requested(database).await;
        let reason = Reason::new(ReasonCode::NoLungs, "no lungs");
        assert!(database.fail_analysis(no_chest.id, reason).await.unwrap());
        let norm = answered(database, None, Verdict::Norm, Some(0.1)).await;
        let order = async || {
            let listing = database.list_studies(StudyQuery::default(), Page::default());
            let items = listing.await.unwrap().items;
            items.into_iter().map(|row| row.scan.id).collect::<Vec<_>>()
        };
        let with_trays = [incomplete.scan_id, likely.scan_id, norm.scan_id, no_chest.scan_id];
        assert_eq!(order().await, with_trays, "{}", side.name);

        let down = format!(
            "{}/../../migrations/{}/2026-11-27-004900_suspicious_and_no_chest/down.sql",
            env!("CARGO_MANIFEST_DIR"),
            side.name
        );
        execute(&side, &std::fs::read_to_string(down).unwrap());
        assert_eq!(
            order().await,
            [likely.scan_id, incomplete.scan_id, no_chest.scan_id, norm.scan_id]
        );
        execute(
            &side,
            "DELETE FROM __diesel_schema_migrations WHERE version = '20261127004900'",
        );
        Database::open(&side.url).await.unwrap();

        assert_eq!(order().await, with_trays);
    });
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    on_both_sides(|side| async move {
        let patient = side.database.create_patient(details("A", "B")).await.unwrap();
        let reopened = Database::open(&side.url).await.unwrap();
        assert_eq!(reopened.patient(patient.id).await.unwrap(), Some(patient));
    });
}

#[test]
fn a_database_newer_than_the_program_is_refused() {
    on_both_sides(|side| async move {
        execute(
            &side,
            "INSERT INTO __diesel_schema_migrations (version) VALUES ('20990101000000')",
        );
        let Err(refused) = Database::open(&side.url).await else {
            panic!("opened a newer database on {}", side.name);
        };
        assert!(
            matches!(&refused, DatabaseError::NewerSchema { found, .. } if found == "20990101000000"),
            "{refused:?}"
        );
        assert!(!refused.is_retryable());
    });
}

#[test]
fn many_may_open_an_empty_database_at_once() {
    on_both_sides(|side| async move {
        let owner = Database::open(&side.url).await.unwrap();
        owner.revert_all_migrations().await.unwrap();
        let mut openings = tokio::task::JoinSet::new();
        for _ in 0..6 {
            let url = side.url.clone();
            openings.spawn(async move { Database::open(&url).await.map(drop) });
        }
        for opened in openings.join_all().await {
            opened.unwrap();
        }
        // Whoever names no role grants none.
        let reopened = Database::open(&side.url).await.unwrap();
        reopened.create_patient(details("A", "B")).await.unwrap();
    });
}

#[test]
fn a_damaged_row_is_reported_without_what_it_holds() {
    on_both_sides(|side| async move {
        let scan = scan(&side.database, None).await;
        execute(&side, "UPDATE scans SET study_uid = 'Ivan Ivanov'");
        let damaged = side.database.scan(scan.id).await.unwrap_err();
        assert!(matches!(
            damaged,
            DatabaseError::CorruptRow {
                table: "scans",
                column: "study_uid"
            }
        ));
        assert!(!format!("{damaged} {damaged:?}").contains("Ivan"));
    });
}

#[test]
fn both_sides_have_the_same_migrations() {
    let names = |side: &str| {
        let folder = format!("{}/../../migrations/{side}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        names
    };
    let names_there = names("postgresql");
    assert_eq!(names_there, names("sqlite"));
    // The version is the part before the first underscore; of two alike, one would never be applied.
    let versions: HashSet<_> = names_there
        .iter()
        .map(|name| name.to_string_lossy().split_once('_').unwrap().0.to_owned())
        .collect();
    assert_eq!(versions.len(), names_there.len());
}
