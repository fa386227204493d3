use norma_database::{DatabaseError, FeedbackUser, NewFeedback};
use norma_domain::AnalysisId;
use uuid::Uuid;

use crate::builders::requested;
use crate::sides::on_both_sides;

#[test]
fn feedback_is_kept_in_its_order_and_goes_with_the_scan() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        let agreeing = NewFeedback {
            analysis_id: analysis.id,
            agree: true,
            label: None,
            comment: None,
            user: None,
        };
        let disagreeing = NewFeedback {
            agree: false,
            label: Some("emphysema".to_owned()),
            comment: Some("верхние доли".to_owned()),
            user: Some(FeedbackUser {
                id: Some(Uuid::now_v7()),
                name: "Reader".to_owned(),
            }),
            ..agreeing.clone()
        };
        let first = database.add_feedback(agreeing.clone()).await.unwrap();
        let second = database.add_feedback(disagreeing).await.unwrap();
        let second_id = second.id;
        let second_reader = second.user.as_ref().and_then(|user| user.id);
        assert_eq!(
            database.list_feedback(analysis.id).await.unwrap(),
            [first, second]
        );

        // Only who gave it takes it back, once; what is taken back is not listed.
        let reader = second_reader;
        assert!(
            !database
                .withdraw_feedback(analysis.id, second_id, None)
                .await
                .unwrap()
        );
        assert!(
            !database
                .withdraw_feedback(analysis.id, second_id, Some(Uuid::now_v7()))
                .await
                .unwrap()
        );
        assert!(
            database
                .withdraw_feedback(analysis.id, second_id, reader)
                .await
                .unwrap()
        );
        assert!(
            !database
                .withdraw_feedback(analysis.id, second_id, reader)
                .await
                .unwrap()
        );
        assert_eq!(database.list_feedback(analysis.id).await.unwrap().len(), 1);

        database.delete_scan(analysis.scan_id).await.unwrap();
        assert_eq!(database.list_feedback(analysis.id).await.unwrap(), []);
        let unknown = NewFeedback {
            analysis_id: AnalysisId::generate(),
            ..agreeing
        };
        let refused = database.add_feedback(unknown).await;
        assert!(matches!(refused, Err(DatabaseError::NotFound("analysis"))));
    });
}
