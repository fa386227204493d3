use std::collections::HashMap;

use norma_database::{
    Analysis, Database, DatabaseError, FeedbackUser, NewFeedback, Page, StudyOrder, StudyQuery, StudyTray,
};
use norma_domain::{AnalysisId, Verdict};
use uuid::Uuid;

use crate::builders::{answered, prepare, prepared, report, request, requested};
use crate::schema::execute;
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
        let of_scans = database.answers_of_scans(vec![scan.id, unanswered.scan_id]).await;
        assert_eq!(of_scans.unwrap(), HashMap::from([(scan.id, by_scan)]));
        let [answered_id, unanswered_id] = [answered.id, unanswered.id];
        let reports = database.reports(vec![answered_id, unanswered_id]).await.unwrap();
        assert_eq!(reports.keys().collect::<Vec<_>>(), [&answered_id]);
        let report = database.report(answered_id).await.unwrap();
        assert_eq!(reports.get(&answered_id), Some(&report));
        assert_eq!(judgements[0].verdict, report.unwrap().verdict);
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

/// One row that cannot be read would take what a site learns of all others along.
#[test]
fn a_report_of_a_newer_version_takes_no_other_one_along() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let [newer, known] = [
            answered(database, None, Verdict::Norm, Some(0.1)).await,
            answered(database, None, Verdict::Norm, Some(0.1)).await,
        ];
        let id = newer.id.to_string();
        let id = match side.url.starts_with("sqlite") {
            true => format!("x'{}'", id.replace('-', "")),
            false => format!("'{id}'"),
        };
        execute(
            &side,
            &format!("UPDATE reports SET report = '{{\"words\": \"newer\"}}' WHERE analysis_id = {id}"),
        );
        let reports = database.reports(vec![newer.id, known.id]).await.unwrap();
        assert_eq!(reports[&newer.id], None);
        assert_eq!(reports[&known.id], database.report(known.id).await.unwrap());
        assert!(reports[&known.id].is_some());
    });
}

async fn answer(database: &Database, analysis: &Analysis, verdict: Verdict) {
    prepare(database, analysis.id).await;
    let answer = report(analysis, verdict, Some(0.4));
    assert!(database.complete_analysis(answer).await.unwrap());
}

/// A word on a study's answer speaks against the latest one, which may be of another analysis.
#[test]
fn what_readers_say_against_the_latest_verdict_is_listed() {
    use Verdict::{Norm, Pathology, Undetermined};
    on_both_sides(|side| async move {
        let database = &side.database;
        for (judged, agree, label, latest, contradicts) in [
            (Norm, false, None, None, true),
            (Norm, false, Some("emphysema"), None, true),
            (Norm, true, None, None, false),
            (Pathology, false, Some("norm"), None, true),
            (Pathology, false, Some("emphysema"), None, true),
            (Pathology, true, Some("pathology"), None, false),
            (Undetermined, false, Some("norm"), None, true),
            // Nobody contradicts an answer that says what he said.
            (Norm, false, Some("emphysema"), Some(Pathology), false),
            (Norm, false, None, Some(Pathology), false),
            (Norm, false, None, Some(Norm), true),
            (Norm, true, None, Some(Pathology), true),
            (Pathology, true, None, Some(Norm), true),
            (Pathology, true, None, Some(Undetermined), false),
            (Pathology, false, Some("norm"), Some(Norm), false),
            (Pathology, false, Some("emphysema"), Some(Norm), true),
            (Undetermined, false, Some("norm"), Some(Pathology), true),
            (Undetermined, false, Some("emphysema"), Some(Norm), true),
            (Undetermined, false, Some("emphysema"), Some(Pathology), false),
        ] {
            let first = requested(database).await;
            answer(database, &first, judged).await;
            let word = NewFeedback {
                analysis_id: first.id,
                agree,
                label: label.map(str::to_owned),
                comment: None,
                user: None,
            };
            let word = database.add_feedback(word).await.unwrap();
            if let Some(latest) = latest {
                let again = request(database, first.scan_id).await.analysis;
                answer(database, &again, latest).await;
            }
            let case = format!("{}: {judged} {agree} {label:?} {latest:?}", side.name);
            let scans = database.contradicted_scans().await.unwrap();
            assert_eq!(scans.contains(&first.scan_id), contradicts, "{case}");
            let listed = async |tray| {
                let query = StudyQuery {
                    tray,
                    order: StudyOrder::Newest,
                    ..StudyQuery::default()
                };
                let listing = database.list_studies(query, Page::default()).await.unwrap();
                let mut rows = listing.items.into_iter();
                rows.find(|row| row.scan.id == first.scan_id)
            };
            let expected = contradicts.then(|| vec![word.clone()]);
            let row = listed(Some(StudyTray::Contradicted)).await;
            assert_eq!(row.map(|row| row.contradictions), expected, "{case}");
            let row = listed(None).await.expect("it is in the worklist");
            assert_eq!(row.contradictions, expected.unwrap_or_default(), "{case}");
            // What is taken back speaks against nothing.
            assert!(database.withdraw_feedback(first.id, word.id, None).await.unwrap());
            assert!(
                !database
                    .contradicted_scans()
                    .await
                    .unwrap()
                    .contains(&first.scan_id),
                "{case}"
            );
        }
    });
}
