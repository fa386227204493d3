//! What one Series Instance UID names of a series that was scattered over several, and whether such pieces lie as one
//! stack does.

use crate::slice_order::{Vector, are_parallel, dot, plane_axes};
use crate::study::Instance;

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
    use super::is_even;

    #[test]
    fn a_stack_is_even_up_to_half_a_step() {
        assert!(is_even(&[0.0, 2.0, 4.1, 5.9, 8.0]));
        assert!(!is_even(&[0.0, 2.0, 4.0, 8.0, 10.0]), "a gap");
        assert!(!is_even(&[0.0, 2.0, 2.0, 4.0]), "a place twice");
        assert!(!is_even(&[0.0, 2.0, 4.0, 3.0, 5.0]), "pieces that overlap");
        assert!(!is_even(&[1.0]));
    }
}
