//! How far one vertebra lies from the next: ribs, pedicles and discs come back along the spine once a vertebra.
//!
//! It is measured along the axis of the slices alone, and nearly the same in all adults: so it tells a distance of slices that the
//! header states wrongly.

use std::f64::consts::TAU;

use ndarray::{Array3, Axis, s};

use crate::coarse::CoarseVolume;

/// Bone about the middle column, by which the spine is followed; the mean over a block of a thin bone is less than bone.
const BONE_HU: i16 = 150;
/// Half the width in which it is looked for, and how far before and behind the last row of the lungs.
const HALF_WIDTH_MM: f64 = 30.0;
const BEFORE_BACK_MM: f64 = 70.0;
const BEHIND_BACK_MM: f64 = 45.0;
const LEAST_BONE_VOXELS: usize = 3;
/// The line of the spine is that of its neighbourhood: ribs pull single slices aside.
const LINE_MM: f64 = 35.0;
/// Beside the spine, in columns away from its middle and rows before (negative) and behind it: heads of ribs, pedicles,
/// transverse processes.
const BESIDE_MM: [[f64; 2]; 4] = [[14.0, 24.0], [20.0, 32.0], [28.0, 44.0], [40.0, 60.0]];
const ALONG_ROWS_MM: [[f64; 2]; 3] = [[-40.0, -15.0], [-15.0, 5.0], [5.0, 30.0]];
/// And on the midline: bodies with their discs, spinous processes.
const MIDLINE_MM: [f64; 2] = [-10.0, 10.0];
const MIDLINE_ROWS_MM: [[f64; 2]; 2] = [[-45.0, -20.0], [15.0, 40.0]];
/// Densities count from here on beside the spine, and up to here.
const DENSE_FROM: f64 = 100.0;
const DENSE_TO: f64 = 600.0;
/// What changes more slowly along the spine is no vertebra; and each part of it counts alike.
const TREND_MM: f64 = 20.0;
const EVEN_MM: f64 = 35.0;
/// Of the lungs' height from below: the slices of shoulder and liver show other bones and none.
const PART: [f64; 2] = [0.05, 0.9];
const LEAST_LENGTH_MM: f64 = 90.0;
/// The distances that are tried, in millimetres, and their step.
const TRIED_MM: [f64; 2] = [9.0, 55.0];
const STEP_MM: f64 = 0.5;
/// The distance has to stand out: so much of what changes along the spine has it, and so many times as much as any other
/// distance that is another by more than a quarter.
const LEAST_SHARE: f64 = 0.08;
const LEAST_TIMES: f64 = 1.8;
const OTHER_BY: f64 = 0.25;

/// The distance of vertebrae along the slices in millimetres; None where none stands out. `lungs` is a mask on the grid of the
/// volume, whose axes are the patient's, and `slices` those that hold lung.
pub(crate) fn spine_period_mm(
    coarse: &CoarseVolume,
    lungs: &Array3<u8>,
    slices: std::ops::Range<usize>,
) -> Option<f64> {
    let step = coarse.spacing_mm[0];
    let line = spine_line(coarse, lungs, slices.clone())?;
    let curves: Vec<Vec<f64>> = boxes()
        .into_iter()
        .map(|place| {
            let densities: Vec<f64> = slices
                .clone()
                .zip(&line)
                .map(|(z, at)| density(coarse, z, *at, &place))
                .collect();
            evened(&densities, step)
        })
        .collect();
    let length = slices.len();
    let part = (PART[0] * length as f64) as usize..(PART[1] * length as f64) as usize;
    if (part.len() as f64) * step < LEAST_LENGTH_MM {
        return None;
    }
    let tapered: Vec<Vec<f64>> = curves.iter().map(|curve| tapered(&curve[part.clone()])).collect();
    outstanding(&tapered, step)
}

/// A box beside or on the spine, in millimetres from its line.
struct Place {
    rows: [f64; 2],
    columns: [f64; 2],
    from: f64,
}

fn boxes() -> Vec<Place> {
    let mut places = Vec::new();
    for [near, far] in BESIDE_MM {
        for columns in [[near, far], [-far, -near]] {
            for rows in ALONG_ROWS_MM {
                places.push(Place {
                    rows,
                    columns,
                    from: DENSE_FROM,
                });
            }
        }
    }
    for rows in MIDLINE_ROWS_MM {
        places.push(Place {
            rows,
            columns: MIDLINE_MM,
            from: 0.0,
        });
    }
    places
}

