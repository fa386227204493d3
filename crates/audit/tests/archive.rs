//! The archive of a trail, killed in between and tampered with.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use chrono::{TimeDelta, Utc};
use norma_audit::{AuditArchive, HeadKey, SegmentFile, read_segment, segments_of};
use norma_database::{AuditFault, AuditVerification, Database, NewAuditEvent};
use norma_domain::PatientId;
use tempfile::TempDir;
use uuid::Uuid;

const KEY: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";

async fn opened(folder: &TempDir) -> AuditArchive {
    let url = format!("sqlite://{}/norma.db", folder.path().display());
    let database = Database::open(&url).await.unwrap();
    database.create_installation(Uuid::now_v7()).await.unwrap();
    AuditArchive {
        database,
        key: HeadKey::parse(KEY).unwrap(),
        folder: folder.path().join("archive"),
        keep: TimeDelta::days(365),
        is_exported: false,
    }
}

/// Events of so many days ago.
async fn fill(database: &Database, days: i64, actions: &[&str]) {
    for action in actions {
        let event = NewAuditEvent {
            at: Utc::now() - TimeDelta::days(days),
            patient_id: Some(PatientId::generate()),
            ..NewAuditEvent::of_system("gateway", action)
        };
        database.append_audit_events(vec![event]).await.unwrap();
    }
}

async fn sequences(database: &Database) -> Vec<u64> {
    let records = database
        .audit_records(0, Utc::now() + TimeDelta::days(1), 1000)
        .await
        .unwrap();
    records.iter().map(|record| record.sequence).collect()
}

