//! Where, in the order of their numbers or times, one pass along the patient ends and the next begins.

use std::cmp::Ordering;

/// Where an image lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Equal for images in the same place, ascending along the stack.
    pub(crate) number: usize,
    pub(crate) along_mm: f64,
}

/// Numbers the passes of a sequence of images: each goes one way along the stack, without a place twice.
///
/// Where the way turns, the last image belongs to whichever pass it lies a usual step from: the next pass may begin half a
/// step beyond the end of the last one.
pub(crate) fn number_runs(places: &[Place]) -> Vec<usize> {
    let step = |from: usize| (places[from + 1].along_mm - places[from].along_mm).abs();
    let way = |from: usize| places[from + 1].number.cmp(&places[from].number);
    let steps = places.len().saturating_sub(1);
    let mut sorted: Vec<f64> = (0..steps).map(step).collect();
    sorted.sort_by(f64::total_cmp);
    let usual = sorted.get(steps / 2).copied().unwrap_or(0.0);
    let from_usual = |from: usize| (step(from) - usual).abs();

    let mut runs = Vec::with_capacity(places.len());
    runs.extend(places.first().map(|_| 0));
    // The way of the pass at hand; none at its first image.
    let (mut run, mut direction) = (0, None::<Ordering>);
    for image in 1..places.len() {
        let here = way(image - 1);
        let is_new = match direction {
            _ if here == Ordering::Equal => true,
            Some(direction) if direction != here => true,
            // It goes on, and turns at once: this is the first image of the way back, if that is the usual step.
            Some(_) if image < steps && way(image) == here.reverse() => {
                from_usual(image) < 0.5 * from_usual(image - 1)
            }
            _ => false,
        };
        if is_new {
            run += 1;
            direction = None;
        } else {
            direction = Some(here);
        }
        runs.push(run);
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::{Place, number_runs};

    /// The lengths of the passes.
    fn passes(along: &[f64]) -> Vec<usize> {
        let mut sorted = along.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        let places: Vec<Place> = along
            .iter()
            .map(|along_mm| Place {
                number: sorted.iter().position(|place| place == along_mm).unwrap(),
                along_mm: *along_mm,
            })
            .collect();
        let runs = number_runs(&places);
        let mut lengths = vec![0; runs.last().map_or(0, |last| last + 1)];
        for run in runs {
            lengths[run] += 1;
        }
        lengths
    }

    fn up(first: f64) -> Vec<f64> {
        (0..6).map(|index| first + 2.0 * f64::from(index)).collect()
    }

    fn down(first: f64) -> Vec<f64> {
        up(first).into_iter().rev().collect()
    }

    #[test]
    fn one_pass_is_one_whichever_way_it_goes() {
        assert_eq!(passes(&up(0.0)), [6]);
        assert_eq!(passes(&down(0.0)), [6]);
        assert_eq!(passes(&[0.0, 2.0, 4.0, 10.0, 12.0]), [5], "a gap");
        assert!(passes(&[]).is_empty());
        assert_eq!(passes(&[1.0]), [1]);
    }

    #[test]
    fn passes_between_each_other_are_parted_where_they_turn() {
        for shift in [1.0, -1.0, 0.5, -0.5] {
            for first in [up(0.0), down(0.0)] {
                for second in [up(shift), down(shift)] {
                    let both = [first.clone(), second].concat();
                    assert_eq!(passes(&both), [6, 6], "{both:?}");
                }
            }
        }
    }

    #[test]
    fn passes_in_the_same_places_are_parted() {
        assert_eq!(passes(&[up(0.0), up(0.0), up(0.0)].concat()), [6, 6, 6]);
        assert_eq!(passes(&[up(0.0), down(0.0)].concat()), [6, 6]);
        assert_eq!(
            passes(&[up(0.0), down(0.0)[1..].to_vec()].concat()),
            [6, 5],
            "turned at the shared end"
        );
    }
}
