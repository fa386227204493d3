//! Pictures on a coarse grid, to be held against each other.

use std::ops::Range;

use ndarray::{ArrayView2, s};

/// Lung to soft tissue: bone and what lies outside say little of the place.
pub(crate) const COMPARED: (i16, i16) = (-1000, 300);
/// Neighbours that are nearly equal differ by noise.
pub(crate) const NOISE_HU: f64 = 5.0;

/// A side has about so many points.
const GRID_POINTS: usize = 128;

/// Slices that are held against the next one by one thread, so that each picture is made once.
const RUN: usize = 16;

/// A stack in runs of slices of which each run begins with the last slice of the one before: so all neighbours are neighbours in
/// one of them. None of fewer than two slices.
pub(crate) fn runs_of_neighbours(slices: usize) -> Vec<Range<usize>> {
    let last = slices.saturating_sub(1);
    (0..last)
        .step_by(RUN)
        .map(|first| first..(first + RUN).min(last) + 1)
        .collect()
}

/// Every so-many-th value of a picture, axes `(y, x)`, row by row, in Hounsfield units within `compared`.
pub(crate) fn coarse_picture(picture: &ArrayView2<'_, i16>, compared: (i16, i16)) -> Vec<i16> {
    let (rows, columns) = picture.dim();
    let step = |points: usize| (points / GRID_POINTS).max(1);
    picture
        .slice(s![..;step(rows), ..;step(columns)])
        .iter()
        .map(|value| (*value).clamp(compared.0, compared.1))
        .collect()
}

/// The mean difference of two coarse pictures in Hounsfield units.
pub(crate) fn difference(first: &[i16], second: &[i16]) -> f64 {
    let sum: i64 = first
        .iter()
        .zip(second)
        .map(|(a, b)| i64::from((i32::from(*a) - i32::from(*b)).abs()))
        .sum();
    sum as f64 / first.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_neighbours_are_in_a_run_once() {
        for slices in [0, 1, 2, 16, 17, 18, 33, 100] {
            let pairs: Vec<(usize, usize)> = runs_of_neighbours(slices)
                .into_iter()
                .flat_map(|run| run.clone().zip(run.skip(1)))
                .collect();
            let expected: Vec<(usize, usize)> = (1..slices).map(|next| (next - 1, next)).collect();
            assert_eq!(pairs, expected, "{slices}");
        }
    }
}
