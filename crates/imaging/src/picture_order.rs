//! Whether the pictures of a stack go on from slice to slice, as those of one scan do in the order of their places.
//!
//! Positions may be written wrongly, and two scans may lie under one set of headers. What a scan looks like does not lie: the
//! picture next to a slice is nearer to it than those further away. Held against each other are small pictures, in
//! Hounsfield units.

use ndarray::{Array3, ArrayView2, Axis};
use rayon::prelude::*;

use crate::coarse_picture::{COMPARED, difference};
use crate::picture_turns::stray_by_turns;

/// Fewer slices do not say what belongs between them.
const LEAST_SLICES: usize = 16;
/// A side of a small picture has so many points at most, each the mean of what lies there: so noise counts for little.
const SIDE_POINTS: usize = 64;
/// Added to each difference: what lies below is noise.
const NOISE_HU: f64 = 3.0;
/// A stack has an order where some of its slices are so many times as far from the first as neighbours are from each other in the
/// median: a made one of equal slices has none.
const LEAST_CHANGE: f64 = 2.0;
/// …and so far at least: noise alone differs by less.
const LEAST_CHANGE_HU: f64 = 13.0;
const SAMPLED_SLICES: usize = 8;
/// A step is long where it is so many times as long as those around it in the median.
const LONG_STEP: f64 = 1.1;
const AROUND: usize = 6;
/// So many long steps are tried, the longest.
const MOST_LONG_STEPS: usize = 96;
/// Of these, where a block may have been taken out and put in elsewhere.
const MOST_BLOCK_STEPS: usize = 32;
/// Where a run is turned round the steps concerned are together so many times shorter. In six real series and a phantom, thinned
/// and averaged to 10 mm, with noise of 80 HU, gaps, and a chest that breathes or a heart that beats as they are scanned, it is at
/// most 0.9…
const LEAST_TURNED_GAIN: f64 = 1.15;
/// …where a block is moved so many times (there at most 0.8 in the series, 1.2 in the phantom)…
const LEAST_MOVED_GAIN: f64 = 1.35;
/// …and where an end of the stack moves, so many: both ends may show little, and be alike (there at most 0.6 and 1.6).
const LEAST_END_GAIN: f64 = 2.0;
/// …and so many Hounsfield units shorter, over the whole small pictures.
const LEAST_GAIN_HU: f64 = 4.0;
/// Over a run of so many slices…
const RUN: usize = 12;
/// …those further apart, up to so far…
const FARTHEST: usize = 8;
/// …differ by less than this part of what nearer ones do: they are of two scans by turns. In the same series at least 1.02.
const LARGEST_TURN_SHARE: f64 = 0.9;
/// A step is a seam where it is so many times as long as the longest of the three on either side. In the same series at most 1.58.
const LEAST_SEAM: f64 = 2.0;
const BESIDE_SEAM: usize = 3;
/// Where the headers say that another acquisition begins, one step in a thousand of one breath is so long…
const LEAST_SEAM_AT_BREAK: f64 = 1.2;
const LEAST_GAIN_AT_BREAK_HU: f64 = 2.0;
/// …and one in two hundred is so long beside what [`LEAST_REPEAT`] asks about.
const LEAST_REPEAT_AT_BREAK: f64 = 0.9;
/// A stack begins anew where both slices of a step are nearer to others, up to so far beyond the other one of the two: by so much. In
/// the same series at most 0.8.
const LEAST_REPEAT: f64 = 1.05;
const REPEATED_SLICES: usize = 8;
/// A slice shows a body where so much of it is tissue: where a body begins in empty slices is no seam.
const LEAST_TISSUE_SHARE: f64 = 0.05;
const TISSUE_ABOVE: i16 = -500;

/// Why the pictures cannot be one scan in the order of their places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderDoubt {
    /// In another order they go on: slices are exchanged, a run of them is turned round, or a block of them moved.
    OtherOrder,
    /// Two or more scans, or breaths, lie between each other, by turns or as far as they overlap.
    ByTurns,
    /// One scan ends where another begins.
    Seam,
    /// More than a quarter of the slices are copies of others or belong elsewhere.
    ManyForeign,
}

