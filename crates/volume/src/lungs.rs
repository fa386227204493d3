//! The lungs of a volume: thresholding, 3D connected components, airways out, sides apart, vessels in.

use ndarray::{Array2, Array3, ArrayView2, ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use crate::Volume;
use crate::coarse::CoarseVolume;
use crate::components::{Components, Statistics};
use crate::gas::{BowelGas, find_bowel_gas};
use crate::leaks::{air_around, open_to, without_air_around};
use crate::morphology;
use crate::seam::Seam;
use crate::slice_lungs::{LUNG_THRESHOLD_HU, fill_holes};

use body_axis::BodyAxis;

/// Value of the patient's right lung in [`LungSegmentation::mask`].
pub const RIGHT_LUNG: u8 = 1;
/// Value of the patient's left lung in [`LungSegmentation::mask`].
pub const LEFT_LUNG: u8 = 2;

/// Pieces of lung smaller than this are left out.
const LEAST_PIECE_ML: f64 = 20.0;
/// A piece smaller than this that hung on the lungs by an airway is left out.
const CRUMB_ML: f64 = 2.0;
/// A piece smaller than this may be stomach or bowel and has to look like lung.
const SURE_PIECE_ML: f64 = 600.0;
/// A quarter of the voxels of gas-filled bowel lie below; of lung less, but for severe emphysema.
const GAS_QUARTILE_HU: i16 = -940;
/// Half of the voxels of pure gas lie below; of lung less, emphysema included.
const GAS_MEDIAN_HU: i16 = -975;
/// Lung that has no air left is not found by a threshold.
const DENSE_MEDIAN_HU: i16 = -430;
/// Gas beside a lung that is apart from it counts as its pneumothorax from this volume on.
const LEAST_PNEUMOTHORAX_ML: f64 = 100.0;
/// Two lungs hold so much, and the smaller one of them such a share; where they seem not to, a leak is looked for.
const LEAST_LUNGS_ML: f64 = 1_000.0;
const LEAST_SMALLER_SHARE: f64 = 0.15;
/// Gaps narrower than twice this (vessels, nodules at the pleura) belong to the lung.
const CLOSING_MM: f64 = 4.0;
/// Trachea and main bronchi in one slice.
const LARGEST_AIRWAY_MM2: f64 = 1_100.0;
/// Inside of trachea and main bronchi.
const AIRWAY_HU: f64 = -900.0;
/// Slices with less lung do not count for the extent.
const LEAST_AREA_MM2: f64 = 100.0;

/// The lungs of a volume and what was measured of them.
#[derive(Debug, Clone, PartialEq)]
pub struct LungSegmentation {
    /// `(z, y, x)`: 0 background, 1 right lung, 2 left lung (the patient's).
    pub mask: Array3<u8>,
    /// Volume of the right lung in millilitres, vessels included.
    pub right_ml: f64,
    /// Volume of the left lung in millilitres, vessels included.
    pub left_ml: f64,
    /// First and last slice with at least a square centimetre of lung, both included; None without lungs.
    pub extent: Option<[usize; 2]>,
    /// Lung area of each slice in square millimetres.
    pub area_mm2: Vec<f64>,
    /// The first slice (towards the feet) holds lung.
    pub touches_first: bool,
    /// The last slice (towards the head) holds lung.
    pub touches_last: bool,
    /// Gas of stomach and bowel that would have been taken for lung.
    pub bowel_gas: BowelGas,
}

impl LungSegmentation {
    /// Volume of both lungs in millilitres.
    pub fn total_ml(&self) -> f64 {
        self.right_ml + self.left_ml
    }

    /// Whether there are two, and not only a part of them.
    fn are_two_lungs(&self) -> bool {
        let total_ml = self.total_ml();
        total_ml >= LEAST_LUNGS_ML && self.right_ml.min(self.left_ml) >= LEAST_SMALLER_SHARE * total_ml
    }

    fn measure(mask: Array3<u8>, bowel_gas: BowelGas, volume: &Volume) -> Self {
        let spacing = volume.geometry.spacing_mm;
        let planes: Vec<_> = mask.axis_iter(Axis(0)).collect();
        let counts: Vec<[usize; 2]> = planes
            .into_par_iter()
            .map(|plane| {
                [RIGHT_LUNG, LEFT_LUNG].map(|side| plane.iter().filter(|&&value| value == side).count())
            })
            .collect();
        let millilitres = |side: usize| {
            counts.iter().map(|count| count[side]).sum::<usize>() as f64 * spacing.voxel_volume_mm3() / 1000.0
        };
        let area_mm2: Vec<f64> = counts
            .iter()
            .map(|&[right, left]| (right + left) as f64 * spacing.y() * spacing.x())
            .collect();
        let has_lung = |&area: &f64| area >= LEAST_AREA_MM2;
        let extent = area_mm2
            .iter()
            .position(has_lung)
            .zip(area_mm2.iter().rposition(has_lung))
            .map(|(first, last)| [first, last]);
        Self {
            right_ml: millilitres(0),
            left_ml: millilitres(1),
            extent,
            touches_first: area_mm2.first().is_some_and(has_lung),
            touches_last: area_mm2.last().is_some_and(has_lung),
            area_mm2,
            bowel_gas,
            mask,
        }
    }
}

/// Finds the lungs of an axial chest volume in Hounsfield units.
///
/// Air below −400 HU inside the body, in 3D components; trachea, main bronchi and bowel gas are left out by
/// their place, size and density; the sides are told apart by component or, where they touch, by the path of
/// most tissue between them. Closing and hole filling in each slice bring vessels, and nodules in or at the
/// lung, into the mask. A lung without air (consolidated, collapsed, drowned) cannot be found this way; what
/// is left of its air is.
pub fn segment_lungs(volume: &Volume) -> LungSegmentation {
    let found = segment(volume, None);
    if found.are_two_lungs() {
        return found;
    }
    // One that is missing may hang on the air around the body by a leak.
    let around = air_around(&volume.hounsfield, LUNG_THRESHOLD_HU as i16);
    let closed = segment(volume, Some(&around));
    if closed.are_two_lungs() { closed } else { found }
}

/// `around`: the air around the body, where it is to be held apart from the lungs in every slice.
fn segment(volume: &Volume, around: Option<&Array3<bool>>) -> LungSegmentation {
    let voxels = volume.hounsfield.view();
    let threshold = LUNG_THRESHOLD_HU as i16;
    let is_air = |hounsfield| hounsfield < threshold;
    let (air, outside) = match around {
        None => {
            let air = Components::where_true(voxels, is_air);
            let outside = outside_components(&air, volume.geometry.shape);
            (air, outside)
        }
        Some(around) => {
            let closed = without_air_around(&volume.hounsfield, around);
            let air = Components::where_true(closed.view(), is_air);
            let outside = open_to(around, &air);
            (air, outside)
        }
    };
    let body = BodyAxis::measure(volume);
    let is_lung = choose_lungs(&air, &outside, volume, &body);
    let mut mask = air.mask(voxels.dim(), |component| is_lung[component]);
    drop(air);
    let bowel_gas = remove_bowel_gas(&mut mask, volume);
    if is_lung.iter().any(|&chosen| chosen) {
        remove_airways(&mut mask, volume, &body);
        let pieces = Components::of(mask.view());
        remove_crumbs(&mut mask, &pieces, volume);
        label_sides(&mut mask, &pieces, volume, &body);
        let spacing = volume.geometry.spacing_mm;
        let radius = (CLOSING_MM / spacing.y().max(spacing.x()))
            .round()
            .clamp(1.0, 20.0) as usize;
        planes_of(&mut mask)
            .into_par_iter()
            .for_each(|plane| close_and_fill(plane, radius));
    }
    LungSegmentation::measure(mask, bowel_gas, volume)
}

/// Takes out the gas of stomach and bowel that hung on the lungs through a thin dome.
fn remove_bowel_gas(mask: &mut Array3<u8>, volume: &Volume) -> BowelGas {
    let bowel_gas = find_bowel_gas(&CoarseVolume::of(volume), mask);
    bowel_gas.remove_from(mask);
    bowel_gas
}

fn planes_of(mask: &mut Array3<u8>) -> Vec<ArrayViewMut2<'_, u8>> {
    mask.axis_iter_mut(Axis(0)).collect()
}

