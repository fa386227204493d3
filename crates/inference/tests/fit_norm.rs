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
use norma_inference::{
    AnomalyModel, AnomalyReading, Bundle, ExpectedFile, FitNormError, FitNormOptions, InstalledModel,
    MANIFEST_FILE, Manifest, NormFitter, Slices, import_model, sha256_of_bytes,
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

#[test]
fn a_sites_norm_becomes_a_model_that_finds_what_is_not_norm() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let base = &bundle.anomaly()[0];
    let model = AnomalyModel::open(base, &runtime).unwrap();
    let threshold = bundle
        .anomaly_score_at(&bundle.default_operating_point())
        .unwrap();
    // sigmoid(5.85 · x − 3.72) = 0.5
    assert!((threshold - 3.72 / 5.85).abs() < 1e-9, "{threshold}");
    let options = FitNormOptions {
        patches: 480,
        score_threshold: threshold,
    };

    let mut fitter = NormFitter::new(&model, options).unwrap();
    for seed in 0..12 {
        let (pixels, mask) = study(seed, false);
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let mut judged = 0;
    let fitted = fitter.finish(|count| judged = count).unwrap();
    assert_eq!(judged, 12);
    assert_eq!(fitted.studies(), 12);
    assert!(!fitted.is_recommended());
    // Six features and the position.
    assert_eq!(fitted.memory.dim(), (480, 8));
    assert!(
        fitted.false_positives.value <= 0.34,
        "{:?}",
        fitted.false_positives
    );
    assert!(fitted.false_positives.ci95[1] > fitted.false_positives.value);

    let folder = TempDir::new().unwrap();
    let studies = vec!["1.2.3".to_owned()];
    let written = fitted
        .write_model(base, &folder.path().join("our-norm"), "1.0.0", &studies)
        .unwrap();
    assert_eq!(written.manifest.name, "our-norm");
    let site = AnomalyModel::open(&written, &runtime).unwrap();
    let score = |seed, lesion| {
        let (pixels, mask) = study(seed, lesion);
        site.read(&Slices::new(&pixels, &mask).unwrap())
            .unwrap()
            .normalised()
    };
    assert!(score(100, false) < threshold, "{}", score(100, false));
    assert!(score(100, true) >= threshold, "{}", score(100, true));
    // The memory is stored as float16: the bounds still fit.
    assert!(
        fitted
            .write_model(base, &folder.path().join("our-norm"), "1.0.0", &studies)
            .is_err()
    );

    // The bundle that names it loads once the other models stand beside it.
    for name in ["autoencoder", "classifier", "typing"] {
        import_model(&bundle_folder().join(name), folder.path(), &runtime).unwrap();
    }
    let file = bundle
        .file()
        .with_site_norm("patch-memory", "our-norm", "our-bundle");
    let path = folder.path().join("bundle-our-norm.yaml");
    file.write(&path).unwrap();
    let loaded = Bundle::load(&path).unwrap();
    assert_eq!(loaded.anomaly()[0].manifest.name, "our-norm");
    assert!(
        loaded
            .operating_points()
            .iter()
            .all(|point| point.sensitivity.is_none())
    );
    assert_ne!(loaded.reference().sha256, bundle.reference().sha256);
}

/// The fixture's patch memory that also keeps what distance norm has where, at first the same everywhere.
fn base_with_expected(folder: &Path) -> InstalledModel {
    let target = folder.join("patch-memory");
    fs::create_dir(&target).unwrap();
    for file in ["model.onnx", "memory.npy"] {
        fs::copy(bundle_folder().join("patch-memory").join(file), target.join(file)).unwrap();
    }
    let mut manifest = Manifest::read(&bundle_folder().join("patch-memory")).unwrap();
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
    InstalledModel::open(&target).unwrap()
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
    let base = base_with_expected(folder.path());
    let model = AnomalyModel::open(&base, &runtime).unwrap();
    let options = FitNormOptions {
        patches: 480,
        score_threshold: 0.5,
    };
    let mut fitter = NormFitter::new(&model, options).unwrap();
    for seed in 0..12 {
        let (pixels, mask) = study(seed, false);
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let fitted = fitter.finish(|_| ()).unwrap();
    let written = fitted
        .write_model(&base, &folder.path().join("our-norm"), "1.0.0", &[])
        .unwrap();
    let files = |model: &InstalledModel| model.manifest.memory.clone().unwrap().expected.unwrap();
    assert_ne!(files(&written).sha256, files(&base).sha256);
    assert_eq!(files(&written).lung_shares, files(&base).lung_shares);

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
    let model = AnomalyModel::open(&bundle.anomaly()[0], &runtime).unwrap();
    let mut fitter = NormFitter::new(&model, FitNormOptions::default()).unwrap();
    for seed in 0..9 {
        let (pixels, mask) = study(seed, false);
        fitter.add(&Slices::new(&pixels, &mask).unwrap()).unwrap();
    }
    let error = fitter.finish(|_| ()).unwrap_err();
    assert!(
        matches!(error, FitNormError::TooFewStudies { found: 9 }),
        "{error}"
    );

    let autoencoder = AnomalyModel::open(&bundle.anomaly()[1], &runtime).unwrap();
    assert!(matches!(
        NormFitter::new(&autoencoder, FitNormOptions::default()),
        Err(FitNormError::NoPatchMemory(_))
    ));
}

#[test]
fn copies_of_one_study_are_no_norm() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&bundle_folder()).unwrap();
    let model = AnomalyModel::open(&bundle.anomaly()[0], &runtime).unwrap();
    let mut fitter = NormFitter::new(
        &model,
        FitNormOptions {
            patches: 120,
            ..FitNormOptions::default()
        },
    )
    .unwrap();
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
