//! Gaussian smoothing and halving of grids.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

/// `image` smoothed by a Gaussian of `sigma` voxels; beyond its edges the edge goes on.
pub(super) fn smooth(image: &Array3<f32>, sigma: f32) -> Array3<f32> {
    let kernel = half_kernel(sigma);
    let (slices, rows, columns) = image.dim();
    let mut along_z = Array3::<f32>::zeros(image.raw_dim());
    along_z
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut target)| {
            let target = target
                .as_slice_mut()
                .expect("a plane of a new array is contiguous");
            for (offset, &weight) in kernel.iter().enumerate() {
                let behind = image.index_axis(Axis(0), z.saturating_sub(offset));
                let ahead = image.index_axis(Axis(0), (z + offset).min(slices - 1));
                let (Some(behind), Some(ahead)) = (behind.as_slice(), ahead.as_slice()) else {
                    unreachable!("the images here are in standard layout")
                };
                let weight = if offset == 0 { weight / 2.0 } else { weight };
                for ((target, behind), ahead) in target.iter_mut().zip(behind).zip(ahead) {
                    *target += weight * (behind + ahead);
                }
            }
        });
    along_z
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|mut plane| {
            let values = plane
                .as_slice_mut()
                .expect("a plane of a new array is contiguous");
            let source = values.to_vec();
            let mut padded = vec![0.0; columns + 2 * (kernel.len() - 1)];
            let mut line = vec![0.0; columns];
            for y in 0..rows {
                line.fill(0.0);
                for (offset, &weight) in kernel.iter().enumerate() {
                    let weight = if offset == 0 { weight / 2.0 } else { weight };
                    let above = &source[y.saturating_sub(offset) * columns..][..columns];
                    let below = &source[(y + offset).min(rows - 1) * columns..][..columns];
                    for ((target, above), below) in line.iter_mut().zip(above).zip(below) {
                        *target += weight * (above + below);
                    }
                }
                smooth_line(&line, &kernel, &mut padded, &mut values[y * columns..][..columns]);
            }
        });
    along_z
}

fn smooth_line(line: &[f32], kernel: &[f32], padded: &mut [f32], target: &mut [f32]) {
    let reach = kernel.len() - 1;
    padded[..reach].fill(line[0]);
    padded[reach..reach + line.len()].copy_from_slice(line);
    padded[reach + line.len()..].fill(line[line.len() - 1]);
    target.fill(0.0);
    for (offset, &weight) in kernel.iter().enumerate() {
        let weight = if offset == 0 { weight / 2.0 } else { weight };
        let before = &padded[reach - offset..][..line.len()];
        let after = &padded[reach + offset..][..line.len()];
        for ((target, before), after) in target.iter_mut().zip(before).zip(after) {
            *target += weight * (before + after);
        }
    }
}

/// The kernel from its centre outwards to three sigmas; both halves sum to one.
fn half_kernel(sigma: f32) -> Vec<f32> {
    let reach = (3.0 * sigma).ceil() as usize;
    let mut kernel: Vec<f32> = (0..=reach)
        .map(|offset| (-0.5 * (offset as f32 / sigma).powi(2)).exp())
        .collect();
    let total = 2.0 * kernel.iter().sum::<f32>() - kernel[0];
    for weight in &mut kernel {
        *weight /= total;
    }
    kernel
}

/// Means of 2 × 2 × 2 voxels; an odd last voxel of an axis is left out.
pub(super) fn halve(image: &Array3<f32>) -> Array3<f32> {
    let (slices, rows, columns) = image.dim();
    let mut halved = Array3::zeros((slices / 2, rows / 2, columns / 2));
    halved
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            for ((y, x), value) in plane.indexed_iter_mut() {
                let mut sum = 0.0;
                for dz in 0..2 {
                    for dy in 0..2 {
                        for dx in 0..2 {
                            sum += image[[2 * z + dz, 2 * y + dy, 2 * x + dx]];
                        }
                    }
                }
                *value = sum / 8.0;
            }
        });
    halved
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_becomes_a_gaussian_and_a_constant_stays() {
        let mut point = Array3::zeros((31, 33, 35));
        point[[15, 16, 17]] = 1000.0;
        let sigma = 2.0_f32;
        let smoothed = smooth(&point, sigma);
        let height = 1000.0 / (2.0 * std::f32::consts::PI * sigma * sigma).powf(1.5);
        for ((z, y, x), &value) in smoothed.indexed_iter() {
            let squared = z.abs_diff(15).pow(2) + y.abs_diff(16).pow(2) + x.abs_diff(17).pow(2);
            let expected = height * (-0.5 * squared as f32 / sigma.powi(2)).exp();
            assert!((value - expected).abs() < 0.02 * height, "{value} {expected}");
        }
        let constant = Array3::from_elem((5, 6, 7), -840.0);
        assert!(
            smooth(&constant, 1.5)
                .iter()
                .all(|value| (value + 840.0).abs() < 0.01)
        );
    }
}
