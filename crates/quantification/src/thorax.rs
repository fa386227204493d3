//! The space inside the ribs, whatever fills it.

use std::f64::consts::TAU;

use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

use crate::grid::{GRID_MM, Grid};

/// Rays per slice.
const RAYS: usize = 180;
/// Ribs on the grid, where their cortex is averaged with their marrow.
const BONE_HU: i16 = 200;
/// Ribs lie further out than this share of the lungs' largest reach in their direction; heart and aorta with contrast
/// do not.
const LEAST_REACH: f64 = 0.65;
/// And not further beyond that reach than this.
const MOST_BEYOND_MM: f64 = 36.0;
/// A ray's bone this far outside its neighbours' is a shoulder blade, not a rib.
const OUTLIER: f64 = 4.0;
/// Standard deviations that carry the wall over the gaps between ribs, in slices and rays: first to find outliers.
const COARSE: [f64; 2] = [8.0, 5.0];
const FINE: [f64; 2] = [5.0, 3.0];
/// With less of its rays on bone the chest wall is not known.
const LEAST_BONY_SHARE: f64 = 0.12;

/// From the middle of the body to the middle of one side, of the lungs' largest reach to that side.
const ORIGIN_OF_SIDE: f64 = 0.5;
/// And so much to the back, where fluid collects beside the spine.
const ORIGIN_BACK_MM: f64 = 16.0;

/// The inner wall of the ribs as a distance from an axis, by slice and direction.
pub(crate) struct Thorax {
    pub(crate) inside: Array3<bool>,
    /// Row and column of the axis.
    pub(crate) center: [f64; 2],
    /// Share of rays that met bone.
    bony_share: f64,
}

/// The space inside the ribs, each side seen from its own middle. Its rays reach the angle between ribs and spine that the
/// body's middle does not see; the mediastinum may be cut off.
pub(crate) struct Sides {
    pub(crate) inside: Array3<bool>,
    /// Row and column of each side's axis, the patient's right first.
    pub(crate) centers: [[f64; 2]; 2],
}

impl Thorax {
    /// Whether the ribs were seen around the lungs.
    pub(crate) fn has_ribs(&self) -> bool {
        self.bony_share >= LEAST_BONY_SHARE
    }

    /// None where there is no lung.
    pub(crate) fn find(grid: &Grid) -> Option<Self> {
        let center = center(grid)?;
        let whole = Axle::new(grid, center, |_| true);
        let (wall, bony_share) = whole.wall(&whole);
        Some(Self {
            inside: fill(&wall, center, grid.hounsfield.dim()),
            center,
            bony_share,
        })
    }

    pub(crate) fn sides(&self, grid: &Grid) -> Sides {
        let is_of_side = |side: usize| move |x: usize| grid.is_right(x as f64, self.center[1]) == (side == 0);
        let half = grid
            .lungs
            .indexed_iter()
            .filter(|&(_, &label)| label != 0)
            .map(|((_, _, x), _)| (x as f64 - self.center[1]).abs())
            .fold(0.0, f64::max);
        let centers = [0, 1].map(|side| {
            let is_low_columns = is_of_side(side)(0);
            let across = if is_low_columns { -half } else { half };
            [
                self.center[0] + grid.back * ORIGIN_BACK_MM / GRID_MM,
                self.center[1] + ORIGIN_OF_SIDE * across,
            ]
        });
        let axles = [0, 1].map(|side| Axle::new(grid, centers[side], is_of_side(side)));
        let mut inside = Array3::from_elem(grid.hounsfield.dim(), false);
        for (side, axle) in axles.iter().enumerate() {
            let (wall, _) = axle.wall(&axles[1 - side]);
            let filled = fill(&wall, axle.center, grid.hounsfield.dim());
            let is_here = is_of_side(side);
            ndarray::Zip::indexed(&mut inside)
                .and(&filled)
                .for_each(|(_, _, x), inside, &filled| *inside |= filled && is_here(x));
        }
        Sides { inside, centers }
    }
}

