//! Dice of the lung mask on 45 slices in real Hounsfield units with reference masks (`lung_masks_hu.tar`).
//!
//! `cargo bench -p norma-volume --bench lung_dice`; the data folder is `NORMA_DATA` or `../shared/data`.
#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use ndarray::Array2;
use norma_volume::segment_lungs_in_slice;

/// Hounsfield units are the stored 16-bit value less this.
const STORED_OFFSET: f32 = 2048.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::var_os("NORMA_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    let Ok(archive) = std::fs::read(folder.join("lung_masks_hu.tar")) else {
        println!("skipped: lung_masks_hu.tar is not in {}", folder.display());
        return Ok(());
    };
    let files = files_of_tar(&archive);
    let mut scores = Vec::new();
    let mut seconds = 0.0;
    for (name, image) in files.iter().filter(|(name, _)| name.starts_with("image_")) {
        let mask = files
            .get(&name.replacen("image_", "mask_", 1))
            .ok_or("a slice has no mask")?;
        let image = image::load_from_memory(image)?.into_luma16();
        let mask = image::load_from_memory(mask)?.into_luma8();
        let shape = (image.height() as usize, image.width() as usize);
        let slice =
            Array2::from_shape_vec(shape, image.into_raw())?.mapv(|value| f32::from(value) - STORED_OFFSET);
        let reference = Array2::from_shape_vec(shape, mask.into_raw())?;
        let start = Instant::now();
        let found = segment_lungs_in_slice(&slice);
        seconds += start.elapsed().as_secs_f64();
        let dice = dice(&found, &reference);
        println!("{dice:.4}  {name}");
        scores.push(dice);
    }
    scores.sort_by(f64::total_cmp);
    let count = scores.len();
    if count == 0 {
        return Err("the archive holds no slices".into());
    }
    let mean = scores.iter().sum::<f64>() / count as f64;
    let [low, high] = bootstrap_interval(&scores);
    println!(
        "mean Dice {mean:.4} (95 % CI {low:.4}..{high:.4}, {count} slices), median {:.4}, lowest {:.4}, {:.1} ms a slice",
        scores[count / 2],
        scores[0],
        seconds * 1e3 / count as f64
    );
    Ok(())
}

fn dice(found: &Array2<u8>, reference: &Array2<u8>) -> f64 {
    let (mut both, mut sum) = (0usize, 0usize);
    for (&found, &reference) in found.iter().zip(reference) {
        both += usize::from(found != 0 && reference != 0);
        sum += usize::from(found != 0) + usize::from(reference != 0);
    }
    2.0 * both as f64 / sum.max(1) as f64
}

/// Percentile bootstrap of the mean, 1,000 resamples of a fixed linear congruential sequence.
fn bootstrap_interval(scores: &[f64]) -> [f64; 2] {
    let mut state = 1u64;
    let mut means: Vec<f64> = (0..1000)
        .map(|_| {
            let sum: f64 = (0..scores.len())
                .map(|_| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    scores[(state >> 33) as usize % scores.len()]
                })
                .sum();
            sum / scores.len() as f64
        })
        .collect();
    means.sort_by(f64::total_cmp);
    [means[25], means[974]]
}

/// Plain files of an uncompressed POSIX tar archive by their last path component.
fn files_of_tar(archive: &[u8]) -> BTreeMap<String, &[u8]> {
    let mut files = BTreeMap::new();
    let mut rest = archive;
    while let Some((header, after)) = rest.split_at_checked(512) {
        let text = |range: std::ops::Range<usize>| {
            String::from_utf8_lossy(&header[range])
                .trim_matches(['\0', ' '])
                .to_owned()
        };
        let Ok(length) = usize::from_str_radix(&text(124..136), 8) else {
            break;
        };
        let Some(content) = after.get(..length) else { break };
        if matches!(header[156], b'0' | 0) {
            let path = text(0..100);
            files.insert(path.rsplit('/').next().unwrap_or_default().to_owned(), content);
        }
        rest = after.get(length.div_ceil(512) * 512..).unwrap_or_default();
    }
    files
}
