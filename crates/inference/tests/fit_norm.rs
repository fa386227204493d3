//! A site's own norm, fitted on made-up studies and used as a model.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

mod support;

use std::fs;
use std::path::Path;

use ndarray::Array3;
use norma_domain::Stage;
use norma_inference::{
    AnomalyModel, AnomalyReading, Bundle, ExpectedFile, FitNormError, FitNormOptions, FittedNorm,
    InstalledModel, MANIFEST_FILE, Manifest, NormFitter, Runtime, Slices, StageModels, import_model,
    sha256_of_bytes,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use support::{bundle_folder, runtime};
use tempfile::TempDir;

/// A study of soft waves with some noise; `lesion` adds a bright square inside the lungs.
fn study(seed: u64, lesion: bool) -> (Array3<u8>, Array3<u8>) {
    let mut random = StdRng::seed_from_u64(seed);
    let phase: f64 = random.random_range(0.0..0.5);
    let pixels = Array3::from_shape_fn((4, 224, 224), |(z, y, x)| {
        let wave = ((x as f64 / 23.0 + phase).sin() + (y as f64 / 31.0).cos() + z as f64 * 0.1) * 18.0;
        let bright = lesion && (90..140).contains(&y) && (40..80).contains(&x) && (x / 4 + y / 4) % 2 == 0;
        let level = if bright { 230.0 } else { 70.0 + wave };
        (level + random.random_range(-3.0..3.0)) as u8
    });
    let mask = Array3::from_shape_fn((4, 224, 224), |(_, y, x)| {
        u8::from((60..170).contains(&y) && ((30..95).contains(&x) || (130..195).contains(&x)))
    });
    (pixels, mask)
}

/// The fixture's bundle without its autoencoder in `folder`.
fn base_bundle(folder: &Path) -> Bundle {
    for name in ["patch-memory", "classifier", "typing"] {
        fs::create_dir(folder.join(name)).unwrap();
        for file in fs::read_dir(bundle_folder().join(name)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), folder.join(name).join(file.file_name())).unwrap();
        }
    }
    let text = fs::read_to_string(bundle_folder().join("bundle.yaml")).unwrap();
    let text = text.replace("  - autoencoder\n", "");
    fs::write(folder.join("bundle.yaml"), text).unwrap();
    Bundle::load(folder).unwrap()
}

fn open(bundle: &Bundle, runtime: &Runtime) -> StageModels {
    StageModels::open(bundle, runtime, &[Stage::Anomaly, Stage::Classifier]).unwrap()
}

