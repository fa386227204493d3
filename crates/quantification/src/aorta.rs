//! The descending aorta, and calcium in its wall.
//!
//! The descending aorta is the round thing of blood's density to the left and front of the vertebral bodies. In each slice every place
//! there and every radius is rated by how much of the disc is blood or calcium and how little of the ring around it is; the aorta is the line
//! through all slices that moves by at most a voxel from one to the next and is rated best.

use std::collections::{HashSet, VecDeque};

use ndarray::{Array2, s};
use rayon::prelude::*;

use crate::grid::{GRID_MM, Grid, VOXEL_ML};
use crate::spine::Spine;

/// The part of the lungs' height in which it runs down by itself: below the arch and above the diaphragm.
const HEIGHT: [f64; 2] = [0.15, 0.60];
/// Where its middle may lie, in voxels from the middle of the vertebral body: to the front and back, to the right and left.
const TO_FRONT: isize = 18;
const TO_BACK: isize = 8;
const TO_RIGHT: isize = 4;
const TO_LEFT: isize = 24;
/// 18 to 36 mm across.
const RADII: [f64; 9] = [4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5, 8.0, 9.0];
/// Blood, averaged over three voxels, lies within this of the blood pool.
const BLOOD_SPREAD_HU: f64 = 60.0;
/// From here on it is calcium (Agatston, J Am Coll Cardiol 1990;15:827).
const CALCIUM_HU: i16 = 130;
/// What is densest in a plaque: what lies in the gullet and where bone is averaged with fat stays below (docs/adr/1705).
const PLAQUE_PEAK_HU: i16 = 250;
/// What leaves the grid, and what has no blood in its middle.
const NO_AORTA: f64 = -1.0;
/// Voxels around the window that discs and rings of its places reach.
const MARGIN: isize = 12;
/// A full disc is rated so, the ring around it so; a larger disc is better at the same share.
const DISC_WEIGHT: f64 = 2.0;
const FULL_SHARE: f64 = 0.97;
const RING_WEIGHT: f64 = 0.8;
const RADIUS_WEIGHT: f64 = 0.012;
/// Each voxel that it moves from one slice to the next.
const STEP_COST: f64 = 0.03;
/// A slice in which it is seen is rated so; with fewer such slices it is not known.
const LEAST_RATING: f64 = 1.45;
const LEAST_SEEN_SHARE: f64 = 0.75;
/// The wall lies within this beyond the radius.
const WALL_VOXELS: f64 = 0.7;
/// What hangs together over more voxels is bone.
const MOST_VOXELS: usize = 2_000;
/// Of a plaque so much lies within the aorta and its wall.
const LEAST_WITHIN: f64 = 0.5;

/// Its middle and radius in a slice, in voxels.
#[derive(Clone, Copy)]
struct Disc {
    row: f64,
    column: f64,
    radius: f64,
    rating: f64,
}

impl Disc {
    fn holds(&self, row: usize, column: usize) -> bool {
        (row as f64 - self.row).hypot(column as f64 - self.column) <= self.radius + WALL_VOXELS
    }
}

/// The descending aorta from a slice of the grid upwards.
pub(crate) struct Aorta {
    first: usize,
    discs: Vec<Disc>,
}

impl Aorta {
    /// None where it is not seen in most slices. `blood_hu` is the blood pool of a study without contrast.
    pub(crate) fn find(grid: &Grid, spine: &Spine, blood_hu: f64) -> Option<Self> {
        let [low, high] = grid.lung_extent(GRID_MM * GRID_MM)?;
        let part = |share: f64| low + (share * (high - low) as f64) as usize;
        let (first, end) = (part(HEIGHT[0]), part(HEIGHT[1]));
        if end <= first + 1 {
            return None;
        }
        let rated: Vec<(Array2<f64>, Array2<f64>)> = (first..end)
            .into_par_iter()
            .map(|z| rate(grid, spine, blood_hu, z))
            .collect();
        let discs: Vec<Disc> = best_line(&rated)
            .into_iter()
            .zip(&rated)
            .enumerate()
            .map(|(index, ([down, across], (rating, radius)))| {
                let [row, column] = place(grid, spine, first + index, [down, across]);
                Disc {
                    row: row as f64,
                    column: column as f64,
                    radius: radius[[down, across]],
                    rating: rating[[down, across]],
                }
            })
            .collect();
        let seen = discs.iter().filter(|disc| disc.rating >= LEAST_RATING).count();
        (seen as f64 >= LEAST_SEEN_SHARE * discs.len() as f64).then_some(Self { first, discs })
    }

