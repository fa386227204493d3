//! Densities averaged over their surroundings within one kind of tissue.

use ndarray::{Array3, ArrayViewMut2, Axis, Zip};
use rayon::prelude::*;

/// Standard deviation of the smoothing in voxels.
const SMOOTHING: f64 = 1.2;

/// Gaussian mean over the voxels of `within` alone; 0 far from them.
pub(crate) fn smooth_within(values: &Array3<i16>, within: &Array3<bool>) -> Array3<f32> {
    let mut weights = within.mapv(|inside| f32::from(u8::from(inside)));
    let mut sums = Array3::zeros(values.dim());
    Zip::from(&mut sums)
        .and(values)
        .and(&weights)
        .for_each(|sum, &value, &weight| *sum = f32::from(value) * weight);
    for array in [&mut weights, &mut sums] {
        smooth(array);
    }
    Zip::from(&mut sums)
        .and(&weights)
        .for_each(|sum, &weight| *sum /= weight.max(1e-3));
    sums
}

/// Gaussian in place; beyond the grid lies nothing.
fn smooth(values: &mut Array3<f32>) {
    let reach = (SMOOTHING * 3.0).ceil() as usize;
    let kernel: Vec<f32> = (0..=reach)
        .map(|at| (-(at as f64).powi(2) / (2.0 * SMOOTHING * SMOOTHING)).exp() as f32)
        .collect();
    let total: f32 = kernel[0] + 2.0 * kernel[1..].iter().sum::<f32>();
    // Along slices and rows whole rows are summed, which processors do many values at a time.
    for across in [1, 0] {
        values
            .axis_iter_mut(Axis(across))
            .collect::<Vec<_>>()
            .into_par_iter()
            .for_each(|mut plane| smooth_down(&mut plane, &kernel, total));
    }
    values
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|mut plane| {
            let mut line = Vec::new();
            for mut row in plane.rows_mut() {
                if let Some(row) = row.as_slice_mut() {
                    smooth_along(row, &mut line, &kernel, total);
                }
            }
        });
}

/// Over the rows of a plane whose columns are contiguous.
fn smooth_down(plane: &mut ArrayViewMut2<'_, f32>, kernel: &[f32], total: f32) {
    let source = plane.to_owned();
    let nothing = vec![0.0f32; source.ncols()];
    let row_of = |at: Option<usize>| {
        at.filter(|at| *at < source.nrows())
            .and_then(|at| source.row(at).to_slice())
            .unwrap_or(&nothing)
    };
    for (at, mut to) in plane.rows_mut().into_iter().enumerate() {
        let Some(to) = to.as_slice_mut() else { continue };
        for (to, from) in to.iter_mut().zip(row_of(Some(at))) {
            *to = kernel[0] * from;
        }
        for (by, weight) in kernel.iter().enumerate().skip(1) {
            let (before, after) = (row_of(at.checked_sub(by)), row_of(Some(at + by)));
            for ((to, before), after) in to.iter_mut().zip(before).zip(after) {
                *to += weight * (before + after);
            }
        }
        to.iter_mut().for_each(|sum| *sum /= total);
    }
}

/// Over the values of a row.
fn smooth_along(row: &mut [f32], line: &mut Vec<f32>, kernel: &[f32], total: f32) {
    // With nothing on either side no value is at an end.
    let reach = kernel.len() - 1;
    line.clear();
    line.resize(row.len() + 2 * reach, 0.0);
    line[reach..reach + row.len()].copy_from_slice(row);
    let count = row.len();
    for (to, from) in row.iter_mut().zip(&line[reach..]) {
        *to = kernel[0] * from;
    }
    for (by, weight) in kernel.iter().enumerate().skip(1) {
        let before = &line[reach - by..reach - by + count];
        let after = &line[reach + by..reach + by + count];
        for ((to, before), after) in row.iter_mut().zip(before).zip(after) {
            *to += weight * (before + after);
        }
    }
    row.iter_mut().for_each(|sum| *sum /= total);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_weighs_all_neighbours_and_nothing_beyond_the_grid() {
        let values = Array3::from_shape_fn((7, 6, 9), |(z, y, x)| ((z * 31 + y * 17 + x * 7) % 23) as f32);
        let mut smoothed = values.clone();
        smooth(&mut smoothed);
        let weight = |apart: usize| {
            let weight = |at: f64| (-at.powi(2) / (2.0 * SMOOTHING * SMOOTHING)).exp();
            let total: f64 = (-4..=4).map(|at| weight(f64::from(at))).sum();
            if apart > 4 {
                0.0
            } else {
                weight(apart as f64) / total
            }
        };
        for ((z, y, x), &found) in smoothed.indexed_iter() {
            let expected: f64 = values
                .indexed_iter()
                .map(|((oz, oy, ox), &value)| {
                    let weights = weight(z.abs_diff(oz)) * weight(y.abs_diff(oy)) * weight(x.abs_diff(ox));
                    weights * f64::from(value)
                })
                .sum();
            assert!((f64::from(found) - expected).abs() < 1e-4, "{found} {expected}");
        }
    }
}
