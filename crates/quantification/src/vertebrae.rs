//! The trabecular bone of the vertebral bodies.
//!
//! Along the bodies, density falls to a floor in the middle of each and rises to the end plates, whose disc is a narrow dip.

use ndarray::Axis;

use crate::grid::{GRID_MM, Grid};
use crate::spine::{Spine, median};

/// Half axes of the ellipse within the body, along rows and columns.
const ELLIPSE_MM: [f64; 2] = [6.0, 9.0];
/// The vertebrae that are measured, by the height of the lungs: about the sixth to the ninth thoracic one.
const MIDDLE: [f64; 2] = [0.33, 0.67];
/// Discs are narrower dips than bodies: up to 8 mm.
const DISC_SLICES: usize = 2;
/// Middles of bodies are further apart.
const APART_SLICES: usize = 4;
const LEAST_BODIES: usize = 3;

/// Median density of the trabecular bone in the middles of the bodies at half height of the lungs. None where fewer than
/// three are seen.
pub(crate) fn trabecular_hu(spine: &Spine, grid: &Grid) -> Option<f64> {
    let [first, last] = grid.lung_extent(GRID_MM * GRID_MM)?;
    let part = |share: f64| first + (share * (last - first) as f64) as usize;
    let (low, high) = (part(MIDDLE[0]), part(MIDDLE[1]));
    if !spine.is_known(low, high) {
        return None;
    }
    let along: Vec<f64> = (0..grid.hounsfield.dim().0)
        .map(|z| mean_within_body(spine, grid, z))
        .collect();
    let mut bodies: Vec<f64> = floors(&along, low, high)
        .into_iter()
        .map(|z| median(along[z.saturating_sub(1)..(z + 2).min(along.len())].to_vec()))
        .collect();
    bodies.retain(|value| value.is_finite());
    (bodies.len() >= LEAST_BODIES).then(|| median(bodies))
}

fn mean_within_body(spine: &Spine, grid: &Grid, z: usize) -> f64 {
    let [row, column] = spine.body(grid, z);
    let [down, across] = ELLIPSE_MM.map(|half| half / GRID_MM);
    let plane = grid.hounsfield.index_axis(Axis(0), z);
    let (mut sum, mut count) = (0.0, 0.0);
    for y in (row - down).ceil() as isize..=(row + down).floor() as isize {
        for x in (column - across).ceil() as isize..=(column + across).floor() as isize {
            let apart = ((y as f64 - row) / down).powi(2) + ((x as f64 - column) / across).powi(2);
            let place = usize::try_from(y).ok().zip(usize::try_from(x).ok());
            if let Some(value) = place.filter(|_| apart <= 1.0).and_then(|place| plane.get(place)) {
                sum += f64::from(*value);
                count += 1.0;
            }
        }
    }
    sum / count
}

/// The slices of `low..high` in which what runs along the spine has its floors once narrow dips are filled.
fn floors(along: &[f64], low: usize, high: usize) -> Vec<usize> {
    let window = |values: &[f64], z: usize, reach: usize| {
        values[z.saturating_sub(reach)..(z + reach + 1).min(values.len())].to_vec()
    };
    let over = |values: &[f64], of: fn(Vec<f64>) -> f64, reach: usize| -> Vec<f64> {
        (0..values.len()).map(|z| of(window(values, z, reach))).collect()
    };
    let highest = over(
        along,
        |values| values.into_iter().fold(f64::NEG_INFINITY, f64::max),
        DISC_SLICES,
    );
    let mut level = over(
        &highest,
        |values| values.into_iter().fold(f64::INFINITY, f64::min),
        DISC_SLICES,
    );
    for _ in 0..2 {
        level = (0..level.len())
            .map(|z| {
                let (before, after) = (level[z.saturating_sub(1)], level[(z + 1).min(level.len() - 1)]);
                0.25 * before + 0.5 * level[z] + 0.25 * after
            })
            .collect();
    }
    (low..high)
        .filter(|&z| {
            let before = &level[z.saturating_sub(APART_SLICES)..z];
            let after = &level[z + 1..(z + APART_SLICES + 1).min(level.len())];
            before.iter().all(|value| *value > level[z]) && after.iter().all(|value| *value >= level[z])
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floors_are_middles_of_bodies_and_no_discs() {
        // Bodies of 140 HU, end plates of 260, discs of 90 HU and 6 mm, every 22 mm.
        let along: Vec<f64> = (0..66)
            .map(|z| match z % 11 {
                0..=2 => 90.0,
                3 | 10 => 260.0,
                _ => 140.0,
            })
            .collect();
        // Their middles lie at 6.5 and every eleven slices after; between 8 and 58 there are four.
        assert_eq!(floors(&along, 8, 58), [17, 28, 39, 50]);
    }
}
