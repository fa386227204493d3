//! Whether pictures lie by turns before and behind the places that their neighbours give them: two breaths, slice by slice in
//! each other, that differ by too little for the nearest slice to be another one's.
//!
//! The change from the slice before to the one behind is the way that a scan goes in two steps. How far along it a picture lies
//! from the middle is its stray, in steps: near zero in one scan however thick its slices are, and of turning sign in two. It is
//! measured in parts of the picture, of which the median counts: a heart beats in some of them, a breath moves all.

use rayon::prelude::*;

/// Added to the square of the way, for each point, in Hounsfield units: what changes by less is noise.
const NOISE_HU: f64 = 2.0;
/// Parts along each side…
const PARTS: usize = 4;
/// …of which those count that change by so many times as much as noise, and so many at least.
const LEAST_CHANGE: f64 = 4.0;
const LEAST_PARTS: usize = 4;
/// Over a run of so many slices…
const RUN: usize = 12;
/// …the strays of every second, third or fourth slice…
const LONGEST_TURN: usize = 4;
/// …differ from those of the others by so much in the mean…
const LEAST_STRAY: f64 = 0.6;
/// …and by so many times as much as they spread, each among its own.
const LEAST_STEADINESS: f64 = 3.0;

/// Whether over some run of slices every second, third or fourth one strays from the others. `pictures` are rows of `columns` points;
/// beside `gaps`, the steps in which slices are missing, by their first slice, nothing strays.
pub(crate) fn stray_by_turns(pictures: &[Vec<i16>], columns: usize, gaps: &[usize]) -> bool {
    let strays: Vec<f64> = pictures
        .par_windows(3)
        .enumerate()
        .map(|(first, three)| {
            let is_beside_gap = gaps.contains(&first) || gaps.contains(&(first + 1));
            if is_beside_gap {
                0.0
            } else {
                stray(&three[0], &three[1], &three[2], columns)
            }
        })
        .collect();
    strays
        .windows(RUN)
        .any(|run| (2..=LONGEST_TURN).any(|turn| strays_of_turns(run, turn)))
}

fn strays_of_turns(run: &[f64], turn: usize) -> bool {
    let (mut lowest, mut highest, mut spread) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for phase in 0..turn {
        let own = || run.iter().skip(phase).step_by(turn);
        let mean = own().sum::<f64>() / own().count() as f64;
        spread += own().map(|stray| (stray - mean).powi(2)).sum::<f64>();
        lowest = lowest.min(mean);
        highest = highest.max(mean);
    }
    let spread = (spread / run.len() as f64).sqrt();
    let apart = highest - lowest;
    apart > LEAST_STRAY && apart > LEAST_STEADINESS * spread
}

/// The stray of a picture between two others; zero where too little changes.
fn stray(before: &[i16], here: &[i16], behind: &[i16], columns: usize) -> f64 {
    #[derive(Clone, Copy, Default)]
    struct Part {
        along: f64,
        way: f64,
        points: f64,
    }
    let columns = columns.max(1);
    let rows = here.len().div_ceil(columns).max(1);
    let mut parts = [Part::default(); PARTS * PARTS];
    for (index, ((before, here), behind)) in before.iter().zip(here).zip(behind).enumerate() {
        let [before, here, behind] = [*before, *here, *behind].map(f64::from);
        let step = (behind - before) / 2.0;
        let place = index / columns * PARTS / rows * PARTS + index % columns * PARTS / columns;
        let part = &mut parts[place];
        part.along += (here - f64::midpoint(before, behind)) * step;
        part.way += step * step;
        part.points += 1.0;
    }
    let noise = NOISE_HU * NOISE_HU;
    let mut strays: Vec<f64> = parts
        .iter()
        .filter(|part| part.way > LEAST_CHANGE * noise * part.points)
        .map(|part| part.along / (part.way + noise * part.points))
        .collect();
    if strays.len() < LEAST_PARTS {
        return 0.0;
    }
    strays.sort_by(f64::total_cmp);
    let middle = strays.len() / 2;
    if strays.len().is_multiple_of(2) {
        f64::midpoint(strays[middle - 1], strays[middle])
    } else {
        strays[middle]
    }
}
