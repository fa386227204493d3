//! Whether a report says that its threshold is verified on the study's scanner, and what follows where it is not.

use std::fs;

use norma_domain::{QualityCheck, QualityConsequence, ScannerProfile};
use norma_inference::{BundleFile, MeasuredOn, ScannerThreshold};

use super::*;

pub(super) fn scanned(model: &str) -> PreparedSummary {
    let mut prepared = prepared();
    prepared.study.manufacturer = Some("SIEMENS".to_owned());
    prepared.study.scanner_model = Some(model.to_owned());
    prepared.study.convolution_kernel = Some("Br40d".to_owned());
    prepared
}

fn profile(model: &str) -> ScannerProfile {
    ScannerProfile::of_study(&scanned(model).study).unwrap()
}

/// The test bundle, its points measured on the scanner `Force`.
pub(super) fn measured() -> Bundle {
    with_points(|point| {
        point.measured_on = Some(MeasuredOn {
            sources: vec!["site".to_owned()],
            scanners: vec![profile("Force")],
        });
    })
}

fn with_points(change: impl Fn(&mut norma_inference::OperatingPointFigures)) -> Bundle {
    changed(|file| file.operating_points.iter_mut().for_each(change))
}

/// The test bundle with a change of its file.
pub(super) fn changed(change: impl FnOnce(&mut BundleFile)) -> Bundle {
    let mut file = bundle().file().clone();
    change(&mut file);
    // Beside the models that it names, and gone once it is read.
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures/bundle");
    let folder = tempfile::tempdir().unwrap();
    copy(&models, folder.path());
    file.write(&folder.path().join("bundle.yaml")).unwrap();
    Bundle::load(folder.path()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let copied = to.join(entry.file_name());
        if entry.path().is_dir() {
            fs::create_dir(&copied).unwrap();
            copy(&entry.path(), &copied);
        } else {
            fs::copy(entry.path(), copied).unwrap();
        }
    }
}

fn merged(bundle: &Bundle, prepared: PreparedSummary, score: f64, setting: UnverifiedThreshold) -> Report {
    let outcomes = completed_outcomes(bundle, score, score);
    merge_report(MergeInput {
        unverified_threshold: setting,
        ..input(bundle, prepared, outcomes)
    })
}

#[test]
fn a_norm_says_whether_its_threshold_is_verified_on_the_scanner() {
    let bundle = measured();
    let known = merged(&bundle, scanned("Force"), 0.0, UnverifiedThreshold::Warn);
    let verification = known.threshold_verification.unwrap();
    assert_eq!((known.verdict, verification.verified), (Verdict::Norm, true));
    assert_eq!(verification.measured_on, ["site"]);
    assert_eq!(verification.reason, None);

    let other = merged(&bundle, scanned("Drive"), 0.0, UnverifiedThreshold::Warn);
    let verification = other.threshold_verification.unwrap();
    assert_eq!((other.verdict, verification.verified), (Verdict::Norm, false));
    let reason = verification.reason.unwrap();
    assert_eq!(reason.code, ReasonCode::ThresholdUnverified);
    assert!(
        reason.message.contains("siemens drive, BR40"),
        "{}",
        reason.message
    );
    assert!(other.reasons.is_empty() && other.limitations.is_empty());
}

/// What the files do not tell, what the bundle does not say, and another way of scanning: none is verified.
#[test]
fn nothing_is_verified_without_knowing_the_scanner() {
    let mut contrast = scanned("Force");
    contrast.study.contrast_agent = true;
    let mut thick = scanned("Force");
    thick.study.slice_thickness_mm = Some(5.0);
    let mut kernel = scanned("Force");
    kernel.study.convolution_kernel = Some("Bl64d".to_owned());
    let mut nameless = scanned("Force");
    nameless.study.scanner_model = None;
    for (bundle, prepared) in [
        (measured(), contrast),
        (measured(), thick),
        (measured(), kernel),
        (measured(), nameless),
        (bundle(), scanned("Force")),
    ] {
        let report = merged(&bundle, prepared, 0.0, UnverifiedThreshold::Warn);
        assert!(!report.threshold_verification.unwrap().verified);
    }
}

