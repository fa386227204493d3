//! A volume on a grid of 2 mm: what lesions, fluid and densities need, and a twelfth of the voxels.

use ndarray::{Array2, Array3, Axis, Zip, s};
use norma_domain::VoxelBox;
use norma_volume::{LungSegmentation, RIGHT_LUNG, Volume};
use rayon::prelude::*;

/// Edge of a grid voxel.
pub(crate) const GRID_MM: f64 = 2.0;
/// A grid voxel in millilitres.
pub(crate) const VOXEL_ML: f64 = GRID_MM * GRID_MM * GRID_MM / 1000.0;
/// Body around the lungs that is kept: the ribs and what lies on them.
const MARGIN_MM: f64 = 44.0;
/// Beyond apex and base.
const MARGIN_Z_MM: f64 = 12.0;
/// Values are clipped: metal and what lies outside the field of view say nothing here.
const CLIP_HU: [f32; 2] = [-1024.0, 1500.0];

/// Hounsfield units and lungs on the grid, cut to the lungs and the ribs around them.
pub(crate) struct Grid {
    /// `(z, y, x)`, each the mean over the voxel where the source is finer, interpolated where it is coarser.
    pub(crate) hounsfield: Array3<i16>,
    /// `(z, y, x)` as [`LungSegmentation::mask`].
    pub(crate) lungs: Array3<u8>,
    /// Index of the cut's first voxel on the whole grid, `[z, y, x]`.
    start: [usize; 3],
    spacing_mm: [f64; 3],
    source_shape: [usize; 3],
    /// Whether columns ascend to the patient's left.
    pub(crate) columns_point_left: bool,
    /// 1 where rows ascend to the back, −1 where they ascend to the front.
    pub(crate) back: f64,
}

impl Grid {
    /// None without lungs.
    pub(crate) fn new(volume: &Volume, lungs: &LungSegmentation) -> Option<Self> {
        let spacing_mm = volume.geometry.spacing_mm.zyx();
        let source_shape = volume.geometry.shape;
        let bounds = bounds(&lungs.mask)?;
        let mut start = [0; 3];
        let mut length = [0; 3];
        for axis in 0..3 {
            let margin = if axis == 0 { MARGIN_Z_MM } else { MARGIN_MM };
            let low = ((bounds[axis][0] as f64 * spacing_mm[axis] - margin) / GRID_MM).floor();
            let high = (((bounds[axis][1] + 1) as f64 * spacing_mm[axis] + margin) / GRID_MM).ceil();
            let whole = (source_shape[axis] as f64 * spacing_mm[axis] / GRID_MM)
                .floor()
                .max(1.0);
            start[axis] = low.max(0.0) as usize;
            length[axis] = (high.min(whole) as usize).saturating_sub(start[axis]).max(1);
        }
        let taps = |axis: usize| taps(start[axis], length[axis], spacing_mm[axis], source_shape[axis]);
        let (down, across, along) = (taps(1), taps(2), taps(0));
        let planes: Vec<usize> = (0..source_shape[0]).collect();
        let first = along.first().map_or(0, |tap| tap.first);
        let end = along.last().map_or(0, |tap| tap.first + tap.weights.len());
        let resized: Vec<Array2<f32>> = planes[first..end.min(planes.len())]
            .par_iter()
            .map(|&z| resize_plane(volume, z, &down, &across))
            .collect();
        let mut hounsfield = Array3::zeros((length[0], length[1], length[2]));
        hounsfield
            .axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .zip(along.par_iter())
            .for_each(|(mut plane, tap)| {
                let mut sum = Array2::<f32>::zeros(plane.dim());
                for (offset, &weight) in tap.weights.iter().enumerate() {
                    sum.scaled_add(weight, &resized[tap.first - first + offset]);
                }
                Zip::from(&mut plane)
                    .and(&sum)
                    .for_each(|to, &from| *to = from.round() as i16);
            });
        let nearest = |axis: usize, index: usize| {
            let at = (start[axis] as f64 + index as f64 + 0.5) * GRID_MM / spacing_mm[axis];
            (at as usize).min(source_shape[axis] - 1)
        };
        let columns: Vec<usize> = (0..length[2]).map(|x| nearest(2, x)).collect();
        let mut labels = Array3::zeros(hounsfield.dim());
        labels
            .axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .for_each(|(z, mut plane)| {
                let source = lungs.mask.index_axis(Axis(0), nearest(0, z));
                for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
                    let source = source.row(nearest(1, y));
                    for (to, &x) in row.iter_mut().zip(&columns) {
                        *to = source[x];
                    }
                }
            });
        Some(Self {
            hounsfield,
            lungs: labels,
            start,
            spacing_mm,
            source_shape,
            columns_point_left: volume.geometry.direction[2][0] >= 0.0,
            back: volume.geometry.direction[1][1].signum(),
        })
    }

    /// Whether a column lies on the patient's right of `center`.
    pub(crate) fn is_right(&self, x: f64, center: f64) -> bool {
        (x < center) == self.columns_point_left
    }

    /// The slice of the volume that holds the middle of a grid slice.
    pub(crate) fn source_slice(&self, z: f64) -> usize {
        self.source_index(0, z + 0.5).min(self.source_shape[0] - 1)
    }

    /// The box of voxels of the volume that grid voxels `low..=high` cover.
    pub(crate) fn source_box(&self, low: [usize; 3], high: [usize; 3]) -> VoxelBox {
        let first = |axis: usize| {
            self.source_index(axis, low[axis] as f64)
                .min(self.source_shape[axis] - 1)
        };
        let last = |axis: usize| {
            let end = self.source_index(axis, high[axis] as f64 + 1.0);
            end.saturating_sub(1)
                .max(first(axis))
                .min(self.source_shape[axis] - 1)
        };
        VoxelBox {
            x_min: first(2),
            x_max: last(2),
            y_min: first(1),
            y_max: last(1),
            z_min: first(0),
            z_max: last(0),
        }
    }

    fn source_index(&self, axis: usize, edge: f64) -> usize {
        (((self.start[axis] as f64 + edge) * GRID_MM / self.spacing_mm[axis]).max(0.0)) as usize
    }

    /// Shape of the volume, `[z, y, x]`.
    pub(crate) const fn source_shape(&self) -> [usize; 3] {
        self.source_shape
    }

    /// The grid voxel that the middle of a voxel of the volume lies in, along an axis; None outside of the cut.
    pub(crate) fn of_source(&self, axis: usize, index: usize) -> Option<usize> {
        let at = ((index as f64 + 0.5) * self.spacing_mm[axis] / GRID_MM) as usize;
        at.checked_sub(self.start[axis])
            .filter(|at| *at < self.hounsfield.shape()[axis])
    }

    /// Voxels of either lung.
    pub(crate) fn is_lung(&self) -> Array3<bool> {
        self.lungs.mapv(|label| label != 0)
    }

    /// First and last grid slice with at least `least_mm2` of lung.
    pub(crate) fn lung_extent(&self, least_mm2: f64) -> Option<[usize; 2]> {
        let areas: Vec<f64> = self
            .lungs
            .axis_iter(Axis(0))
            .map(|plane| plane.iter().filter(|&&label| label != 0).count() as f64 * GRID_MM * GRID_MM)
            .collect();
        let first = areas.iter().position(|&area| area >= least_mm2)?;
        Some([first, areas.iter().rposition(|&area| area >= least_mm2)?])
    }

    pub(crate) fn is_right_label(label: u8) -> bool {
        label == RIGHT_LUNG
    }
}

