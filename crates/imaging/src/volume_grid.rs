//! A stack of slices on a regular grid of square pixels: what lies otherwise is resampled, so that every voxel keeps
//! its place. Linear interpolation, axes `(z, y, x)`.

use ndarray::{Array3, ArrayView3, Axis, Zip};
use norma_domain::{SpacingMm, VolumeGeometry};

use crate::error::ImagingError;
use crate::limits::Limits;
use crate::slice_order::{PlacedSlice, SliceSpacing};

/// Slices further than this part of the spacing from their place on a regular grid are resampled.
const UNEVEN_SHARE: f64 = 0.05;
/// Sides of a pixel that differ by less are equal: headers round.
const SQUARE_TOLERANCE: f64 = 0.005;

/// The stack on a regular grid, its distance of slices, and for each slice the stored one nearest to it.
///
/// A stack with gaps is left as it is: nothing is made up where slices are missing.
pub(crate) fn regular_stack(
    hounsfield: Array3<i16>,
    slices: &[PlacedSlice],
    step: f64,
    spacing: &SliceSpacing,
) -> (Array3<i16>, f64, Vec<usize>) {
    let unchanged = (0..slices.len()).collect();
    if slices.len() < 2 || spacing.missing_slices > 0 {
        return (hounsfield, step, unchanged);
    }
    let along: Vec<f64> = slices.iter().map(|slice| slice.along_mm).collect();
    let (even, is_even) = even_step(&along);
    if is_even {
        return (hounsfield, even, unchanged);
    }
    let (hounsfield, nearest) = resample_slices(&hounsfield, &along, along.len(), even);
    (hounsfield, even, nearest)
}

/// The volume with pixels as wide as high.
pub(crate) fn square_pixels(
    hounsfield: Array3<i16>,
    geometry: VolumeGeometry,
    limits: &Limits,
) -> Result<(Array3<i16>, VolumeGeometry), ImagingError> {
    let [z, y, x] = geometry.spacing_mm.zyx();
    let [slices, rows, columns] = geometry.shape;
    let Some((matrix, side)) = square_matrix([rows, columns], [y, x]) else {
        return Ok((hounsfield, geometry));
    };
    let shape = [slices, matrix[0], matrix[1]];
    check_size(shape, limits)?;
    let square = make_square(&hounsfield.view(), [y, x], matrix, side);
    let spacing_mm = SpacingMm::new(z, side, side)
        .map_err(|_| ImagingError::InconsistentSeries("its spacing is not positive and finite".into()))?;
    Ok((
        square,
        VolumeGeometry {
            shape,
            spacing_mm,
            ..geometry
        },
    ))
}

fn check_size(shape: [usize; 3], limits: &Limits) -> Result<(), ImagingError> {
    let voxels = shape
        .iter()
        .fold(1u64, |product, count| product.saturating_mul(*count as u64));
    if voxels > limits.voxels {
        return Err(ImagingError::VolumeTooLarge {
            voxels,
            limit: limits.voxels,
        });
    }
    Ok(())
}

/// The distance of slices on a regular grid from the first to the last of the places `along` (ascending millimetres, two
/// at least), and whether they lie on it already.
fn even_step(along: &[f64]) -> (f64, bool) {
    let (first, last) = (along[0], along[along.len() - 1]);
    let mean = (last - first) / (along.len() - 1) as f64;
    let is_even = along
        .iter()
        .enumerate()
        .all(|(index, place)| (place - (first + mean * index as f64)).abs() <= UNEVEN_SHARE * mean);
    (mean, is_even)
}

/// For each of `count` places `step` apart: the slices before and after it and the part of the latter.
fn places(along: &[f64], count: usize, step: f64) -> Vec<(usize, usize, f64)> {
    let mut before = 0;
    (0..count)
        .map(|index| {
            let place = along[0] + step * index as f64;
            while before + 2 < along.len() && along[before + 1] <= place {
                before += 1;
            }
            let after = (before + 1).min(along.len() - 1);
            let width = along[after] - along[before];
            let part = if width > 0.0 {
                ((place - along[before]) / width).clamp(0.0, 1.0)
            } else {
                0.0
            };
            (before, after, part)
        })
        .collect()
}

/// Slices at the places `along`, interpolated to `count` places `step` apart; with each the nearest slice it came from.
pub(crate) fn resample_slices(
    hounsfield: &Array3<i16>,
    along: &[f64],
    count: usize,
    step: f64,
) -> (Array3<i16>, Vec<usize>) {
    let (_, rows, columns) = hounsfield.dim();
    let places = places(along, count, step);
    let mut even = Array3::zeros((count, rows, columns));
    for (mut target, (before, after, part)) in even.axis_iter_mut(Axis(0)).zip(&places) {
        let (low, high) = (
            hounsfield.index_axis(Axis(0), *before),
            hounsfield.index_axis(Axis(0), *after),
        );
        Zip::from(&mut target)
            .and(&low)
            .and(&high)
            .for_each(|target, low, high| *target = between(*low, *high, *part));
    }
    let nearest = places
        .into_iter()
        .map(|(before, after, part)| if part < 0.5 { before } else { after })
        .collect();
    (even, nearest)
}

