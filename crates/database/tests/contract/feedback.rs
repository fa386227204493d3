use norma_database::{DatabaseError, FeedbackUser, NewFeedback};
use norma_domain::AnalysisId;
use uuid::Uuid;

use crate::builders::{prepared, report, requested};
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

#[test]
fn words_on_answers_are_listed_with_the_study_that_they_are_about() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let answered = prepared(database).await;
        let unanswered = requested(database).await;
        let answer = report(&answered, norma_domain::Verdict::Norm, Some(0.1));
        assert!(database.complete_analysis(answer).await.unwrap());
        let word = |analysis_id, agree| NewFeedback {
            analysis_id,
            agree,
            label: None,
            comment: None,
            user: None,
        };
        let taken_back = database.add_feedback(word(answered.id, true)).await.unwrap();
        database.add_feedback(word(answered.id, false)).await.unwrap();
        database.add_feedback(word(unanswered.id, true)).await.unwrap();
        database
            .withdraw_feedback(answered.id, taken_back.id, None)
            .await
            .unwrap();

        let judgements = database.judgements().await.unwrap();
        assert_eq!(judgements.len(), 1);
        assert!(!judgements[0].agree);
        assert_eq!(judgements[0].about.scan_id, answered.scan_id);

        // The same study by its scan and by the UID that its files name.
        let scan = database.scan(answered.scan_id).await.unwrap().unwrap();
        let by_scan = database.answers_of_scan(scan.id).await.unwrap();
        assert_eq!(by_scan, [judgements[0].about]);
        // Other tests' answers may be newer.
        let newest = database.newest_answers(10_000).await.unwrap();
        assert!(newest.contains(&judgements[0].about));
        assert!(newest.is_sorted_by(|one, other| one.analysis_id >= other.analysis_id));
        assert_eq!(database.newest_answers(1).await.unwrap().len(), 1);
        assert_eq!(database.answers_of_scan(unanswered.scan_id).await.unwrap(), []);
        let by_uid = database.answers_of_study(scan.study_uid.unwrap()).await.unwrap();
        assert!(by_uid.contains(&judgements[0].about));
    });
}