/// Which components of air are lung.
fn choose_lungs(air: &Components, outside: &[bool], volume: &Volume, body: &BodyAxis) -> Vec<bool> {
    let count = air.statistics.len();
    let millilitres = |statistics: &Statistics| {
        statistics.voxels as f64 * volume.geometry.spacing_mm.voxel_volume_mm3() / 1000.0
    };
    let mut candidate: Vec<bool> = (0..count)
        .map(|component| {
            let statistics = &air.statistics[component];
            !outside[component] && millilitres(statistics) >= LEAST_PIECE_ML && !is_table(statistics, volume)
        })
        .collect();
    let quartiles = quartiles(air, volume, &candidate);
    let mut is_gas = vec![false; count];
    for component in 0..count {
        let [lower, median] = quartiles[component];
        let has_air = median < DENSE_MEDIAN_HU;
        let is_small = millilitres(&air.statistics[component]) <= SURE_PIECE_ML;
        is_gas[component] = candidate[component]
            && has_air
            && (median <= GAS_MEDIAN_HU || (is_small && lower <= GAS_QUARTILE_HU));
        candidate[component] &= has_air && !is_gas[component];
    }
    let Some(main) = (0..count)
        .filter(|&c| candidate[c])
        .max_by_key(|&component| air.statistics[component].voxels)
    else {
        return candidate;
    };
    let main = air.statistics[main];
    for component in 0..count {
        let statistics = &air.statistics[component];
        let beside = statistics.high[0] >= main.low[0] && statistics.low[0] <= main.high[0];
        let behind_the_back = statistics.centroid()[1] > main.high[1] as f64;
        let lies_in_chest = is_gas[component]
            && millilitres(statistics) >= LEAST_PNEUMOTHORAX_ML
            && lies_beside_lung(statistics, &main, body);
        candidate[component] = (candidate[component] && beside && !behind_the_back) || lies_in_chest;
    }
    candidate
}

