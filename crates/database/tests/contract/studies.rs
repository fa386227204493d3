use norma_database::{Database, Page, StudyOrder, StudyQuery, StudyTray};
use norma_domain::{AnalysisStatus, Reason, ReasonCode, ScanId, Stage, Verdict};

use crate::builders::{answered, details, probability, request, requested, scan};
use crate::sides::on_both_sides;

async fn scan_ids(database: &Database, query: StudyQuery) -> Vec<ScanId> {
    let page = Page {
        limit: 100,
        offset: 0,
    };
    let listing = database.list_studies(query, page).await.unwrap();
    assert_eq!(listing.total, listing.items.len() as u64);
    listing.items.into_iter().map(|row| row.scan.id).collect()
}

#[test]
fn the_most_suspicious_come_first_and_norm_last() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let norm = answered(database, None, Verdict::Norm, Some(0.05)).await;
        let doubtful_norm = answered(database, None, Verdict::Norm, Some(0.4)).await;
        let untouched = scan(database, None).await;
        let running = requested(database).await;
        let undetermined = answered(database, None, Verdict::Undetermined, None).await;
        let likely = answered(database, None, Verdict::Pathology, Some(0.97)).await;
        let less_likely = answered(database, None, Verdict::Pathology, Some(0.6)).await;
        let failed = requested(database).await;
        let reason = Reason::new(ReasonCode::UndecodablePixels, "cut off");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());

        let all = scan_ids(database, StudyQuery::default()).await;
        assert_eq!(
            all,
            [
                likely.scan_id,
                less_likely.scan_id,
                undetermined.scan_id,
                failed.scan_id,
                running.scan_id,
                untouched.id,
                doubtful_norm.scan_id,
                norm.scan_id,
            ],
            "{}",
            side.name
        );
        let newest = StudyQuery {
            order: StudyOrder::Newest,
            ..StudyQuery::default()
        };
        assert_eq!(scan_ids(database, newest).await[0], failed.scan_id);
        let oldest = StudyQuery {
            order: StudyOrder::Oldest,
            ..StudyQuery::default()
        };
        assert_eq!(scan_ids(database, oldest).await[0], norm.scan_id);

        let page = Page { limit: 2, offset: 1 };
        let listing = database.list_studies(StudyQuery::default(), page).await.unwrap();
        let found: Vec<_> = listing.items.iter().map(|row| row.scan.id).collect();
        assert_eq!((found, listing.total), (all[1..3].to_vec(), 8));
    });
}

#[test]
fn what_is_undetermined_over_the_threshold_stands_beside_pathology() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let below = answered(database, None, Verdict::Undetermined, Some(0.52)).await;
        let likely = answered(database, None, Verdict::Pathology, Some(0.9)).await;
        // The builder's threshold itself.
        let at = answered(database, None, Verdict::Undetermined, Some(0.53)).await;
        let above = answered(database, None, Verdict::Undetermined, Some(0.98)).await;
        let unknown = answered(database, None, Verdict::Undetermined, None).await;
        let norm = answered(database, None, Verdict::Norm, Some(0.1)).await;

        let of = |verdict| StudyQuery {
            verdict,
            ..StudyQuery::default()
        };
        assert_eq!(
            scan_ids(database, of(None)).await,
            [
                above.scan_id,
                likely.scan_id,
                at.scan_id,
                below.scan_id,
                unknown.scan_id,
                norm.scan_id
            ],
            "{}",
            side.name
        );
        assert_eq!(
            scan_ids(database, of(Some(Verdict::Pathology))).await,
            [likely.scan_id]
        );
        assert_eq!(
            scan_ids(database, of(Some(Verdict::Undetermined))).await,
            [above.scan_id, at.scan_id, below.scan_id, unknown.scan_id]
        );
        assert_eq!(scan_ids(database, of(Some(Verdict::Norm))).await, [norm.scan_id]);
        let completed = StudyQuery {
            status: Some(AnalysisStatus::Completed),
            ..StudyQuery::default()
        };
        assert_eq!(scan_ids(database, completed).await.len(), 6);
    });
}

#[test]
fn what_holds_no_chest_lies_in_a_tray_of_its_own_behind_everything() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let mut no_chest = Vec::new();
        for code in [ReasonCode::NotCt, ReasonCode::NoChestSeries, ReasonCode::NoLungs] {
            let failed = requested(database).await;
            assert!(
                database
                    .fail_analysis(failed.id, Reason::new(code, "no chest"))
                    .await
                    .unwrap()
            );
            no_chest.insert(0, failed.scan_id);
        }
        let failed = requested(database).await;
        let reason = Reason::new(ReasonCode::StageTimeout, "too slow");
        assert!(database.fail_analysis(failed.id, reason).await.unwrap());
        let norm = answered(database, None, Verdict::Norm, Some(0.1)).await;

        let of = |tray, status| StudyQuery {
            tray,
            status,
            ..StudyQuery::default()
        };
        let reading = [failed.scan_id, norm.scan_id];
        assert_eq!(
            scan_ids(database, of(Some(StudyTray::Reading), None)).await,
            reading,
            "{}",
            side.name
        );
        assert_eq!(
            scan_ids(database, of(Some(StudyTray::NoChest), None)).await,
            no_chest
        );
        assert_eq!(
            scan_ids(database, of(None, None)).await,
            [&reading[..], &no_chest[..]].concat()
        );
        // Failed it is, too.
        let all_failed = scan_ids(database, of(None, Some(AnalysisStatus::Failed))).await;
        assert_eq!(all_failed, [&[failed.scan_id][..], &no_chest[..]].concat());
        let completed = scan_ids(database, of(None, Some(AnalysisStatus::Completed))).await;
        assert_eq!(completed, [norm.scan_id]);
        // Analysed again, it is among what runs.
        let again = request(database, no_chest[0]).await.analysis;
        let running = scan_ids(database, of(Some(StudyTray::Reading), None)).await;
        assert!(running.contains(&again.scan_id));
    });
}