/// What is known of the steps of a stack, each by its first slice.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KnownSteps<'steps> {
    /// In which slices are missing.
    pub(crate) gaps: &'steps [usize],
    /// At which by the headers another acquisition begins.
    pub(crate) breaks: &'steps [usize],
}

/// What speaks against the order of a stack, axes `(z, y, x)`.
pub(crate) fn order_doubt(hounsfield: &Array3<i16>, known: KnownSteps<'_>) -> Option<OrderDoubt> {
    let slices = hounsfield.len_of(Axis(0));
    if slices < LEAST_SLICES {
        return None;
    }
    let stack = Stack {
        pictures: (0..slices)
            .into_par_iter()
            .map(|slice| small_picture(&hounsfield.index_axis(Axis(0), slice)))
            .collect(),
    };
    let farthest = stack.farthest();
    if farthest < LEAST_CHANGE_HU {
        return None;
    }
    if stack.turns() {
        return Some(OrderDoubt::ByTurns);
    }
    let steps: Vec<f64> = (1..slices).map(|slice| stack.between(slice - 1, slice)).collect();
    if farthest <= LEAST_CHANGE * median(steps.clone()) {
        return None;
    }
    let long = long_steps(&steps);
    if stack.fits_better_in_another_order(&steps, &long) {
        return Some(OrderDoubt::OtherOrder);
    }
    if stray_by_turns(
        &stack.pictures,
        side_points(hounsfield.len_of(Axis(2))),
        known.gaps,
    ) {
        return Some(OrderDoubt::ByTurns);
    }
    (stack.has_seam(&steps, known) || stack.repeats(&steps, known.breaks)).then_some(OrderDoubt::Seam)
}

/// Points along the side of a block, and blocks along a side.
fn block_points(points: usize) -> usize {
    points.div_ceil(SIDE_POINTS).max(1)
}

fn side_points(points: usize) -> usize {
    points / block_points(points)
}

/// The picture as means of blocks.
fn small_picture(picture: &ArrayView2<'_, i16>) -> Vec<i16> {
    let (rows, columns) = picture.dim();
    let blocks = picture.exact_chunks((block_points(rows), block_points(columns)));
    blocks
        .into_iter()
        .map(|block| {
            let sum: i64 = block
                .iter()
                .map(|value| i64::from((*value).clamp(COMPARED.0, COMPARED.1)))
                .sum();
            (sum / block.len() as i64) as i16
        })
        .collect()
}

/// The steps that are longer than those around them, by their first slice, the longest by proportion first.
fn long_steps(steps: &[f64]) -> Vec<usize> {
    let mut long: Vec<(f64, usize)> = (0..steps.len())
        .filter_map(|at| {
            let around = &steps[at.saturating_sub(AROUND)..(at + AROUND + 1).min(steps.len())];
            let times = steps[at] / median(around.to_vec());
            (times > LONG_STEP).then_some((times, at))
        })
        .collect();
    long.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(&other.1)));
    long.truncate(MOST_LONG_STEPS);
    long.into_iter().map(|(_, at)| at).collect()
}