fn fit(bundle: &Bundle, runtime: &Runtime) -> FittedNorm {
    let models = open(bundle, runtime);
    let mut fitter = NormFitter::new(bundle, &models, FitNormOptions { patches: 480 }).unwrap();
    for seed in 0..12 {
        let (pixels, mask) = study(seed, false);
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let mut judged = 0;
    let fitted = fitter.finish(|count| judged = count).unwrap();
    assert_eq!(judged, 12);
    fitted
}

fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

#[test]
fn a_sites_norm_becomes_a_model_that_finds_what_is_not_norm() {
    let Some(runtime) = runtime() else { return };
    let folder = TempDir::new().unwrap();
    let bundle = base_bundle(folder.path());
    let base = &bundle.anomaly()[0];
    let fitted = fit(&bundle, &runtime);
    assert_eq!(fitted.studies(), 12);
    assert!(!fitted.is_recommended());
    // Six features and the position.
    assert_eq!(fitted.memory.dim(), (480, 8));
    // The leave-one-out scores of the site's norm, normalised, have the base's mean and deviation:
    // (0.22 − 0.05) / 0.85 and 0.1275 / 0.85.
    let range = fitted.bounds.high - fitted.bounds.low;
    let unclipped: Vec<f64> = fitted
        .leave_one_out_scores
        .iter()
        .map(|score| (score - fitted.bounds.low) / range)
        .collect();
    let (mean, deviation) = mean_and_deviation(&unclipped);
    assert!((mean - 0.2).abs() < 1e-9 && (deviation - 0.15).abs() < 1e-9);

    let studies = vec!["1.2.3".to_owned()];
    let out = folder.path().join("our-norm");
    let written = fitted.write_model(base, &out, "1.0.0", &studies).unwrap();
    assert_eq!(written.manifest.name, "our-norm");
    assert_eq!(written.manifest.norm_scores, Some(fitted.norm_scores));
    assert!(fitted.write_model(base, &out, "1.0.0", &studies).is_err());
    let file = bundle.file().with_site_norm("patch-memory", "our-norm", &fitted);
    let path = folder.path().join("bundle-our-norm.yaml");
    file.write(&path).unwrap();
    let loaded = Bundle::load(&path).unwrap();
    assert_eq!(loaded.anomaly()[0].manifest.name, "our-norm");
    assert_ne!(loaded.reference().sha256, bundle.reference().sha256);

    let models = open(&loaded, &runtime);
    let site = &models.anomaly().unwrap().models[0];
    let score = |seed, lesion| {
        let (pixels, mask) = study(seed, lesion);
        site.read(&Slices::new(&pixels, &mask).unwrap())
            .unwrap()
            .normalised()
    };
    // Three deviations above the mean of norm.
    let unusual = 0.2 + 3.0 * 0.15;
    assert!(score(100, false) < unusual, "{}", score(100, false));
    assert!(score(100, true) >= unusual, "{}", score(100, true));

    // The scaled classifier scores the site's norm as the base's norm is scored.
    let classifier = models.classifier().unwrap();
    let readings: Vec<_> = (0..12)
        .map(|seed| {
            let (pixels, mask) = study(seed, false);
            classifier.read(&Slices::new(&pixels, &mask).unwrap()).unwrap()
        })
        .collect();
    let logit = |p: f64| (p / (1.0 - p)).ln();
    let scaled: Vec<f64> = readings.iter().map(|reading| logit(reading.score)).collect();
    let (mean, deviation) = mean_and_deviation(&scaled);
    assert!((mean + 1.0).abs() < 1e-6 && (deviation - 0.8).abs() < 1e-6);
    let base_models = open(&bundle, &runtime);
    let (pixels, mask) = study(0, false);
    let unscaled = base_models
        .classifier()
        .unwrap()
        .read(&Slices::new(&pixels, &mask).unwrap())
        .unwrap();
    assert_eq!(unscaled.score, unscaled.unscaled);
    assert_eq!(unscaled.score, readings[0].unscaled);
    assert_ne!(unscaled.score, readings[0].score);
    for (scaled, unscaled) in readings[0].slice_scores.iter().zip(&unscaled.slice_scores) {
        assert_eq!(*scaled, fitted.classifier_scaling.apply(*unscaled));
    }
}

#[test]
fn false_positives_are_those_of_the_whole_bundle() {
    let Some(runtime) = runtime() else { return };
    let folder = TempDir::new().unwrap();
    let bundle = base_bundle(folder.path());
    let fitted = fit(&bundle, &runtime);
    let rate_of = |fitted: &FittedNorm, name: &str| {
        fitted
            .false_positives
            .iter()
            .find(|found| found.operating_point.as_str() == name)
            .unwrap()
            .rate
    };
    let (youden, sensitive) = (rate_of(&fitted, "youden"), rate_of(&fitted, "sensitivity_95"));
    assert!(
        youden.value <= sensitive.value && youden.value < 0.5,
        "{youden:?}"
    );
    assert!(youden.ci95[0] <= youden.value && youden.value <= youden.ci95[1]);
    // The written bundle says so: 1 − the rate, the interval turned round.
    let file = bundle.file().with_site_norm("patch-memory", "our-norm", &fitted);
    for point in &file.operating_points {
        assert!(point.sensitivity.is_none());
        let figure = point.specificity.unwrap();
        let rate = rate_of(&fitted, point.name.as_str());
        assert_eq!(figure.value, Some(1.0 - rate.value));
        assert_eq!(
            figure.ci95,
            Some([Some(1.0 - rate.ci95[1]), Some(1.0 - rate.ci95[0])])
        );
    }

    // A classifier whose own norm scores near 1 takes the site's norm with it, however calm the memory is.
    let manifest = folder.path().join("classifier/manifest.yaml");
    let text = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, text.replace("mean: -1.0", "mean: 9.0")).unwrap();
    let alarming = fit(&Bundle::load(folder.path()).unwrap(), &runtime);
    assert_eq!(rate_of(&alarming, "youden").value, 1.0);
}

