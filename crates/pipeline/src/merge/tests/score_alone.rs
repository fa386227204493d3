//! What a score says where nothing that was measured speaks for it.

use norma_domain::{
    Ground, Measure, MeasureCode, MeasureState, PathologyType, Quantification, ReferenceRange,
};
use norma_inference::LogitScaling;

use super::evidence::{finding, with_nodule};
use super::measured::measure;
use super::verification::{changed, measured as measured_on_force, scanned};
use super::*;

/// All that a score alone is held against, within its range.
fn all_within() -> Quantification {
    let codes = [
        MeasureCode::LargestOpacity,
        MeasureCode::OpacityVolume,
        MeasureCode::LowAttenuation950,
        MeasureCode::HighAttenuation,
        MeasureCode::PleuralFluid,
        MeasureCode::PleuralGas,
    ];
    Quantification {
        measures: codes
            .map(|code| measure(code, 4.0, MeasureState::Within))
            .to_vec(),
        nodules_sought: true,
        ..Quantification::default()
    }
}

fn with_texture(hounsfield: f64, state: MeasureState, mut quantification: Quantification) -> Quantification {
    quantification.measures.push(Measure {
        unit: "HU".to_owned(),
        range: Some(ReferenceRange {
            low: Some(18.0),
            high: None,
            outside_low: Some(14.0),
            outside_high: None,
            source: "a test".to_owned(),
        }),
        decides: false,
        ..measure(MeasureCode::LungTexture, hounsfield, state)
    });
    quantification
}

fn merged(bundle: &Bundle, model: &str, quantification: Quantification, score: f64) -> Report {
    let prepared = PreparedSummary {
        quantification: Some(quantification),
        ..scanned(model)
    };
    merge_report(input(bundle, prepared, completed_outcomes(bundle, score, score)))
}

fn codes(reasons: &[Reason]) -> Vec<ReasonCode> {
    reasons.iter().map(|reason| reason.code).collect()
}

/// A site's norm study was called pathology at 0.94 by models that never saw its scanner, with all measures within their ranges.
#[test]
fn a_score_alone_says_nothing_on_a_scanner_that_its_threshold_was_never_measured_on() {
    let bundle = measured_on_force();
    let unknown = merged(&bundle, "Drive", all_within(), 0.9);
    assert_eq!(unknown.verdict, Verdict::Undetermined);
    assert_eq!(codes(&unknown.reasons), [ReasonCode::ScoreAlone]);
    assert!(unknown.probability_of_pathology.is_some() && unknown.grounds.is_empty());
    assert_row_is_consistent(&unknown, "a score alone");

    let known = merged(&bundle, "Force", all_within(), 0.9);
    assert_eq!(known.verdict, Verdict::Pathology);
    assert!(matches!(known.grounds[..], [Ground::Score { .. }]));
    // Below the threshold it is norm on both.
    for model in ["Drive", "Force"] {
        let norm = merged(&bundle, model, all_within(), 0.1);
        assert_eq!((norm.verdict, norm.limitations.len()), (Verdict::Norm, 0));
    }
}

#[test]
fn a_bundle_that_was_fitted_to_a_sites_norm_knows_its_scanners() {
    let fitted = changed(|file| {
        file.classifier_scaling = Some(LogitScaling {
            coefficient: 1.0,
            intercept: 0.0,
        });
    });
    let flat = with_texture(6.0, MeasureState::Outside, all_within());
    assert_eq!(
        merged(&fitted, "Drive", flat.clone(), 0.9).verdict,
        Verdict::Pathology
    );
    assert_eq!(merged(&fitted, "Drive", flat, 0.1).verdict, Verdict::Norm);
}

/// Whatever is missing, borderline or outside, and a nodule that is likely or large, supports the score.
#[test]
fn a_score_that_anything_measured_supports_is_pathology() {
    let bundle = bundle();
    for changed in 0..6 {
        for state in [
            MeasureState::Borderline,
            MeasureState::Outside,
            MeasureState::NotMeasurable,
        ] {
            let mut quantification = all_within();
            quantification.measures[changed].state = state;
            let report = merged(&bundle, "Drive", quantification, 0.9);
            // All opacities together and the share of dense lung are borderline in norm volumes too.
            let is_of_norm = [1, 3].contains(&changed) && state == MeasureState::Borderline;
            let expected = if is_of_norm {
                Verdict::Undetermined
            } else {
                Verdict::Pathology
            };
            assert_eq!(report.verdict, expected, "{changed} {state:?}");
        }
        let mut quantification = all_within();
        quantification.measures.remove(changed);
        assert_eq!(
            merged(&bundle, "Drive", quantification, 0.9).verdict,
            Verdict::Pathology
        );
    }
    let unsought = Quantification {
        nodules_sought: false,
        ..all_within()
    };
    assert_eq!(
        merged(&bundle, "Drive", unsought, 0.9).verdict,
        Verdict::Pathology
    );
    for (score, diameter_mm, expected) in [
        (0.6, 8.0, Verdict::Undetermined),
        (0.79, 19.0, Verdict::Undetermined),
        (0.8, 8.0, Verdict::Pathology),
        (0.74, 21.0, Verdict::Undetermined),
        (0.75, 20.0, Verdict::Pathology),
    ] {
        let mut quantification = Quantification {
            findings: with_nodule(false).findings,
            ..all_within()
        };
        let nodule = quantification.findings[0].nodule.as_mut().unwrap();
        (nodule.score, nodule.diameter_mm) = (score, diameter_mm);
        let report = merged(&bundle, "Drive", quantification, 0.9);
        assert_eq!(report.verdict, expected, "{score} {diameter_mm}");
    }
}

/// A phantom: no score counts, low or high, and what was measured does.
#[test]
fn of_a_study_unlike_any_that_is_known_only_measures_count() {
    let bundle = measured_on_force();
    for (model, score) in [("Force", 0.1), ("Force", 0.9), ("Drive", 0.9)] {
        let flat = with_texture(6.0, MeasureState::Outside, all_within());
        let report = merged(&bundle, model, flat, score);
        assert_eq!(report.verdict, Verdict::Undetermined, "{model} {score}");
        assert_eq!(codes(&report.reasons), [ReasonCode::UnlikeKnown]);
        assert!(
            report.reasons[0].message.contains("6 HU"),
            "{}",
            report.reasons[0]
        );
        assert!(report.probability_of_pathology.is_some());
        assert_row_is_consistent(&report, "unlike");
    }
    let mut shown = with_texture(6.0, MeasureState::Outside, all_within());
    shown.measures[0] = measure(MeasureCode::LargestOpacity, 53.0, MeasureState::Outside);
    shown.findings = vec![finding(PathologyType::LungOpacity, 53.0, true)];
    let report = merged(&bundle, "Force", shown, 0.9);
    assert_eq!(report.verdict, Verdict::Pathology);
    assert_eq!(codes(&report.limitations), [ReasonCode::UnlikeKnown]);
    assert!(
        matches!(report.grounds[..], [Ground::Finding { .. }]),
        "{:?}",
        report.grounds
    );

    for state in [MeasureState::Within, MeasureState::Borderline] {
        let like = with_texture(16.0, state, all_within());
        assert_eq!(merged(&bundle, "Force", like.clone(), 0.1).verdict, Verdict::Norm);
        assert_eq!(merged(&bundle, "Force", like, 0.9).verdict, Verdict::Pathology);
    }
}
