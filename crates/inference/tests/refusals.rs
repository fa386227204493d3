//! Models and bundles that do not fit are refused in words that say what does not fit.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;

use ndarray::Array3;
use norma_domain::{OperatingPointName, ReasonCode, Stage};
use norma_inference::{
    AcceptedPoints, Bundle, ClassifierModel, InstalledModel, ModelError, Slices, StageModels,
};
use support::{bundle_folder, runtime};
use tempfile::TempDir;

fn copied_bundle() -> TempDir {
    let folder = TempDir::new().unwrap();
    copy(&bundle_folder(), folder.path());
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn rewrite(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{from:?} is not in {}", path.display());
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[track_caller]
fn assert_refused(folder: &Path, code: ReasonCode, words: &str) {
    let error = Bundle::load(folder).unwrap_err();
    assert_eq!(error.code(), code, "{error}");
    assert!(!error.is_retryable());
    let text = error.reason().message;
    assert!(text.contains(words), "{text}");
}

#[test]
fn the_fixture_itself_is_accepted() {
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    assert_eq!(bundle.reference().name, "fixture");
    assert_eq!(bundle.default_operating_point().threshold.value(), 0.5);
    let name = OperatingPointName("sensitivity_95".to_owned());
    assert_eq!(bundle.operating_point(&name).unwrap().threshold.value(), 0.3);
    assert!(
        bundle
            .operating_point(&OperatingPointName("none".to_owned()))
            .is_none()
    );
    assert_eq!(bundle.models_of(Stage::Anomaly).len(), 2);
    assert!(bundle.models_of(Stage::Report).is_empty());
}

#[test]
fn a_model_of_weight_0_is_checked_and_not_run() {
    let folder = copied_bundle();
    let path = folder.path().join("bundle.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("method: maximum"));
    let weighted = text.replacen(
        "method: maximum",
        "method: weighted_mean\n  weights: [0.0, 1.0]",
        1,
    );
    fs::write(&path, weighted).unwrap();
    let bundle = Bundle::load(folder.path()).unwrap();
    let names = |models: &[norma_inference::InstalledModel]| -> Vec<String> {
        models.iter().map(|model| model.manifest.name.clone()).collect()
    };
    assert_eq!(names(bundle.idle()), ["patch-memory"]);
    assert_eq!(names(bundle.anomaly()), ["autoencoder"]);
    assert_eq!(bundle.anomaly_combination().apply(&[0.4]), 0.4);
    assert_eq!(bundle.models_of(Stage::Anomaly).len(), 1);

    // It is part of the bundle all the same: its files are checked, and its hash counts.
    let manifest = folder.path().join("patch-memory/manifest.yaml");
    let mut text = fs::read_to_string(&manifest).unwrap();
    text.push_str("\n# looked at\n");
    fs::write(&manifest, text).unwrap();
    let other = Bundle::load(folder.path()).unwrap();
    assert_ne!(other.reference().sha256, bundle.reference().sha256);
}

#[test]
fn an_altered_file_is_noticed() {
    let folder = copied_bundle();
    let path = folder.path().join("classifier/model.onnx");
    let mut bytes = fs::read(&path).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert_refused(folder.path(), ReasonCode::ModelInvalid, "the manifest says");

    let folder = copied_bundle();
    fs::write(folder.path().join("patch-memory/memory.npy"), b"other").unwrap();
    assert_refused(folder.path(), ReasonCode::ModelInvalid, "memory.npy has SHA-256");
}

#[test]
fn a_missing_file_is_named() {
    let folder = copied_bundle();
    fs::remove_file(folder.path().join("typing/model.onnx")).unwrap();
    assert_refused(folder.path(), ReasonCode::ModelMissing, "typing/model.onnx");
    let empty = TempDir::new().unwrap();
    assert_refused(empty.path(), ReasonCode::ModelMissing, "bundle.yaml");
}

#[test]
fn contradictions_in_the_bundle_are_named() {
    for (from, to, words) in [
        ("norma.bundle/v1", "norma.bundle/v9", "schema"),
        (
            "classifier: classifier",
            "classifier: typing",
            "wants [Classifier]",
        ),
        (
            "classifier: classifier",
            "classifier: ../classifier",
            "plain folder name",
        ),
        (
            "default_operating_point: youden",
            "default_operating_point: f1",
            "f1",
        ),
        ("threshold: 0.5", "threshold: 1.5", "1.5 is not a probability"),
        ("threshold: 0.5", "threshold: 0.0", "threshold 0"),
        ("name: sensitivity_95", "name: youden", "same name"),
        ("coefficient: 5.85", "coefficient: -5.85", "coefficient positive"),
        ("method: platt", "method: guess", "guess"),
        ("fusion:", "confusion:", "confusion"),
    ] {
        let folder = copied_bundle();
        rewrite(&folder.path().join("bundle.yaml"), from, to);
        assert_refused(folder.path(), ReasonCode::ModelInvalid, words);
    }
}

#[test]
fn contradictions_in_a_manifest_are_named() {
    for (model, from, to, words) in [
        ("classifier", "norma.model/v1", "norma.model/v2", "schema"),
        (
            "classifier",
            "name: classifier",
            "name: other",
            "the manifest's name",
        ),
        (
            "classifier",
            "norma.prepare/v1",
            "norma.prepare/v2",
            "norma.prepare/v1",
        ),
        ("classifier", "- -1000", "- -1350", "hounsfield_range"),
        (
            "classifier",
            "meaning: logit",
            "meaning: class_activation_map",
            "needs an output",
        ),
        ("classifier", "k: 3", "k: 0", "k = 0"),
        (
            "classifier",
            "file: model.onnx",
            "file: ../model.onnx",
            "plain file name",
        ),
        (
            "classifier",
            "file: model.onnx",
            "file: model.onnx\nnetwork: ../elsewhere",
            "plain file name",
        ),
        ("classifier", "size: 56", "size: 56\n  colour: blue", "colour"),
        ("typing", "lung_nodule", "emphysema", "same key"),
        (
            "typing",
            "- labels",
            "- 4",
            "\"logits\" has 4 columns and there are 3 labels",
        ),
        ("autoencoder", "low: 0.2", "low: 2.0", "no range"),
        ("autoencoder", "within_slice", "without_slice", "without_slice"),
        ("patch-memory", "neighbours: 3", "neighbours: 0", "neighbours"),
    ] {
        let folder = copied_bundle();
        rewrite(&folder.path().join(model).join("manifest.yaml"), from, to);
        assert_refused(folder.path(), ReasonCode::ModelInvalid, words);
    }
}

#[test]
fn a_graph_that_is_not_the_manifests_is_refused() {
    let Some(runtime) = runtime() else { return };
    for (from, to, words) in [
        ("name: image", "name: picture", "input is \"image\""),
        ("size: 56", "size: 64", "[-1, 1, 56, 56]"),
        (
            "channels: 1",
            "channels: 3",
            "the manifest says [batch, 3, 56, 56]",
        ),
        ("name: logit", "name: score", "no output \"score\""),
        ("- 7\n", "- 9\n", "[batch, 9, 7]"),
    ] {
        let folder = copied_bundle();
        rewrite(&folder.path().join("classifier/manifest.yaml"), from, to);
        let model = InstalledModel::open(&folder.path().join("classifier")).unwrap();
        let error = ClassifierModel::open(&model, &runtime).unwrap_err();
        assert!(matches!(error, ModelError::TensorMismatch { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_file_that_is_no_graph_is_refused() {
    let Some(runtime) = runtime() else { return };
    let folder = copied_bundle();
    let path = folder.path().join("classifier");
    let sound = InstalledModel::open(&path).unwrap();
    fs::write(path.join("model.onnx"), b"no graph").unwrap();
    rewrite(
        &path.join("manifest.yaml"),
        &sound.manifest.sha256,
        &norma_inference::sha256_of_bytes(b"no graph"),
    );
    let model = InstalledModel::open(&path).unwrap();
    let error = ClassifierModel::open(&model, &runtime).unwrap_err();
    assert!(matches!(error, ModelError::GraphRefused { .. }));
    assert!(error.source().is_some());
}

#[test]
fn a_study_without_lungs_is_no_study_of_norm() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = StageModels::open(&bundle, &runtime, &[Stage::Anomaly]).unwrap();
    let pixels = Array3::<u8>::zeros((3, 224, 224));
    let slices = Slices::new(&pixels, &pixels).unwrap();
    for model in &models.anomaly().unwrap().models {
        let error = model.read(&slices).unwrap_err();
        assert_eq!(error.code(), ReasonCode::InferenceFailed);
    }
}

#[test]
fn the_library_is_looked_for_and_named() {
    let options = norma_inference::RuntimeOptions {
        library: Some("/nowhere/libonnxruntime.so".into()),
        ..Default::default()
    };
    let error = norma_inference::Runtime::start(&options).unwrap_err();
    assert!(error.to_string().contains("/nowhere/libonnxruntime.so"));
}

#[test]
fn an_output_that_is_no_number_is_an_error() {
    let Some(runtime) = runtime() else { return };
    let folder = bundle_folder().join("../not-finite");
    let model = ClassifierModel::open(&InstalledModel::open(&folder).unwrap(), &runtime).unwrap();
    let pixels = Array3::<u8>::ones((3, 224, 224));
    let error = model.read(&Slices::new(&pixels, &pixels).unwrap()).unwrap_err();
    assert_eq!(error.code(), ReasonCode::ScoreNotFinite);
    assert!(!error.is_retryable());
}

/// Accepted thresholds change operating points and nothing else of a bundle, under a hash of their own.
#[test]
fn accepted_thresholds_are_of_the_installed_bundle_alone() {
    let installed = Bundle::load(&bundle_folder()).unwrap();
    let mut file = installed.file().clone();
    let mut point = file.operating_points[0].clone();
    point.name = OperatingPointName("site".to_owned());
    file = file.with_site_point(point);
    let accepted = installed
        .clone()
        .with_accepted_points(&AcceptedPoints::parse(file.to_text().unwrap()).unwrap())
        .unwrap();
    assert_eq!(accepted.default_operating_point().name.as_str(), "site");
    assert_eq!(accepted.installed(), installed.reference());
    assert_ne!(accepted.reference().sha256, installed.reference().sha256);
    assert_eq!(accepted.reference().version, file.version);
    assert_eq!(accepted.as_installed().reference(), installed.reference());

    file.danger_order.push("another".to_owned());
    let error = installed
        .with_accepted_points(&AcceptedPoints::parse(file.to_text().unwrap()).unwrap())
        .unwrap_err();
    assert!(error.to_string().contains("of another bundle"), "{error}");
}
