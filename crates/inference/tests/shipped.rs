//! The shipped bundles say in Rust what they say in Python (`make_shipped_reference.py`).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Axis;
use norma_domain::Stage;
use norma_inference::{AnomalyReading, Bundle, MANIFEST_FILE, Slices, StageModels, sha256_of_file};
use serde::Deserialize;
use support::{lung_mask, pixels, runtime};

#[derive(Deserialize)]
struct Reference {
    /// Of bundle.yaml and of the manifests in its order.
    files_sha256: Vec<String>,
    anomaly: f64,
    /// Of the first anomaly model, in its own unit.
    anomaly_slices: Vec<f64>,
    /// Of the third slice: deviations from what norm has at the same place, smoothed.
    anomaly_map: Vec<Vec<f64>>,
    classifier: f64,
    classifier_slices: Vec<f64>,
    score: f64,
    probability: f64,
    types: BTreeMap<String, f64>,
}

const TOLERANCE: f64 = 1e-4;
/// Of probabilities that are a mean over views with noise in one of them: Python draws another noise of the same strength.
const NOISE_TOLERANCE: f64 = 0.02;

#[track_caller]
fn assert_within(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() < tolerance,
        "{what}: {found}, Python says {expected}"
    );
}

#[track_caller]
fn assert_close(found: f64, expected: f64, what: &str) {
    assert_within(found, expected, TOLERANCE, what);
}

fn models_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

#[test]
fn the_shipped_bundle_answers_as_in_python() {
    let reference = serde_json::from_str(include_str!("fixtures/shipped.json")).unwrap();
    answers_as_in_python(&models_folder(), &reference, TOLERANCE);
}

#[test]
fn the_reference_method_answers_as_in_python() {
    let folder = models_folder().join("reference");
    let reference = serde_json::from_str(include_str!("fixtures/reference_method.json")).unwrap();
    answers_as_in_python(&folder, &reference, NOISE_TOLERANCE);
    let bundle = Bundle::load(&folder).unwrap();
    assert_eq!(bundle.reference().name, "norma-reference");
    assert_eq!(bundle.classifier().manifest.test_time_augmentation.len(), 5);
}

fn answers_as_in_python(models_folder: &Path, reference: &Reference, of_classifier: f64) {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(models_folder).unwrap();
    let manifests = bundle
        .anomaly()
        .iter()
        .chain(bundle.idle())
        .chain([bundle.classifier(), bundle.typing()])
        .map(|model| model.folder.join(MANIFEST_FILE));
    let files: Vec<String> = std::iter::once(models_folder.join("bundle.yaml"))
        .chain(manifests)
        .map(|path| sha256_of_file(&path).unwrap())
        .collect();
    assert_eq!(
        files, reference.files_sha256,
        "other models are in models/: run crates/inference/tests/make_shipped_reference.py"
    );

    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    let (pixels, masks) = (pixels(), lung_mask());
    let slices = Slices::new(&pixels, &masks).unwrap();
    let anomaly = models.anomaly().unwrap();
    let readings: Vec<AnomalyReading> = anomaly
        .models
        .iter()
        .map(|model| model.read(&slices).unwrap())
        .collect();
    for (found, expected) in readings[0].slice_scores.iter().zip(&reference.anomaly_slices) {
        assert_close(*found, *expected, "anomaly of a slice");
    }
    let expected_map = reference.anomaly_map.concat();
    let is_relative = readings[0].is_relative;
    assert_eq!(is_relative, readings[0].measure == "patch_distance");
    assert!(expected_map.iter().any(|value| *value > 0.5));
    let map = readings[0].maps.index_axis(Axis(0), 2);
    for (found, expected) in map.iter().zip(expected_map) {
        // Python's map is of the whole crop. A distance is divided by a deviation of 0.07 to 0.21.
        if is_relative || *found > 0.0 {
            assert_within(f64::from(*found), expected, 20.0 * TOLERANCE, "anomaly map");
        }
    }
    let normalised: Vec<f64> = readings.iter().map(AnomalyReading::normalised).collect();
    let anomaly_score = anomaly.combination.apply(&normalised);
    assert_close(anomaly_score, reference.anomaly, "anomaly");

    let classifier = models.classifier().unwrap().read(&slices).unwrap();
    for (found, expected) in classifier.slice_scores.iter().zip(&reference.classifier_slices) {
        assert_within(*found, *expected, of_classifier, "classifier of a slice");
    }
    assert_within(
        classifier.score,
        reference.classifier,
        of_classifier,
        "classifier",
    );

    let (score, _) = bundle.fusion().apply(anomaly_score, classifier.score);
    assert_within(score, reference.score, of_classifier, "fused score");
    let probability = bundle.calibration().apply(score).unwrap();
    // A logistic curve of slope 12 at most.
    assert_within(
        probability.value(),
        reference.probability,
        3.0 * of_classifier,
        "probability",
    );

    let typing = models.typing().unwrap().read(&slices).unwrap();
    assert_eq!(typing.labels.len(), reference.types.len());
    for label in &typing.labels {
        let expected = reference.types[&label.label.key];
        assert_close(label.probability.value(), expected, &label.label.key);
    }
}
