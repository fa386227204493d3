//! What is measured of whole studies, and of the same studies as other protocols would have made them: thicker slices,
//! noise, a sharp kernel. One JSON document a line, for `models/training/run repeatability`.
//!
//! `cargo run --release -p norma-quantification --example repeat_measures -- STUDY…`; each path holds one study (archive,
//! DICOM or NIfTI). Thicker slices are means over slabs. Reads without a
//! sandbox: own files only.
#![allow(clippy::print_stdout, reason = "the example's answer")]

use std::path::PathBuf;

use norma_imaging::{Limits, list_studies, load_chest_series};
use norma_quantification::quantify;
use norma_volume::{Volume, segment_lungs};
use protocols::{in_slabs, noisy, sharpened};
use serde_json::json;

#[path = "../tests/protocols/mod.rs"]
mod protocols;

/// Slices: thickness, which is also how far they are apart, and where the first begins.
const SLABS_MM: [[f64; 2]; 3] = [[3.0, 0.0], [5.0, 0.0], [5.0, 2.5]];
/// Standard deviation of white noise on the voxels as they are.
const NOISE_HU: f32 = 60.0;
/// How much of what a Gaussian of one pixel takes away in plane is added.
const SHARPENED_BY: f32 = 1.5;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limits = Limits::default();
    for path in std::env::args_os().skip(1).map(PathBuf::from) {
        let studies = list_studies(&path, &limits)?;
        let study = studies.first().ok_or("no study")?;
        let volume = load_chest_series(study, &limits)?.volume;
        let name = path.to_string_lossy();
        say(&name, "as it is", &volume);
        for [thickness_mm, first_mm] in SLABS_MM {
            if volume.geometry.spacing_mm.z() < 0.9 * thickness_mm {
                let thick = in_slabs(&volume, thickness_mm, thickness_mm, first_mm);
                say(&name, &format!("{thickness_mm} mm from {first_mm}"), &thick);
            }
        }
        say(
            &name,
            &format!("noise of {NOISE_HU} HU"),
            &noisy(&volume, NOISE_HU),
        );
        say(&name, "sharpened", &sharpened(&volume, SHARPENED_BY));
    }
    Ok(())
}

fn say(path: &str, variant: &str, volume: &Volume) {
    let lungs = segment_lungs(volume);
    let (quantification, found) = quantify(volume, &lungs, None);
    let findings: Vec<_> = found.iter().map(|found| &found.finding).collect();
    let answer = json!({
        "path": path,
        "variant": variant,
        "spacing_mm": volume.geometry.spacing_mm,
        "measures": quantification.measures,
        "findings": findings,
    });
    println!("{answer}");
}