    /// Millilitres of calcium in its wall: what is denser than [`CALCIUM_HU`] and hangs together, apart from bone.
    pub(crate) fn calcium_ml(&self, grid: &Grid) -> f64 {
        let mut seen = HashSet::new();
        let mut voxels = 0;
        for (index, disc) in self.discs.iter().enumerate() {
            if disc.rating < LEAST_RATING {
                continue;
            }
            let z = self.first + index;
            let reach = (disc.radius + WALL_VOXELS).ceil() as usize;
            let (row, column) = (disc.row as usize, disc.column as usize);
            for y in row.saturating_sub(reach)..=row + reach {
                for x in column.saturating_sub(reach)..=column + reach {
                    let is_calcium = grid
                        .hounsfield
                        .get([z, y, x])
                        .is_some_and(|value| *value >= CALCIUM_HU);
                    if is_calcium && disc.holds(y, x) && !seen.contains(&[z, y, x]) {
                        voxels += self.plaque(grid, [z, y, x], &mut seen);
                    }
                }
            }
        }
        voxels as f64 * VOXEL_ML
    }

    /// Voxels of what hangs together with one, where it is a plaque; else 0.
    fn plaque(&self, grid: &Grid, from: [usize; 3], seen: &mut HashSet<[usize; 3]>) -> usize {
        let mut waiting = VecDeque::from([from]);
        let mut own = HashSet::from([from]);
        while let Some(voxel) = waiting.pop_front() {
            if own.len() > MOST_VOXELS {
                break;
            }
            for next in around(voxel) {
                let is_calcium = grid
                    .hounsfield
                    .get(next)
                    .is_some_and(|value| *value >= CALCIUM_HU);
                if is_calcium && own.insert(next) {
                    waiting.push_back(next);
                }
            }
        }
        seen.extend(&own);
        let within = own.iter().filter(|voxel| self.holds(**voxel)).count();
        let peak = own.iter().map(|voxel| grid.hounsfield[*voxel]).max().unwrap_or(0);
        let is_plaque = own.len() <= MOST_VOXELS
            && within as f64 >= LEAST_WITHIN * own.len() as f64
            && peak >= PLAQUE_PEAK_HU;
        if is_plaque { own.len() } else { 0 }
    }

    fn holds(&self, [z, row, column]: [usize; 3]) -> bool {
        let disc = z.checked_sub(self.first).and_then(|index| self.discs.get(index));
        disc.is_some_and(|disc| disc.holds(row, column))
    }
}

/// The 26 neighbours.
fn around([z, y, x]: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..27).filter(|at| *at != 13).map(move |at: usize| {
        let by = |value: usize, step: usize| (value + step).wrapping_sub(1);
        [by(z, at / 9), by(y, at / 3 % 3), by(x, at % 3)]
    })
}

/// Row and column of the grid for a place of the window in a slice.
fn place(grid: &Grid, spine: &Spine, z: usize, [down, across]: [usize; 2]) -> [isize; 2] {
    let [row, column] = spine.body(grid, z).map(|at| at.round() as isize);
    let to_back = if grid.back > 0.0 { 1 } else { -1 };
    let to_left = if grid.columns_point_left { 1 } else { -1 };
    [
        row + to_back * (down as isize - TO_FRONT),
        column + to_left * (across as isize - TO_RIGHT),
    ]
}

