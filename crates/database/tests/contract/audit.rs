//! The audit trail: append-only, and what its verification finds.

use chrono::{TimeDelta, Utc};
use norma_database::{AuditFault, AuditHead, AuditOutcome, AuditQuery, Database, NewAuditEvent, Page};
use norma_domain::{PatientId, ScanId};

use crate::schema::{execute, try_execute};
use crate::sides::{Side, on_both_sides};

fn event(action: &str) -> NewAuditEvent {
    let mut event = NewAuditEvent::of_system("тест", action).about("scan", "1");
    event.patient_id = Some(PatientId::generate());
    event.scan_id = Some(ScanId::generate());
    event.source_address = "192.0.2.1".to_owned();
    event.status = Some(200);
    event.detail = "roles: clinician".to_owned();
    event
}

async fn filled(database: &Database, events: usize) {
    for number in 0..events {
        let event = event(if number % 2 == 0 {
            "patient.read"
        } else {
            "sign_in.password"
        });
        database.append_audit_events(vec![event]).await.unwrap();
    }
}

/// Takes the triggers away, as whoever owns the database may.
fn without_triggers(side: &Side, sql: &str) {
    match side.name {
        "sqlite" => execute(
            side,
            &format!(
                "DROP TRIGGER IF EXISTS audit_events_no_update; DROP TRIGGER IF EXISTS audit_events_no_delete; \
                 DROP TRIGGER IF EXISTS audit_head_moves_on; DROP TRIGGER IF EXISTS audit_head_stays; {sql}"
            ),
        ),
        _ => execute(side, &format!("SET session_replication_role = replica; {sql}")),
    }
}

async fn faults(side: &Side, noted: Option<AuditHead>) -> Vec<AuditFault> {
    side.database.verify_audit(noted).await.unwrap().faults
}

#[test]
fn events_are_kept_in_order_and_found() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let appended = database
            .append_audit_events(vec![event("patient.read"), event("sign_in.password")])
            .await
            .unwrap();
        assert_eq!((appended[0].sequence, appended[1].sequence), (1, 2));
        assert_eq!(appended[1].previous_hash, appended[0].hash);
        let later = database
            .append_audit_events(vec![event("patient.update")])
            .await
            .unwrap();
        let find = async |query: AuditQuery| {
            let found = database.list_audit_events(query, Page::default()).await.unwrap();
            found.items.iter().map(|event| event.sequence).collect::<Vec<_>>()
        };
        assert_eq!(find(AuditQuery::default()).await, [3, 2, 1]);
        let action = |action: &str| AuditQuery {
            action: Some(action.to_owned()),
            ..AuditQuery::default()
        };
        assert_eq!(find(action("patient.")).await, [3, 1]);
        assert_eq!(find(action("sign_in.password")).await, [2]);
        assert_eq!(find(action("patient")).await, [0; 0]);
        let patient = AuditQuery {
            patient_id: later[0].event.patient_id,
            ..AuditQuery::default()
        };
        assert_eq!(find(patient).await, [3]);
        let future = AuditQuery {
            from: Some(Utc::now() + TimeDelta::hours(1)),
            ..AuditQuery::default()
        };
        assert_eq!(find(future).await, [0; 0]);
        let next = AuditQuery {
            after: Some(1),
            actor_name: Some("тест".to_owned()),
            ..AuditQuery::default()
        };
        let next = database.next_audit_events(next, 10).await.unwrap();
        assert_eq!(next[0].event.outcome, AuditOutcome::Success);
        assert_eq!(next, [appended[1].clone(), later[0].clone()]);

        assert_eq!(database.audit_export_position("syslog").await.unwrap(), 0);
        for noted in [2, 3, 1] {
            database.note_audit_export("syslog", noted).await.unwrap();
        }
        assert_eq!(database.audit_export_position("syslog").await.unwrap(), 3);
    });
}

#[test]
fn the_database_refuses_to_change_what_is_written() {
    on_both_sides(|side| async move {
        filled(&side.database, 3).await;
        for sql in [
            "UPDATE audit_events SET actor_name = 'somebody else'",
            "DELETE FROM audit_events WHERE sequence = 3",
            "UPDATE audit_head SET sequence = 1",
            "DELETE FROM audit_head",
        ] {
            let refused = try_execute(&side, sql).unwrap_err();
            assert!(refused.contains("append-only"), "{sql}: {refused}");
        }
        assert_eq!(faults(&side, None).await, []);
    });
}

