//! Where lung lies along the chest wall, and what lies there instead.
//!
//! Seen from the middle of a side, the lower edge of the lung along the wall descends from the front to the back, where the costophrenic
//! recess is deepest; above that edge the lung lies against the wall. Tissue that parts it from the wall there is fluid, or lung without air, and no
//! diaphragm. The edge is taken from the lung itself, so that a high dome or a shallow breath moves it.

use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

use crate::airless::AERATED_HU;
use crate::grid::Grid;
use crate::thorax::Sides;

/// From a little in front of the side to behind, in degrees from the side to the back: before lie heart and cartilage, beyond the spine.
const FIRST_DEGREES: f64 = -10.0;
const LAST_DEGREES: f64 = 95.0;
const RAYS: usize = 71;
/// Muscle and fat between the ribs' inner wall and lung that lies against it.
const MOST_WALL_STEPS: usize = 6;
/// Lung lies against the wall from a slice on where it does in so many.
const EDGE_SLICES: usize = 3;
/// Neighbouring rays whose median is taken.
const MEDIAN_RAYS: usize = 2;
/// How far above its edge lung is expected: at the side, and from here on to behind, where the edge rises towards the spine (cap001: by 28 mm).
const MARGIN_SLICES: [f64; 2] = [8.0, 22.0];
const RISES_FROM_DEGREES: f64 = 60.0;
/// One side's edge lies higher than the other's by so much.
const OTHER_SLICES: usize = 8;
/// And how much further where no lung is met up to the middle of the side, as below a dome.
const MORE_SLICES: usize = 10;
/// Beyond this share of the lungs' height the chest narrows to the apex.
const TOP_SHARE: f64 = 0.75;
const LEAST_LUNG_MM2: f64 = 300.0;
/// What parts the lung from the wall by less is a thick wall.
const LEAST_STEPS: usize = 7;
/// Of it so much is the wall's own.
const WALL_STEPS: usize = 2;

/// The lower edge of the lung along the wall of each side.
pub(crate) struct LungEdge {
    sides: [EdgeOfSide; 2],
    last: usize,
}

struct EdgeOfSide {
    /// From the side's axis outwards.
    paths: Vec<Vec<[usize; 2]>>,
    /// By ray; None where no lung lies along it, nor in front of it.
    lowest: Vec<Option<usize>>,
    /// The same or the other side's, whichever is lower.
    lowest_of_either: Vec<Option<usize>>,
    /// By slice and ray: the wall's place on the path, and how far from it lung begins.
    runs: Array2<Option<Run>>,
}

#[derive(Clone, Copy)]
struct Run {
    wall: usize,
    steps: usize,
}

impl LungEdge {
    /// None without lungs.
    pub(crate) fn find(grid: &Grid, sides: &Sides) -> Option<Self> {
        let [first, last] = grid.lung_extent(LEAST_LUNG_MM2)?;
        let found = [0, 1].map(|side| EdgeOfSide::find(grid, sides, side));
        let lowered = [1, 0].map(|other: usize| {
            let beside = found[other].lowest.iter();
            beside
                .map(|lowest| lowest.map(|lowest| lowest + OTHER_SLICES))
                .collect::<Vec<_>>()
        });
        let [right, left] = found;
        let [of_left, of_right] = lowered;
        Some(Self {
            sides: [(right, of_left), (left, of_right)].map(|(side, of_other)| EdgeOfSide {
                lowest_of_either: lower_of(&side.lowest, &of_other),
                ..side
            }),
            last: first + (TOP_SHARE * (last - first) as f64) as usize,
        })
    }

    /// What lies between the wall and the lung where lung is expected at the wall: above the side's own edge, or, with `either`, above that of
    /// the other side, which fluid that lifts a whole lung leaves where it is and one high dome too.
    pub(crate) fn instead_of_lung(&self, shape: (usize, usize, usize), either: bool) -> Array3<bool> {
        let mut found = Array3::from_elem(shape, false);
        found
            .axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .filter(|(z, _)| *z <= self.last)
            .for_each(|(z, mut plane)| {
                for side in &self.sides {
                    for (ray, path) in side.paths.iter().enumerate() {
                        let Some(run) = side.runs[[z, ray]] else {
                            continue;
                        };
                        let is_met = run.steps <= run.wall;
                        let above = if is_met { 0 } else { MORE_SLICES };
                        if run.steps >= LEAST_STEPS
                            && side.is_above_edge(z.saturating_sub(above), ray, either)
                        {
                            for &at in &path[run.wall + 1 - run.steps..=run.wall - WALL_STEPS] {
                                plane[at] = true;
                            }
                        }
                    }
                }
            });
        found
    }
}