fn between(low: i16, high: i16, part: f64) -> i16 {
    (f64::from(low) * (1.0 - part) + f64::from(high) * part).round() as i16
}

/// Rows and columns of square pixels that cover what pixels of `[rows, columns]` millimetres did, and the length of
/// their sides; None where the pixels are square.
pub(crate) fn square_matrix(shape: [usize; 2], spacing: [f64; 2]) -> Option<([usize; 2], f64)> {
    let side = spacing[0].min(spacing[1]);
    if spacing[0].max(spacing[1]) - side <= SQUARE_TOLERANCE * side {
        return None;
    }
    // A file may claim pixels 10²⁶ times as wide as high: more than there are numbers, and then more than the limit of voxels.
    let count = |axis: usize| {
        let last = ((shape[axis] - 1) as f64 * spacing[axis] / side + 1e-6).floor() as usize;
        last.saturating_add(1)
    };
    Some(([count(0), count(1)], side))
}

/// The volume on `matrix` square pixels of `side` millimetres; the first voxel stays where it is.
pub(crate) fn make_square(
    hounsfield: &ArrayView3<'_, i16>,
    spacing: [f64; 2],
    matrix: [usize; 2],
    side: f64,
) -> Array3<i16> {
    let mut square = hounsfield.to_owned();
    for (axis, (spacing, count)) in [(1, (spacing[0], matrix[0])), (2, (spacing[1], matrix[1]))] {
        if square.len_of(Axis(axis)) != count {
            square = stretch(&square, axis, spacing / side, count);
        }
    }
    square
}

/// Interpolates along an axis whose voxels are `factor` times as far apart as they are to be.
fn stretch(volume: &Array3<i16>, axis: usize, factor: f64, count: usize) -> Array3<i16> {
    let length = volume.len_of(Axis(axis));
    let mut shape = [
        volume.len_of(Axis(0)),
        volume.len_of(Axis(1)),
        volume.len_of(Axis(2)),
    ];
    shape[axis] = count;
    let mut stretched = Array3::zeros(shape);
    for (index, mut target) in stretched.axis_iter_mut(Axis(axis)).enumerate() {
        let place = index as f64 / factor;
        let before = (place as usize).min(length - 1);
        let after = (before + 1).min(length - 1);
        let part = (place - before as f64).clamp(0.0, 1.0);
        Zip::from(&mut target)
            .and(&volume.index_axis(Axis(axis), before))
            .and(&volume.index_axis(Axis(axis), after))
            .for_each(|target, low, high| *target = between(*low, *high, part));
    }
    stretched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_uneven_stack_comes_to_lie_where_it_was() {
        let along = [0.0, 2.0, 5.0, 7.0, 10.0];
        let (step, is_even) = even_step(&along);
        assert_eq!((step, is_even), (2.5, false));
        // A ramp along z stays a ramp.
        let volume = Array3::from_shape_fn((5, 2, 2), |(z, _, _)| (along[z] * 10.0) as i16);
        let (even, nearest) = resample_slices(&volume, &along, 5, step);
        assert_eq!(even.slice(ndarray::s![.., 0, 0]).to_vec(), [0, 25, 50, 75, 100]);
        assert_eq!(nearest, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn rounded_positions_are_even() {
        assert_eq!(even_step(&[0.0, 5.01, 10.0, 14.99, 20.0]), (5.0, true));
    }

    #[test]
    fn pixels_wider_than_there_are_numbers_make_too_large_a_volume() {
        let (matrix, _) = square_matrix([4, 5], [0.8, 6e26]).unwrap();
        assert_eq!(matrix, [4, usize::MAX]);
        let refused = check_size([4, matrix[0], matrix[1]], &Limits::default());
        assert!(matches!(refused, Err(ImagingError::VolumeTooLarge { .. })));
    }

    #[test]
    fn pixels_become_square_and_stay_in_place() {
        assert_eq!(square_matrix([10, 10], [0.7, 0.701]), None);
        let (matrix, side) = square_matrix([3, 5], [1.0, 0.5]).unwrap();
        assert_eq!((matrix, side), ([5, 5], 0.5));
        let volume = Array3::from_shape_fn((1, 3, 5), |(_, y, x)| (y * 100 + x * 7) as i16);
        let square = make_square(&volume.view(), [1.0, 0.5], matrix, side);
        assert_eq!(square.dim(), (1, 5, 5));
        for ((_, y, x), value) in square.indexed_iter() {
            assert_eq!(*value, (y * 50 + x * 7) as i16);
        }
    }
}
