//! Slices that show nothing of what was scanned in their place: those without a picture, those of which only a part
//! arrived, copies of another slice and pictures that belong elsewhere.
//!
//! Hounsfield units, axes `(z, y, x)`.

use std::collections::HashMap;

use ndarray::{Array3, ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::coarse_picture::{COMPARED, NOISE_HU, coarse_picture, difference};
use crate::error::ImagingError;
use crate::mirrored_slices::mirrored_slices;
use crate::picture_order::{KnownSteps, OrderDoubt, order_doubt};

/// A part of a picture is missing where so many of its lines are one value and hold tissue in the slices beside it…
const LEAST_CUT_SHARE: f64 = 1.0 / 32.0;
/// …and at an end of the stack, where only one slice lies beside it and a body may narrow.
const LEAST_CUT_SHARE_AT_END: f64 = 1.0 / 8.0;
const TISSUE_ABOVE: i16 = -500;
/// Part of a line, and of a picture.
const LEAST_TISSUE_SHARE: f64 = 0.05;
/// A picture of one value but for less than this part of it shows nothing.
const LARGEST_SPECKS_SHARE: f64 = 0.005;
/// Fewer slices do not say what belongs between them.
const LEAST_SLICES: usize = 12;
/// So many slices after each other may belong elsewhere.
const LONGEST_RUN: usize = 3;
/// A picture belongs elsewhere where it differs from both its neighbours by so many times as much as these differ from
/// each other: in six real series, taken apart to 10 mm too, at most 0.8.
const LEAST_STRANGENESS: f64 = 1.8;
/// At an end of the stack it is held against how much the next two differ: there at most 1.2.
const LEAST_STRANGENESS_AT_END: f64 = 3.0;
/// Where more of the slices than this seem to belong elsewhere, nobody knows which ones do.
const LARGEST_STRANGE_SHARE: f64 = 0.25;
const MIRRORED: &str = "many of its slices lie mirrored against the others, so that nobody knows which side is which; export it again";

/// The slices of a stack but for those that are left out.
pub(crate) fn slices_kept(slices: usize, left_out: &[usize]) -> Vec<usize> {
    (0..slices).filter(|slice| !left_out.contains(slice)).collect()
}

/// The slices that are one value throughout, or from a line on to an end while the slices beside them hold tissue there.
/// None of a volume that is nothing else.
pub(crate) fn slices_without_picture(hounsfield: &Array3<i16>) -> Vec<usize> {
    let slices = hounsfield.len_of(Axis(0));
    let told: Vec<Content> = (0..slices)
        .into_par_iter()
        .map(|slice| content(&hounsfield.index_axis(Axis(0), slice)))
        .collect();
    let has_picture = |slice: &usize| told[*slice] == Content::Picture;
    if !(0..slices).any(|slice| has_picture(&slice)) {
        return Vec::new();
    }
    (0..slices)
        .into_par_iter()
        .filter(|slice| {
            let beside = [
                (0..*slice).rev().find(has_picture),
                (slice + 1..slices).find(has_picture),
            ];
            match told[*slice] {
                Content::OneValue => true,
                // Air without noise is one value too: it is missing where a body is.
                Content::Specks => beside.iter().all(|other| {
                    other.is_some_and(|other| holds_tissue(hounsfield.index_axis(Axis(0), other).iter()))
                }),
                Content::Picture => is_cut(hounsfield, *slice, beside),
            }
        })
        .collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    OneValue,
    /// One value and hardly anything else.
    Specks,
    Picture,
}

fn content(picture: &ArrayView2<'_, i16>) -> Content {
    let value = picture[[0, 0]];
    let others = picture.iter().filter(|other| **other != value).count();
    if others == 0 {
        Content::OneValue
    } else if (others as f64) < LARGEST_SPECKS_SHARE * picture.len() as f64 {
        Content::Specks
    } else {
        Content::Picture
    }
}

fn is_cut(hounsfield: &Array3<i16>, slice: usize, beside: [Option<usize>; 2]) -> bool {
    let picture = hounsfield.index_axis(Axis(0), slice);
    let beside: Vec<ArrayView2<'_, i16>> = beside
        .into_iter()
        .flatten()
        .map(|other| hounsfield.index_axis(Axis(0), other))
        .collect();
    let least = match beside.len() {
        0 => return false,
        1 => LEAST_CUT_SHARE_AT_END,
        _ => LEAST_CUT_SHARE,
    };
    // Pictures were turned to the patient: their end may lie on any side.
    [0, 1].into_iter().map(Axis).any(|axis| {
        let lines = picture.len_of(axis);
        [false, true].into_iter().any(|is_from_end| {
            let place = |line: usize| if is_from_end { lines - 1 - line } else { line };
            let value = picture.index_axis(axis, place(0))[0];
            let is_one_value = |line: &usize| {
                let line: ArrayView1<'_, i16> = picture.index_axis(axis, place(*line));
                line.iter().all(|other| *other == value)
            };
            let missing = (0..lines)
                .take_while(is_one_value)
                .filter(|line| {
                    beside.iter().all(|other| {
                        let line = other.index_axis(axis, place(*line));
                        // What surrounds the field of view may be filled with a value of tissue.
                        let is_filled = line.iter().all(|value| *value == line[0]);
                        !is_filled && holds_tissue(line.iter())
                    })
                })
                .count();
            missing as f64 >= least * lines as f64
        })
    })
}

fn holds_tissue<'values>(values: impl ExactSizeIterator<Item = &'values i16>) -> bool {
    let all = values.len();
    let tissue = values.filter(|value| **value > TISSUE_ABOVE).count();
    tissue as f64 > LEAST_TISSUE_SHARE * all as f64
}