/// As `norma audit verify` does: what the segments say, and then the chain over archive and database.
async fn verified(archive: &AuditArchive) -> (Vec<String>, AuditVerification) {
    let installation = archive.database.installation().await.unwrap().unwrap();
    let mut walk = archive.database.begin_audit_walk([]).await.unwrap();
    let mut faults = Vec::new();
    for segment in segments_of(&archive.folder).unwrap() {
        match read_segment(&segment, &archive.key.public(), installation) {
            Ok(records) => records.iter().for_each(|record| walk.archived(record)),
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    let verification = archive.database.finish_audit_walk(walk).await.unwrap();
    (faults, verification)
}

async fn assert_whole(archive: &AuditArchive, events: u64) {
    let (faults, verification) = verified(archive).await;
    assert_eq!(faults, [""; 0]);
    assert_eq!((verification.events, verification.faults), (events, vec![]));
}

fn names(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn what_is_old_is_archived_and_the_trail_is_whole_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let archive = opened(&folder).await;
    assert_eq!(archive.archive_all().await.unwrap(), 0, "an empty trail");
    fill(
        &archive.database,
        800,
        &["patient.read", "patient.erase", "scan.read"],
    )
    .await;
    fill(&archive.database, 2, &["patient.read", "patient.update"]).await;
    assert_eq!(archive.archive_all().await.unwrap(), 2);
    assert_eq!(names(&archive.folder), ["audit-000000000001-000000000003.jsonl"]);
    // The statement of erasure stays, and what is young; the archiving was told.
    assert_eq!(sequences(&archive.database).await, [2, 4, 5, 6]);
    assert_whole(&archive, 6).await;
    assert_eq!(
        archive.archive_all().await.unwrap(),
        0,
        "nothing else is old enough"
    );

    fill(&archive.database, 1, &["patient.read"]).await;
    let later = AuditArchive {
        keep: TimeDelta::days(0),
        ..archive.clone()
    };
    // The database itself keeps thirty days, whoever asks.
    later.archive_all().await.unwrap_err();
    assert_eq!(sequences(&archive.database).await, [2, 4, 5, 6, 7]);
    // Without its archive the trail is not whole.
    let faults = archive.database.verify_audit([]).await.unwrap().faults;
    assert_eq!(faults, [AuditFault::Missing { from: 1, to: 3 }]);
}

#[tokio::test]
async fn killed_at_any_moment_the_archive_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let archive = opened(&folder).await;
    fill(
        &archive.database,
        800,
        &["patient.read", "scan.read", "report.read"],
    )
    .await;
    fill(&archive.database, 0, &["patient.read"]).await;
    // Killed while it wrote: half of a file, under no segment's name.
    std::fs::create_dir_all(&archive.folder).unwrap();
    std::fs::write(archive.folder.join(".partial-1"), "{\"segment\":").unwrap();
    // Killed after the segment was there, before its events were taken out.
    let segment = archive.next_segment().await.unwrap().unwrap();
    assert_eq!(sequences(&archive.database).await, [1, 2, 3, 4]);
    assert_whole(&archive, 4).await;
    let bytes = std::fs::read(&segment.path).unwrap();
    // More has become old meanwhile, but what was written stays as it is.
    assert_eq!(archive.next_segment().await.unwrap().unwrap(), segment);
    assert_eq!(archive.archive_all().await.unwrap(), 3);
    assert_eq!(std::fs::read(&segment.path).unwrap(), bytes);
    assert_whole(&archive, 5).await;
    // A second process had the segment in hand: it takes nothing out twice, and tells nothing twice.
    assert_eq!(archive.prune(&segment).await.unwrap(), 0);
    assert_whole(&archive, 5).await;
}

#[tokio::test]
async fn nothing_leaves_the_database_that_is_not_archived_as_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let archive = opened(&folder).await;
    fill(
        &archive.database,
        800,
        &["patient.read", "scan.read", "report.read"],
    )
    .await;
    fill(&archive.database, 0, &["patient.read"]).await;
    let segment = archive.next_segment().await.unwrap().unwrap();
    let whole = std::fs::read_to_string(&segment.path).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let other = HeadKey::parse(&"11".repeat(32)).unwrap();
    for (damaged, why) in [
        (whole.replace("scan.read", "scan.delete"), "event 2 was altered"),
        (lines[..3].join("\n"), "it ends before event 3"),
        (lines[..4].join("\n"), "it has no head"),
        (
            [lines[0], lines[1], lines[3], lines[4]].join("\n"),
            "event 2 is missing",
        ),
        (
            format!("{whole}{}\n", lines[3]),
            "something stands behind its head",
        ),
        (whole.replace("\"last\":3", "\"last\":2"), "it is of another form"),
        (String::new(), "it is empty"),
    ] {
        std::fs::write(&segment.path, damaged).unwrap();
        let error = format!("{:#}", archive.archive_all().await.unwrap_err());
        assert!(error.contains(why), "{why}: {error}");
        assert_eq!(sequences(&archive.database).await, [1, 2, 3, 4], "{why}");
        let (faults, _) = verified(&archive).await;
        assert!(faults[0].contains(why), "{why}: {faults:?}");
    }
    std::fs::write(&segment.path, &whole).unwrap();
    // Signed by somebody else.
    let forged = AuditArchive {
        key: other,
        ..archive.clone()
    };
    let error = format!("{:#}", forged.prune(&segment).await.unwrap_err());
    assert!(error.contains("not signed by the key"), "{error}");
    assert_eq!(archive.archive_all().await.unwrap(), 3);

    // Afterwards a changed archive is found, and so is one that is gone.
    std::fs::write(&segment.path, whole.replace("report.read", "report.none")).unwrap();
    let (faults, verification) = verified(&archive).await;
    assert_eq!(faults, ["event 3 was altered"]);
    assert_eq!(verification.faults, [AuditFault::Missing { from: 1, to: 3 }]);
    std::fs::remove_file(&segment.path).unwrap();
    let error = format!("{:#}", archive.archive_all().await.unwrap_err());
    assert!(error.contains("lacks the segment"), "{error}");
}

#[tokio::test]
async fn what_a_collector_was_not_sent_stays() {
    let folder = tempfile::tempdir().unwrap();
    let archive = AuditArchive {
        is_exported: true,
        ..opened(&folder).await
    };
    fill(
        &archive.database,
        800,
        &["patient.read", "scan.read", "report.read"],
    )
    .await;
    assert_eq!(archive.archive_all().await.unwrap(), 0);
    archive.database.note_audit_export("syslog", 2).await.unwrap();
    assert_eq!(archive.archive_all().await.unwrap(), 2);
    assert_eq!(segments_of(&archive.folder).unwrap().len(), 1);
    let SegmentFile { first, last, .. } = segments_of(&archive.folder).unwrap().remove(0);
    assert_eq!((first, last), (1, 2));
}
