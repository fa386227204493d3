//! The nodule candidates of whole studies, one JSON document a line, for training and for measuring.
//!
//! `cargo run --release -p norma-quantification --example find_nodules -- [--export FOLDER] STUDY…`; each path holds one
//! study (archive, DICOM or NIfTI). With `--export` the volumes are written as NIfTI, named by their number, for the
//! synthetic nodules of `models/training`. Reads without a sandbox: own files only. The processor seconds are
//! those of all threads in `find_nodules` alone (Linux).
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::path::{Path, PathBuf};

use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::nodules::find_nodules;
use norma_volume::segment_lungs;
use serde_json::json;

mod nifti_file;
mod processor;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits::default();
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let export = (paths.first().is_some_and(|first| first == Path::new("--export")) && paths.len() > 2)
        .then(|| paths.drain(..2).nth(1))
        .flatten();
    for (number, path) in paths.iter().enumerate() {
        let studies = list_studies(path, &limits)?;
        let study = studies.first().ok_or("no study")?;
        let volume = load_chest_series(study, &limits)?.volume;
        if let Some(folder) = &export {
            nifti_file::write(
                &folder.join(format!("{number}.nii")),
                &volume.hounsfield,
                volume.geometry.spacing_mm,
            )?;
        }
        let lungs = segment_lungs(&volume);
        let before = processor::seconds();
        let candidates = find_nodules(&volume, &lungs);
        let answer = json!({
            "path": path.to_string_lossy(),
            "shape": volume.geometry.shape,
            "spacing_mm": volume.geometry.spacing_mm,
            "lung_ml": [lungs.right_ml, lungs.left_ml],
            "processor_seconds": processor::seconds() - before,
            "candidates": candidates,
        });
        println!("{answer}");
    }
    Ok(())
}
