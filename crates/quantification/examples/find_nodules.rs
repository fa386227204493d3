//! The nodule candidates of whole studies, one JSON document a line, for training and for measuring.
//!
//! `cargo run --release -p norma-quantification --example find_nodules -- [--export FOLDER] STUDY…`; each path holds one
//! study (archive, DICOM or NIfTI). With `--export` the volumes are written as NIfTI, named by their number, for the
//! synthetic nodules of `models/training`. Reads without a sandbox: own files only. The processor seconds are
//! those of all threads in `find_nodules` alone (Linux).
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::nodules::find_nodules;
use norma_volume::{Volume, segment_lungs};
use serde_json::json;

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
            write_nifti(&volume, &folder.join(format!("{number}.nii")))?;
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

/// NIfTI-1, int16, axes to the patient's left, back and head (so the affine turns the first two round: NIfTI counts to
/// the right and to the front); the place of the first voxel is left at 0.
fn write_nifti(volume: &Volume, path: &Path) -> std::io::Result<()> {
    let [slices, rows, columns] = volume.geometry.shape;
    let [z, y, x] = volume.geometry.spacing_mm.zyx().map(|length| length as f32);
    let mut header = [0_u8; 352];
    let mut put = |offset: usize, bytes: &[u8]| header[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(0, &348_i32.to_le_bytes());
    for (index, length) in [3, columns, rows, slices, 1, 1, 1, 1].into_iter().enumerate() {
        let length = i16::try_from(length).map_err(std::io::Error::other)?;
        put(40 + 2 * index, &length.to_le_bytes());
    }
    put(70, &4_i16.to_le_bytes());
    put(72, &16_i16.to_le_bytes());
    for (index, length) in [1.0, x, y, z].into_iter().enumerate() {
        put(76 + 4 * index, &f32::to_le_bytes(length));
    }
    put(108, &352_f32.to_le_bytes());
    put(112, &1_f32.to_le_bytes());
    // Millimetres.
    put(123, &[2]);
    put(254, &1_i16.to_le_bytes());
    for (offset, value) in [(280, -x), (300, -y), (320, z)] {
        put(offset, &value.to_le_bytes());
    }
    put(344, b"n+1\0");
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&header)?;
    for value in &volume.hounsfield {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()
}