#[test]
fn a_line_tells_since_when_it_waits_for_a_worker() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let analysis = requested(database).await;
        let waiting = async || {
            let listing = database
                .list_studies(StudyQuery::default(), Page::default())
                .await
                .unwrap();
            listing.items.into_iter().next().unwrap().waiting_since
        };
        assert_eq!(waiting().await, Some(analysis.updated_at), "{}", side.name);
        assert!(
            database
                .begin_stage(analysis.id, Stage::Preprocess)
                .await
                .unwrap()
        );
        assert_eq!(waiting().await, None);
        database
            .leave_stage(analysis.id, Stage::Preprocess)
            .await
            .unwrap();
        assert!(waiting().await.is_some());
        let reason = Reason::new(ReasonCode::StageTimeout, "too slow");
        assert!(database.fail_analysis(analysis.id, reason).await.unwrap());
        assert_eq!(waiting().await, None);
    });
}

#[test]
fn a_line_shows_the_latest_analysis_and_never_an_earlier_answer() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("Ада", "Пример")).await.unwrap();
        let analysis = answered(database, Some(patient.id), Verdict::Pathology, Some(0.97)).await;
        let line = async || {
            let listing = database
                .list_studies(StudyQuery::default(), Page::default())
                .await
                .unwrap();
            listing.items.into_iter().next().unwrap()
        };

        let shown = line().await;
        assert_eq!(shown.patient, Some(patient.clone()));
        assert_eq!(shown.scan.study_date.as_deref(), Some("20240131"));
        assert_eq!(
            shown.analysis.unwrap().quality_flags,
            [ReasonCode::ContrastAgent, ReasonCode::GantryTilt]
        );
        let answer = shown.answer.unwrap();
        assert_eq!(answer.verdict, Verdict::Pathology);
        assert_eq!(answer.probability, Some(probability(0.97)));
        assert_eq!(answer.threshold, probability(0.53));
        // The likeliest of those present, not the likeliest of all.
        let top = answer.top_finding.unwrap();
        assert_eq!(
            (top.label.as_str(), top.probability),
            ("emphysema", probability(0.8))
        );

        let again = request(database, analysis.scan_id).await.analysis;
        let shown = line().await;
        assert_eq!(shown.analysis.unwrap().id, again.id);
        assert_eq!(shown.answer, None);
    });
}

#[test]
fn the_worklist_is_narrowed() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let patient = database.create_patient(details("Пётр", "Семёнов")).await.unwrap();
        let mine = answered(database, Some(patient.id), Verdict::Norm, Some(0.1)).await;
        let other = answered(database, None, Verdict::Pathology, Some(0.9)).await;
        let bare = scan(database, None).await;
        let all = StudyQuery::default;
        let search = |text: &str| StudyQuery {
            search: Some(text.to_owned()),
            ..all()
        };

        assert_eq!(scan_ids(database, search("семенов ПЕТР")).await, [mine.scan_id]);
        assert_eq!(scan_ids(database, search("иванов")).await, []);
        assert_eq!(scan_ids(database, search(" ")).await.len(), 3);
        assert_eq!(
            scan_ids(database, search(" 1.2.3 ")).await,
            [other.scan_id, mine.scan_id]
        );
        let of_patient = StudyQuery {
            patient_id: Some(patient.id),
            ..all()
        };
        assert_eq!(scan_ids(database, of_patient).await, [mine.scan_id]);
        let pathology = StudyQuery {
            verdict: Some(Verdict::Pathology),
            ..all()
        };
        assert_eq!(scan_ids(database, pathology).await, [other.scan_id]);
        let completed = StudyQuery {
            status: Some(AnalysisStatus::Completed),
            ..all()
        };
        assert_eq!(scan_ids(database, completed).await, [other.scan_id, mine.scan_id]);
        let late = StudyQuery {
            created_from: Some(bare.created_at),
            ..all()
        };
        assert_eq!(scan_ids(database, late).await, [bare.id]);
        let early = StudyQuery {
            created_before: Some(bare.created_at),
            ..all()
        };
        assert_eq!(scan_ids(database, early).await.len(), 2);
    });
}
