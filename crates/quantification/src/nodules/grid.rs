//! The lungs' surroundings on an isotropic grid of their own.

use ndarray::{Array3, ArrayView2, Axis, s};
use norma_volume::{LungSegmentation, Volume};
use rayon::prelude::*;

/// The finest grid: nodules from 4 mm on are at least three voxels wide.
const FINEST_MM: f64 = 1.25;
/// Volumes with larger pixels are not refined beyond this.
const COARSEST_MM: f64 = 2.0;
/// What is kept around the lungs.
const MARGIN_MM: f64 = 7.5;
/// Values are clipped to what tells lung, soft tissue and calcium apart.
const LOW_HU: f32 = -1024.0;
const HIGH_HU: f32 = 600.0;

/// An isotropic cut-out around the lungs, axes `(z, y, x)`.
pub(super) struct Grid {
    /// Hounsfield units, clipped to −1024..=600.
    pub(super) hounsfield: Array3<i16>,
    /// The lung mask's labels, by the nearest voxel.
    pub(super) lungs: Array3<u8>,
    pub(super) spacing_mm: f64,
    /// Index in the volume of the first grid point.
    origin: [f64; 3],
    /// Voxels of the volume from one grid point to the next.
    step: [f64; 3],
}

impl Grid {
    /// Cuts out and resamples; None where the mask is empty.
    pub(super) fn around(volume: &Volume, lungs: &LungSegmentation) -> Option<Self> {
        let shape = volume.geometry.shape;
        let spacing = volume.geometry.spacing_mm.zyx();
        let [low, high] = bounds(&lungs.mask)?;
        let spacing_mm = spacing[1].max(spacing[2]).clamp(FINEST_MM, COARSEST_MM);
        let mut origin = [0.0; 3];
        let mut step = [0.0; 3];
        let mut size = [0; 3];
        for axis in 0..3 {
            let margin = MARGIN_MM / spacing[axis];
            let first = (low[axis] as f64 - margin).max(0.0);
            let last = (high[axis] as f64 + margin).min(shape[axis] as f64 - 1.0);
            step[axis] = spacing_mm / spacing[axis];
            origin[axis] = first;
            size[axis] = ((last - first) / step[axis]) as usize + 1;
        }
        let taps: Vec<Vec<Taps>> = (0..3)
            .map(|axis| taps(origin[axis], step[axis], size[axis], shape[axis]))
            .collect();
        let grid = Self {
            hounsfield: resample(volume, &taps, size),
            lungs: nearest(&lungs.mask, origin, step, size),
            spacing_mm,
            origin,
            step,
        };
        Some(grid)
    }

    /// Index in the volume of a place on the grid.
    pub(super) fn in_volume(&self, place: [f64; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| self.origin[axis] + place[axis] * self.step[axis])
    }

    /// The place on the grid of an index in the volume.
    pub(super) fn of_volume(&self, index: [usize; 3]) -> [f64; 3] {
        std::array::from_fn(|axis| (index[axis] as f64 - self.origin[axis]) / self.step[axis])
    }

    /// The median of the aerated lung, in steps of 5 HU.
    pub(super) fn lung_level(&self) -> f32 {
        const AERATED_HU: i16 = -500;
        let mut counts = [0_u32; 205];
        for (&value, &lung) in self.hounsfield.iter().zip(&self.lungs) {
            if lung != 0 && value < AERATED_HU {
                counts[usize::from(((value + 1024) / 5).max(0).unsigned_abs())] += 1;
            }
        }
        let total: u32 = counts.iter().sum();
        let mut below = 0;
        let bin = counts.iter().position(|&count| {
            below += count;
            below * 2 >= total
        });
        -1024.0 + 5.0 * bin.unwrap_or(0) as f32 + 2.5
    }
}

/// First and last index `[z, y, x]` of the set voxels.
fn bounds(mask: &Array3<u8>) -> Option<[[usize; 3]; 2]> {
    let mut low = [usize::MAX; 3];
    let mut high = [0; 3];
    for (z, plane) in mask.outer_iter().enumerate() {
        for (y, row) in plane.rows().into_iter().enumerate() {
            let set = |value: &u8| *value != 0;
            let (Some(first), Some(last)) = (row.iter().position(set), row.iter().rposition(set)) else {
                continue;
            };
            low = [low[0].min(z), low[1].min(y), low[2].min(first)];
            high = [high[0].max(z), high[1].max(y), high[2].max(last)];
        }
    }
    (low[0] != usize::MAX).then_some([low, high])
}

