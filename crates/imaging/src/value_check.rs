//! What stored values must be, whatever the header says: no scan has metal around the patient, no slice lies on
//! another scale than its neighbours, and no volume changes to and fro from slice to slice.
//!
//! Everything here looks at Hounsfield units, axes `(z, y, x)`, and at every slice over its whole field.

use ndarray::{Array3, ArrayView2, ArrayViewMut2, Axis};
use rayon::prelude::*;

use crate::rescale::AIR;

/// A constant of more than this in the corners is a filling, not air.
const FILLING_ABOVE: i16 = -500;
/// A filled circle leaves a fifth of the field; a slice that is nearly all one value is left alone.
const FILLING_SHARE: std::ops::RangeInclusive<f64> = 0.002..=0.6;
/// Above what a scale of 12 bits reaches (3071 HU); implants of metal are small.
const BRIGHT_ABOVE: i16 = 3100;
const LARGEST_BRIGHT_SHARE: f64 = 0.005;
/// In the corners of a slice is air, its filling or, in a narrow field, the patient's soft tissue.
const LARGEST_CORNER_LEVEL: i16 = 1500;
/// The darkest part of a slice is air, outside or in the lungs. Neighbours differ by less than this.
const LARGEST_AIR_STEP: i32 = 600;
const AIR_PERCENTILE: f64 = 0.02;
/// Air beside bone that is nearly too bright for its bits: values that went over the end of their scale.
const NEARLY_TOO_BRIGHT: std::ops::RangeInclusive<i16> = 600..=1100;
/// Values that jump from slice to slice by twice this, all through the volume…
const ALTERNATION_HU: f64 = 20.0;
/// …in more than this part of it.
const LARGEST_ALTERNATING_SHARE: f64 = 0.01;
const LEAST_SLICES_TO_ALTERNATE: usize = 16;
/// Of slices so far apart anatomy makes more: real series taken apart to 5 mm have up to 0.0031, a cut phantom over 0.01;
/// with an enhanced heart in every other slice 0.059 at least.
const THICK_MM: f64 = 4.5;
const LARGEST_THICK_SHARE: f64 = 0.03;
/// Ribs come every one to three centimetres: slices at least so far apart show one and none by turns here and there. Of
/// such slices only those voxels count that jump…
const FAR_APART_MM: f64 = 5.5;
/// …by so much…
const FAR_JUMP_HU: f64 = 10.0;
/// …the same way in so many of the slices. Real series taken apart to 6 to 10 mm have up to 0.0086 of such voxels,
/// with an enhanced heart in every other slice 0.0084 to 0.016.
const FAR_STEADY_SHARE: f64 = 0.75;
const LARGEST_FAR_SHARE: f64 = 0.009;
const LEAST_FAR_SLICES: usize = 24;
/// Of slices further apart nobody can say whether they alternate: a norm phantom taken apart to 10 mm seems to. They are too
/// far apart for a norm as well (`slices_too_thick`).
const TOO_FAR_APART_MM: f64 = 8.0;

/// Turns a constant filling around the field of view into air: some writers fill with a value that becomes bone or
/// metal under their header. Gives the number of slices in which that was done.
pub(crate) fn clear_filling(hounsfield: &mut Array3<i16>) -> usize {
    let slices: Vec<_> = hounsfield.axis_iter_mut(Axis(0)).collect();
    slices
        .into_par_iter()
        .map(|slice| usize::from(clear_slice(slice)))
        .sum()
}

fn clear_slice(mut slice: ArrayViewMut2<'_, i16>) -> bool {
    let (rows, columns) = slice.dim();
    if rows < 8 || columns < 8 {
        return false;
    }
    let corners = [(0, 0), (0, columns - 3), (rows - 3, 0), (rows - 3, columns - 3)];
    let constant = |&(row, column): &(usize, usize)| {
        let block = slice.slice(ndarray::s![row..row + 3, column..column + 3]);
        let value = block[[0, 0]];
        (value > FILLING_ABOVE && block.iter().all(|other| *other == value)).then_some(value)
    };
    let values: Vec<Option<i16>> = corners.iter().map(constant).collect();
    let Some(filling) = values
        .iter()
        .flatten()
        .copied()
        .find(|value| values.iter().filter(|other| **other == Some(*value)).count() >= 2)
    else {
        return false;
    };
    let mut region = vec![false; rows * columns];
    let mut open: Vec<(usize, usize)> = Vec::new();
    for (corner, value) in corners.iter().zip(&values) {
        if *value == Some(filling) {
            open.push(*corner);
            region[corner.0 * columns + corner.1] = true;
        }
    }
    let mut count = open.len();
    while let Some((row, column)) = open.pop() {
        let neighbours = [
            (row.wrapping_sub(1), column),
            (row + 1, column),
            (row, column.wrapping_sub(1)),
            (row, column + 1),
        ];
        for (r, c) in neighbours {
            if r < rows && c < columns && !region[r * columns + c] && slice[[r, c]] == filling {
                region[r * columns + c] = true;
                count += 1;
                open.push((r, c));
            }
        }
    }
    if !FILLING_SHARE.contains(&(count as f64 / (rows * columns) as f64)) {
        return false;
    }
    for (value, is_filling) in slice.iter_mut().zip(region) {
        if is_filling {
            *value = AIR;
        }
    }
    true
}