impl EdgeOfSide {
    fn find(grid: &Grid, sides: &Sides, side: usize) -> Self {
        let (slices, rows, columns) = grid.hounsfield.dim();
        let lateral = if (side == 0) == grid.columns_point_left {
            -1.0
        } else {
            1.0
        };
        let [row, column] = sides.centers[side];
        let paths: Vec<Vec<[usize; 2]>> = (0..RAYS)
            .map(|ray| {
                let angle = degrees_of(ray).to_radians();
                let (down, across) = (grid.back * angle.sin(), lateral * angle.cos());
                (0..rows + columns)
                    .map(|step| [row + step as f64 * down, column + step as f64 * across])
                    .take_while(|[y, x]| {
                        *y >= 0.0 && *x >= 0.0 && *y < rows as f64 - 0.5 && *x < columns as f64 - 0.5
                    })
                    .map(|[y, x]| [y.round() as usize, x.round() as usize])
                    .collect()
            })
            .collect();
        let mut runs = Array2::from_elem((slices, RAYS), None);
        runs.axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .for_each(|(z, mut runs)| {
                for (run, path) in runs.iter_mut().zip(&paths) {
                    let is_aerated = |&&[y, x]: &&[usize; 2]| {
                        grid.lungs[[z, y, x]] != 0 && grid.hounsfield[[z, y, x]] < AERATED_HU
                    };
                    *run = path
                        .iter()
                        .rposition(|&[y, x]| sides.inside[[z, y, x]])
                        .map(|wall| Run {
                            wall,
                            steps: path[..=wall]
                                .iter()
                                .rev()
                                .take_while(|at| !is_aerated(at))
                                .count(),
                        });
                }
            });
        let lowest = descending(&medians(&lowest_lung(&runs)));
        Self {
            paths,
            lowest_of_either: lowest.clone(),
            lowest,
            runs,
        }
    }

    fn is_above_edge(&self, z: usize, ray: usize, either: bool) -> bool {
        let rising = (degrees_of(ray) - RISES_FROM_DEGREES) / (LAST_DEGREES - RISES_FROM_DEGREES);
        let margin = MARGIN_SLICES[0] + rising.max(0.0) * (MARGIN_SLICES[1] - MARGIN_SLICES[0]);
        let margin = margin as usize;
        let edge = if either {
            &self.lowest_of_either
        } else {
            &self.lowest
        };
        edge[ray].is_some_and(|lowest| z >= lowest + margin)
    }
}

/// From the side to the back.
fn degrees_of(ray: usize) -> f64 {
    FIRST_DEGREES + ray as f64 / (RAYS - 1) as f64 * (LAST_DEGREES - FIRST_DEGREES)
}

/// By ray the first of some slices in which lung lies against the wall.
fn lowest_lung(runs: &Array2<Option<Run>>) -> Vec<Option<usize>> {
    runs.axis_iter(Axis(1))
        .map(|runs| {
            let is_at_wall = |run: &Option<Run>| run.is_some_and(|run| run.steps <= MOST_WALL_STEPS);
            runs.windows(EDGE_SLICES)
                .into_iter()
                .position(|window| window.iter().all(is_at_wall))
        })
        .collect()
}

/// Over neighbouring rays; those without lung count as high above.
fn medians(values: &[Option<usize>]) -> Vec<Option<usize>> {
    (0..values.len())
        .map(|at| {
            let low = at.saturating_sub(MEDIAN_RAYS);
            let mut near: Vec<usize> = values[low..(at + MEDIAN_RAYS + 1).min(values.len())]
                .iter()
                .map(|value| value.unwrap_or(usize::MAX))
                .collect();
            near.sort_unstable();
            Some(near[near.len() / 2]).filter(|median| *median != usize::MAX)
        })
        .collect()
}

fn lower_of(one: &[Option<usize>], other: &[Option<usize>]) -> Vec<Option<usize>> {
    let pairs = one.iter().zip(other);
    pairs
        .map(|(one, other)| one.iter().chain(other).min().copied())
        .collect()
}

/// No ray's edge lies above that of one in front of it.
fn descending(values: &[Option<usize>]) -> Vec<Option<usize>> {
    values
        .iter()
        .scan(None, |lowest: &mut Option<usize>, value| {
            *lowest = match (*lowest, *value) {
                (Some(lowest), Some(value)) => Some(lowest.min(value)),
                (lowest, value) => lowest.or(value),
            };
            Some(*lowest)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edge_descends_from_the_front_to_the_back() {
        let edge = [None, Some(30), Some(32), Some(20), None, Some(26), Some(18)];
        let expected = [None, Some(30), Some(30), Some(20), Some(20), Some(20), Some(18)];
        assert_eq!(descending(&edge), expected);
    }

    #[test]
    fn of_two_edges_the_lower_counts_and_one_alone_does() {
        assert_eq!(
            lower_of(
                &[Some(40), None, Some(7), None],
                &[Some(12), Some(9), Some(30), None]
            ),
            [Some(12), Some(9), Some(7), None]
        );
    }

    #[test]
    fn one_ray_alone_moves_no_edge() {
        let found = medians(&[Some(30), Some(30), Some(2), Some(30), None, None, None, None]);
        assert_eq!(found[1..4], [Some(30), Some(30), Some(30)]);
        assert_eq!(found[6], None);
    }
}
