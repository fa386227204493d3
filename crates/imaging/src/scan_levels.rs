//! What every scan of a patient holds, whatever its header says: fat, and where there is air, what is as empty as air.

use std::ops::Range;

use ndarray::{Array3, ArrayView2, ArrayView3, Axis, s};
use rayon::prelude::*;

use crate::rescale::AIR;

/// Fat of any patient lies below…
const FAT_BELOW: i16 = -50;
/// …air and lung, averaged with anything, below this, of which there is much from so many thousandths of a volume on…
const MUCH_AIR_BELOW: i16 = -500;
const MUCH_AIR_PER_MILLE: usize = 20;
/// …and what holds nothing else below this.
const EMPTY_BELOW: i16 = -940;
/// Muscle and blood without an agent, fat, and what an agent or spongy bone make. Of eight volumes of persons, with an agent and
/// without, what is bright is 0.08 to 0.31 of what is soft; of the same under a slope of 1.1 to 1.3 at least 0.63, and
/// fat's levels then hold little, at most a fifth of that.
const SOFT: Range<i16> = -10..110;
const FAT: Range<i16> = -140..-60;
const BRIGHT: Range<i16> = 130..330;
const LARGEST_BRIGHT_OF_SOFT: f64 = 0.5;
const LEAST_FAT_OF_BRIGHT: f64 = 0.25;

/// Whether the volume holds what every scan does. Fat lies below 0 HU, so that values of which none does are raw, or of a window;
/// where there is much air, some of it is as empty as air: where none is, a lower end was cut off; and more is soft tissue or fat
/// than is bright: a slope that is too steep moves muscle and fat up.
pub(crate) fn has_levels_of_a_scan(hounsfield: &Array3<i16>) -> bool {
    // Every other row tells as much.
    let hounsfield = hounsfield.slice(s![.., ..;2, ..]);
    let bands = [
        i16::MIN..FAT_BELOW,
        i16::MIN..MUCH_AIR_BELOW,
        i16::MIN..EMPTY_BELOW,
        SOFT,
        FAT,
        BRIGHT,
    ];
    let [low, air, empty, soft, fat, bright] = (0..hounsfield.len_of(Axis(0)))
        .into_par_iter()
        .map(|index| {
            let slice = hounsfield.index_axis(Axis(0), index);
            bands
                .clone()
                .map(|band| slice.iter().filter(|value| band.contains(value)).count())
        })
        .reduce(|| [0; 6], |a, b| std::array::from_fn(|level| a[level] + b[level]));
    let per_mille = hounsfield.len().div_ceil(1000);
    let has_much_air = air >= MUCH_AIR_PER_MILLE * per_mille;
    let is_moved_up = bright as f64 > LARGEST_BRIGHT_OF_SOFT * soft as f64
        && (fat as f64) < LEAST_FAT_OF_BRIGHT * bright as f64;
    low >= per_mille
        && (!has_much_air || empty >= per_mille)
        && !is_moved_up
        && !is_cut_off_below(&hounsfield)
}

/// Whether much of a volume lies at its lowest value, and that is no air: a window cut off what was below. What was filled with
/// air around the field of view is not measured.
fn is_cut_off_below(hounsfield: &ArrayView3<'_, i16>) -> bool {
    let (lowest, count) = (0..hounsfield.len_of(Axis(0)))
        .into_par_iter()
        .map(|index| lowest_above_air(&hounsfield.index_axis(Axis(0), index)))
        .reduce(
            || (i16::MAX, 0),
            |one, other| match one.0.cmp(&other.0) {
                std::cmp::Ordering::Less => one,
                std::cmp::Ordering::Equal => (one.0, one.1 + other.1),
                std::cmp::Ordering::Greater => other,
            },
        );
    lowest >= MUCH_AIR_BELOW && count >= MUCH_AIR_PER_MILLE * hounsfield.len().div_ceil(1000)
}

/// The lowest value of a slice that is not the filling, and how often it is there.
fn lowest_above_air(slice: &ArrayView2<'_, i16>) -> (i16, usize) {
    let mut found = (i16::MAX, 0);
    for value in slice.iter().copied().filter(|value| *value > AIR) {
        if value < found.0 {
            found = (value, 0);
        }
        found.1 += usize::from(value == found.0);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn_chest::chest;

    #[test]
    fn what_lacks_fat_or_emptiness_is_no_scan() {
        assert!(has_levels_of_a_scan(&chest(3)));
        assert!(!has_levels_of_a_scan(&chest(3).mapv(|value| value + 1024)), "raw");
        assert!(!has_levels_of_a_scan(&chest(3).mapv(|value| value.clamp(0, 255))));
        assert!(
            !has_levels_of_a_scan(&chest(3).mapv(|value| value.max(-800))),
            "cut off"
        );
        // An offset or a slope that is wrong by little, fat or no fat on the scale.
        assert!(
            !has_levels_of_a_scan(&chest(3).mapv(|value| value + 90)),
            "offset"
        );
        let flat = |value: i16| (f64::from(value) * 0.9) as i16;
        assert!(!has_levels_of_a_scan(&chest(3).mapv(flat)), "slope");
        for steep in [1.1, 1.2] {
            let moved = |value: i16| (f64::from(value) * steep + 1024.0 * (steep - 1.0)) as i16;
            assert!(!has_levels_of_a_scan(&chest(3).mapv(moved)), "slope {steep}");
        }
        // Windows that end below at any level, also where what surrounds the patient was filled with air.
        assert!(!has_levels_of_a_scan(&chest(3).mapv(|value| value.max(-850))));
        for lowest in [-500, -400, -160, -60] {
            assert!(
                !has_levels_of_a_scan(&chest(3).mapv(|value| value.max(lowest))),
                "{lowest}"
            );
            let mut filled = chest(3).mapv(|value| value.max(lowest));
            filled.slice_mut(s![.., ..12, ..]).fill(AIR);
            assert!(!has_levels_of_a_scan(&filled), "{lowest}, filled");
        }
        // A narrow field, with neither lung nor what surrounds the patient.
        let mut narrow = chest(3);
        for ((z, y, x), value) in narrow.indexed_iter_mut() {
            *value = if *value < -500 {
                -100 + ((z + y * 5 + x * 3) % 60) as i16
            } else {
                *value
            };
        }
        assert!(has_levels_of_a_scan(&narrow));
        narrow[[1, 5, 5]] = -600;
        assert!(has_levels_of_a_scan(&narrow));
    }
}
