//! Morphology with balls on the grid: dilations, openings and closings of masks, and the grey opening.
//!
//! A ball is the voxels at most `radius` voxels (Euclidean) from its centre. Of grey values it is run over row by row: each row of the
//! ball is an extremum over a stretch of columns, made once for each width, so that the inner loops run over whole rows.

use ndarray::{Array3, ArrayView1, ArrayViewMut1, ArrayViewMut2, Axis, Zip};
use rayon::prelude::*;

use crate::packed_mask::{near, rows_of_ball};

/// Radius of the ball that vessels do not hold, in voxels.
const WIDER_THAN_VESSELS: f32 = 3.0;

/// All voxels within `radius` voxels of the mask.
pub(crate) fn dilate(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    near(mask, true, radius)
}

/// The voxels further than `radius` from everything outside the mask; beyond the grid nothing is outside.
pub(crate) fn erode(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    let mut near_outside = near(mask, false, radius);
    near_outside.mapv_inplace(|near| !near);
    near_outside
}

/// The voxels of the mask that have `reach` voxels of it above and below; beyond the grid nothing is outside.
pub(crate) fn erode_across_slices(mask: &Array3<bool>, reach: usize) -> Array3<bool> {
    let slices = mask.dim().0;
    let mut eroded = mask.clone();
    for_each_plane(&mut eroded, |z, mut plane| {
        for of in z.saturating_sub(reach)..=(z + reach).min(slices - 1) {
            plane.zip_mut_with(&mask.index_axis(Axis(0), of), |inside, &other| *inside &= other);
        }
    });
    eroded
}

/// Fills what is narrower than twice `radius` voxels.
pub(crate) fn close(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    let mut closed = erode(&dilate(mask, radius), radius);
    Zip::from(&mut closed)
        .and(mask)
        .for_each(|closed, &inside| *closed |= inside);
    closed
}

/// Leaves what holds a ball of `radius` voxels.
pub(crate) fn open(mask: &Array3<bool>, radius: f32) -> Array3<bool> {
    dilate(&erode(mask, radius), radius)
}

/// Grey opening: what is brighter than its surroundings and narrower than [`WIDER_THAN_VESSELS`] goes.
pub(crate) fn remove_narrow(hounsfield: &Array3<i16>) -> Array3<i16> {
    let eroded = extremum_in_ball(hounsfield, WIDER_THAN_VESSELS, i16::min);
    extremum_in_ball(&eroded, WIDER_THAN_VESSELS, i16::max)
}

/// The extremum over a ball, edges repeated: as the ball narrows away from its centre, that leaves beyond the grid
/// nothing that is not nearer within it. `better` is commutative, associative and gives one of both.
fn extremum_in_ball<T: Copy + Send + Sync>(
    values: &Array3<T>,
    radius: f32,
    better: impl Fn(T, T) -> T + Copy + Sync,
) -> Array3<T> {
    let ball = rows_of_ball(radius);
    let mut widened = vec![values.as_standard_layout().into_owned()];
    for half_width in 1..=radius as usize {
        let mut wider = widened[half_width - 1].clone();
        for_each_plane(&mut wider, |z, mut plane| {
            let narrow = widened[0].index_axis(Axis(0), z);
            for (mut row, from) in plane.rows_mut().into_iter().zip(narrow.rows()) {
                widen(slice_mut(&mut row), slice(&from), half_width, better);
            }
        });
        widened.push(wider);
    }
    let (slices, rows, _) = values.dim();
    let clamped = |at: usize, by: isize, length: usize| at.saturating_add_signed(by).min(length - 1);
    let mut result = widened[0].clone();
    for_each_plane(&mut result, |z, mut plane| {
        for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
            let row = slice_mut(&mut row);
            for of_ball in &ball {
                let plane =
                    widened[of_ball.half_width].index_axis(Axis(0), clamped(z, of_ball.slice, slices));
                let from = plane.row(clamped(y, of_ball.row, rows));
                take_better(row, slice(&from), better);
            }
        }
    });
    result
}

fn for_each_plane<T: Send>(values: &mut Array3<T>, change: impl Fn(usize, ArrayViewMut2<'_, T>) + Sync) {
    values
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, plane)| change(z, plane));
}