/// The ray of the mirror image.
fn mirror(ray: usize) -> usize {
    (RAYS + RAYS / 2 - ray) % RAYS
}

/// Rays around an axis.
struct Axle<'grid> {
    grid: &'grid Grid,
    center: [f64; 2],
    directions: Vec<[f64; 2]>,
    longest: usize,
    /// How far the lungs reach, by slice and ray.
    lung_reach: Array2<f64>,
    /// The same over all slices.
    largest: Vec<f64>,
}

impl<'grid> Axle<'grid> {
    fn new(grid: &'grid Grid, center: [f64; 2], is_counted: impl Fn(usize) -> bool + Sync) -> Self {
        let (slices, rows, columns) = grid.hounsfield.dim();
        let mut axle = Self {
            grid,
            center,
            directions: (0..RAYS)
                .map(|ray| (ray as f64 * TAU / RAYS as f64).sin_cos())
                .map(|(y, x)| [y, x])
                .collect(),
            longest: ((rows * rows + columns * columns) as f64).sqrt() as usize,
            lung_reach: Array2::zeros((slices, RAYS)),
            largest: Vec::new(),
        };
        let mut lung_reach = std::mem::take(&mut axle.lung_reach);
        lung_reach
            .axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .for_each(|(z, mut reach)| {
                for (ray, reach) in reach.iter_mut().enumerate() {
                    let last = axle
                        .along(ray)
                        .enumerate()
                        .filter(|(_, [y, x])| grid.lungs[[z, *y, *x]] != 0 && is_counted(*x))
                        .last();
                    *reach = last.map_or(0.0, |(step, _)| step as f64);
                }
            });
        axle.largest = lung_reach
            .axis_iter(Axis(1))
            .map(|slices| slices.iter().copied().fold(0.0, f64::max))
            .collect();
        axle.lung_reach = lung_reach;
        axle
    }

    fn along(&self, ray: usize) -> impl Iterator<Item = [usize; 2]> + use<'_, 'grid> {
        let [down, across] = self.directions[ray];
        let (_, rows, columns) = self.grid.hounsfield.dim();
        (0..self.longest).map_while(move |step| {
            let y = (self.center[0] + step as f64 * down).round();
            let x = (self.center[1] + step as f64 * across).round();
            let is_within = y >= 0.0 && x >= 0.0 && (y as usize) < rows && (x as usize) < columns;
            is_within.then_some([y as usize, x as usize])
        })
    }

    /// The ribs' distance by slice and ray, carried over the gaps between them, and the share of rays that met bone. The
    /// lungs reach as far as they or the mirror image of `other`: a drowned side is as wide as the other.
    fn wall(&self, other: &Self) -> (Array2<f64>, f64) {
        let lung_reach = &self.lung_reach;
        let mut wall = Array2::<f64>::from_elem(lung_reach.dim(), f64::NAN);
        wall.axis_iter_mut(Axis(0))
            .collect::<Vec<_>>()
            .into_par_iter()
            .enumerate()
            .for_each(|(z, mut wall)| {
                for (ray, wall) in wall.iter_mut().enumerate() {
                    let largest = self.largest[ray].max(other.largest[mirror(ray)]);
                    let least = (lung_reach[[z, ray]] - 2.0).max(LEAST_REACH * largest);
                    let most = largest + MOST_BEYOND_MM / GRID_MM;
                    let bone = self.along(ray).enumerate().find(|(step, [y, x])| {
                        (*step as f64) > least && self.grid.hounsfield[[z, *y, *x]] > BONE_HU
                    });
                    if let Some((step, _)) = bone.filter(|&(step, _)| (step as f64) < most) {
                        *wall = step as f64;
                    }
                }
            });
        let bony = wall.iter().filter(|value| value.is_finite()).count() as f64 / wall.len() as f64;
        let coarse = smooth_known(&wall, COARSE);
        ndarray::Zip::from(&mut wall)
            .and(&coarse)
            .for_each(|wall, &around| {
                if *wall > around + OUTLIER {
                    *wall = f64::NAN;
                }
            });
        let mut wall = smooth_known(&wall, FINE);
        ndarray::Zip::from(&mut wall)
            .and(lung_reach)
            .for_each(|wall, &lung| *wall = wall.max(lung));
        (wall, bony)
    }
}