/// The bundle of [`base_bundle`] whose patch memory also keeps what distance norm has where, at first the same everywhere.
fn base_with_expected(folder: &Path) -> Bundle {
    base_bundle(folder);
    let target = folder.join("patch-memory");
    let mut manifest = Manifest::read(&target).unwrap();
    let side = manifest.input.size / 4;
    let bytes = npy(&[1.0, 0.5].repeat(3 * side * side));
    fs::write(target.join("expected.npy"), &bytes).unwrap();
    manifest.memory.as_mut().unwrap().expected = Some(ExpectedFile {
        file: "expected.npy".to_owned(),
        sha256: sha256_of_bytes(&bytes),
        grid: [side, side],
        lung_shares: vec![0.1, 0.25, 0.4],
    });
    fs::write(
        target.join(MANIFEST_FILE),
        serde_yaml_ng::to_string(&manifest).unwrap(),
    )
    .unwrap();
    Bundle::load(folder).unwrap()
}

/// Pairs of values as an npy file of float32.
fn npy(values: &[f32]) -> Vec<u8> {
    let mut header = format!(
        "{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, 2), }}",
        values.len() / 2
    );
    header.push_str(&" ".repeat(117 - header.len()));
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    bytes
}

#[test]
fn a_sites_norm_tells_what_distance_is_usual_where() {
    let Some(runtime) = runtime() else { return };
    let folder = TempDir::new().unwrap();
    let bundle = base_with_expected(folder.path());
    let base = &bundle.anomaly()[0];
    let fitted = fit(&bundle, &runtime);
    let written = fitted
        .write_model(base, &folder.path().join("our-norm"), "1.0.0", &[])
        .unwrap();
    let files = |model: &InstalledModel| model.manifest.memory.clone().unwrap().expected.unwrap();
    assert_ne!(files(&written).sha256, files(base).sha256);
    assert_eq!(files(&written).lung_shares, files(base).lung_shares);

    let site = AnomalyModel::open(&written, &runtime).unwrap();
    let reading = |seed, lesion| {
        let (pixels, mask) = study(seed, lesion);
        site.read(&Slices::new(&pixels, &mask).unwrap()).unwrap()
    };
    let (norm, sick) = (reading(100, false), reading(100, true));
    assert!(norm.is_relative && norm.normalised() < 0.5 && sick.normalised() >= 0.5);
    // In deviations from norm: a new norm study is about as far as expected.
    let highest = |reading: &AnomalyReading| reading.maps.iter().copied().fold(0.0_f32, f32::max);
    let (usual, unusual) = (highest(&norm), highest(&sick));
    assert!(usual < 4.0 && unusual > usual + 1.0, "{usual} {unusual}");
    let peaks = sick.slice_peaks().unwrap();
    assert!(peaks.iter().all(|peak| (0.0..=1.0).contains(peak)));
    assert!(peaks.iter().copied().fold(0.0, f64::max) > 0.9);
    // The highest place of the map lies in the lesion (rows 90..140, columns 40..80 of 224).
    let side = sick.maps.dim().1 as f64;
    let ((_, row, column), _) = sick
        .maps
        .indexed_iter()
        .max_by(|left, right| left.1.total_cmp(right.1))
        .unwrap();
    let pixel = |cell: usize| (cell as f64 + 0.5) * 224.0 / side;
    assert!((80.0..150.0).contains(&pixel(row)) && (30.0..90.0).contains(&pixel(column)));

    // A table for another grid is refused, as is a changed one.
    let wrong = folder.path().join("our-norm").join("expected.npy");
    fs::write(&wrong, npy(&[1.0, 0.5])).unwrap();
    assert!(InstalledModel::open(&folder.path().join("our-norm")).is_err());
}