/// The best rating of any radius at each place of the window in a slice, and that radius.
fn rate(grid: &Grid, spine: &Spine, blood_hu: f64, z: usize) -> (Array2<f64>, Array2<f64>) {
    let shape = (
        (TO_FRONT + TO_BACK + 1) as usize,
        (TO_RIGHT + TO_LEFT + 1) as usize,
    );
    let tissue = blood_or_calcium(grid, spine, blood_hu, z);
    let shapes: Vec<(f64, Rows, Rows)> = RADII
        .iter()
        .map(|&radius| (radius, rows(0.0, radius - 0.3), rows(radius + 0.7, radius + 2.2)))
        .collect();
    let mut ratings = Array2::from_elem(shape, NO_AORTA);
    let mut best_radius = Array2::zeros(shape);
    for ((down, across), rating) in ratings.indexed_iter_mut() {
        let middle = place(grid, spine, z, [down, across]);
        if share(&tissue, middle, &[[0, 0, 1]]) != Some(1.0) {
            continue;
        }
        for (radius, disc, ring) in &shapes {
            let (Some(inside), Some(outside)) = (share(&tissue, middle, disc), share(&tissue, middle, ring))
            else {
                continue;
            };
            let value = DISC_WEIGHT * inside.min(FULL_SHARE) - RING_WEIGHT * outside + RADIUS_WEIGHT * radius;
            if value > *rating {
                *rating = value;
                best_radius[[down, across]] = *radius;
            }
        }
    }
    (ratings, best_radius)
}

/// Row, first and behind the last column of each stretch of a shape around its middle.
type Rows = Vec<[isize; 3]>;

/// The voxels further than `least` and at most `most` from the middle.
fn rows(least: f64, most: f64) -> Rows {
    let reach = most.ceil() as isize;
    let is_within = |y: isize, x: isize| {
        let apart = (y as f64).hypot(x as f64);
        apart <= most && (apart > least || least == 0.0)
    };
    let mut found = Vec::new();
    for y in -reach..=reach {
        let mut open = None;
        for x in -reach..=reach + 1 {
            match (is_within(y, x) && x <= reach, open) {
                (true, None) => open = Some(x),
                (false, Some(first)) => {
                    found.push([y, first, x]);
                    open = None;
                }
                _ => {}
            }
        }
    }
    found
}

/// The share of a shape that is tissue, by sums along rows; None where it leaves the grid.
fn share(sums: &Array2<u32>, [row, column]: [isize; 2], shape: &[[isize; 3]]) -> Option<f64> {
    let (mut held, mut all) = (0, 0);
    for &[down, first, end] in shape {
        let of_row = |across: isize| {
            let place = usize::try_from(row + down)
                .ok()
                .zip(usize::try_from(column + across).ok());
            place.and_then(|place| sums.get(place)).copied()
        };
        held += of_row(end)? - of_row(first)?;
        all += end - first;
    }
    Some(f64::from(held) / all as f64)
}

/// Sums along the rows of a slice over what has the density of blood once it is averaged over three voxels, or is calcium: `[row, column]` holds how
/// many of the window, or beside it, lie before the column.
fn blood_or_calcium(grid: &Grid, spine: &Spine, blood_hu: f64, z: usize) -> Array2<u32> {
    const CLIP_HU: i16 = 200;
    let (slices, rows, columns) = grid.hounsfield.dim();
    let planes = z.saturating_sub(1)..(z + 2).min(slices);
    let ends = [
        [0, 0],
        [(TO_FRONT + TO_BACK) as usize, (TO_RIGHT + TO_LEFT) as usize],
    ]
    .map(|at| place(grid, spine, z, at));
    let span = |axis: usize, length: usize| {
        let (one, other) = (ends[0][axis], ends[1][axis]);
        let low = (one.min(other) - MARGIN).clamp(0, length as isize) as usize;
        low..(one.max(other) + MARGIN + 1).clamp(0, length as isize) as usize
    };
    let mut sums = Array2::zeros((rows, columns + 1));
    for row in span(0, rows) {
        let near_rows = row.saturating_sub(1)..(row + 2).min(rows);
        for column in span(1, columns) {
            let near_columns = column.saturating_sub(1)..(column + 2).min(columns);
            let around = grid
                .hounsfield
                .slice(s![planes.clone(), near_rows.clone(), near_columns]);
            let sum: i32 = around
                .iter()
                .map(|value| i32::from(*value.clamp(&-CLIP_HU, &CLIP_HU)))
                .sum();
            let mean = f64::from(sum) / around.len() as f64;
            let is_tissue =
                (mean - blood_hu).abs() < BLOOD_SPREAD_HU || grid.hounsfield[[z, row, column]] >= CALCIUM_HU;
            sums[[row, column + 1]] = sums[[row, column]] + u32::from(is_tissue);
        }
    }
    sums
}

