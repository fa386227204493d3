//! Measures and nodules beside the models' scores.

use norma_domain::{
    Ground, LookedFor, LungSide, LungThird, Measure, MeasureCode, MeasureState, MeasuredFinding,
    NoduleDensity, NoduleDetail, NotMeasurable, PathologyType, Quantification,
};

use super::measured::measure;
use super::*;

pub(super) fn finding(pathology: PathologyType, volume_ml: f64, decides: bool) -> MeasuredFinding {
    MeasuredFinding {
        pathology,
        side: LungSide::Left,
        third: LungThird::Lower,
        volume_ml,
        mean_hu: -520.0,
        region: VoxelBox {
            x_min: 300,
            x_max: 340,
            y_min: 300,
            y_max: 350,
            z_min: 25,
            z_max: 40,
        },
        key_slice: 31,
        decides,
        nodule: None,
    }
}

fn opacity(volume_ml: f64, state: MeasureState) -> Quantification {
    let mut quantification = within();
    quantification.measures[0] = Measure {
        why: (state == MeasureState::NotMeasurable).then_some(NotMeasurable::Contrast),
        ..measure(MeasureCode::LargestOpacity, volume_ml, state)
    };
    quantification.findings = vec![finding(
        PathologyType::LungOpacity,
        volume_ml,
        state == MeasureState::Outside,
    )];
    quantification
}

pub(super) fn with_nodule(decides: bool) -> Quantification {
    let nodule = NoduleDetail {
        diameter_mm: 12.0,
        density: NoduleDensity::Solid,
        score: if decides { 0.95 } else { 0.7 },
    };
    Quantification {
        findings: vec![MeasuredFinding {
            nodule: Some(nodule),
            ..finding(PathologyType::LungNodule, 0.9, decides)
        }],
        ..within()
    }
}

fn merged(quantification: Option<Quantification>, score: f64) -> Report {
    let bundle = bundle();
    let prepared = PreparedSummary {
        quantification,
        ..prepared()
    };
    merge_report(input(
        &bundle,
        prepared,
        completed_outcomes(&bundle, score, score),
    ))
}

#[test]
fn an_opacity_that_the_models_do_not_see_is_pathology_with_its_place() {
    let report = merged(Some(opacity(53.0, MeasureState::Outside)), 0.1);
    assert_eq!(report.verdict, Verdict::Pathology);
    let [Ground::Finding { finding }] = &report.grounds[..] else {
        panic!("{:?}", report.grounds)
    };
    assert_eq!(
        (finding.side, finding.third, finding.volume_ml),
        (LungSide::Left, LungThird::Lower, 53.0)
    );
    assert_eq!(report.localization, Some(finding.region));
    assert_eq!(report.rows[0].pathology, Some(1));
    let of_opacity = report
        .coverage
        .iter()
        .find(|row| row.pathology == PathologyType::LungOpacity);
    assert_eq!(of_opacity.unwrap().looked_for, LookedFor::Measured);
}

#[test]
fn models_and_measures_have_to_agree_on_norm() {
    assert_eq!(
        merged(Some(opacity(4.0, MeasureState::Within)), 0.1).verdict,
        Verdict::Norm
    );
    assert_eq!(
        merged(Some(opacity(12.0, MeasureState::Borderline)), 0.1).verdict,
        Verdict::Norm
    );
    let by_score = merged(Some(opacity(4.0, MeasureState::Within)), 0.9);
    assert_eq!(by_score.verdict, Verdict::Pathology);
    assert!(matches!(by_score.grounds[..], [Ground::Score { .. }]));
    for unknown in [None, Some(opacity(900.0, MeasureState::NotMeasurable))] {
        let report = merged(unknown.clone(), 0.1);
        assert_eq!(report.verdict, Verdict::Undetermined);
        assert_eq!(report.reasons[0].code, ReasonCode::MeasuresMissing);
        assert_eq!(merged(unknown, 0.9).verdict, Verdict::Pathology);
    }
}

#[test]
fn a_report_from_before_the_measures_is_still_read() {
    let mut json = serde_json::to_value(merged(None, 0.9)).unwrap();
    let object = json.as_object_mut().unwrap();
    for field in ["measures", "measured_findings", "coverage", "grounds"] {
        assert!(object.remove(field).is_some(), "{field}");
    }
    let report: Report = serde_json::from_value(json).unwrap();
    assert!(report.measures.is_empty() && report.grounds.is_empty());
}

