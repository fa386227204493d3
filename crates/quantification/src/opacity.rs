//! Opacities inside the lungs: what is denser than aerated lung and wider than a vessel.
//!
//! Ground glass is known by its density. Tissue without air is known by where it lies: with aerated lung of the same side before and behind it,
//! above and below, and on both sides. Mediastinum, dome and chest wall have none on one of them.

use ndarray::{Array2, Array3, Axis, Zip};

use crate::ball::{close, erode, erode_across_slices, remove_narrow};
use crate::grid::{Grid, VOXEL_ML};
use crate::protocol::Protocol;
use crate::regions::{Region, regions};
use crate::thorax::Thorax;

/// Denser than aerated lung, less dense than tissue without air.
const OPACITY_HU: std::ops::RangeInclusive<i16> = -699..=-300;
/// Gaps of the lung mask narrower than twice this belong to the lungs: 12 mm.
const HULL_VOXELS: f32 = 6.0;
/// The hull's rim is averaged with chest wall and mediastinum.
const RIM_VOXELS: f32 = 1.25;
/// In thick slices what lies this far above and below the hull's end, and above and below wide tissue without air within it
/// (dome, heart, hilum), is averaged with it: 4 mm.
const THICK_RIM_VOXELS: usize = 2;
/// A millilitre.
const LEAST_VOXELS: usize = 125;
/// Lung that surrounds. The lungs' mask holds what has lung around it in a slice too: the top of the dome.
const AERATED_HU: i16 = -500;
/// Of tissue without air that lung surrounds, norm hila hold up to 1.5 ml in a piece, an early pneumonia's 2.0.
const LEAST_DENSE_ML: f64 = 4.0;

/// The opacities of at least a millilitre, the largest first.
pub(crate) fn find_opacities(
    grid: &Grid,
    lungs: &Array3<bool>,
    thorax: &Thorax,
    protocol: &Protocol,
) -> Vec<Region> {
    let mut hull = close(lungs, HULL_VOXELS);
    Zip::from(&mut hull)
        .and(&thorax.inside)
        .and(lungs)
        .for_each(|hull, &inside, &lung| *hull = (*hull && inside) || lung);
    let mut opaque = erode(&hull, RIM_VOXELS);
    let opened = remove_narrow(&grid.hounsfield);
    if protocol.has_thick_slices() {
        Zip::from(&mut opaque)
            .and(&opened)
            .for_each(|opaque, value| *opaque = *opaque && value <= OPACITY_HU.end());
        opaque = erode_across_slices(&opaque, THICK_RIM_VOXELS);
    }
    Zip::from(&mut opaque)
        .and(&opened)
        .for_each(|opaque, value| *opaque = *opaque && OPACITY_HU.contains(value));
    let mut aerated = grid.lungs.clone();
    Zip::from(&mut aerated)
        .and(&grid.hounsfield)
        .for_each(|label, &value| *label *= u8::from(value < AERATED_HU));
    let mut surrounded = surrounded_by_lung(&aerated);
    Zip::from(&mut surrounded)
        .and(&opened)
        .and(&thorax.inside)
        .for_each(|dense, value, &inside| *dense = *dense && value > OPACITY_HU.end() && inside);
    for region in regions(&surrounded, (LEAST_DENSE_ML / VOXEL_ML) as usize) {
        for voxel in region.voxels {
            opaque[voxel] = true;
        }
    }
    regions(&opaque, LEAST_VOXELS)
}

/// What has the same lung on both ends of each axis. `labels` are the lungs' as on the grid.
fn surrounded_by_lung(labels: &Array3<u8>) -> Array3<bool> {
    let mut sides = Array3::from_elem(labels.dim(), u8::MAX);
    for axis in 0..3 {
        let mut met = Array2::<u8>::zeros(labels.index_axis(Axis(axis), 0).dim());
        let mut before = Array3::zeros(labels.dim());
        let length = labels.shape()[axis];
        for at in 0..length {
            let plane = labels.index_axis(Axis(axis), at);
            before.index_axis_mut(Axis(axis), at).assign(&met);
            met.zip_mut_with(&plane, |met, label| *met |= label);
        }
        met.fill(0);
        for at in (0..length).rev() {
            let plane = labels.index_axis(Axis(axis), at);
            Zip::from(sides.index_axis_mut(Axis(axis), at))
                .and(before.index_axis(Axis(axis), at))
                .and(&met)
                .for_each(|sides, before, after| *sides &= before & after);
            met.zip_mut_with(&plane, |met, label| *met |= label);
        }
    }
    sides.mapv(|sides| sides != 0)
}

#[cfg(test)]
mod tests {
    use norma_volume::{LEFT_LUNG, RIGHT_LUNG};

    use super::*;

    #[test]
    fn only_one_lung_on_every_side_surrounds() {
        let mut labels = Array3::from_elem((9, 9, 9), RIGHT_LUNG);
        labels.slice_mut(ndarray::s![3..6, 3..6, 3..6]).fill(0);
        let surrounded = surrounded_by_lung(&labels);
        assert!(surrounded[[4, 4, 4]] && surrounded[[3, 5, 4]]);
        // A column of lung less below, and it stands on something.
        let mut standing = labels.clone();
        standing.slice_mut(ndarray::s![..3, 3..6, 3..6]).fill(0);
        assert!(!surrounded_by_lung(&standing)[[4, 4, 4]]);
        // What lies between both lungs is surrounded by neither.
        let mut between = labels.clone();
        between.slice_mut(ndarray::s![.., .., 6..]).fill(LEFT_LUNG);
        assert!(!surrounded_by_lung(&between)[[4, 4, 4]]);
    }
}