/// Slices that show nothing of their place.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// In ascending order.
    pub(crate) left_out: Vec<usize>,
    /// How many more there are of which nobody knows which ones: they stay.
    pub(crate) doubtful: usize,
}

impl Elsewhere {
    /// How many slices that is.
    pub(crate) fn count(&self) -> usize {
        self.left_out.len() + self.doubtful
    }

    /// What speaks against the order of the slices that stay: that many may belong elsewhere, or what they show.
    pub(crate) fn order_doubt(&self, hounsfield: &Array3<i16>, known: KnownSteps<'_>) -> Option<OrderDoubt> {
        if self.doubtful > 0 {
            return Some(OrderDoubt::ManyForeign);
        }
        order_doubt(hounsfield, known)
    }
}

/// The slices that are the very picture of another one, of which the one stays that fits its neighbours best, those
/// that lie mirrored, and those that are unlike both their neighbours while these are like each other.
///
/// None of a few slices. Where they are more than a quarter, nobody knows which ones belong there: all stay and are counted.
///
/// # Errors
/// [`ImagingError::InconsistentSeries`] where more than a quarter of the slices are mirrored: nobody knows which side is which.
pub(crate) fn slices_from_elsewhere(hounsfield: &Array3<i16>) -> Result<Elsewhere, ImagingError> {
    let slices = hounsfield.len_of(Axis(0));
    if slices < LEAST_SLICES {
        return Ok(Elsewhere::default());
    }
    let pictures: Vec<Vec<i16>> = (0..slices)
        .into_par_iter()
        .map(|slice| coarse_picture(&hounsfield.index_axis(Axis(0), slice), COMPARED))
        .collect();
    let too_many = |found: &[usize]| found.len() as f64 > LARGEST_STRANGE_SHARE * slices as f64;
    let Elsewhere {
        mut left_out,
        mut doubtful,
    } = copied(hounsfield, &pictures);
    let mirrored = mirrored_slices(hounsfield, &slices_kept(slices, &left_out));
    if too_many(&mirrored) {
        return Err(ImagingError::InconsistentSeries(MIRRORED.into()));
    }
    left_out.extend(mirrored);
    let strange = strange(&slices_kept(slices, &left_out), &pictures);
    if too_many(&strange) {
        doubtful += strange.len();
    } else {
        left_out.extend(strange);
    }
    left_out.sort_unstable();
    Ok(Elsewhere { left_out, doubtful })
}