/// Row and column of the spine in each of the slices.
fn spine_line(
    coarse: &CoarseVolume,
    lungs: &Array3<u8>,
    slices: std::ops::Range<usize>,
) -> Option<Vec<[f64; 2]>> {
    let [depth_mm, row_mm, column_mm] = coarse.spacing_mm;
    let mask = lungs.slice(s![slices.clone(), .., ..]);
    let holds =
        |axis: usize, index: usize| mask.index_axis(Axis(axis), index).iter().any(|&value| value != 0);
    let rows = lungs.dim().1;
    let back = (0..rows).rposition(|y| holds(1, y))? as f64;
    let first = (0..lungs.dim().2).position(|x| holds(2, x))? as f64;
    let last = (0..lungs.dim().2).rposition(|x| holds(2, x))? as f64;
    let middle = f64::midpoint(first, last);
    let window = |about: f64, before: f64, behind: f64, length: usize| {
        let at = |place: f64| place.clamp(0.0, length as f64) as usize;
        at(about - before)..at(about + behind)
    };
    let ys = window(back, BEFORE_BACK_MM / row_mm, BEHIND_BACK_MM / row_mm, rows);
    let half = HALF_WIDTH_MM / column_mm;
    let xs = window(middle, half, half, lungs.dim().2);
    let found: Vec<Option<[f64; 2]>> = slices
        .map(|z| {
            let picture = coarse.hounsfield.slice(s![z, ys.clone(), xs.clone()]);
            let bone: Vec<[usize; 2]> = picture
                .indexed_iter()
                .filter(|(_, value)| **value > BONE_HU)
                .map(|((y, x), _)| [y, x])
                .collect();
            if bone.len() < LEAST_BONE_VOXELS {
                return None;
            }
            let row = median(bone.iter().map(|[y, _]| *y as f64).collect());
            let column = bone.iter().map(|[_, x]| *x as f64).sum::<f64>() / bone.len() as f64;
            Some([row + ys.start as f64, column + xs.start as f64])
        })
        .collect();
    let known = found.iter().flatten().count();
    if known * 2 < found.len() {
        return None;
    }
    let reach = (LINE_MM / depth_mm / 2.0).ceil() as usize;
    let near = |z: usize, axis: usize| {
        let from = z.saturating_sub(reach);
        let to = (z + reach + 1).min(found.len());
        let values: Vec<f64> = found[from..to]
            .iter()
            .flatten()
            .map(|place| place[axis])
            .collect();
        (!values.is_empty()).then(|| median(values))
    };
    // A gap as long as the neighbourhood leaves the line unknown.
    let line: Option<Vec<[f64; 2]>> = (0..found.len())
        .map(|z| Some([near(z, 0)?, near(z, 1)?]))
        .collect();
    let line = line?;
    let smooth = |axis: usize| {
        let values: Vec<f64> = line.iter().map(|place| place[axis]).collect();
        smoothed(&values, LINE_MM / 2.0 / depth_mm)
    };
    Some(
        smooth(0)
            .into_iter()
            .zip(smooth(1))
            .map(|(row, column)| [row, column])
            .collect(),
    )
}

/// Mean density of a box beside the spine.
fn density(coarse: &CoarseVolume, z: usize, [row, column]: [f64; 2], place: &Place) -> f64 {
    let (_, rows, columns) = coarse.hounsfield.dim();
    let span = |about: f64, [from, to]: [f64; 2], spacing: f64, length: usize| {
        let at = |mm: f64| (about + mm / spacing).round().clamp(0.0, length as f64) as usize;
        at(from)..at(to)
    };
    let ys = span(row, place.rows, coarse.spacing_mm[1], rows);
    let xs = span(column, place.columns, coarse.spacing_mm[2], columns);
    let values = coarse.hounsfield.slice(s![z, ys, xs]);
    let sum: f64 = values
        .iter()
        .map(|&value| f64::from(value).clamp(place.from, DENSE_TO) - place.from)
        .sum();
    sum / values.len().max(1) as f64
}

/// A curve without its trend, of about the same height everywhere.
fn evened(curve: &[f64], step_mm: f64) -> Vec<f64> {
    let trend = smoothed(curve, TREND_MM / step_mm);
    let around: Vec<f64> = curve
        .iter()
        .zip(&trend)
        .map(|(value, trend)| value - trend)
        .collect();
    let squares: Vec<f64> = around.iter().map(|value| value * value).collect();
    let height: Vec<f64> = smoothed(&squares, EVEN_MM / step_mm)
        .into_iter()
        .map(|square| square.sqrt() + 1e-3)
        .collect();
    let least = 0.3 * median(height.clone());
    around
        .iter()
        .zip(&height)
        .map(|(value, height)| value / height.max(least))
        .collect()
}

/// A curve that begins and ends at nothing (a Hann window), so that its ends are no change.
fn tapered(curve: &[f64]) -> Vec<f64> {
    let last = (curve.len() - 1).max(1) as f64;
    let window = |index: usize| 0.5 - 0.5 * (TAU * index as f64 / last).cos();
    curve
        .iter()
        .enumerate()
        .map(|(index, value)| value * window(index))
        .collect()
}

