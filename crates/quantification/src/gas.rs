//! Gas in the pleural space: air without lung texture that lies against the chest wall.
//!
//! The lungs' mask holds it, since the pleura that covers a lung is thinner than a voxel. Airways and bullae amid the lung
//! hold such air too, but have lung around them. A layer thinner than three voxels is averaged with lung and wall and is not
//! found; of a thin layer only the thicker part is.

use ndarray::{Array3, Zip};

use crate::ball::{dilate, open};
use crate::grid::{Grid, VOXEL_ML};
use crate::regions::{BySide, Region, neighbours, regions};
use crate::thorax::Thorax;

/// Aerated lung lies above on a grid that averages its noise away.
const GAS_HU: i16 = -940;
/// The rim, averaged with the lung's pleura.
const RIM_HU: i16 = -920;
const RIM_STEPS: usize = 2;
/// Every voxel of gas lies in a ball of gas of this radius: three voxels across, between which no vessel runs.
const BALL_VOXELS: f32 = 1.0;
/// Smaller pockets are bullae and bronchi under the pleura: norm lungs hold up to 2.6 ml.
const LEAST_ML: f64 = 3.0;
/// Within this of the chest wall gas lies against it.
const NEAR_WALL_VOXELS: f32 = 4.0;
/// Of a pneumothorax at least this share of its surface lies against the chest wall, the rest on the lung.
const LEAST_WALLED_SHARE: f64 = 0.25;

/// Gas of the pleural space on each side.
pub(crate) fn find_pleural_gas(grid: &Grid, lungs: &Array3<bool>, thorax: &Thorax) -> BySide {
    let below = |limit: i16| {
        let mut air = lungs.clone();
        Zip::from(&mut air)
            .and(&grid.hounsfield)
            .for_each(|air, &value| *air = *air && value < limit);
        air
    };
    let gas = open(&below(GAS_HU), BALL_VOXELS);
    let least = (LEAST_ML / VOXEL_ML) as usize;
    let pockets = regions(&gas, least);
    if pockets.is_empty() {
        return BySide::default();
    }
    let near_wall = dilate(&thorax.inside.mapv(|inside| !inside), NEAR_WALL_VOXELS);
    let mut kept = Array3::from_elem(gas.dim(), false);
    for pocket in pockets
        .iter()
        .filter(|pocket| walled_share(pocket, &gas, &near_wall) >= LEAST_WALLED_SHARE)
    {
        pocket.mark(&mut kept);
    }
    let rim = below(RIM_HU);
    for _ in 0..RIM_STEPS {
        kept = dilate(&kept, 1.0);
        Zip::from(&mut kept).and(&rim).for_each(|kept, &rim| *kept &= rim);
    }
    let mut by_side = BySide::default();
    for region in regions(&kept, least) {
        let right = region
            .voxels
            .iter()
            .filter(|&&voxel| Grid::is_right_label(grid.lungs[voxel]))
            .count();
        by_side.0[usize::from(right * 2 < region.voxels.len())].push(region);
    }
    by_side
}

/// The share of a pocket's surface that lies near the chest wall.
fn walled_share(pocket: &Region, gas: &Array3<bool>, near_wall: &Array3<bool>) -> f64 {
    let (slices, rows, columns) = gas.dim();
    let is_surface = |voxel: [usize; 3]| neighbours(voxel, [slices, rows, columns]).any(|next| !gas[next]);
    let (mut surface, mut walled) = (0usize, 0usize);
    for &voxel in pocket.voxels.iter().filter(|&&voxel| is_surface(voxel)) {
        surface += 1;
        walled += usize::from(near_wall[voxel]);
    }
    walled as f64 / surface.max(1) as f64
}