/// Whether gas apart from the lungs lies where a lung should be: off the middle, no further out than the lung that was
/// found, and up to its upper part, where no bowel and no hernia reaches. So a lung that collapsed under a
/// pneumothorax keeps its side.
fn lies_beside_lung(gas: &Statistics, main: &Statistics, body: &BodyAxis) -> bool {
    let outermost = |piece: &Statistics| {
        (body.center - piece.low[2] as f64)
            .abs()
            .max((piece.high[2] as f64 - body.center).abs())
    };
    let height = (main.high[0] - main.low[0]) as f64;
    let [_, y, x] = gas.centroid();
    gas.high[0] as f64 > main.low[0] as f64 + 0.6 * height
        && (gas.high[0] - gas.low[0]) as f64 > 0.3 * height
        && (x - body.center).abs() > 0.13 * body.width
        && outermost(gas) <= 1.15 * outermost(main)
        && (main.low[1] as f64..=main.high[1] as f64).contains(&y)
}

/// The air around the body: it holds a corner of a slice, or lies along the border of the field of view.
fn outside_components(air: &Components, [_, rows, columns]: [usize; 3]) -> Vec<bool> {
    let mut outside = vec![false; air.statistics.len()];
    let mut along_border = vec![0usize; air.statistics.len()];
    for run in &air.runs {
        let component = run.component as usize;
        let edge_row = run.y == 0 || run.y as usize == rows - 1;
        let (at_left, at_right) = (run.start == 0, run.end as usize == columns);
        outside[component] |= edge_row && (at_left || at_right);
        along_border[component] += if edge_row {
            run.len()
        } else {
            usize::from(at_left) + usize::from(at_right)
        };
    }
    for (component, statistics) in air.statistics.iter().enumerate() {
        outside[component] |= along_border[component] * 20 > statistics.voxels;
    }
    outside
}

