//! From single cells to regions: a study's map, smoothed over what really is lung.

use ndarray::{Array3, ArrayRef3, Axis, Zip};

use crate::aggregation::mask_fraction;

/// A cell is taken for a dome of the diaphragm where, within this part of the slices read towards the feet, its
/// place is not lung: a dome that lung surrounds within the slice is filled by the lung mask as a lesion is.
const DOME_PART: usize = 16;
/// Less than this part of a cell is lung: not lung.
const NOT_LUNG: f32 = 0.25;
/// Weights of a cell and its neighbours along each axis.
const KERNEL: [f32; 3] = [0.25, 0.5, 0.25];
/// Cells with few neighbours inside the lungs are drawn to 0: the weights count for at least this much.
const LEAST_WEIGHT: f32 = 0.3;

/// Smooths `values` `(n, h, w)` over the cells inside the lungs that are no dome of the diaphragm, along all three
/// axes; 0 elsewhere. Slices ascend to the head, as the prepared ones do.
pub(crate) fn smooth_lung_map(
    values: &ArrayRef3<f32>,
    inside: &ArrayRef3<bool>,
    masks: &ArrayRef3<u8>,
) -> Array3<f32> {
    let (count, rows, columns) = values.dim();
    let mut lung = Array3::<f32>::zeros(values.raw_dim());
    for (mut cells, mask) in lung.outer_iter_mut().zip(masks.outer_iter()) {
        cells.assign(&mask_fraction(&mask, rows, columns));
    }
    let below = count.div_ceil(DOME_PART);
    let kept = Array3::from_shape_fn(values.raw_dim(), |(slice, row, column)| {
        let mut under = slice.saturating_sub(below)..slice;
        inside[[slice, row, column]] && under.all(|other| lung[[other, row, column]] >= NOT_LUNG)
    });
    let mut sum = Array3::from_shape_fn(
        values.raw_dim(),
        |place| {
            if kept[place] { values[place] } else { 0.0 }
        },
    );
    let mut weight = kept.mapv(|kept| if kept { 1.0 } else { 0.0 });
    for axis in 0..3 {
        sum = smoothed(&sum, Axis(axis));
        weight = smoothed(&weight, Axis(axis));
    }
    Zip::from(&mut sum)
        .and(&weight)
        .and(&kept)
        .for_each(|sum, weight, kept| {
            *sum = if *kept {
                *sum / weight.max(LEAST_WEIGHT)
            } else {
                0.0
            };
        });
    sum
}

fn smoothed(values: &Array3<f32>, axis: Axis) -> Array3<f32> {
    let length = values.len_of(axis);
    let mut result = Array3::zeros(values.raw_dim());
    for target in 0..length {
        for (offset, weight) in KERNEL.into_iter().enumerate() {
            let source = (target + offset).checked_sub(1).filter(|source| *source < length);
            if let Some(source) = source {
                let plane = values.index_axis(axis, source);
                result.index_axis_mut(axis, target).scaled_add(weight, &plane);
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: (usize, usize, usize) = (8, 6, 6);

    fn everywhere() -> (Array3<bool>, Array3<u8>) {
        (Array3::from_elem(SHAPE, true), Array3::ones((8, 12, 12)))
    }

    #[test]
    fn a_region_outlasts_a_single_cell() {
        let (inside, masks) = everywhere();
        let mut values = Array3::zeros(SHAPE);
        values[[1, 1, 1]] = 4.0;
        values.slice_mut(ndarray::s![4..7, 3..5, 3..5]).fill(3.0);
        let map = smooth_lung_map(&values, &inside, &masks);
        assert!((map[[1, 1, 1]] - 0.5).abs() < 1e-6, "{}", map[[1, 1, 1]]);
        assert!(
            (map[[5, 3, 3]] - 3.0 * 0.75 * 0.75).abs() < 1e-6,
            "{}",
            map[[5, 3, 3]]
        );
        // What is the same everywhere stays so, up to the corners' few neighbours.
        let even = smooth_lung_map(&Array3::from_elem(SHAPE, 2.0), &inside, &masks);
        assert!((even[[0, 0, 3]] - 2.0).abs() < 1e-6 && (even[[4, 3, 3]] - 2.0).abs() < 1e-6);
    }

    #[test]
    fn what_hangs_free_in_the_lung_stays_and_what_stands_on_its_ground_does_not() {
        let (mut inside, mut masks) = everywhere();
        // No lung at row 2, column 2 of slice 3; in slice 4 the mask has filled the dome.
        masks.slice_mut(ndarray::s![3, 4..6, 4..6]).fill(0);
        inside[[3, 2, 2]] = false;
        let mut values = Array3::zeros(SHAPE);
        values[[4, 2, 2]] = 9.0;
        values[[4, 4, 4]] = 5.0;
        let map = smooth_lung_map(&values, &inside, &masks);
        assert_eq!((map[[4, 2, 2]], map[[3, 2, 2]]), (0.0, 0.0));
        assert!(map[[4, 4, 4]] > 0.5);
        assert!(map.iter().all(|value| value.is_finite()));
    }
}