/// First and last index of the mask along each axis.
fn bounds(mask: &Array3<u8>) -> Option<[[usize; 2]; 3]> {
    let per_slice: Vec<Option<[[usize; 2]; 3]>> = mask
        .axis_iter(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .map(|(z, plane)| {
            let mut found: Option<[[usize; 2]; 3]> = None;
            for (y, row) in plane.rows().into_iter().enumerate() {
                let is_lung = |&label: &u8| label != 0;
                let (Some(first), Some(last)) = (row.iter().position(is_lung), row.iter().rposition(is_lung))
                else {
                    continue;
                };
                let of_row = [[z, z], [y, y], [first, last]];
                found = Some(found.map_or(of_row, |found| union(found, of_row)));
            }
            found
        })
        .collect();
    per_slice.into_iter().flatten().reduce(union)
}

fn union(one: [[usize; 2]; 3], other: [[usize; 2]; 3]) -> [[usize; 2]; 3] {
    let mut both = one;
    for axis in 0..3 {
        both[axis] = [one[axis][0].min(other[axis][0]), one[axis][1].max(other[axis][1])];
    }
    both
}

/// The weights of the source voxels for one grid voxel along an axis; they sum to 1.
struct Tap {
    first: usize,
    weights: Vec<f32>,
}

/// The mean over the grid voxel where the source is finer; linear between the two nearest where it is coarser.
fn taps(start: usize, length: usize, spacing_mm: f64, source: usize) -> Vec<Tap> {
    let step = GRID_MM / spacing_mm;
    (start..start + length)
        .map(|index| {
            if step > 1.0 {
                let (low, high) = (
                    index as f64 * step,
                    ((index + 1) as f64 * step).min(source as f64),
                );
                let first = (low as usize).min(source - 1);
                let end = (high.ceil() as usize).clamp(first + 1, source);
                let overlap = |voxel: usize| ((voxel + 1) as f64).min(high) - (voxel as f64).max(low);
                let total: f64 = (first..end).map(overlap).sum();
                Tap {
                    first,
                    weights: (first..end)
                        .map(|voxel| (overlap(voxel) / total) as f32)
                        .collect(),
                }
            } else {
                let center = ((index as f64 + 0.5) * step - 0.5).clamp(0.0, (source - 1) as f64);
                let first = (center as usize).min(source.saturating_sub(2));
                let weight = (center - first as f64) as f32;
                let weights = if source == 1 {
                    vec![1.0]
                } else {
                    vec![1.0 - weight, weight]
                };
                Tap { first, weights }
            }
        })
        .collect()
}

fn resize_plane(volume: &Volume, z: usize, down: &[Tap], across: &[Tap]) -> Array2<f32> {
    let plane = volume.slice(z);
    let mut resized = Array2::zeros((down.len(), across.len()));
    let mut narrowed = vec![0.0f32; plane.ncols()];
    for (mut to, tap) in resized.rows_mut().into_iter().zip(down) {
        narrowed.fill(0.0);
        for (offset, &weight) in tap.weights.iter().enumerate() {
            let row = plane.slice(s![tap.first + offset, ..]);
            for (sum, &value) in narrowed.iter_mut().zip(row) {
                *sum += weight * f32::from(value).clamp(CLIP_HU[0], CLIP_HU[1]);
            }
        }
        for (to, tap) in to.iter_mut().zip(across) {
            let values = &narrowed[tap.first..];
            *to = tap
                .weights
                .iter()
                .zip(values)
                .map(|(weight, value)| weight * value)
                .sum();
        }
    }
    resized
}