/// The foam of the table: flat and wider than two lungs.
fn is_table(statistics: &Statistics, volume: &Volume) -> bool {
    let spacing = volume.geometry.spacing_mm;
    let height = (statistics.high[1] - statistics.low[1] + 1) as f64 * spacing.y();
    let width = (statistics.high[2] - statistics.low[2] + 1) as f64 * spacing.x();
    height < 0.4 * width && width > 250.0
}

/// Lower quartile and median of the chosen components' Hounsfield units, in steps of 5.
fn quartiles(air: &Components, volume: &Volume, chosen: &[bool]) -> Vec<[i16; 2]> {
    const LOW: i16 = -1050;
    const STEP: i16 = 5;
    const BINS: usize = 132;
    let mut histograms: Vec<Vec<u32>> = chosen
        .iter()
        .map(|&chosen| if chosen { vec![0; BINS] } else { Vec::new() })
        .collect();
    for run in air.runs.iter().filter(|run| chosen[run.component as usize]) {
        let histogram = &mut histograms[run.component as usize];
        let row = volume.hounsfield.slice(s![
            run.z as usize,
            run.y as usize,
            run.start as usize..run.end as usize
        ]);
        for &value in row {
            histogram[((value.max(LOW) - LOW) / STEP).min(BINS as i16 - 1) as usize] += 1;
        }
    }
    histograms
        .iter()
        .map(|histogram| [4, 2].map(|part| LOW + STEP * quantile_bin(histogram, part) as i16))
        .collect()
}

/// The first bin up to which at least a `part`-th of all counts lie.
fn quantile_bin(histogram: &[u32], part: u32) -> usize {
    let total: u32 = histogram.iter().sum();
    let mut below = 0;
    histogram
        .iter()
        .position(|&count| {
            below += count;
            below * part >= total
        })
        .unwrap_or(0)
}

/// Takes out trachea and main bronchi wherever they stand apart from the lungs within a slice.
fn remove_airways(mask: &mut Array3<u8>, volume: &Volume, body: &BodyAxis) {
    let spacing = volume.geometry.spacing_mm;
    let largest = LARGEST_AIRWAY_MM2 / (spacing.y() * spacing.x());
    planes_of(mask)
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            let slice = volume.slice(z);
            let pieces = Components::of(plane.view().insert_axis(Axis(0)));
            let is_airway: Vec<bool> = mean_of_air(&pieces, slice)
                .into_iter()
                .zip(&pieces.statistics)
                .map(|(mean, piece)| {
                    let off_center = (piece.centroid()[2] - body.center).abs();
                    (piece.voxels as f64) < largest && off_center < 0.13 * body.width && mean < AIRWAY_HU
                })
                .collect();
            if is_airway.contains(&true) {
                pieces.paint(plane.view_mut().insert_axis(Axis(0)), 0, |piece| is_airway[piece]);
            }
        });
}

/// Takes out what is left of the airways above the lungs.
fn remove_crumbs(mask: &mut Array3<u8>, pieces: &Components, volume: &Volume) {
    let least_voxels = CRUMB_ML * 1000.0 / volume.geometry.spacing_mm.voxel_volume_mm3();
    pieces.paint(mask.view_mut(), 0, |piece| {
        (pieces.statistics[piece].voxels as f64) < least_voxels
    });
}

/// Mean Hounsfield units of each piece of a slice, of the inner pixels of its runs where it has such: the
/// wall's partial volume stays out.
fn mean_of_air(pieces: &Components, slice: ArrayView2<'_, i16>) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); pieces.statistics.len()];
    for run in &pieces.runs {
        let (start, end) = (run.start as usize + 2, (run.end as usize).saturating_sub(2));
        if start < end {
            let sum = &mut sums[run.component as usize];
            let row = slice.row(run.y as usize);
            sum.0 += row
                .slice(s![start..end])
                .iter()
                .map(|&value| f64::from(value))
                .sum::<f64>();
            sum.1 += end - start;
        }
    }
    sums.into_iter()
        .map(|(sum, count)| if count == 0 { 0.0 } else { sum / count as f64 })
        .collect()
}

