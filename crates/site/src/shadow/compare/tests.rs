use norma_domain::{OperatingPoint, OperatingPointName, Probability};

use super::*;

fn bundle(name: &str) -> BundleReference {
    BundleReference {
        name: name.to_owned(),
        version: "1".to_owned(),
        sha256: name.to_owned(),
    }
}

fn given(name: &str, verdict: Verdict, probability: Option<f64>) -> GivenAnswer {
    let probability_of = |value| Probability::new(value).unwrap();
    GivenAnswer {
        bundle: bundle(name),
        verdict,
        probability: probability.map(probability_of),
        operating_point: OperatingPoint {
            name: OperatingPointName("youden".to_owned()),
            threshold: probability_of(0.5),
        },
        reasons: Vec::new(),
    }
}

fn study(scanner: Option<&str>, shown: (&str, Verdict, f64), shadow: (Verdict, Option<f64>)) -> Compared {
    Compared {
        scan_id: ScanId::generate(),
        analysis_id: AnalysisId::generate(),
        read_at: Utc::now(),
        answer: ShadowAnswer {
            scanner: scanner.map(|model| ScannerProfile::new("GE", model, "STANDARD", 1.0, false).unwrap()),
            shown: given(shown.0, shown.1, Some(shown.2)),
            shadow: given("second", shadow.0, shadow.1),
            duration_ms: 1,
        },
    }
}

use Verdict::{Norm, Pathology, Undetermined};

#[test]
fn studies_are_counted_by_both_verdicts_and_by_scanner() {
    let studies = vec![
        study(Some("A"), ("first", Norm, 0.1), (Norm, Some(0.3))),
        study(Some("B"), ("first", Norm, 0.2), (Pathology, Some(0.8))),
        study(Some("A"), ("first", Pathology, 0.9), (Pathology, Some(0.8))),
        study(None, ("first", Norm, 0.2), (Undetermined, None)),
    ];
    let differing: Vec<ScanId> = [1, 3].map(|place: usize| studies[place].scan_id).to_vec();
    let (comparisons, repeated) = comparisons(studies);
    assert_eq!(repeated, 0);
    assert_eq!(comparisons.len(), 1);
    let comparison = &comparisons[0];
    assert_eq!((comparison.agree.successes(), comparison.agree.trials()), (2, 4));
    // Clopper–Pearson of 2 in 4.
    assert!(
        (comparison.agree_interval[0] - 0.0676).abs() < 5e-4,
        "{comparison:?}"
    );
    let counted: Vec<_> = comparison
        .verdicts
        .iter()
        .map(|pair| (pair.shown, pair.shadow, pair.studies))
        .collect();
    assert_eq!(
        counted,
        [
            (Norm, Norm, 1),
            (Norm, Pathology, 1),
            (Norm, Undetermined, 1),
            (Pathology, Pathology, 1)
        ]
    );
    // Of −0.1, 0.2 and 0.6.
    let change = comparison.median_probability_change.unwrap();
    assert!((change - 0.2).abs() < 1e-9);
    let named: Vec<ScanId> = comparison.differing.iter().map(|study| study.scan_id).collect();
    assert_eq!(named, differing);
    let last = comparison.profiles.last().unwrap();
    assert_eq!(
        last.scanner.as_ref().map(|scanner| scanner.model.as_str()),
        Some("a")
    );
    assert_eq!((last.agree.failures(), last.agree.trials()), (0, 2));
}

#[test]
fn each_pair_of_bundles_is_compared_by_itself_and_a_study_counts_once() {
    let newest = study(None, ("with accepted thresholds", Norm, 0.1), (Norm, Some(0.1)));
    let older = study(None, ("first", Norm, 0.1), (Pathology, Some(0.9)));
    let analysed_again = Compared {
        scan_id: older.scan_id,
        ..study(None, ("first", Norm, 0.1), (Norm, Some(0.1)))
    };
    let (comparisons, repeated) = comparisons(vec![newest, older, analysed_again]);
    assert_eq!(repeated, 1);
    let told: Vec<_> = comparisons
        .iter()
        .map(|one| (one.shown.name.as_str(), one.agree.successes(), one.agree.trials()))
        .collect();
    assert_eq!(told, [("with accepted thresholds", 1, 1), ("first", 0, 1)]);
}
