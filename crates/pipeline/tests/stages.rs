//! The model stages on prepared slices, with the random weights of norma-inference's fixtures, up to the report.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ndarray::{Array2, Array3, ArrayD, Axis};
use norma_domain::{AnalysisId, ReasonCode, ScanId, Stage, StageFailure, StageOutcome, StageResult, Verdict};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_inference::{
    Augmentation, Bundle, BundleFile, KnownReading, Runtime, RuntimeError, RuntimeOptions, SharedPass,
    StageModels, import_model,
};
use norma_pipeline::{
    MergeInput, StageMap, decode_known_outputs, decode_prepared_slices, encode_known_outputs,
    encode_prepared_slices, merge_report, prepare_series, read_shared, run_stage,
};
use norma_test_support::real_data;
use norma_volume::{CropBox, PreparedSlices};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../inference/tests/fixtures")
}

fn runtime() -> Option<Runtime> {
    match Runtime::start(&RuntimeOptions::default()) {
        Ok(runtime) => Some(runtime),
        Err(error @ RuntimeError::LibraryNotFound { .. }) if std::env::var_os("CI").is_none() => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}

/// Slices with a square of checks at rows 80..120 and columns 40..80 of the crop in the middle slices.
fn prepared() -> PreparedSlices {
    let count = 6;
    PreparedSlices {
        pixels: Array3::from_shape_fn((count, 224, 224), |(z, y, x)| {
            let checked = (2..4).contains(&z) && (80..120).contains(&y) && (40..80).contains(&x);
            if checked && (x / 6 + y / 6) % 2 == 0 {
                250
            } else {
                60
            }
        }),
        lung_mask: Array3::from_shape_fn((count, 224, 224), |(_, y, x)| {
            u8::from((20..200).contains(&y) && (20..100).contains(&x))
        }),
        slices: vec![10, 13, 16, 19, 22, 25],
        crops: vec![
            CropBox {
                y: 50.0,
                x: -10.0,
                side: 448.0,
            };
            count
        ],
    }
}

fn all_stages(models: &StageModels, slices: &PreparedSlices) -> Vec<(StageResult, Option<StageMap>)> {
    Stage::MODELS
        .into_iter()
        .map(|stage| run_stage(models, stage, slices, None).unwrap())
        .collect()
}

#[test]
fn the_stages_read_a_study_and_point_at_the_place() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&fixtures().join("bundle")).unwrap();
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    let slices = decode_prepared_slices(&encode_prepared_slices(&prepared()).unwrap()).unwrap();
    let results = all_stages(&models, &slices);

    let (anomaly, map) = &results[0];
    assert_eq!(anomaly.execution_provider, "cpu");
    assert!(anomaly.has_map);
    let read: Vec<usize> = anomaly.slice_scores.iter().map(|slice| slice.slice).collect();
    assert_eq!(read, slices.slices);
    let names: Vec<&str> = anomaly.components.iter().map(|part| part.name.as_str()).collect();
    assert_eq!(names, ["patch_distance", "reconstruction_error"]);
    let highest = anomaly
        .components
        .iter()
        .map(|part| part.normalised)
        .fold(0.0, f64::max);
    assert_eq!(anomaly.score.unwrap().value(), highest);

    // Crop rows 80..120 at two pixels each from row 50 on: 210..290; columns 40..80 from -10 on: 70..150.
    let region = anomaly.localization.unwrap();
    assert!(region.z_min >= 13 && region.z_max <= 22, "{region:?}");
    assert!(region.y_min >= 190 && region.y_max <= 310, "{region:?}");
    assert!(region.x_min >= 50 && region.x_max <= 170, "{region:?}");
    let map = StageMap::decode(&map.as_ref().unwrap().encode().unwrap()).unwrap();
    let whole: Array2<u8> = map.slice_map(16, 512, 512).unwrap();
    assert!(whole[[250, 110]] > 0);
    assert_eq!(whole[[250, 400]], 0, "there is no lung there");

    let (typing, map) = &results[2];
    assert!(map.is_none() && !typing.has_map && typing.score.is_none());
    assert_eq!(typing.findings.len(), 3);
    let probabilities: Vec<f64> = typing
        .findings
        .iter()
        .map(|finding| finding.probability.value())
        .collect();
    assert!(probabilities.is_sorted_by(|left, right| left >= right));
    assert!(
        typing
            .findings
            .iter()
            .all(|finding| slices.slices.contains(&finding.key_slice))
    );

    // The same study gives the same answer.
    let again = all_stages(&models, &slices);
    for ((first, _), (second, _)) in results.iter().zip(&again) {
        assert_eq!(first.slice_scores, second.slice_scores);
    }
}