#[test]
fn a_chain_of_many_writers_is_whole() {
    on_both_sides(|side| async move {
        let other = Database::open(&side.url).await.unwrap();
        let (one, two) = tokio::join!(filled(&side.database, 20), filled(&other, 20));
        let _: ((), ()) = (one, two);
        let verification = side.database.verify_audit(None).await.unwrap();
        assert_eq!((verification.events, verification.faults.len()), (40, 0));
        assert_eq!(verification.head.unwrap().sequence, 40);
    });
}

#[test]
fn triggers_that_are_gone_or_off_are_named() {
    on_both_sides(|side| async move {
        let missing = async || side.database.missing_audit_guards().await.unwrap();
        assert_eq!(missing().await, [""; 0]);
        let (sql, named) = match side.name {
            "sqlite" => (
                "DROP TRIGGER audit_head_moves_on; DROP TRIGGER audit_events_no_update; \
                 CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events BEGIN SELECT 1; END",
                vec!["audit_events_no_update", "audit_head_moves_on"],
            ),
            _ => (
                "ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only; \
                 DROP TRIGGER audit_head_stays ON audit_head",
                vec!["audit_events_append_only", "audit_head_stays"],
            ),
        };
        execute(&side, sql);
        assert_eq!(missing().await, named);
    });
}

#[test]
fn a_trail_that_was_written_anew_is_not_as_any_of_its_noted_heads() {
    on_both_sides(|side| async move {
        let mut noted = Vec::new();
        assert_eq!(side.database.audit_head().await.unwrap(), None);
        for _ in 0..3 {
            filled(&side.database, 2).await;
            noted.extend(side.database.audit_head().await.unwrap());
        }
        let verify = async |noted: &[AuditHead]| {
            let noted = noted.to_vec();
            side.database.verify_audit(noted).await.unwrap().faults
        };
        assert_eq!(noted.len(), 3);
        assert_eq!(verify(&noted).await, []);
        // All of it anew, and shorter, with a head that fits: nothing in the database tells.
        without_triggers(
            &side,
            "DELETE FROM audit_events; UPDATE audit_head SET sequence = 0, hash = ''",
        );
        filled(&side.database, 5).await;
        assert_eq!(verify(&[]).await, []);
        assert_eq!(
            verify(&noted).await,
            [
                AuditFault::NotAsNoted { sequence: 2 },
                AuditFault::NotAsNoted { sequence: 4 },
                AuditFault::Truncated {
                    found: 5,
                    expected: 6
                },
            ]
        );
    });
}

#[test]
fn an_altered_event_is_found() {
    on_both_sides(|side| async move {
        filled(&side.database, 5).await;
        without_triggers(
            &side,
            "UPDATE audit_events SET actor_name = 'x' WHERE sequence = 2",
        );
        assert_eq!(faults(&side, None).await, [AuditFault::Altered { sequence: 2 }]);
    });
}

#[test]
fn a_removed_event_is_found() {
    on_both_sides(|side| async move {
        filled(&side.database, 5).await;
        without_triggers(&side, "DELETE FROM audit_events WHERE sequence IN (2, 3)");
        assert_eq!(
            faults(&side, None).await,
            [AuditFault::Missing { from: 2, to: 3 }]
        );
    });
}

#[test]
fn a_trail_without_its_end_is_found() {
    on_both_sides(|side| async move {
        filled(&side.database, 5).await;
        let noted = side.database.verify_audit(None).await.unwrap().head;
        without_triggers(&side, "DELETE FROM audit_events WHERE sequence > 3");
        let truncated = AuditFault::Truncated {
            found: 3,
            expected: 5,
        };
        assert_eq!(faults(&side, None).await, std::slice::from_ref(&truncated));
        // The head was set back too: what was noted elsewhere still tells.
        without_triggers(
            &side,
            "UPDATE audit_head SET sequence = 3, \
             hash = (SELECT hash FROM audit_events WHERE sequence = 3)",
        );
        assert_eq!(faults(&side, None).await, []);
        assert_eq!(faults(&side, noted).await, [truncated]);
    });
}

#[test]
fn a_trail_that_was_written_anew_is_not_the_one_that_was_noted() {
    on_both_sides(|side| async move {
        filled(&side.database, 3).await;
        let noted = side.database.verify_audit(None).await.unwrap().head;
        without_triggers(
            &side,
            "DELETE FROM audit_events; UPDATE audit_head SET sequence = 0, hash = ''",
        );
        filled(&side.database, 3).await;
        assert_eq!(faults(&side, None).await, []);
        assert_eq!(
            faults(&side, noted).await,
            [AuditFault::NotAsNoted { sequence: 3 }]
        );
    });
}
