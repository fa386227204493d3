//! Words that only a newer version writes break no page of rows: both versions serve while one replaces the other.

use norma_database::{AuditOutcome, AuditQuery, NewApiKey, NewAuditEvent, Page, Rejection, StudyQuery};
use norma_domain::{Reason, ReasonCode, Role, Roles, Stage};
use uuid::Uuid;

use crate::builders::{completed, message, new_prediction, prepare, requested, scan};
use crate::schema::execute;
use crate::sides::on_both_sides;

#[test]
fn a_page_of_studies_with_words_of_a_newer_version_is_listed() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let failed = requested(database).await;
        let reason = Reason::new(ReasonCode::NoLungs, "why it failed");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());
        let running = requested(database).await;
        prepare(database, running.id).await;
        let outcome = completed(Stage::Anomaly);
        assert!(
            database
                .record_stage_outcome(running.id, outcome, message("stage"))
                .await
                .unwrap()
        );
        execute(
            &side,
            "UPDATE analyses SET failure_code = 'of_a_newer_version' WHERE status = 'failed'",
        );
        execute(
            &side,
            "UPDATE analyses SET quality_flags = 'slice_gap of_a_newer_version'",
        );
        execute(
            &side,
            "UPDATE stage_results SET stage = 'newer' WHERE stage = 'anomaly'",
        );

        let listed = database
            .list_studies(StudyQuery::default(), Page::default())
            .await
            .unwrap();
        assert_eq!(listed.items.len(), 2, "{}", side.name);
        let shown = listed
            .items
            .into_iter()
            .filter_map(|row| row.analysis)
            .collect::<Vec<_>>();
        let failure = shown
            .iter()
            .find_map(|analysis| analysis.failure.clone())
            .unwrap();
        assert_eq!(
            (failure.code, failure.message.as_str()),
            (ReasonCode::Internal, "why it failed")
        );
        assert!(
            shown
                .iter()
                .all(|analysis| analysis.quality_flags == [ReasonCode::SliceGap])
        );
        let unfinished = database.unfinished_analyses().await.unwrap();
        assert_eq!(unfinished[0].stages, [Stage::Preprocess]);
        assert_eq!(database.stage_ends(running.id).await.unwrap().len(), 1);
        assert_eq!(database.stage_outcomes(running.id).await.unwrap(), []);
        assert_eq!(database.changes_after(0, 10).await.unwrap().len(), 2);
    });
}

#[test]
fn lists_of_keys_rejections_and_events_are_read_with_words_of_a_newer_version() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let key = database.create_api_key(NewApiKey {
            name: "a".to_owned(),
            scope: "a".to_owned(),
            roles: Roles::of(&[Role::Clinician]),
            secret_hash: [7; 32],
            prefix: "norma_".to_owned(),
            created_by: "test".to_owned(),
            expires_at: None,
            made_by_user: None,
            needs_confirmation: false,
            allowed_addresses: Vec::new(),
        });
        key.await.unwrap();
        execute(
            &side,
            "UPDATE api_keys SET roles = 'clinician of_a_newer_version'",
        );
        let keys = database.list_api_keys(Page::default()).await.unwrap();
        assert_eq!(keys.items[0].roles, Roles::of(&[Role::Clinician]));

        let (id, scan) = (Uuid::now_v7(), scan(database, None).await);
        let rejection = Rejection {
            location: "a.zip".to_owned(),
            reason: Reason::new(ReasonCode::UnreadableArchive, "not a zip archive"),
        };
        database
            .create_prediction(new_prediction(id, vec![scan.id], vec![rejection]))
            .await
            .unwrap();
        execute(
            &side,
            "UPDATE prediction_rejections SET code = 'of_a_newer_version'",
        );
        let prediction = database.prediction(id).await.unwrap().unwrap();
        assert_eq!(prediction.rejections[0].reason.code, ReasonCode::Internal);

        let event = NewAuditEvent::of_system("test", "test.done");
        database.append_audit_events(vec![event]).await.unwrap();
        let trigger = match side.name {
            "sqlite" => "DROP TRIGGER audit_events_no_update",
            _ => "DROP TRIGGER audit_events_append_only ON audit_events",
        };
        execute(&side, trigger);
        execute(&side, "UPDATE audit_events SET outcome = 'of_a_newer_version'");
        let events = database
            .list_audit_events(AuditQuery::default(), Page::default())
            .await
            .unwrap();
        assert_ne!(events.items[0].event.outcome, AuditOutcome::Success);
        assert!(events.items[0].event.detail.contains("of_a_newer_version"));
    });
}
