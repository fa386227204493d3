//! What is deleted is written down until its objects have followed.

use std::time::Duration;

use norma_database::{AuditQuery, NewAuditEvent, Page};

use crate::builders::{details, request, scan};
use crate::schema::execute;
use crate::sides::on_both_sides;

#[test]
fn a_deleted_scan_is_due_until_its_objects_were_deleted_twice() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysed = scan(database, None).await;
        request(database, analysed.id).await;
        let bare = scan(database, None).await;
        assert_eq!(database.due_object_deletions(10).await.unwrap(), []);

        let deleted = database.delete_scan(analysed.id).await.unwrap().unwrap();
        assert_eq!(deleted.analysis_ids.len(), 1);
        assert_eq!(
            database.due_object_deletions(10).await.unwrap(),
            std::slice::from_ref(&deleted)
        );
        let later = Duration::from_secs(3600);
        database.note_objects_deleted(&deleted, later).await.unwrap();
        assert_eq!(database.due_object_deletions(10).await.unwrap(), []);
        // An hour passes.
        let past = match side.name {
            "sqlite" => "UPDATE object_deletions SET due_at = datetime(due_at, '-2 hours')",
            _ => "UPDATE object_deletions SET due_at = due_at - interval '2 hours'",
        };
        execute(&side, past);
        assert_eq!(
            database.due_object_deletions(10).await.unwrap(),
            std::slice::from_ref(&deleted)
        );
        database
            .note_objects_deleted(&deleted, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(database.due_object_deletions(10).await.unwrap(), []);

        // No worker can have stored anything for a scan that was never analysed.
        let deleted = database.delete_scan(bare.id).await.unwrap().unwrap();
        database
            .note_objects_deleted(&deleted, Duration::ZERO)
            .await
            .unwrap();
        assert_eq!(database.due_object_deletions(10).await.unwrap(), []);
        assert_eq!(database.delete_scan(bare.id).await.unwrap(), None);
    });
}

#[test]
fn a_scan_expires_with_its_event_or_not_at_all() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (kept, expired) = (scan(database, None).await, scan(database, None).await);
        let event = |id| NewAuditEvent::of_system("retention", "scan.expire").about("scan", id);
        assert!(
            database
                .expire_scan(expired.id, event(expired.id))
                .await
                .unwrap()
                .is_some()
        );
        // Again: nothing happens, and nothing is told.
        assert!(
            database
                .expire_scan(expired.id, event(expired.id))
                .await
                .unwrap()
                .is_none()
        );
        let events = database
            .list_audit_events(AuditQuery::default(), Page::default())
            .await
            .unwrap();
        assert_eq!(events.total, 1, "{}", side.name);

        // A trail that cannot be written: the scan stays.
        execute(
            &side,
            "DROP TRIGGER IF EXISTS audit_head_stays"
                .replacen(
                    "audit_head_stays",
                    if side.name == "sqlite" {
                        "audit_head_stays"
                    } else {
                        "audit_head_stays ON audit_head"
                    },
                    1,
                )
                .as_str(),
        );
        execute(&side, "DELETE FROM audit_head");
        assert!(database.expire_scan(kept.id, event(kept.id)).await.is_err());
        assert!(database.scan(kept.id).await.unwrap().is_some());
    });
}

/// SQLite keeps deleted rows in free pages and in its journal, as long as nothing overwrites them.
#[test]
fn the_name_of_a_deleted_patient_is_in_no_file_any_more() {
    on_both_sides(|side| async move {
        let Some(file) = side.url.strip_prefix("sqlite://") else {
            return;
        };
        let name = "Qwmzkvinskaya";
        let patient = side.database.create_patient(details("Anna", name)).await.unwrap();
        scan(&side.database, Some(patient.id)).await;
        let holds_name = || {
            let folder = std::path::Path::new(file).parent().unwrap();
            let files = std::fs::read_dir(folder).unwrap();
            files
                .map(|file| std::fs::read(file.unwrap().path()).unwrap())
                .any(|bytes| bytes.windows(name.len()).any(|window| window == name.as_bytes()))
        };
        assert!(holds_name());
        side.database
            .delete_patient(
                patient.id,
                norma_database::AuditActor::system("test"),
                String::new(),
            )
            .await
            .unwrap();
        assert!(!holds_name());
    });
}