/// Turns a mask of 1 into right and left lung.
fn label_sides(mask: &mut Array3<u8>, pieces: &Components, volume: &Volume, body: &BodyAxis) {
    // The column axis of an axial volume points to the patient's left or, mirrored, to the right.
    let columns_point_left = volume.geometry.direction[2][0] >= 0.0;
    let (low_side, high_side) = if columns_point_left {
        (RIGHT_LUNG, LEFT_LUNG)
    } else {
        (LEFT_LUNG, RIGHT_LUNG)
    };

    let center = body.center.round() as usize;
    let mut below_center = vec![0usize; pieces.statistics.len()];
    for run in &pieces.runs {
        let (start, end) = (run.start as usize, run.end as usize);
        below_center[run.component as usize] += end.min(center).saturating_sub(start);
    }
    let mut spans_both = vec![false; pieces.statistics.len()];
    let mut side = vec![low_side; pieces.statistics.len()];
    for (piece, statistics) in pieces.statistics.iter().enumerate() {
        let below = below_center[piece];
        let above = statistics.voxels - below;
        spans_both[piece] = below.min(above) * 12 > statistics.voxels;
        if above > below {
            side[piece] = high_side;
        }
    }

    let mut runs_of_slice = vec![0..0; mask.dim().0];
    for (index, run) in pieces.runs.iter().enumerate() {
        let range = &mut runs_of_slice[run.z as usize];
        *range = if range.start == range.end {
            index..index + 1
        } else {
            range.start..index + 1
        };
    }
    planes_of(mask)
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            let runs = &pieces.runs[runs_of_slice[z].clone()];
            let seam = runs
                .iter()
                .any(|run| spans_both[run.component as usize])
                .then(|| Seam::between_lungs(plane.view(), volume.slice(z), body.center, body.width));
            for run in runs {
                let piece = run.component as usize;
                let mut row = plane.row_mut(run.y as usize);
                if row[run.start as usize] == 0 {
                    continue;
                }
                match &seam {
                    Some(seam) if spans_both[piece] => {
                        let column = seam.column(run.y as usize);
                        for x in run.start as usize..run.end as usize {
                            row[x] = if x < column { low_side } else { high_side };
                        }
                    }
                    _ => row
                        .slice_mut(s![run.start as usize..run.end as usize])
                        .fill(side[piece]),
                }
            }
        });
}

/// Closes gaps and fills holes of each lung within a slice.
fn close_and_fill(mut plane: ArrayViewMut2<'_, u8>, radius: usize) {
    let (rows, columns) = plane.dim();
    for side in [RIGHT_LUNG, LEFT_LUNG] {
        let Some([top, bottom, left, right]) = bounds(plane.view(), side) else {
            continue;
        };
        // The closing needs room around the lung.
        let window = s![
            top.saturating_sub(radius)..(bottom + radius + 1).min(rows),
            left.saturating_sub(radius)..(right + radius + 1).min(columns)
        ];
        let lung: Array2<u8> = plane.slice(window).mapv(|value| u8::from(value == side));
        let filled = fill_holes(morphology::close(lung.view(), radius).view());
        plane.slice_mut(window).zip_mut_with(&filled, |value, &filled| {
            if *value == 0 && filled != 0 {
                *value = side;
            }
        });
    }
}

/// First and last row and column of a value, `[top, bottom, left, right]`.
fn bounds(plane: ArrayView2<'_, u8>, side: u8) -> Option<[usize; 4]> {
    let mut bounds: Option<[usize; 4]> = None;
    for (y, row) in plane.rows().into_iter().enumerate() {
        let Some(first) = row.iter().position(|&value| value == side) else {
            continue;
        };
        let last = row.iter().rposition(|&value| value == side).unwrap_or(first);
        bounds = Some(match bounds {
            None => [y, y, first, last],
            Some([top, _, left, right]) => [top, y, left.min(first), right.max(last)],
        });
    }
    bounds
}

mod body_axis;
#[cfg(test)]
mod gas_tests;
#[cfg(test)]
mod tests;
