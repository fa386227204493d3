//! Where the spine is: its canal, slice by slice, and the vertebral bodies before it.
//!
//! The canal is what bone encloses behind the middle of the chest: at the pedicles it is closed, between them it is open, so that
//! it is known once or twice a vertebra and runs smoothly between.

use ndarray::{Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;

use crate::grid::{GRID_MM, Grid};

/// Cortical bone around the canal.
const BONE_HU: i16 = 150;
/// The canal lies so close to the middle of the body.
const HALF_WIDTH_MM: f64 = 40.0;
/// Area of the canal in a slice, and its mean density: cord and fat, no vessel with contrast.
const CANAL_MM2: std::ops::RangeInclusive<f64> = 90.0..=450.0;
const CANAL_HU: std::ops::Range<f64> = -40.0..110.0;
/// Slices over which a canal is held against its neighbours, and how far it may lie off their line: first to drop what is
/// far off, then what is somewhat.
const NEIGHBOURS: usize = 20;
const OFF_LINE: [f64; 3] = [6.0, 3.0, 2.0];
/// Fewer closed canals say nothing of where the spine is.
const LEAST_CANALS: usize = 8;
/// And none is carried further than this along the spine.
const LARGEST_GAP_MM: f64 = 50.0;
/// From the canal's middle to the middle of the body.
const TO_BODY_MM: f64 = 23.0;
/// Row and column of the canal's middle in each slice of the grid.
pub(crate) struct Spine {
    canal: Vec<[f64; 2]>,
    /// Slices in which bone encloses it.
    closed: Vec<usize>,
}

impl Spine {
    /// None where too few slices show a closed canal. `center` is row and column of the middle of the chest.
    pub(crate) fn find(grid: &Grid, center: [f64; 2]) -> Option<Self> {
        let found: Vec<(usize, [f64; 2])> = grid
            .hounsfield
            .axis_iter(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .filter_map(|(z, plane)| Some((z, canal(plane, center, grid.back)?)))
            .collect();
        let on_line = OFF_LINE.into_iter().fold(found, without_outliers);
        if on_line.len() < LEAST_CANALS {
            return None;
        }
        let slices = grid.hounsfield.dim().0;
        Some(Self {
            canal: carried(&on_line, slices),
            closed: on_line.into_iter().map(|(z, _)| z).collect(),
        })
    }

    /// The middle of the vertebral body, row and column.
    pub(crate) fn body(&self, grid: &Grid, z: usize) -> [f64; 2] {
        let [row, column] = self.canal[z];
        [row - grid.back * TO_BODY_MM / GRID_MM, column]
    }

    /// Whether no part of the spine between two slices is far from a canal that was seen.
    pub(crate) fn is_known(&self, low: usize, high: usize) -> bool {
        (low..=high).all(|z| {
            let nearest = self.closed.iter().map(|&at| at.abs_diff(z)).min();
            nearest.is_some_and(|slices| slices as f64 * GRID_MM * 2.0 <= LARGEST_GAP_MM)
        })
    }
}

/// The largest place of a slice that is like the canal and enclosed by bone: row and column of its middle.
fn canal(plane: ArrayView2<'_, i16>, center: [f64; 2], back: f64) -> Option<[f64; 2]> {
    let (rows, columns) = plane.dim();
    let half = HALF_WIDTH_MM / GRID_MM;
    let first_column = (center[1] - half).max(0.0) as usize;
    let end_column = ((center[1] + half) as usize).min(columns);
    let (first_row, end_row) = if back > 0.0 {
        (center[0].max(0.0) as usize, rows)
    } else {
        (0, (center[0] as usize + 1).min(rows))
    };
    if first_column >= end_column || first_row >= end_row {
        return None;
    }
    let window = plane.slice(ndarray::s![first_row..end_row, first_column..end_column]);
    let mut seen = window.mapv(|value| value > BONE_HU);
    // What hangs together with the window's border is not enclosed.
    let (height, width) = seen.dim();
    for y in 0..height {
        for x in 0..width {
            if y == 0 || x == 0 || y + 1 == height || x + 1 == width {
                fill(&mut seen, [y, x]);
            }
        }
    }
    let mut best: Option<Vec<[usize; 2]>> = None;
    for y in 0..height {
        for x in 0..width {
            let place = fill(&mut seen, [y, x]);
            let area = place.len() as f64 * GRID_MM * GRID_MM;
            let mean = place.iter().map(|&at| f64::from(window[at])).sum::<f64>() / place.len() as f64;
            let is_larger = best.as_ref().is_none_or(|best| best.len() < place.len());
            if CANAL_MM2.contains(&area) && CANAL_HU.contains(&mean) && is_larger {
                best = Some(place);
            }
        }
    }
    let best = best?;
    let mean = |axis: usize| best.iter().map(|at| at[axis] as f64).sum::<f64>() / best.len() as f64;
    Some([first_row as f64 + mean(0), first_column as f64 + mean(1)])
}

/// The pixels not yet seen that hang together with one over edges, seen from now on.
fn fill(seen: &mut Array2<bool>, from: [usize; 2]) -> Vec<[usize; 2]> {
    if std::mem::replace(&mut seen[from], true) {
        return Vec::new();
    }
    let mut found = vec![from];
    let mut next = 0;
    while let Some(&[y, x]) = found.get(next) {
        next += 1;
        for at in [
            [y.wrapping_sub(1), x],
            [y + 1, x],
            [y, x.wrapping_sub(1)],
            [y, x + 1],
        ] {
            if seen.get(at) == Some(&false) {
                seen[at] = true;
                found.push(at);
            }
        }
    }
    found
}

/// Those that lie near the line through their neighbours: medians of slopes and of what is left (Theil and Sen).
fn without_outliers(found: Vec<(usize, [f64; 2])>, limit: f64) -> Vec<(usize, [f64; 2])> {
    let is_on_line = |&(z, place): &(usize, [f64; 2])| {
        let near: Vec<_> = found
            .iter()
            .filter(|(of, _)| of.abs_diff(z) <= NEIGHBOURS)
            .collect();
        (0..2).all(|axis| {
            let slopes = near.iter().enumerate().flat_map(|(index, (left, from))| {
                near[index + 1..]
                    .iter()
                    .map(move |(right, to)| (to[axis] - from[axis]) / (*right as f64 - *left as f64))
            });
            let slopes: Vec<f64> = slopes.collect();
            let slope = if slopes.is_empty() { 0.0 } else { median(slopes) };
            let level = near
                .iter()
                .map(|(of, at)| at[axis] - slope * (*of as f64 - z as f64));
            (place[axis] - median(level.collect())).abs() <= limit
        })
    };
    found.iter().filter(|of| is_on_line(of)).copied().collect()
}

/// The known places carried over all slices, linearly between them, and smoothed over 16 mm.
fn carried(known: &[(usize, [f64; 2])], slices: usize) -> Vec<[f64; 2]> {
    const REACH: usize = 4;
    let at = |z: usize| {
        let after = known.partition_point(|(of, _)| *of < z);
        let (Some(&(right, to)), Some(before)) = (known.get(after), after.checked_sub(1)) else {
            return known[after.min(known.len() - 1)].1;
        };
        let (left, from) = known[before];
        let part = (z - left) as f64 / (right - left) as f64;
        [0, 1].map(|axis| from[axis] + part * (to[axis] - from[axis]))
    };
    let places: Vec<[f64; 2]> = (0..slices).map(at).collect();
    (0..slices)
        .map(|z| {
            let around = &places[z.saturating_sub(REACH)..(z + REACH + 1).min(slices)];
            [0, 1].map(|axis| around.iter().map(|place| place[axis]).sum::<f64>() / around.len() as f64)
        })
        .collect()
}

/// The middle value, the mean of both middle ones; not a number of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// All voxels of the grid in front of the vertebral bodies.
pub(crate) fn before_spine(spine: &Spine, grid: &Grid) -> Array3<bool> {
    /// From the middle of a body to its front.
    const HALF_BODY_MM: f64 = 16.0;
    let mut before = Array3::from_elem(grid.hounsfield.dim(), false);
    for (z, mut plane) in before.axis_iter_mut(Axis(0)).enumerate() {
        let front = spine.body(grid, z)[0] - grid.back * HALF_BODY_MM / GRID_MM;
        for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
            row.fill((y as f64 - front) * grid.back < 0.0);
        }
    }
    before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canal_is_enclosed_by_bone_and_an_open_one_is_none() {
        let mut plane = Array2::from_elem((60, 60), 50);
        for ((y, x), value) in plane.indexed_iter_mut() {
            let apart = (y as f64 - 40.0).hypot(x as f64 - 29.0);
            if (4.0..6.0).contains(&apart) {
                *value = 600;
            } else if apart < 4.0 {
                *value = 20;
            }
        }
        let [row, column] = canal(plane.view(), [20.0, 30.0], 1.0).unwrap();
        assert!((row - 40.0).abs() < 0.2 && (column - 29.0).abs() < 0.2);
        assert_eq!(
            canal(plane.view(), [20.0, 30.0], -1.0),
            None,
            "it is looked for behind"
        );
        plane.slice_mut(ndarray::s![40..46, 27..32]).fill(20);
        assert_eq!(canal(plane.view(), [20.0, 30.0], 1.0), None);
    }

    #[test]
    fn what_lies_off_the_line_is_left_out_and_gaps_are_carried_over() {
        let mut found: Vec<(usize, [f64; 2])> = (0..40)
            .step_by(3)
            .map(|z| (z, [60.0 + 0.5 * z as f64, 80.0]))
            .collect();
        found[5].1 = [90.0, 70.0];
        let kept = OFF_LINE.into_iter().fold(found.clone(), without_outliers);
        assert_eq!(kept.len(), found.len() - 1);
        let carried = carried(&kept, 40);
        assert!((carried[15][0] - 67.5).abs() < 0.1 && (carried[15][1] - 80.0).abs() < 0.1);
    }
}
