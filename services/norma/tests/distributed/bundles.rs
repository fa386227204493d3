//! Workers of different bundles, and without any: no verdict of two bundles, and nothing answered without models.

use std::path::{Path, PathBuf};
use std::time::Duration;

use norma_database::{Analysis, Database, Decided, NewThresholdProposal, ThresholdProposal};
use norma_domain::{
    AnalysisId, AnalysisStatus, OperatingPointName, Probability, ReasonCode, Report, Stage, StageOutcome,
    Verdict,
};
use norma_inference::{AcceptedPoints, Bundle};
use tempfile::TempDir;

use crate::ONE_AT_A_TIME;
use crate::installation::Installation;
use crate::studies::test_bundle;

/// The bundle of the tests with another calibration: name, version and every model are the same.
fn other_rules(folder: &TempDir) -> PathBuf {
    let bundle = test_bundle();
    copy_folder(bundle.parent().unwrap(), folder.path());
    let text = std::fs::read_to_string(&bundle).unwrap();
    let changed = text.replace("intercept: -3.72", "intercept: -9.0");
    assert_ne!(text, changed);
    let path = folder.path().join("bundle.yaml");
    std::fs::write(&path, changed).unwrap();
    path
}

impl Installation {
    async fn ended(&self, id: AnalysisId) -> Analysis {
        let mut ended = None;
        self.eventually("the analysis ends", async || {
            ended = self.database.analysis(id).await.ok()?;
            ended.as_ref()?.status.is_final().then_some(())
        })
        .await;
        ended.unwrap()
    }

    /// The analysis that repeats another one, once it has ended.
    async fn repeat_of(&self, analysis: &Analysis) -> Analysis {
        let mut repeat = None;
        self.eventually("the repeat ends", async || {
            repeat = self.database.latest_analysis(analysis.scan_id).await.ok()?;
            let latest = repeat.as_ref()?;
            (latest.repeat_of == Some(analysis.id) && latest.status.is_final()).then_some(())
        })
        .await;
        repeat.unwrap()
    }
}

fn is_mixed(report: &Report) -> bool {
    report
        .reasons
        .iter()
        .any(|reason| reason.code == ReasonCode::MixedBundles)
}

fn assert_of_one_bundle(report: &Report) {
    for stage in &report.stages {
        let StageOutcome::Completed(result) = &stage.outcome else {
            panic!("{:?}", stage.outcome);
        };
        assert_eq!(result.bundle.as_ref(), Some(&report.bundle));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_of_two_bundles_give_no_verdict_and_the_study_is_read_again_when_they_agree() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let other = other_rules(&folder);
    for stage in [Stage::Anomaly, Stage::Classifier] {
        installation.stop_worker(stage);
        installation.start_worker_with_bundle(stage, &other);
    }
    let id = installation.request_studies(1).await[0];
    let first = installation.ended(id).await;
    assert_eq!(first.status, AnalysisStatus::Completed);
    let report = installation.report(id).await;
    assert_eq!(report.verdict, Verdict::Undetermined);
    assert!(is_mixed(&report), "{:?}", report.reasons);
    assert_eq!(report.probability_of_pathology, None);

    // Not while they differ.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let latest = installation
        .database
        .latest_analysis(first.scan_id)
        .await
        .unwrap();
    assert_eq!(latest.unwrap().id, id);

    for stage in [Stage::Typing, Stage::Report] {
        installation.stop_worker(stage);
        installation.start_worker_with_bundle(stage, &other);
    }
    let repeat = installation.repeat_of(&first).await;
    let report = installation.report(repeat.id).await;
    // Its slices lie too far apart for the measures that norm needs; what the models say stands.
    assert!(
        !is_mixed(&report) && report.probability_of_pathology.is_some(),
        "{:?}",
        report.reasons
    );
    assert_of_one_bundle(&report);
    let analyses = installation
        .database
        .analyses_of_scan(first.scan_id)
        .await
        .unwrap();
    assert_eq!(analyses.len(), 2);
    assert_eq!(installation.report(id).await.verdict, Verdict::Undetermined);
}

/// Worker by worker, while studies come: no verdict mixes two bundles, and every study ends with a report of one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bundle_is_rolled_out_under_load() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let other = other_rules(&folder);
    let mut analyses = installation.request_studies(2).await;
    for stage in [Stage::Classifier, Stage::Report, Stage::Anomaly, Stage::Typing] {
        installation.stop_worker(stage);
        installation.start_worker_with_bundle(stage, &other);
        let requested = installation.request_studies(2).await;
        if stage == Stage::Classifier {
            // Read while the workers differ for certain; the others wherever they are met.
            for id in &requested {
                installation.ended(*id).await;
            }
        }
        analyses.extend(requested);
    }
    let mut mixed = 0;
    for id in &analyses {
        let analysis = installation.ended(*id).await;
        let report = installation.report(*id).await;
        if !is_mixed(&report) {
            assert_of_one_bundle(&report);
            continue;
        }
        mixed += 1;
        assert_eq!(report.verdict, Verdict::Undetermined);
        let repeat = installation.repeat_of(&analysis).await;
        let report = installation.report(repeat.id).await;
        assert!(!is_mixed(&report), "{:?}", report.reasons);
        assert_of_one_bundle(&report);
    }
    assert!(mixed > 0, "no study was in flight while the workers differed");
}

