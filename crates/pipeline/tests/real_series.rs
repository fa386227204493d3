//! The three real series through preparation, the shipped models and the merge.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test may stop and may print"
)]

use std::path::Path;
use std::time::Instant;

use norma_domain::{AnalysisId, Finding, Report, ScanId, Stage, StageOutcome, Verdict};
use norma_imaging::Limits;
use norma_inference::{Bundle, Runtime, RuntimeError, RuntimeOptions, StageModels};
use norma_pipeline::{MergeInput, decode_prepared_slices, merge_report, prepare_upload, run_stage};
use norma_test_support::real_data;
use tempfile::TempDir;

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

fn read(upload: &Path, bundle: &Bundle, models: &StageModels) -> Report {
    let requested_at = chrono::Utc::now();
    let out = TempDir::new().unwrap();
    let prepared = prepare_upload(upload, out.path(), &Limits::default()).unwrap();
    let bytes = std::fs::read(out.path().join(norma_pipeline::SLICES_FILE)).unwrap();
    let slices = decode_prepared_slices(&bytes).unwrap();
    println!(
        "  prepared in {} ms, objects of {} kB and",
        prepared.duration_ms,
        bytes.len() / 1000
    );
    let volume = std::fs::metadata(out.path().join(norma_pipeline::VOLUME_FILE))
        .unwrap()
        .len();
    println!("  {} MB", volume / 1_000_000);
    let outcomes = Stage::MODELS
        .into_iter()
        .map(|stage| {
            let started = Instant::now();
            let (result, map) = run_stage(models, stage, &slices, None).unwrap();
            let map_bytes = map.map_or(0, |map| map.encode().unwrap().len());
            let score = result.score.map(norma_domain::Probability::value);
            println!(
                "  {stage}: {score:?} in {:?}, map of {map_bytes} bytes",
                started.elapsed()
            );
            StageOutcome::Completed(result)
        })
        .collect();
    merge_report(MergeInput {
        analysis_id: AnalysisId::generate(),
        scan_id: ScanId::generate(),
        prepared,
        outcomes,
        bundle,
        operating_point: bundle.default_operating_point(),
        unverified_threshold: norma_domain::UnverifiedThreshold::Warn,
        requested_at,
        started_at: Some(requested_at),
        finished_at: chrono::Utc::now(),
        path_to_study: "study".to_owned(),
    })
}

#[test]
fn three_real_series_get_an_answer() {
    let (Some(runtime), Some(data)) = (runtime(), real_data()) else {
        return;
    };
    let models_folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let bundle = Bundle::load(&models_folder).unwrap();
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).unwrap();
    // A voxel of the finding, (z, y, x), and the slices that show it: the opacity at the right base with what hangs
    // together with it farther up, and the mass in the left lower lobe, found by eye.
    for (name, finding, called) in [
        ("covid-ct-md_normal001", None, None),
        (
            "covid-ct-md_covid-P001",
            Some(((35, 325, 113), 26..=60)),
            Some("lung_opacity"),
        ),
        (
            "lidc-idri-0001_mass",
            Some(((89, 360, 312), 86..=93)),
            Some("lung_nodule"),
        ),
    ] {
        println!("{name}");
        let report = read(&data.join(format!("series/{name}.zip")), &bundle, &models);
        println!(
            "  {} {:?} {:?}",
            report.verdict, report.probability_of_pathology, report.decided_by
        );
        println!("  {:?}", report.localization);
        for reason in &report.reasons {
            println!("  {reason}");
        }
        let keys: Vec<usize> = report.key_slices.iter().map(|key| key.slice).collect();
        println!(
            "  key slices {keys:?}, present: {:?}",
            report
                .findings
                .iter()
                .filter(|finding| finding.present)
                .map(|finding| &finding.label)
                .collect::<Vec<_>>()
        );

        // Every part was computed, whatever the answer is: the models' quality is measured elsewhere.
        assert!(report.probability_of_pathology.is_some(), "{name}");
        assert_ne!(
            report.verdict,
            Verdict::Undetermined,
            "{name}: {:?}",
            report.reasons
        );
        assert!(!report.key_slices.is_empty() && !report.findings.is_empty());
        let shape = report.study.as_ref().unwrap().geometry.shape;
        if let Some(region) = report.localization {
            assert!(region.x_max < shape[2] && region.y_max < shape[1] && region.z_max < shape[0]);
            assert!(
                region.x_min <= region.x_max && region.y_min <= region.y_max && region.z_min <= region.z_max
            );
        }
        assert_eq!(
            report.localization.is_some(),
            report.verdict == Verdict::Pathology
        );
        // Norm and pathology for what is there: none of the three has an emphysema, which the typing model sees in one.
        assert_eq!(report.verdict == Verdict::Norm, called.is_none(), "{name}");
        assert_eq!(
            report.rows[0].most_dangerous_pathology_type.as_deref(),
            called,
            "{name}"
        );
        let is_emphysema = |finding: &Finding| finding.present && finding.label == "emphysema";
        assert!(!report.findings.iter().any(is_emphysema), "{name}");
        if let (Some(region), Some((voxel, seen_in))) = (report.localization, finding) {
            let (z, y, x) = voxel;
            // The map's cells are 16 pixels of 224, and measures are taken on a grid of 2 mm: a box may miss the voxel by half
            // a cell, or by a slice.
            let near =
                |low: usize, high: usize, at: usize| (low.saturating_sub(12)..=high + 12).contains(&at);
            assert!(
                (region.z_min.saturating_sub(1)..=region.z_max + 1).contains(&z)
                    && near(region.y_min, region.y_max, y)
                    && near(region.x_min, region.x_max, x),
                "{name}: {region:?} is not around {voxel:?}"
            );
            assert!(
                seen_in.contains(&keys[0]),
                "{name}: the first key slice is {}",
                keys[0]
            );
        }
    }
}
