//! Opacities inside the lungs: what is denser than aerated lung and wider than a vessel.
//!
//! Ground glass is known by its density, tissue without air by where it lies.

use ndarray::{Array3, Zip};
use norma_domain::NotMeasurable;

use crate::airless::airless_lung;
use crate::ball::{close, erode, erode_across_slices, remove_narrow};
use crate::dependent::HindEdge;
use crate::grid::Grid;
use crate::protocol::Protocol;
use crate::regions::{Region, regions};
use crate::thorax::Thorax;

/// Denser than aerated lung, less dense than tissue without air.
const OPACITY_HU: std::ops::RangeInclusive<i16> = -699..=-300;
/// And so much denser than the 15th percentile of the lungs: after a shallow breath all lung is denser. Norm lungs of a deep breath reach -699 HU with it.
const OVER_PERCENTILE15_HU: f64 = 175.0;
/// Gaps of the lung mask narrower than twice this belong to the lungs: 12 mm.
const HULL_VOXELS: f32 = 6.0;
/// The hull's rim is averaged with chest wall and mediastinum.
const RIM_VOXELS: f32 = 1.25;
/// In thick slices what lies this far above and below the hull's end, and above and below wide tissue without air within it
/// (dome, heart, hilum), is averaged with it: 4 mm.
const THICK_RIM_VOXELS: usize = 2;
/// A millilitre.
const LEAST_VOXELS: usize = 125;

/// What was found, and whether there may be more.
pub(crate) struct Opacities {
    pub(crate) regions: Vec<Region>,
    /// Something that may be one, or none: it stands out of a dome, or is a thin layer along the back.
    pub(crate) doubt: Option<NotMeasurable>,
}

/// The opacities of at least a millilitre, the largest first. `instead` is what lies at the chest wall where lung belongs, `fluid` what
/// is known to be none, `percentile15_hu` the lungs' own.
pub(crate) fn find_opacities(
    grid: &Grid,
    lungs: &Array3<bool>,
    thorax: &Thorax,
    protocol: &Protocol,
    percentile15_hu: f64,
    instead: &Array3<bool>,
    fluid: &Array3<bool>,
) -> Opacities {
    let least_hu = (*OPACITY_HU.start()).max((percentile15_hu + OVER_PERCENTILE15_HU) as i16);
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
        .for_each(|opaque, value| *opaque = *opaque && (least_hu..=*OPACITY_HU.end()).contains(value));
    let airless = airless_lung(grid, &opened, thorax, instead, fluid);
    airless.regions.iter().for_each(|region| region.mark(&mut opaque));
    let edge = HindEdge::of(&hull, &opaque, grid.back);
    let (layers, regions) = edge.layers(regions(&opaque, LEAST_VOXELS));
    let doubt = if airless.may_stand_on_dome {
        Some(NotMeasurable::Obscured)
    } else {
        (!layers.is_empty()).then_some(NotMeasurable::DependentLayer)
    };
    Opacities { regions, doubt }
}