/// The weights of the voxels along one axis for one grid point.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Triangle filter: linear interpolation when refining, a weighted mean when coarsening.
fn taps(origin: f64, step: f64, size: usize, length: usize) -> Vec<Taps> {
    let support = step.max(1.0);
    (0..size)
        .map(|index| {
            let center = origin + index as f64 * step;
            let first = ((center - support).ceil().max(0.0)) as usize;
            let last = ((center + support).floor() as usize).min(length - 1);
            let mut weights: Vec<f32> = (first..=last)
                .map(|voxel| (1.0 - ((voxel as f64 - center) / support).abs()).max(0.0) as f32)
                .collect();
            let total: f32 = weights.iter().sum();
            for weight in &mut weights {
                *weight /= total;
            }
            Taps { first, weights }
        })
        .collect()
}

fn resample(volume: &Volume, taps: &[Vec<Taps>], size: [usize; 3]) -> Array3<i16> {
    let [along_z, along_y, along_x] = taps else {
        unreachable!("one list of taps for each axis")
    };
    let first = along_z.first().map_or(0, |taps| taps.first);
    let end = along_z.last().map_or(0, |taps| taps.first + taps.weights.len());
    let mut planes = Array3::<i16>::zeros((end - first, size[1], size[2]));
    planes
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(index, mut plane)| {
            let values = resample_plane(volume.slice(first + index), along_y, along_x);
            for (target, value) in plane.iter_mut().zip(values) {
                *target = value.round() as i16;
            }
        });
    let mut resampled = Array3::zeros((size[0], size[1], size[2]));
    resampled
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .zip(along_z.par_iter())
        .for_each(|(mut target, taps)| {
            let mut sum = vec![0.0_f32; size[1] * size[2]];
            for (offset, &weight) in taps.weights.iter().enumerate() {
                let plane = planes.index_axis(Axis(0), taps.first - first + offset);
                for (sum, &value) in sum.iter_mut().zip(plane.iter()) {
                    *sum += weight * f32::from(value);
                }
            }
            for (target, sum) in target.iter_mut().zip(sum) {
                *target = sum.round() as i16;
            }
        });
    resampled
}

fn resample_plane(plane: ArrayView2<'_, i16>, along_y: &[Taps], along_x: &[Taps]) -> Vec<f32> {
    let columns = along_x.len();
    let first = along_y.first().map_or(0, |taps| taps.first);
    let end = along_y.last().map_or(0, |taps| taps.first + taps.weights.len());
    let mut narrowed = vec![0.0_f32; (end - first) * columns];
    let mut clipped = vec![0.0_f32; plane.ncols()];
    for (target, source) in narrowed
        .chunks_exact_mut(columns)
        .zip(plane.slice(s![first..end, ..]).rows())
    {
        for (clipped, &value) in clipped.iter_mut().zip(source) {
            *clipped = f32::from(value).clamp(LOW_HU, HIGH_HU);
        }
        for (target, taps) in target.iter_mut().zip(along_x) {
            let pixels = &clipped[taps.first..taps.first + taps.weights.len()];
            *target = taps
                .weights
                .iter()
                .zip(pixels)
                .map(|(weight, pixel)| weight * pixel)
                .sum();
        }
    }
    let mut resampled = vec![0.0; along_y.len() * columns];
    for (target, taps) in resampled.chunks_exact_mut(columns).zip(along_y) {
        for (offset, &weight) in taps.weights.iter().enumerate() {
            let row = (taps.first - first + offset) * columns;
            for (target, &value) in target.iter_mut().zip(&narrowed[row..row + columns]) {
                *target += weight * value;
            }
        }
    }
    resampled
}

fn nearest(mask: &Array3<u8>, origin: [f64; 3], step: [f64; 3], size: [usize; 3]) -> Array3<u8> {
    let (slices, rows, columns) = mask.dim();
    let lengths = [slices, rows, columns];
    let indices: Vec<Vec<usize>> = (0..3)
        .map(|axis| {
            (0..size[axis])
                .map(|index| {
                    ((origin[axis] + index as f64 * step[axis]).round() as usize).min(lengths[axis] - 1)
                })
                .collect()
        })
        .collect();
    let mut sampled = Array3::zeros((size[0], size[1], size[2]));
    sampled
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .zip(indices[0].par_iter())
        .for_each(|(mut plane, &z)| {
            for (mut row, &y) in plane.rows_mut().into_iter().zip(&indices[1]) {
                for (value, &x) in row.iter_mut().zip(&indices[2]) {
                    *value = mask[[z, y, x]];
                }
            }
        });
    sampled
}
