//! Whether all slices of a volume are on one scale, and whether dark is dark on it: another slope or intercept in some
//! slices, or one that turns values round, makes numbers that each look like Hounsfield units.
//!
//! Hounsfield units, axes `(z, y, x)`.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use crate::coarse_picture::{coarse_picture, runs_of_neighbours};
use crate::value_check::corner_level;

/// Fewer slices are not held against each other.
const LEAST_SLICES: usize = 8;
/// Pictures so alike are of one body, and lie on one scale where their values spread alike.
const LEAST_LIKENESS: f64 = 0.85;
/// Six real series, taken apart to 10 mm too, have 1.12 at most.
const LARGEST_SPREAD_RATIO: f64 = 1.25;
/// What the values of the body change by from one slice to the next, as their median: there at most 28.
const LARGEST_LEVEL_STEP_HU: f64 = 120.0;
/// Where one is dark the other is bright. Neighbours of a scan are never less alike than 0.7.
const TURNED_LIKENESS: f64 = -0.3;
/// The part of a picture that is body in both is large enough to have a level.
const LEAST_BODY_SHARE: f64 = 0.02;
const BODY_ABOVE: f64 = -900.0;
const COMPARED: (i16, i16) = (-1024, 2000);
/// Around a patient is air, or in a narrow field the patient's soft tissue.
const LARGEST_SURROUNDING_HU: i16 = 500;

/// Whether neighbours lie on different scales, or what surrounds the patient is bright in most slices.
pub(crate) fn contradicts_one_scale(hounsfield: &Array3<i16>) -> bool {
    let slices = hounsfield.len_of(Axis(0));
    let picture = |slice| hounsfield.index_axis(Axis(0), slice);
    let bright = (0..slices)
        .into_par_iter()
        .filter(|slice| corner_level(&picture(*slice)) > LARGEST_SURROUNDING_HU)
        .count();
    if 2 * bright > slices {
        return true;
    }
    slices >= LEAST_SLICES
        && runs_of_neighbours(slices).into_par_iter().any(|mut run| {
            let coarse = |slice| coarse_picture(&picture(slice), COMPARED);
            let mut last = run.next().map(coarse).unwrap_or_default();
            run.any(|slice| {
                let next = coarse(slice);
                let is_other = are_on_different_scales(&last, &next);
                last = next;
                is_other
            })
        })
}

fn are_on_different_scales(first: &[i16], second: &[i16]) -> bool {
    let count = first.len() as f64;
    let mean = |values: &[i16]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / count;
    let (a, b) = (mean(first), mean(second));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    let pairs = || {
        first
            .iter()
            .zip(second)
            .map(|(x, y)| (f64::from(*x), f64::from(*y)))
    };
    for (x, y) in pairs() {
        aa += (x - a) * (x - a);
        bb += (y - b) * (y - b);
        ab += (x - a) * (y - b);
    }
    if aa <= 0.0 || bb <= 0.0 {
        return false;
    }
    let likeness = ab / (aa * bb).sqrt();
    let spread = (aa / bb).sqrt();
    if likeness < TURNED_LIKENESS {
        return true;
    }
    if likeness < LEAST_LIKENESS {
        return false;
    }
    if spread.max(1.0 / spread) > LARGEST_SPREAD_RATIO {
        return true;
    }
    let mut steps: Vec<f64> = pairs()
        .filter(|(x, y)| *x > BODY_ABOVE && *y > BODY_ABOVE)
        .map(|(x, y)| y - x)
        .collect();
    if (steps.len() as f64) < LEAST_BODY_SHARE * count {
        return false;
    }
    let middle = steps.len() / 2;
    let (_, median, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
    median.abs() > LARGEST_LEVEL_STEP_HU
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body with a bone in air, with a little noise; it grows slowly.
    fn chest() -> Array3<i16> {
        Array3::from_shape_fn((20, 64, 64), |(z, y, x)| {
            let (dy, dx) = (y as f64 - 31.5, x as f64 - 31.5);
            let noise = ((z * 31 + y * 17 + x * 7) % 11) as i16 - 5;
            let level = match dy * dy + dx * dx {
                distance if distance < 30.0 => 600,
                distance if distance < 300.0 + 15.0 * z as f64 => 40,
                _ => -1000,
            };
            level + noise
        })
    }

    fn with(slices: &[usize], change: impl Fn(i16) -> i16) -> Array3<i16> {
        let mut volume = chest();
        for slice in slices {
            volume.index_axis_mut(Axis(0), *slice).mapv_inplace(&change);
        }
        volume
    }

    #[test]
    fn a_scan_lies_on_one_scale() {
        assert!(!contradicts_one_scale(&chest()));
        // A body that begins and ends within the stack.
        let mut ends = chest();
        for slice in [0, 1, 18, 19] {
            ends.index_axis_mut(Axis(0), slice).fill(-1000);
        }
        assert!(!contradicts_one_scale(&ends));
        // A narrow field shows tissue up to its edge.
        assert!(!contradicts_one_scale(
            &chest().slice(ndarray::s![.., 24..40, 24..40]).to_owned()
        ));
    }

    #[test]
    fn another_slope_or_intercept_in_some_slices_does_not() {
        for slices in [&[7][..], &[3, 6, 9], &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18], &[19]] {
            let rescaled = |slope: f64, intercept: f64| {
                with(slices, |value| {
                    ((f64::from(value) + 1024.0) * slope + intercept) as i16
                })
            };
            for (slope, intercept) in [(2.0, -1024.0), (0.5, -1024.0), (1.0, -824.0), (-1.0, 1024.0)] {
                assert!(
                    contradicts_one_scale(&rescaled(slope, intercept)),
                    "{slope} {intercept} in {slices:?}"
                );
            }
        }
    }

    #[test]
    fn values_turned_round_do_not() {
        let all: Vec<usize> = (0..20).collect();
        assert!(contradicts_one_scale(&with(&all, |value| -value)));
    }
}