/// Slices whose values cannot be Hounsfield units of a scan, each by itself and beside its neighbours.
pub(crate) fn count_implausible(hounsfield: &Array3<i16>) -> usize {
    let told: Vec<(bool, i32)> = (0..hounsfield.len_of(Axis(0)))
        .into_par_iter()
        .map(|index| {
            let slice = hounsfield.index_axis(Axis(0), index);
            (is_implausible(&slice), darkest(&slice))
        })
        .collect();
    let alone = told.iter().filter(|(implausible, _)| *implausible).count();
    let steps = told
        .windows(2)
        .filter(|pair| (pair[0].1 - pair[1].1).abs() > LARGEST_AIR_STEP)
        .count();
    alone + steps
}

fn is_implausible(slice: &ArrayView2<'_, i16>) -> bool {
    let bright = slice.iter().filter(|value| **value > BRIGHT_ABOVE).count();
    if bright as f64 > LARGEST_BRIGHT_SHARE * slice.len() as f64 {
        return true;
    }
    corner_level(slice) > LARGEST_CORNER_LEVEL
}

/// The median of the four corners of a slice.
pub(crate) fn corner_level(slice: &ArrayView2<'_, i16>) -> i16 {
    let (rows, columns) = slice.dim();
    let (high, wide) = ((rows / 20).max(1), (columns / 20).max(1));
    let mut corners: Vec<i16> = [0..high, rows - high..rows]
        .into_iter()
        .flat_map(|rows| {
            [0..wide, columns - wide..columns].map(|columns| slice.slice(ndarray::s![rows.clone(), columns]))
        })
        .flatten()
        .copied()
        .collect();
    let middle = corners.len() / 2;
    *corners.select_nth_unstable(middle).1
}

/// The level of the darkest part of a slice.
fn darkest(slice: &ArrayView2<'_, i16>) -> i32 {
    let mut counts = vec![0u32; 1 << u16::BITS];
    let mut all = 0usize;
    for value in slice.iter().step_by(3) {
        counts[level_index(*value)] += 1;
        all += 1;
    }
    let rank = ((all - 1) as f64 * AIR_PERCENTILE) as u32;
    let mut below = 0;
    let level = counts.iter().position(|count| {
        below += count;
        below > rank
    });
    level.map_or(0, |level| level as i32 + i32::from(i16::MIN))
}

/// The place of a value among all that there can be, in ascending order.
fn level_index(value: i16) -> usize {
    usize::from((i32::from(value) - i32::from(i16::MIN)) as u16)
}

/// Neighbours in a row of which one is air and the other nearly at the end of its scale: a value that is stored as
/// signed and is not turns dense bone into air.
pub(crate) fn count_holes(hounsfield: &Array3<i16>) -> usize {
    count_neighbours(hounsfield, |a, b| {
        let (low, high) = (a.min(b), a.max(b));
        low == AIR && NEARLY_TOO_BRIGHT.contains(&high)
    })
}

/// Neighbours in a row that differ by nearly a thousand Hounsfield units or more.
pub(crate) fn count_jumps(hounsfield: &Array3<i16>) -> usize {
    count_neighbours(hounsfield, |a, b| (i32::from(a) - i32::from(b)).abs() > 900)
}

/// Voxels between fat and enhanced blood.
pub(crate) fn count_soft_tissue(hounsfield: &Array3<i16>) -> usize {
    (0..hounsfield.len_of(Axis(0)))
        .into_par_iter()
        .map(|index| {
            let slice = hounsfield.index_axis(Axis(0), index);
            slice.iter().filter(|value| (-150..=200).contains(*value)).count()
        })
        .sum()
}

