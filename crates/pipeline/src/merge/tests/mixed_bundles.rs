//! Stages that were read with different bundles give no verdict, whatever their scores say.

use norma_domain::BundleReference;
use norma_inference::AcceptedPoints;

use super::*;

/// As a bundle whose file alone differs: another fusion, scaling or bound, the same models, name and version.
fn with_other_rules(bundle: &Bundle) -> BundleReference {
    BundleReference {
        sha256: "0".repeat(64),
        ..bundle.reference().clone()
    }
}

/// Every choice of the stages that were read with another bundle than the report's, or with one that is not known.
#[test]
fn stages_of_another_bundle_give_no_verdict() {
    let bundle = bundle();
    for foreign in [Some(with_other_rules(&bundle)), None] {
        for mask in 0..8_u8 {
            for score in [0.01, 0.99] {
                let outcomes = Stage::MODELS
                    .into_iter()
                    .enumerate()
                    .map(|(index, stage)| {
                        let mut result = result(&bundle, stage, score);
                        if mask & (1 << index) != 0 {
                            result.bundle = foreign.clone();
                        }
                        StageOutcome::Completed(result)
                    })
                    .collect();
                let report = merge_report(input(&bundle, prepared(), outcomes));
                let case = format!("{foreign:?} {mask:03b} {score}");
                assert_row_is_consistent(&report, &case);
                if mask == 0 {
                    assert_ne!(report.verdict, Verdict::Undetermined, "{case}");
                    continue;
                }
                assert_eq!(report.verdict, Verdict::Undetermined, "{case}");
                let codes: Vec<ReasonCode> = report.reasons.iter().map(|reason| reason.code).collect();
                assert_eq!(codes, [ReasonCode::MixedBundles], "{case}");
                // A number on a mixed scale would be taken for one.
                assert_eq!(report.probability_of_pathology, None, "{case}");
                assert_eq!(report.anomaly_score, None, "{case}");
                assert_eq!(report.decided_by, None, "{case}");
            }
        }
    }
}

/// The reason says who read with what, so that the operators find the worker.
#[test]
fn the_reason_names_the_stages_and_their_bundles() {
    let bundle = bundle();
    let mut outcomes = completed_outcomes(&bundle, 0.1, 0.2);
    for outcome in &mut outcomes {
        if let StageOutcome::Completed(result) = outcome
            && result.stage == Stage::Classifier
        {
            result.bundle = Some(with_other_rules(&bundle));
        }
    }
    let report = merge_report(input(&bundle, prepared(), outcomes));
    let message = &report.reasons[0].message;
    assert!(message.contains("classifier with"), "{message}");
    assert!(message.contains("(000000000000)"), "{message}");
    assert!(message.contains(&bundle.reference().sha256[..12]), "{message}");
    assert!(!message.contains("anomaly"), "{message}");
}

/// A result stored before bundles travelled with results is read, and counts as of an unknown bundle.
#[test]
fn a_result_without_a_bundle_is_read_back() {
    let bundle = bundle();
    let mut json = serde_json::to_value(result(&bundle, Stage::Anomaly, 0.2)).unwrap();
    json.as_object_mut().unwrap().remove("bundle");
    let result: StageResult = serde_json::from_value(json).unwrap();
    assert_eq!(result.bundle, None);
}

/// They change no score: stages are read with the bundle as it is installed, and the report names the one with the thresholds.
#[test]
fn accepted_thresholds_make_no_other_bundle() {
    let installed = bundle();
    let outcomes = completed_outcomes(&installed, 0.1, 0.2);
    let point = installed.operating_points()[0].clone();
    let text = installed.file().with_site_point(point).to_text().unwrap();
    let accepted = installed
        .clone()
        .with_accepted_points(&AcceptedPoints::parse(text).unwrap())
        .unwrap();
    let report = merge_report(input(&accepted, prepared(), outcomes));
    assert_eq!(report.verdict, Verdict::Norm, "{:?}", report.reasons);
    assert_eq!(report.bundle, *accepted.reference());
    assert_ne!(report.bundle, *installed.reference());
}