/// A threshold that is not the bundle's own was measured nowhere, whatever its name.
#[test]
fn the_threshold_itself_has_to_be_the_one_that_was_measured() {
    let bundle = measured();
    let mut point = bundle.default_operating_point();
    point.threshold = Probability::new(0.987).unwrap();
    let outcomes = completed_outcomes(&bundle, 0.0, 0.0);
    let report = merge_report(MergeInput {
        operating_point: point,
        ..input(&bundle, scanned("Force"), outcomes)
    });
    assert!(!report.threshold_verification.unwrap().verified);
}

/// A threshold that was fitted on one scanner decides there and changes no other's.
#[test]
fn a_scanners_own_threshold_is_that_scanners_alone() {
    let general = bundle().default_operating_point();
    let told = merged(&bundle(), scanned("Force"), 1.0, UnverifiedThreshold::Warn);
    let probability = told.probability_of_pathology.unwrap();
    assert!(probability >= general.threshold);
    // Just above what the study has: norm where it acts.
    let threshold = Probability::new(probability.value().next_up()).unwrap();
    for verified in [true, false] {
        let own = ScannerThreshold {
            scanner: profile("Force"),
            threshold,
            sensitivity: None,
            specificity: None,
            measured_on: MeasuredOn {
                sources: vec!["412 labelled studies of the site".to_owned()],
                scanners: verified.then(|| profile("Force")).into_iter().collect(),
            },
        };
        let bundle = with_points(|point| point.by_scanner = vec![own.clone()]);
        let of = |model: &str| merged(&bundle, scanned(model), 1.0, UnverifiedThreshold::Warn);
        let report = of("Force");
        assert_eq!(report.verdict, Verdict::Norm);
        assert_eq!(report.operating_point.name, general.name);
        assert_eq!(report.operating_point.threshold, threshold);
        let told = report.threshold_verification.unwrap();
        assert_eq!((told.verified, told.own_threshold), (verified, true));
        assert_eq!(told.measured_on, ["412 labelled studies of the site"]);

        let other = of("Drive");
        assert_eq!(
            (&other.operating_point, other.verdict),
            (&general, Verdict::Pathology)
        );
        let told = other.threshold_verification.unwrap();
        assert!(!told.verified && !told.own_threshold);
    }
}

#[test]
fn withholding_takes_norm_away_and_never_pathology() {
    let bundle = measured();
    let withhold = |model: &str, score| merged(&bundle, scanned(model), score, UnverifiedThreshold::Withhold);
    let norm = withhold("Drive", 0.0);
    assert_eq!(norm.verdict, Verdict::Undetermined);
    let codes: Vec<ReasonCode> = norm.reasons.iter().map(|reason| reason.code).collect();
    assert_eq!(codes, [ReasonCode::ThresholdUnverified]);
    let pathology = withhold("Drive", 1.0);
    assert_eq!(pathology.verdict, Verdict::Pathology);
    assert!(pathology.limitations.is_empty() && !pathology.threshold_verification.unwrap().verified);
    assert_eq!(withhold("Force", 0.0).verdict, Verdict::Norm);

    // Beside another doubt both are told.
    let mut cut = scanned("Drive");
    cut.quality.push(QualityCheck {
        code: ReasonCode::CoverageIncomplete,
        passed: false,
        measured: None,
        limit: None,
        unit: "mm".to_owned(),
        consequence: QualityConsequence::LimitsView,
        message: "the base is cut".to_owned(),
    });
    let both = merged(&bundle, cut, 0.0, UnverifiedThreshold::Withhold);
    assert_eq!(both.reasons.len(), 2);
}
