//! Pictures on a coarse grid, to be held against each other.

use ndarray::{ArrayView2, s};

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
