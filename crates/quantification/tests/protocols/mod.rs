//! The same volume as other protocols would have made it: thicker slices, noise, a sharp kernel.
#![allow(dead_code, reason = "tests and the example use parts of it")]

use ndarray::{Array2, Array3, Axis};
use norma_domain::SpacingMm;
use norma_volume::Volume;

/// Slices that are means over `thickness_mm`, `apart_mm` from one to the next; the first begins `first_mm` above the lower
/// face of the lowest slice.
pub(crate) fn in_slabs(volume: &Volume, thickness_mm: f64, apart_mm: f64, first_mm: f64) -> Volume {
    let spacing = volume.geometry.spacing_mm;
    let [slices, rows, columns] = volume.geometry.shape;
    let left_mm = slices as f64 * spacing.z() - first_mm - thickness_mm;
    let count = (left_mm / apart_mm).floor() as usize + 1;
    let mut hounsfield = Array3::zeros((count, rows, columns));
    for (index, mut to) in hounsfield.axis_iter_mut(Axis(0)).enumerate() {
        let low = (index as f64 * apart_mm + first_mm) / spacing.z();
        let high = low + thickness_mm / spacing.z();
        let mut sum = Array2::<f32>::zeros((rows, columns));
        let mut total = 0.0f32;
        for slice in low as usize..(high.ceil() as usize).min(slices) {
            let weight = ((slice as f64 + 1.0).min(high) - (slice as f64).max(low)) as f32;
            sum.zip_mut_with(&volume.slice(slice), |sum, &value| {
                *sum += weight * f32::from(value);
            });
            total += weight;
        }
        to.zip_mut_with(&sum, |to, &sum| *to = (sum / total).round() as i16);
    }
    let mut geometry = volume.geometry.clone();
    geometry.shape = [count, rows, columns];
    geometry.spacing_mm = SpacingMm::new(apart_mm, spacing.y(), spacing.x()).expect("positive");
    geometry.slice_places_mm = None;
    Volume::new(hounsfield, geometry).expect("the shape is the geometry's")
}

/// White noise of a standard deviation, the same on every run.
pub(crate) fn noisy(volume: &Volume, deviation_hu: f32) -> Volume {
    let mut noisy = volume.clone();
    let mut state = 1u64;
    let mut uniform = move || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    // The sum of four uniform numbers has the variance of a third, and nearly a normal distribution.
    let scale = deviation_hu * 3.0f32.sqrt();
    noisy.hounsfield.mapv_inplace(|value| {
        let sum: f32 = (0..4).map(|_| uniform()).sum();
        in_range(f32::from(value) + scale * sum)
    });
    noisy
}

/// High frequencies in plane raised, as a sharp kernel does: what a Gaussian of one pixel takes away is added `by` times.
pub(crate) fn sharpened(volume: &Volume, by: f32) -> Volume {
    let mut sharp = volume.clone();
    for mut plane in sharp.hounsfield.axis_iter_mut(Axis(0)) {
        let values = plane.mapv(f32::from);
        let smooth = smooth_rows(&smooth_rows(&values).reversed_axes()).reversed_axes();
        for ((to, &value), &smooth) in plane.iter_mut().zip(&values).zip(&smooth) {
            *to = in_range(value + by * (value - smooth));
        }
    }
    sharp
}

/// A Gaussian of one pixel along the columns.
fn smooth_rows(values: &Array2<f32>) -> Array2<f32> {
    const WEIGHTS: [f32; 4] = [0.399_05, 0.242_04, 0.054_00, 0.004_44];
    let (rows, columns) = values.dim();
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let at = |by: isize| values[[y, x.saturating_add_signed(by).min(columns - 1)]];
        (-3isize..=3).map(|by| WEIGHTS[by.unsigned_abs()] * at(by)).sum()
    })
}

fn in_range(value: f32) -> i16 {
    value.clamp(-1024.0, 3071.0).round() as i16
}
