//! What is measured of whole studies, and where: one JSON document a line, and with `--out` the volume and its masks as NIfTI, for
//! pictures and for holding masks against a reader's.
//!
//! `cargo run --release -p norma-quantification --example measured_masks -- [--out FOLDER] STUDY…`; each path holds one study (archive,
//! DICOM or NIfTI). `N.nii` is the volume of the Nth study, `N-masks.nii` the sum of the bits of what a voxel lies in: 1 right lung, 2 left
//! lung, 4 opacity, 8 pleural fluid, 16 pleural gas, 32 nodule. Findings alone have masks: what is within its range has none. Reads without
//! a sandbox: own files only.
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::path::{Path, PathBuf};

use ndarray::Array3;
use norma_domain::{PathologyType, VoxelMask};
use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::nodules::nodule_findings;
use norma_quantification::{SegmentedFinding, quantify};
use norma_volume::segment_lungs;
use serde_json::json;

mod nifti_file;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits::default();
    let mut paths: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let out = (paths.first().is_some_and(|first| first == Path::new("--out")) && paths.len() > 2)
        .then(|| paths.drain(..2).nth(1))
        .flatten();
    for (number, path) in paths.iter().enumerate() {
        let studies = list_studies(path, &limits)?;
        let series = load_chest_series(studies.first().ok_or("no study")?, &limits)?;
        let volume = &series.volume;
        let lungs = segment_lungs(volume);
        let (quantification, mut found) = quantify(volume, &lungs, series.study.slice_thickness_mm);
        if let Some(folder) = &out {
            found.extend(nodule_findings(volume, &lungs).unwrap_or_default());
            let spacing_mm = volume.geometry.spacing_mm;
            nifti_file::write(
                &folder.join(format!("{number}.nii")),
                &volume.hounsfield,
                spacing_mm,
            )?;
            let masks = masks(&lungs.mask, &found);
            nifti_file::write(&folder.join(format!("{number}-masks.nii")), &masks, spacing_mm)?;
        }
        let answer = json!({
            "path": path.to_string_lossy(),
            "shape": volume.geometry.shape,
            "measures": quantification.measures,
            "findings": found.iter().map(|found| &found.finding).collect::<Vec<_>>(),
        });
        println!("{answer}");
    }
    Ok(())
}

/// The lungs' labels are 1 and 2 as they are.
fn masks(lungs: &Array3<u8>, found: &[SegmentedFinding]) -> Array3<i16> {
    let mut masks = lungs.mapv(i16::from);
    let Some(voxels) = masks.as_slice_mut() else {
        return masks;
    };
    for found in found {
        let bit = match found.finding.pathology {
            PathologyType::PleuralEffusion => 8,
            PathologyType::Pneumothorax => 16,
            PathologyType::LungNodule => 32,
            _ => 4,
        };
        for run in found.mask.iter().flat_map(VoxelMask::runs) {
            let first = run.first as usize;
            for voxel in &mut voxels[first..first + run.length as usize] {
                *voxel |= bit;
            }
        }
    }
    masks
}
