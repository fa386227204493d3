//! Opacities inside the lungs: what is denser than aerated lung and wider than a vessel.

use ndarray::{Array3, Zip};

use crate::ball::{close, erode, erode_across_slices, remove_narrow};
use crate::grid::Grid;
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
    regions(&opaque, LEAST_VOXELS)
}