/// The distance that most of what changes has, where it stands out.
fn outstanding(curves: &[Vec<f64>], step_mm: f64) -> Option<f64> {
    let count = ((TRIED_MM[1] - TRIED_MM[0]) / STEP_MM) as usize;
    let tried: Vec<f64> = (0..count)
        .map(|index| TRIED_MM[0] + STEP_MM * index as f64)
        .collect();
    let shares: Vec<f64> = tried
        .iter()
        .map(|period| mean_share(curves, step_mm, *period))
        .collect();
    let (best, share) = shares
        .iter()
        .copied()
        .enumerate()
        .max_by(|one, other| one.1.total_cmp(&other.1))?;
    let other = tried
        .iter()
        .zip(&shares)
        .filter(|(period, _)| (*period / tried[best]).ln().abs() > OTHER_BY)
        .map(|(_, share)| *share)
        .fold(0.0, f64::max);
    (share >= LEAST_SHARE && share >= LEAST_TIMES * other).then(|| tried[best])
}

/// The mean, over the curves, of the part of a curve's changes that have a period.
fn mean_share(curves: &[Vec<f64>], step_mm: f64, period_mm: f64) -> f64 {
    let shares = curves.iter().map(|curve| {
        let (mut real, mut imaginary, mut all) = (0.0, 0.0, 0.0);
        for (index, value) in curve.iter().enumerate() {
            let (sine, cosine) = (TAU * index as f64 * step_mm / period_mm).sin_cos();
            real += value * cosine;
            imaginary += value * sine;
            all += value * value;
        }
        (real * real + imaginary * imaginary) / (all * curve.len() as f64 / 2.0 + 1e-9)
    });
    shares.sum::<f64>() / curves.len() as f64
}

/// Means weighted by a bell of this standard deviation, in places; at the ends of what there is.
fn smoothed(values: &[f64], deviation: f64) -> Vec<f64> {
    let reach = (4.0 * deviation).ceil() as usize;
    (0..values.len())
        .map(|place| {
            let (from, to) = (place.saturating_sub(reach), (place + reach + 1).min(values.len()));
            let (mut sum, mut weights) = (0.0, 0.0);
            for (index, value) in values[from..to].iter().enumerate() {
                let apart = ((from + index) as f64 - place as f64) / deviation;
                let weight = (-0.5 * apart * apart).exp();
                sum += weight * value;
                weights += weight;
            }
            sum / weights
        })
        .collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lungs beside a spine whose ribs and bodies come back every so many millimetres, on slices `step_mm` apart.
    fn chest(period_mm: Option<f64>, step_mm: f64) -> (CoarseVolume, Array3<u8>) {
        let shape = [(230.0 / step_mm) as usize, 80, 120];
        let lungs = Array3::from_shape_fn(shape, |(_, y, x)| {
            let (dy, dx) = (y as f64 - 36.0, x as f64 - 60.0);
            u8::from((dy / 28.0).hypot((dx.abs() - 30.0) / 18.0) < 1.0)
        });
        let hounsfield = Array3::from_shape_fn(shape, |(z, y, x)| {
            let noise = ((z * 31 + y * 17 + x * 7) % 41) as i16 - 20;
            let (dy, dx) = (y as f64 - 58.0, x as f64 - 60.0);
            let phase = period_mm.map_or(0.5, |period| (z as f64 * step_mm / period).fract());
            let is_body = dy.hypot(dx) < 6.0;
            let is_rib = dy.abs() < 4.0 && dx.abs() > 6.0 && dx.abs() < 22.0 && phase < 0.4;
            let level = match lungs[[z, y, x]] {
                1 => -850,
                _ if is_body && phase < 0.8 => 260,
                _ if is_body => 90,
                _ if is_rib => 320,
                _ => 40,
            };
            level + noise
        });
        let coarse = CoarseVolume {
            hounsfield,
            block: [1; 3],
            spacing_mm: [step_mm, 2.5, 2.5],
        };
        (coarse, lungs)
    }

    fn measured(period_mm: Option<f64>, step_mm: f64) -> Option<f64> {
        let (coarse, lungs) = chest(period_mm, step_mm);
        let slices = 0..coarse.hounsfield.dim().0;
        spine_period_mm(&coarse, &lungs, slices)
    }

    #[test]
    fn the_distance_of_vertebrae_is_found_on_thin_and_on_thick_slices() {
        for step_mm in [2.0, 2.5, 3.0, 5.0] {
            for period_mm in [17.0, 21.0, 25.0, 29.0, 35.0] {
                let found = measured(Some(period_mm), step_mm).unwrap_or(f64::NAN);
                assert!(
                    (found - period_mm).abs() <= 1.5,
                    "{period_mm} mm on {step_mm} mm: {found}"
                );
            }
        }
    }

    #[test]
    fn a_spine_without_vertebrae_and_a_part_of_one_say_nothing() {
        assert_eq!(measured(None, 2.5), None);
        let (coarse, lungs) = chest(Some(25.0), 2.5);
        assert_eq!(spine_period_mm(&coarse, &lungs, 0..30), None);
        assert_eq!(spine_period_mm(&coarse, &Array3::zeros(lungs.dim()), 0..90), None);
    }
}