/// What a stage says, apart from how long it took.
fn without_duration(results: Vec<(StageResult, Option<StageMap>)>) -> Vec<(StageResult, Option<StageMap>)> {
    let timeless = |result| StageResult {
        duration_ms: 0,
        ..result
    };
    results
        .into_iter()
        .map(|(result, map)| (timeless(result), map))
        .collect()
}

#[test]
fn the_shipped_models_read_one_network_that_runs_once() {
    let Some(runtime) = runtime() else { return };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::load(&shipped).unwrap();
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    let slices = prepared();
    let alone = without_duration(all_stages(&models, &slices));

    let shared = read_shared(models.shared(), &slices).unwrap();
    let stored = encode_prepared_slices(&slices).unwrap();
    let times = || Stage::MODELS.map(|stage| models.time_in_runtime(stage));
    let before = times();
    let together = Stage::MODELS
        .into_iter()
        .map(|stage| {
            let bytes = encode_known_outputs(shared.of(stage).unwrap(), &stored).unwrap();
            let known = decode_known_outputs(&bytes, &stored).unwrap();
            run_stage(&models, stage, &slices, known.as_ref()).unwrap()
        })
        .collect();
    assert_eq!(without_duration(together), alone);
    assert_eq!(times(), before, "a stage ran the network again");
    assert!(models.shared().time_in_runtime() > Duration::ZERO);
}

#[test]
fn outputs_of_another_graph_or_of_other_slices_are_not_taken() {
    let Some(runtime) = runtime() else { return };
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::load(&shipped).unwrap();
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    let slices = prepared();
    let alone = run_stage(&models, Stage::Classifier, &slices, None).unwrap().0;
    let shared = read_shared(models.shared(), &slices).unwrap();
    let shared = shared.of(Stage::Classifier).unwrap();
    let score = |change: &dyn Fn(&mut KnownReading)| {
        let mut known = shared.clone();
        for reading in &mut known.readings {
            for (_, values) in &mut reading.outputs {
                values.fill(9.0);
            }
            change(reading);
        }
        let result = run_stage(&models, Stage::Classifier, &slices, Some(&known));
        result.unwrap().0.score.unwrap().value()
    };
    // That these would be seen if they were taken.
    assert!(score(&|_| {}) > 0.999);
    let alone = alone.score.unwrap().value();
    assert!(alone < 0.999);
    assert_eq!(score(&|reading| reading.graph_sha256 = "0".repeat(64)), alone);
    assert_eq!(score(&|reading| reading.selection.count = 3), alone);
    assert_eq!(score(&|reading| reading.input.mean = vec![0.0]), alone);
    assert_eq!(score(&|reading| reading.augmentation = Augmentation::Blur), alone);
    let fewer = |values: &mut ArrayD<f32>| *values = values.slice_axis(Axis(0), (..2).into()).to_owned();
    assert_eq!(
        score(&|reading| reading.outputs.iter_mut().for_each(|(_, values)| fewer(values))),
        alone
    );
    assert_eq!(score(&|reading| reading.outputs.clear()), alone);

    // What is no number is an error, whoever computed it.
    let mut known = shared.clone();
    known.readings[1].outputs[0].1[[0]] = f32::NAN;
    let error = run_stage(&models, Stage::Classifier, &slices, Some(&known)).unwrap_err();
    assert_eq!(error.reason.code, ReasonCode::ScoreNotFinite);
}

#[test]
fn models_with_graphs_of_their_own_have_nothing_in_common() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&fixtures().join("bundle")).unwrap();
    let pass = SharedPass::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    assert!(pass.is_empty());
    assert_eq!(read_shared(&pass, &prepared()).unwrap().iter().count(), 0);
}

