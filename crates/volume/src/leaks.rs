//! Lungs that run into the air around the body.
//!
//! In slices of some millimetres a notch of the skin, averaged with what lies below it, may touch averaged lung in the next
//! slice by a single voxel. In the slices themselves the body is closed.

use ndarray::{Array3, Axis, Zip};
use rayon::prelude::*;

use crate::components::Components;

/// What stands in the place of the air around the body.
const TISSUE_HU: i16 = 0;
/// A pocket of air beside the body (an armpit, clothes) opens to the air around it over so much of it, of its voxels.
const LEAST_OPENING: f64 = 0.005;

/// The air that is joined to a corner of its own slice. Hounsfield units, axes `(z, y, x)`.
pub(crate) fn air_around(hounsfield: &Array3<i16>, threshold: i16) -> Array3<bool> {
    let mut around = Array3::from_elem(hounsfield.dim(), false);
    let planes: Vec<_> = around.axis_iter_mut(Axis(0)).collect();
    planes.into_par_iter().enumerate().for_each(|(z, mut plane)| {
        let slice = hounsfield.index_axis(Axis(0), z);
        let (rows, columns) = slice.dim();
        let air = Components::where_true(slice.insert_axis(Axis(0)), |value| value < threshold);
        let mut holds_corner = vec![false; air.statistics.len()];
        for run in air.runs.iter().filter(|run| {
            let is_edge = run.y == 0 || run.y as usize == rows - 1;
            is_edge && (run.start == 0 || run.end as usize == columns)
        }) {
            holds_corner[run.component as usize] = true;
        }
        for run in air.runs.iter().filter(|run| holds_corner[run.component as usize]) {
            for x in run.start..run.end {
                plane[[run.y as usize, x as usize]] = true;
            }
        }
    });
    around
}

/// The volume with tissue in the place of the air around the body.
pub(crate) fn without_air_around(hounsfield: &Array3<i16>, around: &Array3<bool>) -> Array3<i16> {
    let mut closed = hounsfield.clone();
    Zip::from(&mut closed).and(around).for_each(|value, around| {
        if *around {
            *value = TISSUE_HU;
        }
    });
    closed
}

/// Which components of the other air open widely to the air around the body, above or below them.
pub(crate) fn open_to(around: &Array3<bool>, air: &Components) -> Vec<bool> {
    let slices = around.dim().0;
    let mut opening = vec![0usize; air.statistics.len()];
    for run in &air.runs {
        let z = run.z as usize;
        let beside = [z.checked_sub(1), Some(z + 1).filter(|next| *next < slices)];
        for other in beside.into_iter().flatten() {
            let touching = (run.start..run.end).filter(|x| around[[other, run.y as usize, *x as usize]]);
            opening[run.component as usize] += touching.count();
        }
    }
    air.statistics
        .iter()
        .zip(opening)
        .map(|(statistics, opening)| opening as f64 > LEAST_OPENING * statistics.voxels as f64)
        .collect()
}
