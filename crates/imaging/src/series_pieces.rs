//! What one Series Instance UID names of a series that was scattered over several, and whether such pieces lie as one
//! stack does.

use crate::dicom_header::InstanceHeader;
use crate::frame_marks::FrameMarks;
use crate::slice_order::{Vector, are_parallel, dot, plane_axes};
use crate::study::Instance;

/// Of the steps of a stack, those that lead from one piece to another where pieces lie by turns.
const LEAST_TURNS: f64 = 0.8;
/// Steps within a stack lie between these parts of the usual one.
const EVEN_STEPS: std::ops::RangeInclusive<f64> = 0.5..=1.5;

/// Images of one Series Instance UID.
#[derive(Debug, Clone, Default)]
pub(crate) struct Piece {
    /// Positions in the study.
    pub(crate) instances: Vec<usize>,
    /// Frames of these.
    pub(crate) images: usize,
}

impl Piece {
    pub(crate) fn of(instance: usize, images: usize) -> Self {
        Self {
            instances: vec![instance],
            images,
        }
    }

    pub(crate) fn add(&mut self, instance: usize, images: usize) {
        self.instances.push(instance);
        self.images += images;
    }
}

/// Whether all images of the pieces lie evenly spaced above each other, no place twice.
pub(crate) fn are_one_stack(pieces: &[&Piece], instances: &[Instance]) -> bool {
    let Some(places) = places_of_pieces(pieces, instances) else {
        return false;
    };
    let mut places: Vec<f64> = places.into_iter().flatten().collect();
    places.sort_by(f64::total_cmp);
    is_even(&places)
}

/// Whether the pieces lie one above the other and together evenly spaced.
pub(crate) fn follow_each_other(pieces: &[&Piece], instances: &[Instance]) -> bool {
    let Some(mut places) = places_of_pieces(pieces, instances) else {
        return false;
    };
    for piece in &mut places {
        piece.sort_by(f64::total_cmp);
    }
    places.sort_by(|a, b| a[0].total_cmp(&b[0]));
    is_even(&places.concat())
}

/// Whether the pieces' images lie by turns in one evenly spaced stack, as where every other slice went into a series of
/// its own.
pub(crate) fn lie_by_turns(pieces: &[&Piece], instances: &[Instance]) -> bool {
    let Some(places) = places_of_pieces(pieces, instances) else {
        return false;
    };
    take_turns(&places)
}

fn take_turns(places: &[Vec<f64>]) -> bool {
    let mut stack: Vec<(f64, usize)> = places
        .iter()
        .enumerate()
        .flat_map(|(piece, places)| places.iter().map(move |place| (*place, piece)))
        .collect();
    stack.sort_by(|a, b| a.0.total_cmp(&b.0));
    let heights: Vec<f64> = stack.iter().map(|(place, _)| *place).collect();
    let turns = stack.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
    places.len() > 1 && is_even(&heights) && turns as f64 >= LEAST_TURNS * (heights.len() - 1) as f64
}

/// Whether all that is said of space and time is the same in all pieces: one frame of reference, one acquisition number
/// and voltage, and times that overlap.
pub(crate) fn are_of_one_acquisition(pieces: &[&Piece], instances: &[Instance]) -> bool {
    let headers = |piece: &Piece| -> Vec<&InstanceHeader> {
        let of = piece.instances.iter();
        of.map(|index| instances[*index].header.as_ref()).collect()
    };
    let all: Vec<Vec<&InstanceHeader>> = pieces.iter().map(|piece| headers(piece)).collect();
    let Some(first) = all.first().and_then(|piece| piece.first()) else {
        return false;
    };
    let is_same = |header: &&InstanceHeader| {
        let [marks, others] = [first, header].map(|header| &header.frames[0].marks);
        header.frame_of_reference == first.frame_of_reference
            && FrameMarks::OF_ACQUISITION
                .iter()
                .all(|kind| marks.value(*kind) == others.value(*kind))
    };
    first.frame_of_reference.is_some()
        && all.iter().flatten().all(is_same)
        && FrameMarks::ACQUISITION_TIMES.iter().all(|kind| {
            let ranges: Vec<_> = all.iter().map(|piece| range_of_times(piece, *kind)).collect();
            ranges.iter().all(Option::is_none)
                || ranges.iter().all(|range| {
                    ranges.iter().all(|other| match (range, other) {
                        (Some((from, to)), Some((other_from, other_to))) => {
                            from <= other_to && other_from <= to
                        }
                        _ => false,
                    })
                })
        })
}

/// The earliest and the latest; times of DICOM sort as text.
fn range_of_times<'study>(
    headers: &[&'study InstanceHeader],
    kind: usize,
) -> Option<(&'study [u8], &'study [u8])> {
    let times = || {
        headers
            .iter()
            .flat_map(|header| &header.frames)
            .filter_map(|frame| frame.marks.value(kind))
    };
    times().min().zip(times().max())
}

/// Whether these places ascend by steps that are about alike.
fn is_even(places: &[f64]) -> bool {
    let steps: Vec<f64> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let mut sorted = steps.clone();
    sorted.sort_by(f64::total_cmp);
    let Some(usual) = sorted.get(sorted.len() / 2).copied() else {
        return false;
    };
    usual > 0.0 && steps.iter().all(|step| EVEN_STEPS.contains(&(step / usual)))
}

/// The places of each piece's images along the normal that all share; None where they share none or one has no place.
fn places_of_pieces(pieces: &[&Piece], instances: &[Instance]) -> Option<Vec<Vec<f64>>> {
    let first = pieces.first()?.instances.first()?;
    let orientation = instances[*first].header.frames.first()?.orientation;
    let (_, _, normal): (Vector, Vector, Vector) = plane_axes(&orientation?)?;
    pieces
        .iter()
        .map(|piece| {
            piece
                .instances
                .iter()
                .flat_map(|index| &instances[*index].header.frames)
                .map(|frame| {
                    let is_parallel = are_parallel(frame.orientation.as_ref(), orientation.as_ref());
                    frame
                        .position
                        .filter(|_| is_parallel)
                        .map(|position| dot(position, normal))
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{is_even, take_turns};

    #[test]
    fn a_stack_is_even_up_to_half_a_step() {
        assert!(is_even(&[0.0, 2.0, 4.1, 5.9, 8.0]));
        assert!(!is_even(&[0.0, 2.0, 4.0, 8.0, 10.0]), "a gap");
        assert!(!is_even(&[0.0, 2.0, 2.0, 4.0]), "a place twice");
        assert!(!is_even(&[0.0, 2.0, 4.0, 3.0, 5.0]), "pieces that overlap");
        assert!(!is_even(&[1.0]));
    }

    #[test]
    fn slices_dealt_out_over_a_few_series_take_turns() {
        assert!(take_turns(&[vec![0.0, 4.0, 8.0], vec![2.0, 6.0, 10.0]]));
        assert!(take_turns(&[vec![0.0, 6.0], vec![2.0, 8.0], vec![4.0, 10.0]]));
        assert!(
            !take_turns(&[vec![0.0, 2.0, 4.0], vec![6.0, 8.0, 10.0]]),
            "one above the other"
        );
        assert!(
            !take_turns(&[vec![0.0, 4.0, 8.0], vec![0.0, 4.0, 8.0]]),
            "at the same places"
        );
        assert!(!take_turns(&[vec![0.0, 2.0, 4.0]]), "one series");
    }
}