fn median(mut values: Vec<f64>) -> f64 {
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

/// Whether what is there now is worth exchanging for what would be there.
fn is_better(now: f64, then: f64, least_gain: f64) -> bool {
    now > least_gain * then && now - then > LEAST_GAIN_HU
}

struct Stack {
    pictures: Vec<Vec<i16>>,
}

impl Stack {
    fn between(&self, one: usize, other: usize) -> f64 {
        difference(&self.pictures[one], &self.pictures[other]) + NOISE_HU
    }

    /// Whether over a run of slices those further apart are more alike than nearer ones.
    fn turns(&self) -> bool {
        let count = self.pictures.len();
        let farthest = FARTHEST.min(count.saturating_sub(RUN));
        // Of each distance the differences, summed up from the first slice on.
        let summed: Vec<Vec<f64>> = (1..=farthest)
            .into_par_iter()
            .map(|apart| {
                let mut sum = 0.0;
                std::iter::once(0.0)
                    .chain((apart..count).map(|slice| {
                        sum += self.between(slice - apart, slice);
                        sum
                    }))
                    .collect()
            })
            .collect();
        let run = |sums: &[f64], first: usize| sums[first + RUN] - sums[first];
        summed.iter().enumerate().any(|(index, far)| {
            summed[..index].iter().any(|near| {
                (0..far.len().saturating_sub(RUN)).any(|first| {
                    let (near, far) = (run(near, first), run(far, first));
                    far < LARGEST_TURN_SHARE * near && (near - far) / RUN as f64 > LEAST_GAIN_HU
                })
            })
        })
    }

    /// How far some slices along the stack are from the first, at most.
    fn farthest(&self) -> f64 {
        let last = self.pictures.len() - 1;
        (1..=SAMPLED_SLICES)
            .map(|part| self.between(0, last * part / SAMPLED_SLICES))
            .fold(0.0, f64::max)
    }

    /// Whether a run of slices fits better the other way round, or a block of them elsewhere.
    fn fits_better_in_another_order(&self, steps: &[f64], long: &[usize]) -> bool {
        let last = self.pictures.len() - 1;
        // A run from the first slice on, or up to the last one; and both parts exchanged.
        let ends = long.par_iter().any(|&at| {
            let joins =
                |one: usize, other: usize| is_better(steps[at], self.between(one, other), LEAST_END_GAIN);
            (at > 0 && joins(0, at + 1)) || (at + 2 < last && joins(at, last)) || joins(last, 0)
        });
        let turned = || {
            long.par_iter().any(|&before| {
                long.iter().filter(|after| **after > before + 1).any(|&after| {
                    let now = steps[before] + steps[after];
                    let then = self.between(before, after) + self.between(before + 1, after + 1);
                    is_better(now, then, LEAST_TURNED_GAIN)
                })
            })
        };
        ends || turned() || self.has_moved_block(steps, &long[..long.len().min(MOST_BLOCK_STEPS)])
    }

    /// Whether the slices between two long steps fit better between the slices of a third one, or at an end.
    fn has_moved_block(&self, steps: &[f64], long: &[usize]) -> bool {
        let last = self.pictures.len() - 1;
        long.par_iter().any(|&before| {
            long.iter().filter(|after| **after > before).any(|&after| {
                let closed = self.between(before, after + 1);
                let (first_of, last_of) = (before + 1, after);
                let open = steps[before] + steps[after];
                let between_others = long
                    .iter()
                    .filter(|place| **place < before || **place > after)
                    .any(|&place| {
                        let as_is = self.between(place, first_of) + self.between(last_of, place + 1);
                        let turned = self.between(place, last_of) + self.between(first_of, place + 1);
                        is_better(open + steps[place], closed + as_is.min(turned), LEAST_MOVED_GAIN)
                    });
                between_others
                    || [0, last].into_iter().any(|end| {
                        let joined = self.between(end, first_of).min(self.between(end, last_of));
                        end.clamp(first_of, last_of) != end
                            && is_better(open, closed + joined, LEAST_END_GAIN)
                    })
            })
        })
    }

    /// Whether a single step is far longer than those around it, though no slice is missing there.
    fn has_seam(&self, steps: &[f64], known: KnownSteps<'_>) -> bool {
        (BESIDE_SEAM..steps.len().saturating_sub(BESIDE_SEAM))
            .filter(|at| !known.gaps.contains(at))
            .any(|at| {
                let beside = (at - BESIDE_SEAM..=at + BESIDE_SEAM).filter(|other| *other != at);
                let longest = beside.map(|other| steps[other]).fold(0.0, f64::max);
                let (least, least_gain_hu) = if known.breaks.contains(&at) {
                    (LEAST_SEAM_AT_BREAK, LEAST_GAIN_AT_BREAK_HU)
                } else {
                    (LEAST_SEAM, LEAST_GAIN_HU)
                };
                steps[at] > least * longest
                    && steps[at] - longest > least_gain_hu
                    && self.shows_body(at)
                    && self.shows_body(at + 1)
            })
    }

    /// Whether at a step what was scanned is scanned again: the slice behind it is nearer to one long before, and the slice
    /// before it to one far behind.
    fn repeats(&self, steps: &[f64], breaks: &[usize]) -> bool {
        let count = self.pictures.len();
        (1..steps.len().saturating_sub(1)).into_par_iter().any(|at| {
            let nearest = |slice: usize, others: std::ops::Range<usize>| {
                others
                    .map(|other| self.between(slice, other))
                    .fold(f64::INFINITY, f64::min)
            };
            let before = nearest(at + 1, at.saturating_sub(REPEATED_SLICES)..at);
            let behind = nearest(at, at + 2..(at + 2 + REPEATED_SLICES).min(count));
            let beyond = before.max(behind);
            is_better(steps[at], beyond, LEAST_REPEAT)
                || (breaks.contains(&at) && steps[at] > LEAST_REPEAT_AT_BREAK * beyond)
        })
    }

    fn shows_body(&self, slice: usize) -> bool {
        let picture = &self.pictures[slice];
        let tissue = picture.iter().filter(|value| **value > TISSUE_ABOVE).count();
        tissue as f64 > LEAST_TISSUE_SHARE * picture.len() as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLICES: usize = 60;

    /// A body with two lungs, a heart and a dome under one of them, as it is at a height of 0 to 1; `breath` moves the lower part.
    fn picture(height: f64, breath: f64, noise: usize) -> impl Fn(usize, usize) -> i16 {
        move |y, x| {
            let height = height - breath * (1.0 - height);
            let (dy, dx) = (y as f64 - 31.5, x as f64 - 31.5);
            let within = |cy: f64, cx: f64, ry: f64, rx: f64| {
                ((dy - cy) / ry).powi(2) + ((dx - cx) / rx).powi(2) < 1.0
            };
            let lung = 4.0 + 11.0 * (std::f64::consts::PI * (0.15 + 0.8 * height)).sin();
            let is_lung = within(0.0, -13.0, lung, 0.6 * lung) || within(1.0, 13.0, lung, 0.55 * lung);
            let is_heart = within(-5.0, 5.0 + 4.0 * height, 12.0 * (0.6 - height), 9.0);
            let is_liver = within(2.0, -12.0, 14.0 * (0.35 - height), 9.0);
            let level = if !within(0.0, 0.0, 22.0 + 4.0 * height, 29.0 - 5.0 * height) {
                -1000
            } else if is_lung && !(height < 0.6 && is_heart) && !(height < 0.35 && is_liver) {
                -850
            } else {
                40
            };
            level + ((x * 7 + y * 13 + noise * 29 + x * y * noise) % 41) as i16 - 20
        }
    }

    /// The heights in this order, each as it is in a breath.
    fn stack(slices: impl Iterator<Item = (usize, f64)>) -> Array3<i16> {
        let pictures: Vec<(usize, f64)> = slices.collect();
        let mut volume = Array3::zeros((pictures.len(), 64, 64));
        for ((at, breath), mut plane) in pictures.into_iter().zip(volume.axis_iter_mut(Axis(0))) {
            let value = picture(at as f64 / SLICES as f64, breath, at);
            for ((y, x), voxel) in plane.indexed_iter_mut() {
                *voxel = value(y, x);
            }
        }
        volume
    }

    fn in_order(slices: impl IntoIterator<Item = usize>) -> Option<OrderDoubt> {
        order_doubt(
            &stack(slices.into_iter().map(|slice| (slice, 0.0))),
            KnownSteps::default(),
        )
    }

    #[test]
    fn a_whole_scan_goes_on_however_thick_its_slices_are() {
        for step in 1..4 {
            assert_eq!(in_order((0..SLICES).step_by(step)), None, "every {step}");
            assert_eq!(in_order((0..SLICES).rev().step_by(step)), None, "every {step}");
        }
        // A part of it, and one that begins in empty slices.
        assert_eq!(in_order(20..50), None);
        let mut empty = stack((0..SLICES).map(|slice| (slice, 0.0)));
        for slice in 0..9 {
            empty.index_axis_mut(Axis(0), slice).fill(-1000);
        }
        assert_eq!(order_doubt(&empty, KnownSteps::default()), None);
        // What is equal throughout has no order.
        let even = Array3::from_shape_fn((40, 64, 64), |(z, y, x)| {
            let is_lesion = (z == 10 || z == 20) && y > 40;
            ((x * 5 + y * 3 + z % 7 * 11) % 9) as i16 + if is_lesion { 40 } else { -100 }
        });
        assert_eq!(order_doubt(&even, KnownSteps::default()), None);
    }

    #[test]
    fn slices_in_another_order_are_told() {
        let mut exchanged: Vec<usize> = (0..SLICES).collect();
        exchanged.swap(30, 31);
        assert_eq!(in_order(exchanged), Some(OrderDoubt::OtherOrder));
        for (first, last) in [(20, 25), (20, 30), (0, 12), (45, 60)] {
            let mut turned: Vec<usize> = (0..SLICES).collect();
            turned[first..last].reverse();
            assert_eq!(in_order(turned), Some(OrderDoubt::OtherOrder), "{first}..{last}");
        }
        for to in [5, 50] {
            let mut moved: Vec<usize> = (0..SLICES).collect();
            let block: Vec<usize> = moved.drain(25..33).collect();
            moved.splice(to..to, block);
            assert!(in_order(moved).is_some(), "to {to}");
        }
        let halves = (30..SLICES).chain(0..30);
        assert!(in_order(halves).is_some());
    }

    #[test]
    fn two_breaths_are_told_by_turns_and_one_after_the_other() {
        let mixed = |is_other: fn(usize) -> bool| {
            let slices = (0..SLICES).map(|slice| (slice, if is_other(slice) { 0.35 } else { 0.0 }));
            order_doubt(&stack(slices), KnownSteps::default())
        };
        assert_eq!(mixed(|slice| slice % 2 == 1), Some(OrderDoubt::ByTurns));
        assert_eq!(mixed(|slice| slice / 2 % 2 == 1), Some(OrderDoubt::ByTurns));
        assert_eq!(mixed(|slice| slice % 3 == 1), Some(OrderDoubt::ByTurns));
        assert_eq!(
            mixed(|slice| (10..34).contains(&slice) && slice % 2 == 1),
            Some(OrderDoubt::ByTurns)
        );
        // One after the other: what lies between is missing, or comes twice.
        assert!(mixed(|slice| slice >= 25).is_some());
        assert!(mixed(|slice| slice < 25).is_some());
    }

    #[test]
    fn slices_that_are_known_to_be_missing_are_no_seam() {
        let slices = || (0..25).chain(35..SLICES).map(|slice| (slice, 0.0));
        let missing = KnownSteps {
            gaps: &[24],
            ..KnownSteps::default()
        };
        assert_eq!(order_doubt(&stack(slices()), missing), None);
        let seam = order_doubt(&stack(slices()), KnownSteps::default());
        assert_eq!(seam, Some(OrderDoubt::Seam));
        // Every third or fifth one.
        for every in [3, 5] {
            let kept = || (0..SLICES).filter(|slice| slice % every != 0);
            let gaps: Vec<usize> = (0..kept().count()).skip(every - 2).step_by(every - 1).collect();
            let missing = KnownSteps {
                gaps: &gaps,
                ..KnownSteps::default()
            };
            let volume = stack(kept().map(|slice| (slice, 0.0)));
            assert_eq!(order_doubt(&volume, missing), None, "every {every}");
        }
    }

    #[test]
    fn breaths_that_differ_by_little_are_told_by_turns_and_where_the_headers_tell_of_a_second_one() {
        let mixed = |breath: f64, is_other: fn(usize) -> bool, known| {
            let slices = (0..SLICES).map(|slice| (slice, if is_other(slice) { breath } else { 0.0 }));
            order_doubt(&stack(slices), known)
        };
        // One slice of 60 at the base, less above.
        for turns in [
            |slice| slice % 2 == 1,
            |slice| slice / 2 % 2 == 1,
            |slice| slice % 3 == 1,
        ] {
            let told = mixed(0.017, turns, KnownSteps::default());
            assert!(
                matches!(told, Some(OrderDoubt::ByTurns | OrderDoubt::OtherOrder)),
                "{told:?}"
            );
        }
        let at_break = KnownSteps {
            breaks: &[19],
            ..KnownSteps::default()
        };
        let halves = |slice| slice >= 20;
        assert_eq!(mixed(0.0, halves, at_break), None, "one breath");
        assert_eq!(
            mixed(-0.03, halves, KnownSteps::default()),
            None,
            "nothing tells of it"
        );
        assert_eq!(mixed(-0.03, halves, at_break), Some(OrderDoubt::Seam));
    }
}
