//! Answers compared with those of Python's libraries, recorded by `make_fixtures.py` beside this file.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

mod support;

use ndarray::Array3;
use norma_domain::Stage;
use norma_inference::{
    AnomalyModel, Augmentation, Bundle, ExecutionProvider, Slices, StageModels, augment, sha256_of_bytes,
};
use serde::Deserialize;
use support::{bundle_folder, lung_mask, pixels, runtime};

const TOLERANCE: f64 = 1e-4;

#[derive(Deserialize)]
struct Reference {
    pixel_sum: u64,
    mask_sum: u64,
    autoencoder: AnomalyReference,
    patch_memory: AnomalyReference,
    classifier: ClassifierReference,
    typing: TypingReference,
    clahe_sha256: String,
    blur_sha256: String,
}

#[derive(Deserialize)]
struct AnomalyReference {
    slice_scores: Vec<f64>,
    raw: f64,
    map_sum: f64,
}

#[derive(Deserialize)]
struct ClassifierReference {
    slice_scores: Vec<f64>,
    score: f64,
    first_map: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct TypingReference {
    labels: Vec<String>,
    probabilities: Vec<f64>,
    key_indices: Vec<usize>,
    slice_scores: Vec<f64>,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("fixtures/reference.json")).unwrap()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < TOLERANCE, "{found} {expected}");
    }
}

#[test]
fn the_input_is_the_one_that_python_saw() {
    let sum = |array: &Array3<u8>| array.iter().map(|value| u64::from(*value)).sum::<u64>();
    assert_eq!(sum(&pixels()), reference().pixel_sum);
    assert_eq!(sum(&lung_mask()), reference().mask_sum);
}

#[test]
fn anomaly_models_score_as_in_python() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let (pixels, masks) = (pixels(), lung_mask());
    let slices = Slices::new(&pixels, &masks).unwrap();
    let expected = [reference().patch_memory, reference().autoencoder];
    for (model, expected) in bundle.anomaly().iter().zip(expected) {
        let reading = AnomalyModel::open(model, &runtime)
            .unwrap()
            .read(&slices)
            .unwrap();
        assert_eq!(reading.indices, [0, 1, 2, 3, 4]);
        assert_close(&reading.slice_scores, &expected.slice_scores);
        assert_close(&[reading.raw], &[expected.raw]);
        let sum: f64 = reading.maps.iter().map(|value| f64::from(*value)).sum();
        assert!(
            (sum / expected.map_sum - 1.0).abs() < TOLERANCE,
            "{sum} {}",
            expected.map_sum
        );
        let visible = reading.visible_maps();
        assert!(visible.iter().all(|value| (0.0..=1.0).contains(value)));
    }
}

#[test]
fn the_classifier_averages_its_augmentations_as_in_python() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = StageModels::open(&bundle, &runtime, &[Stage::Classifier]).unwrap();
    assert!(models.anomaly().is_none() && models.typing().is_none());
    let (pixels, masks) = (pixels(), lung_mask());
    let slices = Slices::new(&pixels, &masks).unwrap();
    let classifier = models.classifier().unwrap();
    assert_eq!(classifier.execution_provider(), &ExecutionProvider::Cpu);

    let reading = classifier.read(&slices).unwrap();
    let expected = reference().classifier;
    assert_close(&reading.slice_scores, &expected.slice_scores);
    assert_close(&[reading.score], &[expected.score]);
    let maps = reading.maps.as_ref().unwrap();
    let first: Vec<f64> = maps
        .index_axis(ndarray::Axis(0), 0)
        .iter()
        .map(|v| f64::from(*v))
        .collect();
    assert_close(&first, &expected.first_map.concat());

    // A map shows the slice's probability at its highest place.
    let visible = reading.visible_maps().unwrap();
    for (map, score) in visible.outer_iter().zip(&reading.slice_scores) {
        let highest = map.iter().copied().fold(0.0_f32, f32::max);
        assert!((f64::from(highest) - score).abs() < 1e-6);
    }
}

#[test]
fn typing_names_its_labels_as_in_python() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = StageModels::open(&bundle, &runtime, &[Stage::Typing]).unwrap();
    let (pixels, masks) = (pixels(), lung_mask());
    let slices = Slices::new(&pixels, &masks).unwrap();
    let reading = models.typing().unwrap().read(&slices).unwrap();
    let expected = reference().typing;
    assert_close(&reading.slice_scores, &expected.slice_scores);
    let keys: Vec<_> = reading
        .labels
        .iter()
        .map(|label| label.label.key.clone())
        .collect();
    assert_eq!(keys, expected.labels);
    let probabilities: Vec<_> = reading
        .labels
        .iter()
        .map(|label| label.probability.value())
        .collect();
    assert_close(&probabilities, &expected.probabilities);
    let key_indices: Vec<_> = reading.labels.iter().map(|label| label.key_index).collect();
    assert_eq!(key_indices, expected.key_indices);
}

#[test]
fn clahe_and_blur_are_those_of_opencv_and_scipy() {
    let pixels = pixels();
    let equalised: Vec<u8> = (0..2)
        .flat_map(|z| {
            let slice = pixels.slice(ndarray::s![z, ..200, ..184]);
            augment(&slice, Augmentation::Clahe, 0)
        })
        .collect();
    assert_eq!(sha256_of_bytes(&equalised), reference().clahe_sha256);
    let blurred = augment(&pixels.index_axis(ndarray::Axis(0), 0), Augmentation::Blur, 0);
    let bytes: Vec<u8> = blurred.iter().copied().collect();
    assert_eq!(sha256_of_bytes(&bytes), reference().blur_sha256);
}

#[test]
fn studies_are_read_by_several_threads_at_once_with_the_same_answer() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = StageModels::open(&bundle, &runtime, &[Stage::Classifier]).unwrap();
    let (pixels, masks) = (pixels(), lung_mask());
    let expected = reference().classifier.score;
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let slices = Slices::new(&pixels, &masks).unwrap();
                let reading = models.classifier().unwrap().read(&slices).unwrap();
                assert_close(&[reading.score], &[expected]);
            });
        }
    });
}