/// No two pictures of a scan are equal to the last bit: noise never repeats. Made pictures may repeat all through a stack
/// that hardly changes from slice to slice: of these only those count that lie beside each other.
fn copied(hounsfield: &Array3<i16>, pictures: &[Vec<i16>]) -> Elsewhere {
    let picture = |slice: usize| hounsfield.index_axis(Axis(0), slice);
    // Most are told apart by a few of their points.
    let mut groups: HashMap<&[i16], Vec<Vec<usize>>> = HashMap::new();
    for (slice, points) in pictures.iter().enumerate() {
        let alike = groups.entry(points.as_slice()).or_default();
        match alike.iter_mut().find(|group| picture(group[0]) == picture(slice)) {
            Some(group) => group.push(slice),
            None => alike.push(vec![slice]),
        }
    }
    let misfit = |slice: usize| {
        let beside = [
            slice.checked_sub(1),
            Some(slice + 1).filter(|next| *next < pictures.len()),
        ];
        beside
            .into_iter()
            .flatten()
            .map(|other| difference(&pictures[slice], &pictures[other]))
            .fold(0.0, f64::max)
    };
    let copies: Vec<usize> = groups
        .into_values()
        .flatten()
        .filter(|group| group.len() > 1)
        .flat_map(|group| {
            let best = group
                .iter()
                .copied()
                .min_by(|a, b| misfit(*a).total_cmp(&misfit(*b)).then(a.cmp(b)));
            group.into_iter().filter(move |slice| Some(*slice) != best)
        })
        .collect();
    if copies.len() as f64 <= LARGEST_STRANGE_SHARE * pictures.len() as f64 {
        Elsewhere {
            left_out: copies,
            doubtful: 0,
        }
    } else {
        let left_out: Vec<usize> = (1..pictures.len())
            .filter(|slice| picture(*slice) == picture(slice - 1))
            .collect();
        let doubtful = if hardly_changes(pictures) {
            0
        } else {
            copies.len().saturating_sub(left_out.len())
        };
        Elsewhere { left_out, doubtful }
    }
}

/// Whether no slice differs from the first one by more than noise.
fn hardly_changes(pictures: &[Vec<i16>]) -> bool {
    pictures
        .iter()
        .all(|picture| difference(&pictures[0], picture) <= NOISE_HU)
}

