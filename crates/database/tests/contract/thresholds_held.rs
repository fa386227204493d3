//! Thresholds that are accepted or taken back while an analysis runs.

use chrono::{TimeDelta, Utc};
use norma_database::{Completion, Database, HeldTo, NewAnalysis};
use norma_domain::{AnalysisId, AnalysisStatus, OperatingPointName, ScanId, ThresholdProposalId, Verdict};

use crate::builders::{new_analysis, report, scan};
use crate::sides::on_both_sides;

/// An operating point, by its name or as the default, under these thresholds.
fn question(
    scan_id: ScanId,
    (point, named): (&str, bool),
    proposal: Option<ThresholdProposalId>,
) -> NewAnalysis {
    NewAnalysis {
        operating_point: OperatingPointName(point.to_owned()),
        operating_point_named: named,
        threshold_proposal_id: proposal,
        bundle_version: format!("with {proposal:?}"),
        ..new_analysis(scan_id, Utc::now() + TimeDelta::hours(1))
    }
}

async fn asked(database: &Database, new: NewAnalysis) -> (AnalysisId, String, Option<ThresholdProposalId>) {
    let version = new.bundle_version.clone();
    let analysis = database.request_analysis(new).await.unwrap().analysis;
    let stored = database.analysis(analysis.id).await.unwrap().unwrap();
    assert_eq!(stored, analysis);
    let is_told = analysis.bundle_version == version;
    let point = analysis.operating_point.to_string();
    let named = if is_told { point } else { format!("still {point}") };
    (analysis.id, named, analysis.threshold_proposal_id)
}

#[test]
fn an_analysis_that_is_asked_for_again_is_held_to_newer_thresholds() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let (first, second) = (ThresholdProposalId::generate(), ThresholdProposalId::generate());
        // Both times the default, whatever its name is.
        let scan_id = scan(database, None).await.id;
        let (id, ..) = asked(database, question(scan_id, ("youden", false), None)).await;
        let default = |point, proposal| question(scan_id, (point, false), proposal);
        let held = |point: &str, proposal| (id, point.to_owned(), proposal);
        assert_eq!(
            asked(database, default("site", Some(first))).await,
            held("site", Some(first))
        );
        assert_eq!(
            asked(database, default("site", Some(second))).await,
            held("site", Some(second))
        );
        assert_eq!(
            asked(database, default("youden", None)).await,
            held("youden", None)
        );
        // By the name that it has.
        let named = question(scan_id, ("youden", true), Some(first));
        assert_eq!(asked(database, named).await, held("youden", Some(first)));
        // Another operating point by its name is another question, as is the default where one was named.
        let other = question(scan_id, ("site", true), Some(second));
        assert_eq!(asked(database, other).await, held("still youden", Some(first)));
        let scan_id = scan(database, None).await.id;
        let (id, ..) = asked(database, question(scan_id, ("youden", true), None)).await;
        let default = question(scan_id, ("site", false), Some(first));
        assert_eq!(
            asked(database, default).await,
            (id, "still youden".to_owned(), None)
        );
        // Under the same thresholds, another operating point stays another question.
        let other = question(scan_id, ("site", false), None);
        assert_eq!(asked(database, other).await.1, "youden");
    });
}

#[test]
fn a_report_that_was_made_with_former_thresholds_ends_nothing() {
    on_both_sides(|side| async move {
        let database = &side.database;
        let scan_id = scan(database, None).await.id;
        let new = question(scan_id, ("youden", false), None);
        let analysis = database.request_analysis(new).await.unwrap().analysis;
        let former = HeldTo::from(&analysis);
        let proposal = Some(ThresholdProposalId::generate());
        let (id, ..) = asked(database, question(scan_id, ("site", false), proposal)).await;
        let now = HeldTo::from(&database.analysis(id).await.unwrap().unwrap());
        let complete = async |held_to: &HeldTo| {
            let made = report(&analysis, Verdict::Norm, Some(0.1));
            let completed = database.complete_analysis_held_to(made, held_to.clone());
            completed.await.unwrap()
        };
        assert_eq!(complete(&former).await, Completion::HeldToOthers);
        let running = database.analysis(id).await.unwrap().unwrap();
        assert_eq!(running.status, AnalysisStatus::Queued);
        assert_eq!(database.report(id).await.unwrap(), None);
        assert_eq!(complete(&now).await, Completion::Completed);
        assert_eq!(complete(&now).await, Completion::Obsolete);
        assert!(database.report(id).await.unwrap().is_some());
        database.delete_scan(scan_id).await.unwrap();
        assert_eq!(complete(&former).await, Completion::Obsolete);
    });
}
