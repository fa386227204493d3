//! What is old leaves the audit trail once it was archived, and nothing else does.

use chrono::{TimeDelta, Utc};
use norma_database::{AuditFault, AuditHead, Database, NewAuditEvent};

use crate::schema::try_execute;
use crate::sides::{Side, on_both_sides};

async fn append(database: &Database, days: i64, action: &str) {
    let event = NewAuditEvent {
        at: Utc::now() - TimeDelta::days(days),
        ..NewAuditEvent::of_system("gateway", action)
    };
    database.append_audit_events(vec![event]).await.unwrap();
}

/// Events 1 to 4 are old, the third of them a statement of erasure; 5 and 6 are young.
async fn filled(side: &Side) {
    for action in ["patient.read", "scan.read", "patient.erase", "report.read"] {
        append(&side.database, 400, action).await;
    }
    for action in ["patient.read", "patient.update"] {
        append(&side.database, 29, action).await;
    }
}

async fn head(database: &Database, sequence: u64) -> AuditHead {
    let hash = database.audit_hash_of(sequence).await.unwrap().unwrap();
    AuditHead { sequence, hash }
}

fn told() -> NewAuditEvent {
    NewAuditEvent::of_system("gateway", "audit.archive")
}

#[test]
fn old_events_go_and_the_chain_goes_on_from_them() {
    on_both_sides(|side| async move {
        filled(&side).await;
        let database = &side.database;
        let archived = database
            .audit_records(0, Utc::now() - TimeDelta::days(365), 100)
            .await
            .unwrap();
        let numbers: Vec<u64> = archived.iter().map(|record| record.sequence).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        for record in &archived {
            assert_eq!(record.content_hash(), record.hash);
            // As it lies in a file.
            let json = serde_json::to_string(record).unwrap();
            assert_eq!(
                &serde_json::from_str::<norma_database::AuditRecord>(&json).unwrap(),
                record
            );
        }
        let until = head(database, 4).await;
        assert_eq!(database.prune_audit(until.clone(), told()).await.unwrap(), 3);
        assert_eq!(database.audit_pruned().await.unwrap(), until);
        // Again, by a process that was slower.
        assert_eq!(database.prune_audit(until, told()).await.unwrap(), 0);
        for (sequence, is_there) in [
            (1, false),
            (2, false),
            (3, true),
            (4, false),
            (5, true),
            (7, true),
        ] {
            assert_eq!(
                database.audit_hash_of(sequence).await.unwrap().is_some(),
                is_there,
                "{sequence}"
            );
        }
        let missing = AuditFault::Missing { from: 1, to: 4 };
        assert_eq!(database.verify_audit(None).await.unwrap().faults, [missing]);
        let mut walk = database.begin_audit_walk([]).await.unwrap();
        archived.iter().for_each(|record| walk.archived(record));
        let whole = database.finish_audit_walk(walk).await.unwrap();
        assert_eq!((whole.events, whole.faults), (7, vec![]));

        // An archive that was altered together with its hashes does not lead to what is here.
        let mut forged = archived.clone();
        forged[2].action = "patient.nothing".to_owned();
        forged[2].hash = forged[2].content_hash();
        let mut walk = database.begin_audit_walk([]).await.unwrap();
        forged.iter().for_each(|record| walk.archived(record));
        let faults = database.finish_audit_walk(walk).await.unwrap().faults;
        assert_eq!(
            faults,
            [
                // Not as the statement that stayed, and not what the next one follows.
                AuditFault::NotAsNoted { sequence: 3 },
                AuditFault::Unchained { sequence: 4 },
            ]
        );
    });
}

#[test]
fn nothing_young_nothing_unknown_and_no_statement_goes() {
    on_both_sides(|side| async move {
        filled(&side).await;
        let database = &side.database;
        let young = head(database, 5).await;
        let other = AuditHead {
            hash: "0".repeat(64),
            ..head(database, 4).await
        };
        let beyond = AuditHead {
            sequence: 4000,
            ..young.clone()
        };
        for until in [young, other, beyond] {
            let refused = database.prune_audit(until, told()).await.unwrap_err();
            assert!(format!("{refused:?}").contains("append-only"), "{refused:?}");
        }
        // Nor was told what did not happen.
        assert_eq!(database.audit_head().await.unwrap().unwrap().sequence, 6);
        assert_eq!(database.verify_audit(None).await.unwrap().faults, []);

        let until = head(database, 2).await;
        database.prune_audit(until, told()).await.unwrap();
        for sql in [
            "UPDATE audit_pruned SET sequence = 0, hash = ''",
            "UPDATE audit_pruned SET sequence = 6",
            "DELETE FROM audit_pruned",
            "INSERT INTO audit_pruned (id, sequence, hash) VALUES (2, 1, '')",
            "DELETE FROM audit_events WHERE sequence = 4",
        ] {
            let refused = try_execute(&side, sql).unwrap_err();
            assert!(refused.contains("append-only"), "{sql}: {refused}");
        }
        let until = head(database, 4).await;
        database.prune_audit(until, told()).await.unwrap();
        let refused = try_execute(&side, "DELETE FROM audit_events WHERE sequence = 3").unwrap_err();
        assert!(refused.contains("append-only"), "{refused}");
        assert_eq!(database.missing_audit_guards().await.unwrap(), [""; 0]);
    });
}