/// A point `site` at which nothing is norm, accepted for the bundle of the tests.
async fn accept(database: &Database) -> ThresholdProposal {
    let bundle = Bundle::load(&test_bundle()).unwrap();
    let mut point = bundle.operating_points()[0].clone();
    point.name = OperatingPointName("site".to_owned());
    point.threshold = Probability::new(1e-9).unwrap();
    let text = bundle.file().with_site_point(point).to_text().unwrap();
    let made = bundle
        .clone()
        .with_accepted_points(&AcceptedPoints::parse(text.clone()).unwrap())
        .unwrap();
    let new = NewThresholdProposal {
        method: "labelled".to_owned(),
        installed_sha256: bundle.reference().sha256.clone(),
        based_on: None,
        bundle_version: made.reference().version.clone(),
        bundle_sha256: made.reference().sha256.clone(),
        bundle_file: text,
        report: serde_json::json!({}),
        created_by: "test".to_owned(),
    };
    let id = database.add_threshold_proposal(new).await.unwrap().id;
    let accepted = database.decide_threshold_proposal(id, true, "test".to_owned(), None);
    let Some(Decided::Done(accepted)) = accepted.await.unwrap() else {
        panic!("it is not accepted");
    };
    *accepted
}

/// Nobody is started again: each analysis is held to the thresholds that acted when it was requested, whichever worker merges it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accepted_thresholds_act_in_workers_that_run() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let installed = Bundle::load(&test_bundle()).unwrap().reference().clone();
    let before = installation.request_held_to("youden", None).await;
    installation.ended(before).await;
    let report = installation.report(before).await;
    assert_eq!((&report.bundle, is_mixed(&report)), (&installed, false));

    let accepted = accept(&installation.database).await;
    let after = installation.request_held_to("site", Some(accepted.id)).await;
    installation.ended(after).await;
    let is_held = |report: &Report| {
        assert!(!is_mixed(report), "{:?}", report.reasons);
        assert_eq!(report.bundle.version, accepted.bundle_version);
        assert_eq!(report.bundle.sha256, accepted.bundle_sha256);
        assert_eq!(report.operating_point.threshold.value(), 1e-9);
        // The score reaches it; of a phantom, unlike any chest that is known, it says nothing.
        assert!(report.probability_of_pathology.unwrap() >= report.operating_point.threshold);
        assert_ne!(report.verdict, Verdict::Norm);
        // Thresholds change nothing of what the stages read.
        for stage in &report.stages {
            let StageOutcome::Completed(result) = &stage.outcome else {
                panic!("{:?}", stage.outcome);
            };
            assert_eq!(result.bundle.as_ref(), Some(&installed));
        }
    };
    is_held(&installation.report(after).await);

    // Taken back while one is under way: it ends as it was asked, by whichever of two report workers.
    installation.stop_worker(Stage::Report);
    let under_way = installation.request_held_to("site", Some(accepted.id)).await;
    let withdrawn = installation
        .database
        .withdraw_threshold_proposal(accepted.id, "test".to_owned(), None);
    assert!(matches!(withdrawn.await.unwrap(), Some(Decided::Done(_))));
    let next = installation.request_held_to("youden", None).await;
    installation.start_worker(Stage::Report);
    installation.start_second_worker(Stage::Report, &[]);
    for id in [under_way, next] {
        installation.ended(id).await;
    }
    is_held(&installation.report(under_way).await);
    let report = installation.report(next).await;
    assert_eq!((&report.bundle, is_mixed(&report)), (&installed, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_without_their_models_take_no_messages() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let Some(mut installation) = Installation::start(&test_bundle()).await else {
        return;
    };
    let later = installation.folder().join("later");
    let bundle = later.join("bundle.yaml").display().to_string();
    for stage in [Stage::Anomaly, Stage::Report] {
        installation.start_second_worker(stage, &[("NORMA__MODELS__BUNDLE", &bundle)]);
    }
    for stage in [Stage::Anomaly, Stage::Report] {
        installation
            .eventually("the second worker says why it is not ready", async || {
                let (status, body) = installation.readiness_of_second(stage).await?;
                (status == 503 && body.contains("model_missing")).then_some(())
            })
            .await;
    }
    let analyses = installation.request_studies(10).await;
    installation.assert_all_reported(&analyses).await;

    // Both go on by themselves once the models are there.
    copy_folder(test_bundle().parent().unwrap(), &later);
    for stage in [Stage::Anomaly, Stage::Report] {
        installation
            .eventually("the second worker is ready", async || {
                (installation.readiness_of_second(stage).await?.0 == 200).then_some(())
            })
            .await;
    }
    let analyses = installation.request_studies(4).await;
    installation.assert_all_reported(&analyses).await;
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
