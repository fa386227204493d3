//! A finding with its voxels.

use ndarray::Array3;
use norma_domain::{MeasuredFinding, VoxelMask};

use crate::grid::Grid;
use crate::regions::Region;

/// A finding, and where it is in the volume.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentedFinding {
    pub finding: MeasuredFinding,
    /// None where the volume has more voxels than a mask can have.
    pub mask: Option<VoxelMask>,
}

/// The voxels of the volume whose middle lies in a grid voxel of one of the regions.
pub(crate) fn mask_of(grid: &Grid, regions: &[Region]) -> Option<VoxelMask> {
    let mut mask = VoxelMask::empty(grid.source_shape()).ok()?;
    let low = |axis: usize| regions.iter().map(|region| region.low[axis]).min();
    let high = |axis: usize| regions.iter().map(|region| region.high[axis]).max();
    let mut ends = [[0; 2]; 3];
    for (axis, ends) in ends.iter_mut().enumerate() {
        *ends = [low(axis)?, high(axis)?];
    }
    let mut inside = Array3::from_elem(ends.map(|[low, high]| high - low + 1), false);
    for voxel in regions.iter().flat_map(|region| &region.voxels) {
        inside[std::array::from_fn(|axis| voxel[axis] - ends[axis][0])] = true;
    }
    // Voxels of the volume along an axis, each with its place in the box; they follow one another.
    let places: [Vec<(usize, usize)>; 3] = std::array::from_fn(|axis| {
        let [low, high] = ends[axis];
        (0..grid.source_shape()[axis])
            .filter_map(|index| Some((index, grid.of_source(axis, index)?)))
            .filter(|(_, at)| (low..=high).contains(at))
            .map(|(index, at)| (index, at - low))
            .collect()
    });
    let first_column = places[2].first().map_or(0, |(index, _)| *index);
    for &(slice, z) in &places[0] {
        for &(row, y) in &places[1] {
            let columns = places[2].iter().map(|&(_, x)| inside[[z, y, x]]);
            mask.push_row([slice, row], first_column, columns);
        }
    }
    Some(mask)
}
