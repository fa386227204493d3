//! Lung without air: tissue where aerated lung belongs.
//!
//! By its density it is liver, heart or muscle as well as a consolidation; it is known by where it lies. Aerated lung of the same side lies
//! on all sides of it; or on all but below, where it stands out of the smooth dome; or it parts the lung from the chest wall above the
//! lung's lower edge.

use ndarray::{Array3, Zip};

use crate::ball::{close, open};
use crate::grid::{GRID_MM, Grid, VOXEL_ML};
use crate::regions::{Region, regions};
use crate::surroundings::Surroundings;
use crate::thorax::Thorax;

/// Aerated lung. The lungs' mask holds what has lung around it in a slice too: the top of the dome.
pub(crate) const AERATED_HU: i16 = -500;
/// Tissue, after what is narrow was taken away.
const TISSUE_HU: i16 = -300;
/// Fat between ribs and pleura is less dense.
const FAT_HU: i16 = -50;
/// Of tissue that lung surrounds, norm hila hold up to 1.5 ml in a piece, an early pneumonia's 2.0.
const LEAST_SURROUNDED_ML: f64 = 4.0;
/// A dome holds a ball of this radius wherever it is touched, what stands on it does not: 44 mm, on voxels twice as large.
const DOME_COARSE_VOXELS: f32 = 11.0;
/// A dome that is less round than the ball leaves sheets.
const SHEET_VOXELS: f32 = 2.0;
/// The heart reaches so far from the middle, to the patient's right and left.
const HEART_MM: [f64; 2] = [55.0, 85.0];
const LEAST_STANDING_ML: f64 = 10.0;
const LEAST_AT_WALL_ML: f64 = 10.0;

/// The lungs' labels where they hold air.
pub(crate) fn aerated(grid: &Grid) -> Array3<u8> {
    let mut aerated = grid.lungs.clone();
    Zip::from(&mut aerated)
        .and(&grid.hounsfield)
        .for_each(|label, &value| *label *= u8::from(value < AERATED_HU));
    aerated
}

/// Lung without air, and whether there may be more.
pub(crate) struct AirlessLung {
    pub(crate) regions: Vec<Region>,
    /// Something stands out of a dome: a consolidation, or the dome itself where it is high and narrow.
    pub(crate) may_stand_on_dome: bool,
}

/// Finds it. `opened` are the densities without what is narrow, `instead` what lies
/// at the chest wall where lung belongs, `fluid` what is known to be none.
pub(crate) fn airless_lung(
    grid: &Grid,
    opened: &Array3<i16>,
    thorax: &Thorax,
    instead: &Array3<bool>,
    fluid: &Array3<bool>,
) -> AirlessLung {
    let aerated = aerated(grid);
    let around = Surroundings::of(&aerated);
    let is_tissue = |mask: &mut Array3<bool>| {
        Zip::from(mask)
            .and(opened)
            .and(&thorax.inside)
            .and(fluid)
            .for_each(|mask, &value, &inside, &fluid| *mask &= value > TISSUE_HU && inside && !fluid);
    };
    let mut surrounded = around.on_all_sides();
    is_tissue(&mut surrounded);
    // On the flank of a dome its top hides the lung on one side; near the middle that may be the heart.
    let least_sides = |x: usize| {
        let from_middle_mm = (x as f64 - thorax.center[1]).abs() * GRID_MM;
        let is_right = grid.is_right(x as f64, thorax.center[1]);
        let heart_mm = HEART_MM[usize::from(!is_right)];
        if from_middle_mm > heart_mm { 3 } else { 4 }
    };
    let mut standing = close_coarsely(&aerated);
    Zip::from(&mut standing)
        .and(&around.above_and_beside(least_sides))
        .for_each(|standing, &around| *standing &= around);
    is_tissue(&mut standing);
    let standing = open(&standing, SHEET_VOXELS);
    let mut found = Array3::from_elem(opened.dim(), false);
    let mut keep = |mask: &Array3<bool>, least_ml: f64| {
        for region in regions(mask, (least_ml / VOXEL_ML) as usize) {
            region.mark(&mut found);
        }
    };
    keep(&surrounded, LEAST_SURROUNDED_ML);
    let mut at_wall = close(instead, 1.0);
    is_tissue(&mut at_wall);
    Zip::from(&mut at_wall)
        .and(&grid.hounsfield)
        .for_each(|at_wall, &value| *at_wall &= value > FAT_HU);
    keep(&open(&at_wall, SHEET_VOXELS), LEAST_AT_WALL_ML);
    AirlessLung {
        regions: regions(&found, 1),
        may_stand_on_dome: !regions(&standing, (LEAST_STANDING_ML / VOXEL_ML) as usize).is_empty(),
    }
}

/// Lung, and what no ball of [`DOME_COARSE_VOXELS`] without lung reaches. Below the grid the ball finds no lung.
fn close_coarsely(aerated: &Array3<u8>) -> Array3<bool> {
    let (slices, rows, columns) = aerated.dim();
    let below = 2 * DOME_COARSE_VOXELS as usize + 1;
    let halved = (slices.div_ceil(2) + below, rows.div_ceil(2), columns.div_ceil(2));
    let mut coarse = Array3::from_elem(halved, false);
    for ((z, y, x), &label) in aerated.indexed_iter() {
        coarse[[z / 2 + below, y / 2, x / 2]] |= label != 0;
    }
    let closed = close(&coarse, DOME_COARSE_VOXELS);
    Array3::from_shape_fn(aerated.dim(), |(z, y, x)| closed[[z / 2 + below, y / 2, x / 2]])
}