fn count_neighbours(hounsfield: &Array3<i16>, counts: impl Fn(i16, i16) -> bool + Sync) -> usize {
    (0..hounsfield.len_of(Axis(0)))
        .into_par_iter()
        .map(|index| {
            let slice = hounsfield.index_axis(Axis(0), index);
            slice
                .rows()
                .into_iter()
                .map(|row| match row.to_slice() {
                    Some(row) => row
                        .iter()
                        .zip(row.get(1..).unwrap_or_default())
                        .map(|(a, b)| usize::from(counts(*a, *b)))
                        .sum::<usize>(),
                    None => row
                        .iter()
                        .zip(row.iter().skip(1))
                        .filter(|(a, b)| counts(**a, **b))
                        .count(),
                })
                .sum::<usize>()
        })
        .sum()
}

/// Whether every other slice belongs to another picture: two phases laid into each other. Measured as the part of the
/// volume whose component of the shortest wavelength along z is more than noise and anatomy make.
pub(crate) fn alternates(hounsfield: &Array3<i16>, spacing_mm: f64) -> bool {
    if spacing_mm < THICK_MM {
        alternating_share(hounsfield, 0.0) > LARGEST_ALTERNATING_SHARE
    } else if spacing_mm < FAR_APART_MM {
        alternating_share(hounsfield, 0.0) > LARGEST_THICK_SHARE
    } else {
        spacing_mm <= TOO_FAR_APART_MM
            && hounsfield.len_of(Axis(0)) >= LEAST_FAR_SLICES
            && alternating_share(hounsfield, FAR_STEADY_SHARE) > LARGEST_FAR_SHARE
    }
}

/// The part of the volume that jumps from slice to slice, in `steady_share` of the slices at least the same way.
fn alternating_share(hounsfield: &Array3<i16>, steady_share: f64) -> f64 {
    let (slices, rows, columns) = hounsfield.dim();
    if slices < LEAST_SLICES_TO_ALTERNATE {
        return 0.0;
    }
    let inner = (slices - 2) as f64;
    let rows: Vec<usize> = (0..rows).step_by(4).collect();
    // Slice by slice along each row: the values of one place lie a whole slice apart in memory.
    let over: usize = rows
        .par_iter()
        .map(|row| {
            let mut lines = vec![LineAlongZ::default(); columns.div_ceil(4)];
            for index in 1..slices - 1 {
                let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
                let [below, here, above] = [index - 1, index, index + 1]
                    .map(|slice| hounsfield.slice(ndarray::s![slice, *row, ..;4]));
                for (((line, below), here), above) in lines.iter_mut().zip(&below).zip(&here).zip(&above) {
                    let around = f64::midpoint(f64::from(*below), f64::from(*above));
                    line.add(sign * (f64::from(*here) - around));
                }
            }
            lines
                .iter()
                .filter(|line| line.alternates(inner, steady_share))
                .count()
        })
        .sum();
    let all = rows.len() * columns.div_ceil(4);
    over as f64 / all as f64
}

/// How the values of one place of all slices change by turns.
#[derive(Debug, Clone, Default)]
struct LineAlongZ {
    sum: f64,
    up: usize,
    down: usize,
}

impl LineAlongZ {
    fn add(&mut self, jump: f64) {
        // Edges that move through a voxel count no more than tissue may.
        self.sum += jump.clamp(-200.0, 200.0);
        self.up += usize::from(jump > FAR_JUMP_HU);
        self.down += usize::from(jump < -FAR_JUMP_HU);
    }

