//! How wide the heart is beside the chest.
//!
//! In each slice what lies between the lungs before the spine, has the density of blood and muscle, and holds a ball of 16 mm: heart
//! and great vessels, without the fat around them. From the hilum down, slice by slice, until the liver's dome meets the heart, which widens all at once.

use ndarray::{Array3, Axis, Zip};
use norma_domain::{LungSide, NotMeasurable};

use crate::ball::{close, open};
use crate::grid::{GRID_MM, Grid};
use crate::spine::{Spine, before_spine};
use crate::thorax::Thorax;

/// Fat is less dense.
const MUSCLE_HU: i16 = -20;
/// Single voxels of noise within it.
const NOISE_VOXELS: f32 = 1.0;
/// Vessels of the hilum are narrower than twice this.
const HEART_VOXELS: f32 = 4.0;
/// Heart begins below this share of the lungs' height.
const HIGHEST: f64 = 0.55;
/// The liver's dome lies below this share after a deep breath.
const HIGHEST_DOME: f64 = 0.48;
/// And what meets the heart on the left above this is no dome.
const HIGHEST_LEFT_DOME: f64 = 0.42;
/// A heart's border does not move so far from one slice to the next; where it does, something else begins to touch it.
const LARGEST_STEP_MM: f64 = 10.0;
/// Nor so far from most of the slices just above.
const LARGEST_SPREAD_MM: f64 = 15.0;
const DOME_SLICES: usize = 5;
const AVERAGED_SLICES: usize = 2;
/// Fewer slices are no heart.
const LEAST_SLICES: usize = 8;

/// The width of the heart and of the chest inside the ribs, each where it is largest.
pub(crate) struct HeartWidth {
    pub(crate) heart_mm: f64,
    pub(crate) chest_mm: f64,
}

/// Why not: a dome that stands too high, or tissue on the left that is no dome. `lungs` is the mask on the grid.
pub(crate) fn heart_width(
    grid: &Grid,
    lungs: &Array3<bool>,
    thorax: &Thorax,
    spine: &Spine,
) -> Result<HeartWidth, NotMeasurable> {
    let [first, last] = grid
        .lung_extent(GRID_MM * GRID_MM)
        .ok_or(NotMeasurable::NoLungs)?;
    let share = |z: usize| (z - first) as f64 / (last - first).max(1) as f64;
    let high = first + (HIGHEST * (last - first) as f64) as usize;
    let borders = borders(&between_lungs(grid, lungs, thorax, spine));
    // From above down.
    let mut seen: Vec<[usize; 2]> = Vec::new();
    for z in (first..=high).rev() {
        let Some(here) = borders[z] else { break };
        if let Some(&above) = seen.last() {
            let is_left_met = outwards(grid, LungSide::Left, above, here) > LARGEST_STEP_MM;
            let is_right_met = outwards(grid, LungSide::Right, above, here) > LARGEST_STEP_MM;
            if is_left_met && share(z) > HIGHEST_LEFT_DOME {
                return Err(NotMeasurable::Obscured);
            }
            if is_right_met && share(z) > HIGHEST_DOME {
                return Err(NotMeasurable::ShallowInspiration);
            }
            if is_left_met || is_right_met || (share(z) <= HIGHEST_DOME && is_dome(grid, &seen, here)) {
                // A dome that slices average begins to show above where it is seen.
                seen.truncate(seen.len().saturating_sub(AVERAGED_SLICES));
                break;
            }
        }
        seen.push(here);
    }
    if seen.len() < LEAST_SLICES {
        return Err(NotMeasurable::TooSmall);
    }
    let widest = seen.iter().map(|[low, high]| high - low + 1).max().unwrap_or(0);
    let chest = borders_of_chest(thorax);
    Ok(HeartWidth {
        heart_mm: widest as f64 * GRID_MM,
        chest_mm: chest as f64 * GRID_MM,
    })
}

/// How far a border lies further out than in a slice above, in millimetres.
fn outwards(grid: &Grid, side: LungSide, above: [usize; 2], here: [usize; 2]) -> f64 {
    let is_low = (side == LungSide::Right) == grid.columns_point_left;
    let columns = if is_low {
        above[0] as f64 - here[0] as f64
    } else {
        here[1] as f64 - above[1] as f64
    };
    columns * GRID_MM
}

/// Whether the right border lies further out than in most of the slices above: thick slices spread the liver's dome over some.
fn is_dome(grid: &Grid, above: &[[usize; 2]], here: [usize; 2]) -> bool {
    let near = &above[above.len().saturating_sub(DOME_SLICES)..];
    let far = near
        .iter()
        .filter(|of| outwards(grid, LungSide::Right, **of, here) > LARGEST_SPREAD_MM);
    far.count() * 2 > near.len()
}

/// Heart and great vessels: what lies between both lungs in a row, before the spine.
fn between_lungs(grid: &Grid, lungs: &Array3<bool>, thorax: &Thorax, spine: &Spine) -> Array3<bool> {
    let muscle = close(&grid.hounsfield.mapv(|value| value > MUSCLE_HU), NOISE_VOXELS);
    let mut between = before_spine(spine, grid);
    for (z, mut plane) in between.axis_iter_mut(Axis(0)).enumerate() {
        let middle = spine.body(grid, z)[1].round().max(0.0) as usize;
        for (y, mut row) in plane.rows_mut().into_iter().enumerate() {
            let of_lungs = lungs.slice(ndarray::s![z, y, ..]);
            let columns = of_lungs.len();
            let low = (0..middle.min(columns)).rev().find(|&x| of_lungs[x]);
            let high = (middle.min(columns)..columns).find(|&x| of_lungs[x]);
            for (x, inside) in row.iter_mut().enumerate() {
                *inside &= low.is_some_and(|low| x > low) && high.is_some_and(|high| x < high);
            }
        }
    }
    Zip::from(&mut between)
        .and(&muscle)
        .and(&thorax.inside)
        .for_each(|between, &muscle, &inside| *between &= muscle && inside);
    open(&between, HEART_VOXELS)
}

/// First and last column of the mask in each slice.
fn borders(mask: &Array3<bool>) -> Vec<Option<[usize; 2]>> {
    mask.axis_iter(Axis(0))
        .map(|plane| {
            let is_any = |x: &usize| plane.column(*x).iter().any(|inside| *inside);
            let columns = 0..plane.ncols();
            Some([columns.clone().find(is_any)?, columns.rev().find(is_any)?])
        })
        .collect()
}

/// The widest slice of the space inside the ribs, in voxels.
fn borders_of_chest(thorax: &Thorax) -> usize {
    let widths = borders(&thorax.inside)
        .into_iter()
        .flatten()
        .map(|[low, high]| high - low + 1);
    widths.max().unwrap_or(0)
}
