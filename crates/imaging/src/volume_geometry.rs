//! The grid of a volume, and how the pixels of its slices are turned onto it.

use norma_domain::{SpacingMm, VolumeGeometry};

use crate::slice_order::{PlacedSlice, Vector, dot, plane_axes, unit};

/// Off the normal by less than this over the whole stack, the way from slice to slice is the normal itself, up to the
/// rounding of positions.
const SHEAR_TOLERANCE_MM: f64 = 0.1;

/// The pixels of a slice in the patient. As stored, x runs along a row, y down a column; as turned, x runs to the
/// patient's left and y to the back.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SliceGrid {
    /// The way of x and of y, turned.
    x_axis: Vector,
    y_axis: Vector,
    /// To the head.
    normal: Vector,
    /// Distance of rows, distance of columns, turned.
    spacing: [f64; 2],
    /// Turned.
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// Whether rows and columns change places: the patient lies on the side.
    is_transposed: bool,
    /// Whether columns (x) and rows (y), after that, are turned round.
    flip_x: bool,
    flip_y: bool,
    /// From the first stored pixel to the first one turned.
    corner: Vector,
}

impl SliceGrid {
    pub(crate) fn new(orientation: &[f64; 6], spacing: [f64; 2], rows: u16, columns: u16) -> Option<Self> {
        let (row, column, normal) = plane_axes(orientation)?;
        let stored = [usize::from(rows), usize::from(columns)];
        let is_transposed = row[1].abs() > row[0].abs();
        let (along_x, along_y) = if is_transposed {
            (column, row)
        } else {
            (row, column)
        };
        let swap = |[first, second]: [usize; 2]| {
            if is_transposed {
                [second, first]
            } else {
                [first, second]
            }
        };
        let [rows, columns] = swap(stored);
        let spacing = if is_transposed {
            [spacing[1], spacing[0]]
        } else {
            spacing
        };
        let (flip_x, flip_y) = (along_x[0] < 0.0, along_y[1] < 0.0);
        let turn = |axis: Vector, flipped: bool| if flipped { axis.map(|part| -part) } else { axis };
        let reach = |flipped: bool, count: usize, step: f64| {
            if flipped { (count - 1) as f64 * step } else { 0.0 }
        };
        let (right, down) = (
            reach(flip_x, columns, spacing[1]),
            reach(flip_y, rows, spacing[0]),
        );
        Some(Self {
            x_axis: turn(along_x, flip_x),
            y_axis: turn(along_y, flip_y),
            normal: if normal[2] < 0.0 {
                normal.map(|part| -part)
            } else {
                normal
            },
            spacing,
            rows,
            columns,
            is_transposed,
            flip_x,
            flip_y,
            corner: std::array::from_fn(|axis| right * along_x[axis] + down * along_y[axis]),
        })
    }