#[test]
fn a_sure_nodule_that_the_models_do_not_see_is_pathology_with_its_place() {
    let report = merged(Some(with_nodule(true)), 0.0);
    assert_eq!(report.verdict, Verdict::Pathology);
    assert!(matches!(&report.grounds[0], Ground::Finding { finding } if finding.nodule.is_some()));
    assert_eq!(report.localization, Some(report.measured_findings[0].region));
}

#[test]
fn a_likely_nodule_is_shown_and_decides_nothing() {
    let report = merged(Some(with_nodule(false)), 0.0);
    assert_eq!(report.verdict, Verdict::Norm);
    assert_eq!(report.measured_findings.len(), 1);
    let nodules = report
        .coverage
        .iter()
        .find(|of| of.pathology == PathologyType::LungNodule)
        .unwrap();
    assert!(matches!(
        nodules.looked_for,
        LookedFor::Measured | LookedFor::Both
    ));
}

/// Every state of each measure and every preparation: a measure never makes a norm, never speaks of a volume that is
/// not to be trusted, and what is missing takes norm away.
#[test]
fn no_measure_makes_a_norm() {
    let bundle = bundle();
    let states = [
        MeasureState::Within,
        MeasureState::Borderline,
        MeasureState::Outside,
        MeasureState::NotMeasurable,
        MeasureState::Described,
    ];
    let missing = std::iter::once(None);
    for opacity in missing.clone().chain(states.map(Some)) {
        for emphysema in missing.clone().chain(states.map(Some)) {
            for preparation in Preparation::ALL {
                for score in [0.01, 0.99] {
                    let measures = [
                        (MeasureCode::LargestOpacity, opacity),
                        (MeasureCode::LowAttenuation950, emphysema),
                    ]
                    .into_iter()
                    .filter_map(|(code, state)| Some(measure(code, 9.0, state?)))
                    .collect();
                    let prepared = PreparedSummary {
                        quantification: Some(Quantification {
                            measures,
                            ..Quantification::default()
                        }),
                        ..preparation.summary()
                    };
                    let outcomes = completed_outcomes(&bundle, score, score);
                    let report = merge_report(input(&bundle, prepared, outcomes));
                    let taken = [opacity, emphysema];
                    let is_outside = taken.contains(&Some(MeasureState::Outside));
                    let is_missing = taken
                        .iter()
                        .any(|state| matches!(state, None | Some(MeasureState::NotMeasurable)));
                    let expected = if !preparation.allows_a_verdict() {
                        Verdict::Undetermined
                    } else if is_outside || score > 0.5 {
                        Verdict::Pathology
                    } else if is_missing || !preparation.allows_norm() {
                        Verdict::Undetermined
                    } else {
                        Verdict::Norm
                    };
                    let case = format!("{opacity:?} {emphysema:?} {preparation:?} {score}");
                    assert_eq!(report.verdict, expected, "{case}");
                    assert_eq!(
                        report.grounds.is_empty(),
                        expected != Verdict::Pathology,
                        "{case}"
                    );
                    assert_row_is_consistent(&report, &case);
                }
            }
        }
    }
}

/// Models that failed have no say: a measure that decides is pathology without a probability.
#[test]
fn a_measure_decides_where_no_model_answered() {
    let bundle = bundle();
    for (quantification, expected) in [
        (opacity(53.0, MeasureState::Outside), Verdict::Pathology),
        (with_nodule(true), Verdict::Pathology),
        (with_nodule(false), Verdict::Undetermined),
        (within(), Verdict::Undetermined),
    ] {
        let prepared = PreparedSummary {
            quantification: Some(quantification),
            ..prepared()
        };
        let failed = Stage::MODELS
            .into_iter()
            .flat_map(|stage| Fate::Failed.outcomes(&bundle, stage, 0.0))
            .collect();
        let report = merge_report(input(&bundle, prepared, failed));
        assert_eq!(report.verdict, expected);
        assert_eq!(report.probability_of_pathology, None);
        assert_eq!(report.localization.is_some(), expected == Verdict::Pathology);
        assert_row_is_consistent(&report, "no model answered");
    }
}