/// The places of the best line through all slices, one each.
fn best_line(rated: &[(Array2<f64>, Array2<f64>)]) -> Vec<[usize; 2]> {
    let Some((first, _)) = rated.first() else {
        return Vec::new();
    };
    let (down, across) = first.dim();
    let mut total = first.clone();
    let mut came_from: Vec<Array2<[usize; 2]>> = Vec::with_capacity(rated.len());
    for (ratings, _) in &rated[1..] {
        let mut next = Array2::from_elem((down, across), f64::NEG_INFINITY);
        let mut from = Array2::from_elem((down, across), [0; 2]);
        for ((y, x), to) in next.indexed_iter_mut() {
            for of_y in y.saturating_sub(1)..(y + 2).min(down) {
                for of_x in x.saturating_sub(1)..(x + 2).min(across) {
                    let moved = (of_y.abs_diff(y) + of_x.abs_diff(x)) as f64;
                    let value = total[[of_y, of_x]] - STEP_COST * moved;
                    if value > *to {
                        *to = value;
                        from[[y, x]] = [of_y, of_x];
                    }
                }
            }
            *to += ratings[[y, x]];
        }
        came_from.push(from);
        total = next;
    }
    let best = total
        .indexed_iter()
        .max_by(|(_, one), (_, other)| one.total_cmp(other));
    let mut at = best.map_or([0, 0], |((y, x), _)| [y, x]);
    let mut line = vec![at];
    for from in came_from.iter().rev() {
        at = from[at];
        line.push(at);
    }
    line.reverse();
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_line_moves_by_a_voxel_at_most() {
        // The brightest place jumps; the line that follows it step by step is better than one that cannot.
        let slices: Vec<_> = [[2, 2], [3, 2], [4, 3], [4, 4]]
            .map(|bright| {
                let mut ratings = Array2::zeros((7, 7));
                ratings[bright] = 1.0;
                (ratings, Array2::zeros((7, 7)))
            })
            .into();
        assert_eq!(best_line(&slices), [[2, 2], [3, 2], [4, 3], [4, 4]]);
        assert!(best_line(&[]).is_empty());
    }

    #[test]
    fn a_shape_is_the_voxels_between_two_distances() {
        let area = |rows: &Rows| rows.iter().map(|[_, first, end]| end - first).sum::<isize>();
        assert_eq!(area(&rows(0.0, 1.0)), 5);
        assert_eq!(area(&rows(1.0, 1.5)), 4);
        let ring = area(&rows(5.7, 7.2)) as f64;
        let expected = std::f64::consts::PI * (7.2f64.powi(2) - 5.7f64.powi(2));
        assert!((ring - expected).abs() < 0.15 * expected, "{ring} {expected}");
    }

    #[test]
    fn shares_leave_out_nothing_and_end_at_the_grid() {
        let mut sums = Array2::zeros((9, 10));
        for row in 0..9 {
            for column in 0..9 {
                sums[[row, column + 1]] = sums[[row, column]] + u32::from(column >= 4);
            }
        }
        let square: Rows = vec![[-1, -1, 2], [0, -1, 2], [1, -1, 2]];
        assert_eq!(share(&sums, [4, 6], &square), Some(1.0));
        assert_eq!(share(&sums, [4, 4], &square), Some(2.0 / 3.0));
        assert_eq!(share(&sums, [4, 1], &square), Some(0.0));
        assert_eq!(share(&sums, [0, 6], &square), None);
        assert_eq!(share(&sums, [4, 7], &square), Some(1.0));
        assert_eq!(share(&sums, [4, 8], &square), None);
    }
}