    /// Turns the pixels of a slice as the grid says.
    pub(crate) fn turn(&self, pixels: &mut [i16]) {
        if self.is_transposed {
            let stored = pixels.to_vec();
            for (row, line) in pixels.chunks_exact_mut(self.columns).enumerate() {
                for (column, pixel) in line.iter_mut().enumerate() {
                    *pixel = stored[column * self.rows + row];
                }
            }
        }
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

/// The geometry of ordered slices `slice_distance` millimetres apart along the normal, or where some are missing each in
/// its own place.
///
/// A sheared stack (gantry tilt) has a slice axis that is not its normal: the axis is the way from the first
/// slice to the last, so that every voxel keeps its place.
pub(crate) fn lay_out(
    grid: &SliceGrid,
    slices: &[PlacedSlice],
    slice_distance: f64,
    has_gaps: bool,
) -> Option<VolumeGeometry> {
    let (first, last) = (slices.first()?, slices.last()?);
    let way: Vector = std::array::from_fn(|axis| last.position[axis] - first.position[axis]);
    let up = dot(way, grid.normal);
    let aside: Vector = std::array::from_fn(|axis| way[axis] - up * grid.normal[axis]);
    let slice_axis = unit(way)
        .filter(|_| dot(aside, aside).sqrt() > SHEAR_TOLERANCE_MM)
        .unwrap_or(grid.normal);
    let along = dot(slice_axis, grid.normal);
    Some(VolumeGeometry {
        shape: [slices.len(), grid.rows, grid.columns],
        spacing_mm: SpacingMm::new(slice_distance / along, grid.spacing[0], grid.spacing[1]).ok()?,
        origin_mm: std::array::from_fn(|axis| first.position[axis] + grid.corner[axis]),
        direction: [slice_axis, grid.y_axis, grid.x_axis],
        slice_places_mm: has_gaps.then(|| {
            let place = |slice: &PlacedSlice| (slice.along_mm - first.along_mm) / along;
            slices.iter().map(place).collect()
        }),
    })
}

/// A field is at least so wide and high, and at most: more or less is told in another unit than millimetres.
const FIELD_MM: std::ops::RangeInclusive<f64> = 1.0..=2_000.0;
/// A picture of so many pixels across…
const WHOLE_PICTURE_PIXELS: usize = 100;
/// …shows more than this of a patient: a chest of half a metre that is told in centimetres measures as much.
const LEAST_PICTURE_MM: f64 = 50.0;
pub(crate) const NO_PATIENTS_SIZE: &str = "its field of view measures less than five centimetres or more than two metres, which no picture of a chest \
     does: its spacing, or the unit of it, is wrong (millimetres are meant)";

/// Whether pictures so large may be of a patient.
pub(crate) fn has_patients_size(geometry: &VolumeGeometry) -> bool {
    let spacing = geometry.spacing_mm.zyx();
    [1, 2].into_iter().all(|axis| {
        let pixels = geometry.shape[axis];
        let field_mm = pixels as f64 * spacing[axis];
        FIELD_MM.contains(&field_mm) && (pixels < WHOLE_PICTURE_PIXELS || field_mm > LEAST_PICTURE_MM)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiframe::FrameReference;

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
        let geometry = lay_out(
            &grid,
            &[slice([10.0, 20.0, 0.0]), slice([10.0, 20.0, 2.0])],
            2.0,
            false,
        )
        .unwrap();
        assert_eq!(
            geometry.direction,
            [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
        );
        // The file's first pixel is the last one now.
        assert_eq!(geometry.position_mm([0.0, 1.0, 2.0]), [10.0, 20.0, 0.0]);
        assert_eq!(geometry.position_mm([1.0, 1.0, 2.0]), [10.0, 20.0, 2.0]);
    }

    #[test]
    fn a_patient_on_the_side_is_turned_and_keeps_his_place() {
        // Every orientation of an axial picture: rows along ±x or ±y, either way round.
        for row in [
            [1.0, 0.0, 0.0],
            [-1.0, 0.0, 0.0],
            [0.0, 1.0, 0.0],
            [0.0, -1.0, 0.0],
        ] {
            for sign in [1.0, -1.0] {
                let column = if row[0] == 0.0 {
                    [sign, 0.0, 0.0]
                } else {
                    [0.0, sign, 0.0]
                };
                let orientation = [row[0], row[1], row[2], column[0], column[1], column[2]];
                let grid = SliceGrid::new(&orientation, [0.5, 0.25], 2, 3).unwrap();
                let mut pixels = [1, 2, 3, 4, 5, 6];
                grid.turn(&mut pixels);
                let geometry = lay_out(&grid, &[slice([10.0, 20.0, 0.0])], 2.0, false).unwrap();
                assert_eq!(
                    geometry.direction,
                    [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]]
                );
                for (stored, (r, c)) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
                    .into_iter()
                    .enumerate()
                {
                    // Where the header puts the stored pixel, the turned volume has its value.
                    let place: Vector = std::array::from_fn(|axis| {
                        [10.0, 20.0, 0.0][axis]
                            + f64::from(c) * 0.25 * row[axis]
                            + f64::from(r) * 0.5 * column[axis]
                    });
                    let index = (0..grid.rows * grid.columns)
                        .find(|index| {
                            let (y, x) = (index / grid.columns, index % grid.columns);
                            let at = geometry.position_mm([0.0, y as f64, x as f64]);
                            at.iter().zip(place).all(|(a, b)| (a - b).abs() < 1e-9)
                        })
                        .unwrap();
                    assert_eq!(pixels[index], stored as i16 + 1, "{orientation:?}");
                }
            }
        }
    }

    #[test]
    fn a_small_shear_counts_by_what_it_moves() {
        let grid = SliceGrid::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [1.0, 1.0], 2, 2).unwrap();
        // Half a degree: 2.6 mm over 300 mm.
        let slices: Vec<PlacedSlice> = (0..=100)
            .map(|index| slice([0.0, 0.0262 * f64::from(index), 3.0 * f64::from(index)]))
            .collect();
        let geometry = lay_out(&grid, &slices, 3.0, false).unwrap();
        assert!((geometry.position_mm([100.0, 0.0, 0.0])[1] - 2.62).abs() < 1e-6);
    }

    #[test]
    fn a_sheared_stack_keeps_its_positions() {
        let grid = SliceGrid::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [1.0, 1.0], 2, 2).unwrap();
        let slices: Vec<PlacedSlice> = (0..4)
            .map(|index| slice([0.0, 0.5 * f64::from(index), 2.0 * f64::from(index)]))
            .collect();
        let geometry = lay_out(&grid, &slices, 2.0, false).unwrap();
        let place = geometry.position_mm([3.0, 0.0, 0.0]);
        for (got, expected) in place.into_iter().zip([0.0, 1.5, 6.0]) {
            assert!((got - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn above_a_gap_a_sheared_stack_keeps_its_positions() {
        let grid = SliceGrid::new(&[1.0, 0.0, 0.0, 0.0, 1.0, 0.0], [1.0, 1.0], 2, 2).unwrap();
        let heights = [0.0, 2.0, 6.0, 8.0, 14.0];
        let slices: Vec<PlacedSlice> = heights
            .iter()
            .map(|height| slice([0.0, 0.25 * height, *height]))
            .collect();
        let geometry = lay_out(&grid, &slices, 2.0, true).unwrap();
        for (index, height) in heights.iter().enumerate() {
            let place = geometry.position_mm([index as f64, 0.0, 0.0]);
            for (got, expected) in place.into_iter().zip([0.0, 0.25 * height, *height]) {
                assert!((got - expected).abs() < 1e-9, "{place:?}");
            }
        }
    }
}