/// Of `slices`, which ascend, those that belong elsewhere.
fn strange(slices: &[usize], pictures: &[Vec<i16>]) -> Vec<usize> {
    let count = slices.len();
    let between = |a: usize, b: usize| difference(&pictures[slices[a]], &pictures[slices[b]]);
    let mut found = vec![false; count];
    for run in 1..=LONGEST_RUN {
        for first in 1..count.saturating_sub(run) {
            let (before, last) = (first - 1, first + run - 1);
            if found[before..=last + 1].iter().any(|is| *is) {
                continue;
            }
            let beside = between(before, first).min(between(last, last + 1));
            if beside > LEAST_STRANGENESS * (between(before, last + 1) + NOISE_HU) {
                found[first..=last].fill(true);
            }
        }
    }
    if count >= LEAST_SLICES {
        for [end, next, then] in [[0, 1, 2], [count - 1, count - 2, count - 3]] {
            let is_judged = !found[next] && !found[then];
            let own = between(end, next);
            found[end] = is_judged && own > LEAST_STRANGENESS_AT_END * (between(next, then) + NOISE_HU);
        }
    }
    slices
        .iter()
        .zip(found)
        .filter_map(|(slice, is_strange)| is_strange.then_some(*slice))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body that begins in the fourth slice and leans as it goes up, in air without noise.
    fn stack() -> Array3<i16> {
        Array3::from_shape_fn((16, 64, 64), |(z, y, x)| {
            let (dy, dx) = (y as f64 - 31.5 - 0.5 * z as f64, x as f64 - 31.5);
            if z > 2 && dy * dy + dx * dx < 600.0 {
                40 + ((x + 3 * z) % 7) as i16
            } else if z <= 2 && (y, x) == (40, 40 + z) {
                -990
            } else {
                -1024
            }
        })
    }

    #[test]
    fn every_slice_of_a_whole_stack_has_a_picture_of_its_place() {
        assert!(slices_without_picture(&stack()).is_empty());
        assert!(slices_without_picture(&Array3::from_elem((4, 8, 8), -1024)).is_empty());
        let body = stack().slice(ndarray::s![3.., .., ..]).to_owned();
        assert_eq!(slices_from_elsewhere(&body).unwrap(), Elsewhere::default());
    }

    #[test]
    fn blank_slices_and_those_cut_off_on_any_side_have_no_picture() {
        for value in [-1024, 0, 3071] {
            let mut volume = stack();
            volume.index_axis_mut(Axis(0), 6).fill(value);
            volume.index_axis_mut(Axis(0), 7).fill(value);
            // A word written into it makes no picture.
            volume[[7, 60, 60]] = 500;
            assert_eq!(slices_without_picture(&volume), [6, 7], "{value}");
            for range in [0..32, 32..64] {
                let mut rows = stack();
                rows.slice_mut(ndarray::s![8, range.clone(), ..]).fill(value);
                assert_eq!(slices_without_picture(&rows), [8], "{value}");
                let mut columns = stack();
                columns.slice_mut(ndarray::s![15, .., range]).fill(value);
                assert_eq!(slices_without_picture(&columns), [15], "{value}");
            }
        }
    }

    #[test]
    fn copies_of_other_slices_belong_elsewhere() {
        let mut volume = stack().slice(ndarray::s![3.., .., ..]).to_owned();
        for (from, to) in [(2, 8), (3, 9)] {
            let picture = volume.index_axis(Axis(0), from).to_owned();
            volume.index_axis_mut(Axis(0), to).assign(&picture);
        }
        assert_eq!(slices_from_elsewhere(&volume).unwrap().left_out, [8, 9]);
        // Of a slice and its copy the one stays that fits what lies around.
        for (from, to) in [(7, 6), (6, 7)] {
            let mut volume = stack().slice(ndarray::s![3.., .., ..]).to_owned();
            let picture = volume.index_axis(Axis(0), from).to_owned();
            volume.index_axis_mut(Axis(0), to).assign(&picture);
            assert_eq!(slices_from_elsewhere(&volume).unwrap().left_out, [to]);
        }
        // Each picture twice, as where slices were made up between those scanned.
        let body = stack().slice(ndarray::s![3.., .., ..]).to_owned();
        let twice = Array3::from_shape_fn((26, 64, 64), |(z, y, x)| body[[z / 2, y, x]]);
        let copies: Vec<usize> = (1..26).step_by(2).collect();
        let found = slices_from_elsewhere(&twice).unwrap();
        assert_eq!((found.left_out, found.doubtful), (copies, 0));
    }

    /// A body with two lungs that are no mirrors of each other and grow as it goes up, with noise that repeats after seven
    /// slices.
    fn chest(slices: usize) -> Array3<i16> {
        Array3::from_shape_fn((slices, 64, 64), |(z, y, x)| {
            let (dy, dx) = (y as f64 - 31.5, x as f64 - 31.5);
            let right = (12..18 + z / 2 + z % 2).contains(&x) && (16..36).contains(&y);
            let left = (40..50).contains(&x) && y >= 24 && (y as f64) < 30.0 + z as f64 / 2.0;
            let noise = ((x * 5 + y * 3 + z % 7 * 11) % 13) as i16;
            noise
                + if dy * dy + dx * dx >= 700.0 {
                    -1000
                } else if right || left {
                    -850
                } else {
                    40
                }
        })
    }

    #[test]
    fn copies_count_however_many_they_are_and_wherever_they_lie() {
        let whole = chest(26);
        assert_eq!(slices_from_elsewhere(&whole).unwrap(), Elsewhere::default());
        // Every third place shows the first slice; the upper half repeats the lower; two slices by turns.
        type Copies = fn(usize) -> usize;
        let kinds: [(Copies, usize); 3] = [
            (|z| if z % 3 == 0 { 0 } else { z }, 8),
            (|z| z % 13, 13),
            (|z| z % 2 * 20, 24),
        ];
        for (from, copies) in kinds {
            let volume = Array3::from_shape_fn((26, 64, 64), |(z, y, x)| whole[[from(z), y, x]]);
            let found = slices_from_elsewhere(&volume).unwrap();
            assert!(found.count() >= copies, "{found:?}");
        }
    }

    #[test]
    fn a_made_stack_that_hardly_changes_may_repeat() {
        let made = Array3::from_shape_fn((26, 64, 64), |(z, y, x)| {
            let noise = ((x * 5 + y * 3 + z % 7 * 11) % 9) as i16;
            noise
                + if (16..48).contains(&y) && (16..48).contains(&x) {
                    40
                } else {
                    -1000
                }
        });
        assert_eq!(slices_from_elsewhere(&made).unwrap(), Elsewhere::default());
    }

    #[test]
    fn where_many_slices_are_foreign_or_mirrored_nobody_knows_which() {
        let whole = chest(26);
        let mut half = whole.clone();
        for z in 13..26 {
            let mut picture = whole.index_axis(Axis(0), z).to_owned();
            picture.invert_axis(Axis(0));
            half.index_axis_mut(Axis(0), z).assign(&picture);
        }
        // Every third picture is of something else.
        let mixed = Array3::from_shape_fn((26, 64, 64), |(z, y, x)| {
            let noise = ((x * 3 + y * 7 + z * 11) % 13) as i16;
            let is_inside = (4..60).contains(&x) && (4..60).contains(&y);
            match (z % 3, is_inside) {
                (1, true) => 60 + noise,
                (1, false) => -1000 + noise,
                _ => whole[[z, y, x]],
            }
        });
        let refused = slices_from_elsewhere(&half).unwrap_err();
        assert!(
            matches!(&refused, ImagingError::InconsistentSeries(why) if why.contains("mirrored")),
            "{refused}"
        );
        let found = slices_from_elsewhere(&mixed).unwrap();
        assert!(found.left_out.is_empty() && found.doubtful > 6, "{found:?}");
    }

    #[test]
    fn a_filling_around_the_field_of_view_is_no_missing_part() {
        for filling in [32_767, 0] {
            let mut volume = stack();
            for ((_, y, x), value) in volume.indexed_iter_mut() {
                if (y as f64 - 31.5).hypot(x as f64 - 31.5) > 28.0 {
                    *value = filling;
                }
            }
            assert!(slices_without_picture(&volume).is_empty(), "{filling}");
        }
    }

    #[test]
    fn pictures_that_are_unlike_their_neighbours_belong_elsewhere() {
        let body = stack().slice(ndarray::s![3.., .., ..]).to_owned();
        for run in [vec![6], vec![6, 7], vec![0], vec![12]] {
            let mut volume = body.clone();
            for slice in &run {
                // Upside down, and out of place.
                let mut picture = body.index_axis(Axis(0), *slice).to_owned();
                picture.invert_axis(Axis(0));
                let moved = Array3::from_shape_fn((1, 64, 64), |(_, y, x)| picture[[y, (x + 24) % 64]]);
                volume
                    .index_axis_mut(Axis(0), *slice)
                    .assign(&moved.index_axis(Axis(0), 0));
            }
            assert_eq!(slices_from_elsewhere(&volume).unwrap().left_out, run);
        }
    }
}
