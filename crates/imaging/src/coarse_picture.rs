//! Pictures on a coarse grid, to be held against each other.

use ndarray::{ArrayView2, s};

/// Lung to soft tissue: bone and what lies outside say little of the place.
pub(crate) const COMPARED: (i16, i16) = (-1000, 300);
/// Neighbours that are nearly equal differ by noise.
pub(crate) const NOISE_HU: f64 = 5.0;

/// A side has about so many points.
const GRID_POINTS: usize = 128;

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
