//! What measuring a study costs: processor seconds of the measures and of the nodules, and how much memory they take at
//! most. One JSON document a line, with all that was measured and a checksum of the masks, so that two builds can be held against each other.
//!
//! `cargo run --release -p norma-quantification --example time_measures -- [--repeat N] STUDY…`; each path holds one study
//! (archive, DICOM or NIfTI). The times are the least of all readings, over all threads. Reads without a sandbox: own files
//! only. Linux.
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::nodules::nodule_findings;
use norma_quantification::quantify;
use norma_volume::segment_lungs;
use serde_json::json;

mod processor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut readings = 1;
    if arguments.first().is_some_and(|first| first == "--repeat") && arguments.len() > 2 {
        readings = arguments.drain(..2).nth(1).ok_or("no number")?.parse()?;
    }
    let limits = Limits::default();
    for path in arguments.iter().map(PathBuf::from) {
        let studies = list_studies(&path, &limits)?;
        let series = load_chest_series(studies.first().ok_or("no study")?, &limits)?;
        let lungs = segment_lungs(&series.volume);
        let mut seconds = [f64::INFINITY; 2];
        let mut peak_mib = [0.0; 2];
        let mut answer = json!(null);
        for _ in 0..readings {
            let (measured, took) =
                observed(|| quantify(&series.volume, &lungs, series.study.slice_thickness_mm));
            let (nodules, nodules_took) = observed(|| nodule_findings(&series.volume, &lungs));
            for (index, (of_step, mib)) in [took, nodules_took].into_iter().enumerate() {
                seconds[index] = seconds[index].min(of_step);
                peak_mib[index] = f64::max(peak_mib[index], mib);
            }
            let mut hasher = DefaultHasher::new();
            let (quantification, mut found) = measured;
            found.extend(nodules.unwrap_or_default());
            for found in &found {
                format!("{:?}", found.mask).hash(&mut hasher);
            }
            answer = json!({
                "measures": quantification.measures,
                "findings": found.iter().map(|found| &found.finding).collect::<Vec<_>>(),
                "masks": hasher.finish(),
            });
        }
        let [slices, rows, columns] = series.volume.geometry.shape;
        let hundreds = slices as f64 / 100.0;
        let answer = json!({
            "path": path.to_string_lossy(),
            "shape": [slices, rows, columns],
            "processor_seconds": {"measures": seconds[0], "nodules": seconds[1]},
            "per_100_slices": (seconds[0] + seconds[1]) / hundreds,
            "peak_mib": {"measures": peak_mib[0], "nodules": peak_mib[1]},
            "measured": answer,
        });
        println!("{answer}");
    }
    Ok(())
}

/// What the work gives, its processor seconds, and by how many MiB the process grew over where it was.
fn observed<T>(work: impl FnOnce() -> T) -> (T, (f64, f64)) {
    // The peak begins anew at what is resident now.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (resident, before) = (status_mib("VmRSS:"), processor::seconds());
    let result = work();
    let took = processor::seconds() - before;
    (result, (took, (status_mib("VmHWM:") - resident).max(0.0)))
}

/// A line of /proc/self/status in MiB; 0 where there is none.
fn status_mib(name: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}