#[test]
fn too_few_studies_are_refused() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = open(&bundle, &runtime);
    let mut fitter = NormFitter::new(&bundle, &models, FitNormOptions::default()).unwrap();
    for seed in 0..9 {
        let (pixels, mask) = study(seed, false);
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let error = fitter.finish(|_| ()).unwrap_err();
    assert!(
        matches!(error, FitNormError::TooFewStudies { found: 9 }),
        "{error}"
    );
}

#[test]
fn a_bundle_that_cannot_be_fitted_says_why() {
    let Some(runtime) = runtime() else { return };
    let folder = TempDir::new().unwrap();
    base_bundle(folder.path());
    let refusal = || {
        let bundle = Bundle::load(folder.path()).unwrap();
        let models = open(&bundle, &runtime);
        NormFitter::new(&bundle, &models, FitNormOptions::default()).unwrap_err()
    };
    // A memory that does not say how its own norm scores.
    let manifest = folder.path().join("patch-memory/manifest.yaml");
    let sound = fs::read_to_string(&manifest).unwrap();
    let (before, rest) = sound.split_once("norm_scores:").unwrap();
    let (_, after) = rest.split_once("provenance:").unwrap();
    fs::write(&manifest, format!("{before}provenance:{after}")).unwrap();
    assert!(matches!(refusal(), FitNormError::NoNormScores(name) if name == "patch-memory"));
    fs::write(&manifest, &sound).unwrap();

    // Two memories: which is the site's?
    let second = folder.path().join("second-memory");
    fs::create_dir(&second).unwrap();
    for file in fs::read_dir(folder.path().join("patch-memory")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), second.join(file.file_name())).unwrap();
    }
    let renamed = sound.replace("name: patch-memory", "name: second-memory");
    fs::write(second.join("manifest.yaml"), renamed).unwrap();
    let path = folder.path().join("bundle.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace("  - patch-memory\n", "  - patch-memory\n  - second-memory\n");
    fs::write(&path, text).unwrap();
    assert!(matches!(refusal(), FitNormError::NotOneMemory(_, 2)));

    // A scaling that would turn the classifier round is no bundle.
    let text = fs::read_to_string(bundle_folder().join("bundle.yaml")).unwrap();
    let turned = "classifier_scaling:\n  coefficient: -1.0\n  intercept: 0.0\nfusion:";
    fs::write(
        &path,
        text.replace("fusion:", turned).replace("  - autoencoder\n", ""),
    )
    .unwrap();
    let error = Bundle::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains("classifier_scaling"), "{error}");
}

#[test]
fn copies_of_one_study_are_no_norm() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let models = open(&bundle, &runtime);
    let mut fitter = NormFitter::new(&bundle, &models, FitNormOptions { patches: 120 }).unwrap();
    let (pixels, mask) = study(1, false);
    for _ in 0..10 {
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let error = fitter.finish(|_| ()).unwrap_err();
    assert!(matches!(error, FitNormError::NoSpread), "{error}");
}

#[test]
fn a_model_is_imported_once() {
    let Some(runtime) = runtime() else { return };
    let folder = TempDir::new().unwrap();
    let source = bundle_folder().join("patch-memory");
    let imported: InstalledModel = import_model(&source, folder.path(), &runtime).unwrap();
    assert!(imported.memory_path().unwrap().is_file());
    assert!(import_model(&source, folder.path(), &runtime).is_err());
}

#[test]
fn models_of_one_network_are_imported_with_it() {
    let Some(runtime) = runtime() else { return };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let folder = TempDir::new().unwrap();
    for name in ["classifier", "typing"] {
        let imported = import_model(&shipped.join(name), folder.path(), &runtime).unwrap();
        assert_eq!(imported.onnx_path(), folder.path().join("network/model.onnx"));
    }
    // In the place of the network lies another graph.
    fs::write(folder.path().join("network/model.onnx"), b"another graph").unwrap();
    let error = import_model(&shipped.join("patch-memory"), folder.path(), &runtime).unwrap_err();
    assert!(error.to_string().contains("model.onnx"), "{error}");
    // A second try is refused for the same reason, not for what the first one left.
    let names = || {
        fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
    };
    assert!(names().all(|name| name != "patch-memory" && name != ".patch-memory.part"));
    let again = import_model(&shipped.join("patch-memory"), folder.path(), &runtime).unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
}