    fn alternates(&self, inner: f64, steady_share: f64) -> bool {
        // For values that alternate by ±a the second difference is ±2a.
        let is_large = (self.sum / (2.0 * inner)).abs() > ALTERNATION_HU;
        is_large && self.up.max(self.down) as f64 >= steady_share * inner
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drawn_chest::chest;

    #[test]
    fn a_filling_around_the_field_becomes_air() {
        for filling in [32_767, 1072, 0, -400] {
            let mut volume = chest(3);
            let expected = volume.clone();
            for ((_, y, x), value) in volume.indexed_iter_mut() {
                let (dy, dx) = (y as f64 - 31.5, x as f64 - 31.5);
                if dy * dy + dx * dx > 900.0 {
                    *value = filling;
                }
            }
            assert_eq!(clear_filling(&mut volume), 3, "{filling}");
            assert_eq!(volume[[0, 0, 0]], AIR);
            assert_eq!(volume[[1, 31, 31]], expected[[1, 31, 31]]);
            assert_eq!(count_implausible(&volume), 0);
        }
        assert_eq!(clear_filling(&mut chest(3)), 0, "measured air stays");
    }

    #[test]
    fn a_ring_of_metal_and_a_slice_on_another_scale_are_implausible() {
        assert_eq!(count_implausible(&chest(5)), 0);
        let mut bright = chest(5);
        bright.mapv_inplace(|value| if value < -500 { 32_000 } else { value });
        assert_eq!(count_implausible(&bright), 5);
        let mut shifted = chest(5);
        shifted
            .index_axis_mut(Axis(0), 2)
            .mapv_inplace(|value| value + 1024);
        assert!(count_implausible(&shifted) > 0);
    }

    #[test]
    fn bone_that_went_over_the_end_leaves_holes() {
        let mut volume = chest(2);
        assert_eq!(count_holes(&volume), 0);
        volume.mapv_inplace(|value| if value > 900 { AIR } else { value });
        assert!(count_holes(&volume) > 0);
    }

    #[test]
    fn two_phases_laid_into_each_other_alternate() {
        assert!(!alternates(&chest(40), 2.0));
        let mut mixed = chest(40);
        for slice in (0..40).step_by(2) {
            mixed
                .index_axis_mut(Axis(0), slice)
                .mapv_inplace(|value| if value > -100 { value + 130 } else { value });
        }
        assert!(alternates(&mixed, 2.0));
        assert!(alternates(&mixed, 5.0));
        assert!(alternates(&mixed, FAR_APART_MM));
        assert!(alternates(&mixed, 7.5));
        // A few slices say nothing, nor do slices that are very far apart.
        assert!(!alternates(&mixed, 10.0));
        let few = mixed
            .slice(ndarray::s![..LEAST_SLICES_TO_ALTERNATE - 1, .., ..])
            .to_owned();
        assert!(!alternates(&few, 2.0));
        assert!(alternating_share(&few, 0.0).abs() < f64::EPSILON);
    }

    #[test]
    fn ribs_in_thick_slices_do_not_alternate() {
        // Ribs of 8 mm that slope, every 22 mm, in slices every 10 mm, held to the rule of those nearer: here and there
        // every other slice shows one.
        let mut ribs = chest(30);
        for ((z, y, x), value) in ribs.indexed_iter_mut() {
            let height = 10.0 * z as f64 + 0.8 * y as f64;
            let from_middle = (y as f64 - 31.5).hypot(x as f64 - 31.5);
            if (19.0..22.0).contains(&from_middle) && height.rem_euclid(22.0) < 8.0 {
                *value = 500;
            }
        }
        assert!(
            !alternates(&ribs, TOO_FAR_APART_MM),
            "{}",
            alternating_share(&ribs, FAR_STEADY_SHARE)
        );
        assert!(
            alternating_share(&ribs, 0.0) > LARGEST_ALTERNATING_SHARE,
            "as a thin stack would be judged"
        );
    }

    #[test]
    fn one_slice_that_differs_and_a_slow_change_do_not_alternate() {
        let mut odd = chest(40);
        odd.index_axis_mut(Axis(0), 17).mapv_inplace(|value| value + 150);
        assert!(!alternates(&odd, 1.0), "{}", alternating_share(&odd, 0.0));
        let mut slow = chest(40);
        for (slice, mut plane) in slow.axis_iter_mut(Axis(0)).enumerate() {
            plane.mapv_inplace(|value| value + 8 * slice as i16);
        }
        assert!(!alternates(&slow, 1.0), "{}", alternating_share(&slow, 0.0));
        // Two halves of two phases, one after the other.
        let mut halves = chest(40);
        for mut plane in halves.axis_iter_mut(Axis(0)).skip(20) {
            plane.mapv_inplace(|value| if value > -100 { value + 130 } else { value });
        }
        assert!(!alternates(&halves, 1.0), "{}", alternating_share(&halves, 0.0));
    }

    #[test]
    fn noise_of_neighbours_is_no_alternation_and_a_vessel_that_enhances_is() {
        // A heart of a twentieth of the field, enhanced in every other slice.
        let enhanced = |by: i16| {
            let mut mixed = chest(60);
            for slice in (0..60).step_by(2) {
                let mut plane = mixed.index_axis_mut(Axis(0), slice);
                for ((y, x), value) in plane.indexed_iter_mut() {
                    if (24..40).contains(&y) && (36..50).contains(&x) {
                        *value += by;
                    }
                }
            }
            mixed
        };
        assert!(!alternates(&enhanced(15), 1.5));
        assert!(alternates(&enhanced(120), 1.5));
    }
}
