//! How the density of the lungs differs from place to place, which no chest of a person is without.

use ndarray::{Array3, Axis};

use crate::ball::erode;
use crate::density::spread_of;
use crate::grid::{GRID_MM, Grid};

/// The lungs' rim, where they are averaged with what lies around.
const RIM_VOXELS: f32 = 1.0;
/// 4 mm: noise of voxels so far apart is its own.
const APART_VOXELS: usize = 2;
const LEAST_PAIRS: usize = 2000;

/// Standard deviation of the lungs' density between places 4 mm apart, without noise of so much on the grid, in HU. Most of the lungs counts and not its few large
/// vessels: the deviation is taken from the median difference. None where there is too little lung.
pub(crate) fn lung_texture_hu(grid: &Grid, lungs: &Array3<bool>, noise_hu: Option<f64>) -> Option<f64> {
    let core = erode(lungs, RIM_VOXELS);
    let [first, last] = grid.lung_extent(GRID_MM * GRID_MM)?;
    let mut differences: Vec<i16> = Vec::new();
    for z in first..=last {
        let (inside, values) = (
            core.index_axis(Axis(0), z),
            grid.hounsfield.index_axis(Axis(0), z),
        );
        for (inside, values) in inside.rows().into_iter().zip(values.rows()) {
            for x in APART_VOXELS..values.len() {
                if inside[x] && inside[x - APART_VOXELS] {
                    differences.push((values[x] - values[x - APART_VOXELS]).abs());
                }
            }
        }
    }
    if differences.len() < LEAST_PAIRS {
        return None;
    }
    let all = spread_of(&mut differences)?;
    Some((all.powi(2) - noise_hu.unwrap_or(0.0).powi(2)).max(0.0).sqrt())
}
