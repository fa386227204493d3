//! The lungs with what grows into them from their surface.

use ndarray::{Array3, Axis, s};
use norma_volume::{LEFT_LUNG, RIGHT_LUNG};
use rayon::prelude::*;

use super::distance::distance_to;
use super::grid::Grid;

/// Half the width of the dents that are filled: a nodule on the pleura and vessels at the hilum belong to the hull.
const CLOSING_MM: f64 = 12.0;

/// The lungs' labels, each lung closed in 3D by a ball of 12 mm: what dents a lung lies inside.
///
/// The closing is computed on every second voxel; where it is finer than that grid, the lung itself is the border.
pub(super) fn hull(grid: &Grid) -> Array3<u8> {
    let mut hull = grid.lungs.clone();
    for side in [RIGHT_LUNG, LEFT_LUNG] {
        close_side(&mut hull, grid, side);
    }
    hull
}

fn close_side(hull: &mut Array3<u8>, grid: &Grid, side: u8) {
    let coarse = grid.lungs.slice(s![..;2, ..;2, ..;2]);
    let radius = (CLOSING_MM / (2.0 * grid.spacing_mm)) as f32;
    let Some([low, high]) = extent(coarse, side) else {
        return;
    };
    // A frame keeps the closing from sticking to the border of the grid.
    let frame = radius.ceil() as usize + 1;
    let size: [usize; 3] = std::array::from_fn(|axis| high[axis] - low[axis] + 1 + 2 * frame);
    let shape = (size[0], size[1], size[2]);
    let lung_at = |place: [usize; 3]| {
        let inside = |axis: usize| place[axis] >= frame && place[axis] - frame <= high[axis] - low[axis];
        (0..3).all(inside)
            && coarse[[
                place[0] - frame + low[0],
                place[1] - frame + low[1],
                place[2] - frame + low[2],
            ]] == side
    };
    let to_lung = distance_to(shape, lung_at);
    let depth = distance_to(shape, |[z, y, x]| to_lung[[z, y, x]] > radius);
    // Between the points of the coarse grid the depth is interpolated, so that no steps stand out of the chest wall.
    let least = radius + 0.5;
    let (slices, rows, columns) = hull.dim();
    let range = |axis: usize, length: usize| 2 * low[axis]..(2 * high[axis] + 1).min(length);
    let (z_range, y_range, x_range) = (range(0, slices), range(1, rows), range(2, columns));
    let first_slice = z_range.start;
    hull.slice_mut(s![z_range, y_range.clone(), x_range.clone()])
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(index, mut plane)| {
            let z = first_slice + index;
            for ((row, column), value) in plane.indexed_iter_mut() {
                if *value == 0 {
                    let place = [z, y_range.start + row, x_range.start + column];
                    let inner = std::array::from_fn(|axis| place[axis] - 2 * low[axis] + 2 * frame);
                    if halfway(&depth, inner) > least {
                        *value = side;
                    }
                }
            }
        });
}

/// The value at a place counted in half voxels.
fn halfway(values: &Array3<f32>, place: [usize; 3]) -> f32 {
    let corner = place.map(|index| index / 2);
    let odd = place.map(|index| index % 2);
    let mut sum = 0.0;
    let mut count = 0.0;
    for dz in 0..=odd[0] {
        for dy in 0..=odd[1] {
            for dx in 0..=odd[2] {
                sum += values[[corner[0] + dz, corner[1] + dy, corner[2] + dx]];
                count += 1.0;
            }
        }
    }
    sum / count
}

fn extent(mask: ndarray::ArrayView3<'_, u8>, side: u8) -> Option<[[usize; 3]; 2]> {
    let mut low = [usize::MAX; 3];
    let mut high = [0; 3];
    for ((z, y, x), &value) in mask.indexed_iter() {
        if value == side {
            for (axis, index) in [z, y, x].into_iter().enumerate() {
                low[axis] = low[axis].min(index);
                high[axis] = high[axis].max(index);
            }
        }
    }
    (low[0] != usize::MAX).then_some([low, high])
}
