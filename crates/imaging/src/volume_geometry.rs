//! The grid of a volume, and how the pixels of its slices are turned onto it.

use norma_domain::{SpacingMm, VolumeGeometry};

use crate::slice_order::{PlacedSlice, Vector, dot, plane_axes, unit};

/// Below this, the way from slice to slice is the normal itself, up to the rounding of positions.
const SHEAR_TOLERANCE: f64 = 1e-4;

/// The pixels of a slice in the patient. x runs along a row, y down a column.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SliceGrid {
    row: Vector,
    column: Vector,
    /// To the head.
    normal: Vector,
    /// Distance of rows, distance of columns.
    spacing: [f64; 2],
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Whether columns (x) and rows (y) are turned round so that x runs to the left and y to the back.
    flip_x: bool,
    flip_y: bool,
}

impl SliceGrid {
    pub(crate) fn new(orientation: &[f64; 6], spacing: [f64; 2], rows: u16, columns: u16) -> Option<Self> {
        let (row, column, normal) = plane_axes(orientation)?;
        Some(Self {
            row,
            column,
            normal: if normal[2] < 0.0 {
                normal.map(|component| -component)
            } else {
                normal
            },
            spacing,
            rows: usize::from(rows),
            columns: usize::from(columns),
            flip_x: row[0] < 0.0,
            flip_y: column[1] < 0.0,
        })
    }

    /// Turns the pixels of a slice as the grid says.
    pub(crate) fn turn(&self, pixels: &mut [i16]) {
        if self.flip_y {
            for row in 0..self.rows / 2 {
                let (upper, lower) = pixels.split_at_mut((self.rows - 1 - row) * self.columns);
                upper[row * self.columns..(row + 1) * self.columns]
                    .swap_with_slice(&mut lower[..self.columns]);
            }
        }
        if self.flip_x {
            for row in pixels.chunks_exact_mut(self.columns) {
                row.reverse();
            }
        }
    }
}

/// The geometry of ordered slices `slice_distance` millimetres apart along the normal.
///
/// A sheared stack (gantry tilt) has a slice axis that is not its normal: the axis is the way from the first
/// slice to the last, so that every voxel keeps its place.
pub(crate) fn lay_out(
    grid: &SliceGrid,
    slices: &[PlacedSlice],
    slice_distance: f64,
) -> Option<VolumeGeometry> {
    let (first, last) = (slices.first()?, slices.last()?);
    let way = unit(std::array::from_fn(|axis| {
        last.position[axis] - first.position[axis]
    }));
    let slice_axis = way
        .filter(|way| dot(*way, grid.normal) < 1.0 - SHEAR_TOLERANCE)
        .unwrap_or(grid.normal);
    let along = dot(slice_axis, grid.normal);
    let turn = |axis: Vector, flipped: bool| {
        if flipped {
            axis.map(|component| -component)
        } else {
            axis
        }
    };
    let corner = [
        if grid.flip_x {
            (grid.columns - 1) as f64 * grid.spacing[1]
        } else {
            0.0
        },
        if grid.flip_y {
            (grid.rows - 1) as f64 * grid.spacing[0]
        } else {
            0.0
        },
    ];
    let origin_mm = std::array::from_fn(|axis| {
        first.position[axis] + corner[0] * grid.row[axis] + corner[1] * grid.column[axis]
    });
    Some(VolumeGeometry {
        shape: [slices.len(), grid.rows, grid.columns],
        spacing_mm: SpacingMm::new(slice_distance / along, grid.spacing[0], grid.spacing[1]).ok()?,
        origin_mm,
        direction: [
            slice_axis,
            turn(grid.column, grid.flip_y),
            turn(grid.row, grid.flip_x),
        ],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series_grouping::FrameReference;

    fn slice(position: Vector) -> PlacedSlice {
        PlacedSlice {
            reference: FrameReference {
                instance: 0,
                frame: 0,
            },
            position,
            along_mm: position[2],
        }
    }

    #[test]
    fn a_prone_slice_is_turned_and_keeps_its_place() {
        let grid = SliceGrid::new(&[-1.0, 0.0, 0.0, 0.0, -1.0, 0.0], [0.5, 0.25], 2, 3).unwrap();
        let mut pixels = [1, 2, 3, 4, 5, 6];
        grid.turn(&mut pixels);
        assert_eq!(pixels, [6, 5, 4, 3, 2, 1]);
        let geometry = lay_out(&grid, &[slice([10.0, 20.0, 0.0]), slice([10.0, 20.0, 2.0])], 2.0).unwrap();
        assert_eq!(
            geometry.direction,
            [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
        );
        // The file's first pixel is the last one now.
        assert_eq!(geometry.position_mm([0.0, 1.0, 2.0]), [10.0, 20.0, 0.0]);
        assert_eq!(geometry.position_mm([1.0, 1.0, 2.0]), [10.0, 20.0, 2.0]);
    }

    #[test]
    fn a_sheared_stack_keeps_its_positions() {
        let grid = SliceGrid::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [1.0, 1.0], 2, 2).unwrap();
        let slices: Vec<PlacedSlice> = (0..4)
            .map(|index| slice([0.0, 0.5 * f64::from(index), 2.0 * f64::from(index)]))
            .collect();
        let geometry = lay_out(&grid, &slices, 2.0).unwrap();
        let place = geometry.position_mm([3.0, 0.0, 0.0]);
        for (got, expected) in place.into_iter().zip([0.0, 1.5, 6.0]) {
            assert!((got - expected).abs() < 1e-9);
        }
    }
}
