//! What a pathology is called, and which slices a report names, by measures and by models.

use norma_domain::{MeasureCode, MeasureState, PathologyType, Quantification};

use super::evidence::{finding, with_nodule};
use super::measured::measure;
use super::*;

/// The models' typing says consolidation and emphysema.
fn merged(quantification: Quantification, score: f64) -> Report {
    let bundle = bundle();
    let prepared = PreparedSummary {
        quantification: Some(quantification),
        ..prepared()
    };
    merge_report(input(
        &bundle,
        prepared,
        completed_outcomes(&bundle, score, score),
    ))
}

fn with_emphysema(state: MeasureState) -> Quantification {
    let mut quantification = within();
    quantification.measures[1] = measure(MeasureCode::LowAttenuation950, 0.1, state);
    quantification
}

fn says(report: &Report, label: &str) -> bool {
    report
        .findings
        .iter()
        .any(|finding| finding.label == label && finding.present)
}

fn most_dangerous(report: &Report) -> Option<&str> {
    report.rows[0].most_dangerous_pathology_type.as_deref()
}

#[test]
fn an_emphysema_that_was_measured_absent_is_not_said() {
    let report = merged(with_emphysema(MeasureState::Within), 0.9);
    assert!(!says(&report, "emphysema"));
    assert!(
        report
            .findings
            .iter()
            .any(|of| of.label == "emphysema" && of.probability.value() == 0.7)
    );
    assert_eq!(most_dangerous(&report), Some("consolidation"));
}

#[test]
fn a_model_is_believed_where_a_measure_does_not_contradict() {
    for state in [
        MeasureState::Borderline,
        MeasureState::Outside,
        MeasureState::NotMeasurable,
    ] {
        assert!(
            says(&merged(with_emphysema(state), 0.9), "emphysema"),
            "{state:?}"
        );
    }
    let unmeasured = merged(Quantification::default(), 0.9);
    assert!(says(&unmeasured, "emphysema") && says(&unmeasured, "consolidation"));
}

/// The models' typing says consolidation alone; the made-up bundle calls all types alike dangerous.
#[test]
fn what_decides_by_measures_is_among_the_types() {
    let effusion = Quantification {
        findings: vec![finding(PathologyType::PleuralEffusion, 80.0, true)],
        ..outside(MeasureCode::PleuralFluid)
    };
    for (quantification, label) in [
        (effusion, "pleural_effusion"),
        (outside(MeasureCode::LargestOpacity), "lung_opacity"),
        (outside(MeasureCode::LowAttenuation950), "emphysema"),
        (with_nodule(true), "lung_nodule"),
        (with_nodule(false), "consolidation"),
    ] {
        let report = merged(quantification, if label == "consolidation" { 0.9 } else { 0.1 });
        assert_eq!(report.verdict, Verdict::Pathology, "{label}");
        assert_eq!(most_dangerous(&report), Some(label));
    }
    assert_eq!(most_dangerous(&merged(within(), 0.1)), None);
}

fn outside(code: MeasureCode) -> Quantification {
    let mut quantification = within();
    quantification.measures.retain(|measure| measure.code != code);
    quantification
        .measures
        .push(measure(code, 80.0, MeasureState::Outside));
    quantification
}

#[test]
fn the_slices_of_what_decided_come_first() {
    let mut opacity = finding(PathologyType::LungOpacity, 53.0, true);
    opacity.key_slice = 31;
    let mut second = finding(PathologyType::LungOpacity, 20.0, true);
    second.key_slice = 33;
    let looked_at = finding(PathologyType::LungOpacity, 11.0, false);
    let quantification = Quantification {
        findings: vec![opacity, second, looked_at],
        ..outside(MeasureCode::LargestOpacity)
    };
    let report = merged(quantification, 0.4);
    let key = |at: usize| (report.key_slices[at].slice, report.key_slices[at].stage);
    assert_eq!(key(0), (31, Stage::Preprocess));
    assert_eq!(
        report.key_slices[0].sop_instance_uid.as_ref().unwrap().as_str(),
        "1.2.3.4.31"
    );
    // The second lies 4 mm away and shows the same; then the models point.
    assert_eq!(key(1), (50, Stage::Anomaly));
    assert!(report.key_slices.len() <= 5);

    let norm = merged(within(), 0.1);
    assert!(norm.key_slices.iter().all(|key| key.stage != Stage::Preprocess));
}