/// Adds to the extremum over all nearer columns those that are `by` columns away, edges repeated.
fn widen<T: Copy>(widened: &mut [T], values: &[T], by: usize, better: impl Fn(T, T) -> T + Copy) {
    let (Some(&first), Some(&last)) = (values.first(), values.last()) else {
        return;
    };
    let by = by.min(values.len());
    let (left, right) = (values.len() - by, by);
    take_better(&mut widened[by..], &values[..left], better);
    take_better(&mut widened[..left], &values[right..], better);
    widened[..by]
        .iter_mut()
        .for_each(|value| *value = better(*value, first));
    widened[left..]
        .iter_mut()
        .for_each(|value| *value = better(*value, last));
}

fn take_better<T: Copy>(values: &mut [T], others: &[T], better: impl Fn(T, T) -> T) {
    for (value, &other) in values.iter_mut().zip(others) {
        *value = better(*value, other);
    }
}

fn slice<'row, T>(row: &'row ArrayView1<'_, T>) -> &'row [T] {
    row.as_slice().expect("rows of the arrays here are contiguous")
}

fn slice_mut<'row, T>(row: &'row mut ArrayViewMut1<'_, T>) -> &'row mut [T] {
    row.as_slice_mut()
        .expect("rows of the arrays here are contiguous")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ball(radius: f64) -> Array3<bool> {
        Array3::from_shape_fn((41, 43, 45), |(z, y, x)| {
            let along = [z as f64 - 20.0, y as f64 - 21.0, x as f64 - 22.0];
            along.iter().map(|value| value * value).sum::<f64>() <= radius * radius
        })
    }

    proptest! {
        #[test]
        fn a_dilation_is_all_that_lies_near_enough(
            set in proptest::collection::vec((0usize..6, 0usize..7, 0usize..9), 0..6),
            radius in 0.0f32..7.0,
        ) {
            let shape = (6, 7, 9);
            let mut mask = Array3::from_elem(shape, false);
            for &place in &set {
                mask[place] = true;
            }
            let near = Array3::from_shape_fn(shape, |(z, y, x)| {
                set.iter().any(|&(of_z, of_y, of_x)| {
                    let apart = z.abs_diff(of_z).pow(2) + y.abs_diff(of_y).pow(2) + x.abs_diff(of_x).pow(2);
                    apart as f32 <= radius * radius
                })
            });
            prop_assert_eq!(&dilate(&mask, radius), &near);
            let outside = mask.mapv(|inside| !inside);
            prop_assert_eq!(erode(&outside, radius), near.mapv(|near| !near));
        }
    }

    #[test]
    fn a_ball_survives_an_opening_by_a_smaller_ball_only() {
        let mask = ball(6.0);
        let count = |mask: &Array3<bool>| mask.iter().filter(|&&inside| inside).count() as f64;
        let kept = count(&open(&mask, 4.0)) / count(&mask);
        // Of so few voxels a fifth are corners that no smaller ball of voxels reaches.
        assert!((0.75..=1.0).contains(&kept), "{kept}");
        assert_eq!(count(&open(&mask, 7.0)), 0.0);
    }

    #[test]
    fn a_layer_is_eroded_from_above_and_below_only() {
        let layer = |low: usize, high: usize| {
            Array3::from_shape_fn((12, 3, 4), |(z, y, x)| (low..high).contains(&z) && y > 0 && x > 1)
        };
        assert_eq!(erode_across_slices(&layer(2, 9), 2), layer(4, 7));
        assert_eq!(erode_across_slices(&layer(0, 9), 2), layer(0, 7));
        assert_eq!(erode_across_slices(&layer(2, 6), 2), layer(0, 0));
        assert_eq!(erode_across_slices(&layer(2, 9), 0), layer(2, 9));
    }

    #[test]
    fn a_vessel_goes_and_a_lesion_stays() {
        let lesion = ball(7.0);
        let volume = Array3::from_shape_fn(lesion.dim(), |(z, y, x)| {
            if lesion[[z, y, x]] {
                -500
            } else if y.abs_diff(6) <= 2 && x.abs_diff(6) <= 2 {
                40
            } else {
                -860
            }
        });
        let opened = remove_narrow(&volume);
        assert_eq!(opened[[20, 6, 6]], -860);
        assert_eq!(opened[[20, 21, 22]], -500);
    }
}