#[test]
fn a_stage_without_its_model_or_its_input_fails_with_a_reason() {
    let Some(runtime) = runtime() else { return };
    let bundle = Bundle::load(&fixtures().join("bundle")).unwrap();
    let models = StageModels::open(&bundle, &runtime, &[Stage::Typing]).unwrap();
    let slices = prepared();
    let code =
        |stage, slices: &PreparedSlices| run_stage(&models, stage, slices, None).unwrap_err().reason.code;
    assert_eq!(code(Stage::Anomaly, &slices), ReasonCode::ModelMissing);
    assert_eq!(code(Stage::Report, &slices), ReasonCode::Internal);

    let none = PreparedSlices {
        pixels: Array3::zeros((0, 224, 224)),
        lung_mask: Array3::zeros((0, 224, 224)),
        slices: Vec::new(),
        crops: Vec::new(),
    };
    assert_eq!(code(Stage::Typing, &none), ReasonCode::InferenceFailed);
    let mut uneven = prepared();
    uneven.crops.pop();
    assert_eq!(code(Stage::Typing, &uneven), ReasonCode::InferenceFailed);

    let models = StageModels::open(&bundle, &runtime, &[Stage::Anomaly]).unwrap();
    let mut without_lungs = prepared();
    without_lungs.lung_mask.index_axis_mut(Axis(0), 1).fill(0);
    let error = run_stage(&models, Stage::Anomaly, &without_lungs, None).unwrap_err();
    assert_eq!(error.reason.code, ReasonCode::InferenceFailed);
}

/// A real series with a classifier that answers no number: the report is never norm and says why. The anomaly score
/// alone may reach the threshold, as a lower bound of both.
#[test]
fn a_classifier_without_numbers_takes_norm_from_a_real_study() {
    let (Some(runtime), Some(data)) = (runtime(), real_data()) else {
        return;
    };
    let folder = tempfile::TempDir::new().unwrap();
    for name in ["autoencoder", "patch-memory", "typing"] {
        import_model(&fixtures().join("bundle").join(name), folder.path(), &runtime).unwrap();
    }
    import_model(&fixtures().join("not-finite"), folder.path(), &runtime).unwrap();
    let sound = Bundle::load(&fixtures().join("bundle")).unwrap();
    let mut file: BundleFile = sound.file().clone();
    file.models.classifier = "not-finite".to_owned();
    file.write(&folder.path().join("bundle.yaml")).unwrap();
    let bundle = Bundle::load(folder.path()).unwrap();
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();

    let studies = list_studies(&data.join("series/covid-ct-md_normal001.zip"), &Limits::default()).unwrap();
    let series = load_chest_series(&studies[0], &Limits::default()).unwrap();
    let (summary, slices) = prepare_series(&series).unwrap();
    let outcomes = Stage::MODELS
        .into_iter()
        .map(|stage| {
            let started = Instant::now();
            let outcome = match run_stage(&models, stage, &slices, None) {
                Ok((result, _)) => StageOutcome::Completed(result),
                Err(error) => StageOutcome::Failed(StageFailure {
                    stage,
                    reason: error.reason,
                }),
            };
            println!("{stage}: {} ms", started.elapsed().as_millis());
            outcome
        })
        .collect();
    let now = std::time::SystemTime::now().into();
    let report = merge_report(MergeInput {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
        prepared: summary,
        outcomes,
        bundle: &bundle,
        operating_point: bundle.default_operating_point(),
        unverified_threshold: norma_domain::UnverifiedThreshold::Warn,
        requested_at: now,
        started_at: Some(now),
        finished_at: now,
        path_to_study: "study".to_owned(),
    });
    assert_ne!(report.verdict, Verdict::Norm);
    assert_eq!(
        report.probability_of_pathology.is_some(),
        report.verdict == Verdict::Pathology
    );
    assert!(
        report
            .limitations
            .iter()
            .any(|reason| reason.code == ReasonCode::ScoreNotFinite),
        "{:?}",
        report.limitations
    );
}