/// The middle of the lungs' reach over rows, and of the body over columns: a lung that is drowned leaves the body
/// where it is.
fn center(grid: &Grid) -> Option<[f64; 2]> {
    let (slices, rows, columns) = grid.hounsfield.dim();
    let mut first_row = rows;
    let mut last_row = 0;
    for ((_, y, _), &label) in grid.lungs.indexed_iter() {
        if label != 0 {
            first_row = first_row.min(y);
            last_row = last_row.max(y);
        }
    }
    if first_row > last_row {
        return None;
    }
    let mut ends: Vec<usize> = (0..slices)
        .filter_map(|z| {
            let plane = grid.hounsfield.index_axis(Axis(0), z);
            let is_body =
                |x: usize| plane.column(x).iter().filter(|&&value| value > -400).count() * 10 >= rows;
            Some((0..columns).find(|&x| is_body(x))? + (0..columns).rfind(|&x| is_body(x))?)
        })
        .collect();
    ends.sort_unstable();
    let across = ends
        .get(ends.len() / 2)
        .map_or(columns as f64 / 2.0, |&sum| sum as f64 / 2.0);
    Some([(first_row + last_row) as f64 / 2.0, across])
}

/// The known values smoothed by a Gaussian over slices and, in a ring, over rays.
fn smooth_known(values: &Array2<f64>, [over_slices, over_rays]: [f64; 2]) -> Array2<f64> {
    let known = values.mapv(|value| f64::from(u8::from(value.is_finite())));
    let filled = values.mapv(|value| if value.is_finite() { value } else { 0.0 });
    let smooth = |values: &Array2<f64>| {
        let (slices, rays) = values.dim();
        let kernel = |deviation: f64| {
            let reach = (deviation * 4.0) as i64;
            (-reach..=reach)
                .map(|at| (at, (-(at as f64).powi(2) / (2.0 * deviation * deviation)).exp()))
                .collect::<Vec<_>>()
        };
        let (down, around) = (kernel(over_slices), kernel(over_rays));
        let first = Array2::from_shape_fn((slices, rays), |(z, ray)| {
            let at = |by: i64| (ray as i64 + by).rem_euclid(rays as i64) as usize;
            around
                .iter()
                .map(|&(by, weight)| weight * values[[z, at(by)]])
                .sum::<f64>()
        });
        Array2::from_shape_fn((slices, rays), |(z, ray)| {
            let at = |by: i64| (z as i64 + by).clamp(0, slices as i64 - 1) as usize;
            down.iter()
                .map(|&(by, weight)| weight * first[[at(by), ray]])
                .sum::<f64>()
        })
    };
    let weights = smooth(&known);
    let mut smoothed = smooth(&filled);
    ndarray::Zip::from(&mut smoothed)
        .and(&weights)
        .for_each(|value, &weight| {
            *value = if weight > 1e-6 { *value / weight } else { 0.0 };
        });
    smoothed
}

fn fill(wall: &Array2<f64>, center: [f64; 2], shape: (usize, usize, usize)) -> Array3<bool> {
    let (_, rows, columns) = shape;
    let polar = Array2::from_shape_fn((rows, columns), |(y, x)| {
        let (down, across) = (y as f64 - center[0], x as f64 - center[1]);
        let ray = down.atan2(across).rem_euclid(TAU) / TAU * RAYS as f64;
        (down.hypot(across), ray as usize % RAYS, ray.fract())
    });
    let mut inside = Array3::from_elem(shape, false);
    inside
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            let wall = wall.row(z);
            ndarray::Zip::from(&mut plane)
                .and(&polar)
                .for_each(|inside, &(distance, ray, part)| {
                    let reach = wall[ray] * (1.0 - part) + wall[(ray + 1) % RAYS] * part;
                    *inside = distance <= reach - 0.5;
                });
        });
    inside
}
