//! Which measures the protocol moves too far to say anything: a measure that another protocol would have put on the other side
//! of its limit is not measurable.
//!
//! The movements are those of whole volumes whose slices were averaged to 5 mm and into which noise and sharpness were
//! computed (`models/training/run repeatability`, models/REPEATABILITY.md); of noise it is what as much noise again would
//! do to the study's own lungs.

use norma_domain::{Measure, MeasureCode, MeasureState, NotMeasurable};

use crate::density::Densities;
use crate::protocol::Protocol;

/// Norm chests averaged to 5 mm hold larger opacities by up to 7.2 ml, at the hilum, where vessels that run in the slice
/// are averaged with the lung between them.
const OPACITY_RAISED_BY_THICK_SLICES_ML: f64 = 10.0;
/// With pixels of 1.5 mm by up to 18 ml: they average in plane as well.
const OPACITY_RAISED_BY_COARSE_VOXELS_ML: f64 = 20.0;
/// With pixels over 1.5 mm by up to 10 ml in thin slices too (norm phantoms, 1.6 mm); with 1.3 and 1.4 mm by at most 1.2 ml.
const OPACITY_RAISED_BY_COARSE_PIXELS_ML: f64 = 10.0;
/// Sharpened over coarse pixels opacities fall to a quarter of what they were, or somewhat more.
const OPACITY_LOWERED_BY_SHARPENING: f64 = 3.0;
/// Lungs whose mean lies above were not filled: of the six series and two rendered norms at hand all but one (LUNG1-024, −662 HU) lie at −802 HU or below,
/// and after a breath that is 100 HU shallower at −759 HU and above.
const DEEP_MEAN_HU: f64 = -780.0;
/// By what such a breath raised the largest opacity of three norms: 2.3, 6.3 and 11.3 ml.
const OPACITY_RAISED_BY_SHALLOW_BREATH_ML: f64 = 12.0;
/// Averaged to 5 mm, lungs with 0.2 to 3.7 % below −950 HU lose up to 1.5 % of their volume there.
const LOW_ATTENUATION_LOWERED_BY_THICK_SLICES: f64 = 0.015;
/// Averaged to 5 mm, end plates with osteophytes raised a body by 31 HU (LIDC-IDRI-0001); three others moved by −7 to +3 HU.
const BONE_RAISED_BY_THICK_SLICES_HU: f64 = 35.0;
const BONE_LOWERED_BY_THICK_SLICES_HU: f64 = 10.0;

/// How far a protocol may have moved a value from what thin, quiet slices would have given.
struct Movement {
    /// The value may be too large by this.
    raised: f64,
    /// Or too small by this.
    lowered: f64,
    why: NotMeasurable,
}

/// The measure, or that it is not measurable in this protocol. Its value stays.
pub(crate) fn gated(measure: Measure, protocol: &Protocol, densities: &Densities) -> Measure {
    let movements = movements(&measure, protocol, densities);
    movements.iter().fold(measure, |measure, movement| {
        if is_moved_too_far(&measure, movement) {
            Measure {
                state: MeasureState::NotMeasurable,
                why: Some(movement.why),
                ..measure
            }
        } else {
            measure
        }
    })
}

fn movements(measure: &Measure, protocol: &Protocol, densities: &Densities) -> Vec<Movement> {
    let code = measure.code;
    let mut movements = Vec::new();
    if protocol.has_thick_slices() {
        let (raised, lowered) = match code {
            MeasureCode::LargestOpacity if protocol.has_coarse_pixels() => {
                (OPACITY_RAISED_BY_COARSE_VOXELS_ML, 0.0)
            }
            MeasureCode::LargestOpacity => (OPACITY_RAISED_BY_THICK_SLICES_ML, 0.0),
            MeasureCode::LowAttenuation950 => (0.0, LOW_ATTENUATION_LOWERED_BY_THICK_SLICES),
            MeasureCode::TrabecularDensity => {
                (BONE_RAISED_BY_THICK_SLICES_HU, BONE_LOWERED_BY_THICK_SLICES_HU)
            }
            _ => (0.0, 0.0),
        };
        movements.push(Movement {
            raised,
            lowered,
            why: NotMeasurable::SlicesTooThick,
        });
    }
    let limit_hu = match code {
        MeasureCode::LowAttenuation950 => Some(-950),
        MeasureCode::LowAttenuation910 => Some(-910),
        _ => None,
    };
    if let (Some(limit_hu), Some(noise_hu)) = (limit_hu, protocol.noise_hu) {
        movements.push(Movement {
            raised: densities.raised_by_noise(limit_hu, noise_hu),
            lowered: 0.0,
            why: NotMeasurable::Noise,
        });
    }
    if code == MeasureCode::LargestOpacity {
        movements.extend(of_coarse_pixels(measure.value.unwrap_or(0.0), protocol));
        movements.extend(of_shallow_breath(densities.mean().all));
    }
    movements
}

/// How far a breath that left the lungs this dense may have moved an opacity.
fn of_shallow_breath(mean_hu: f64) -> Option<Movement> {
    (mean_hu > DEEP_MEAN_HU).then_some(Movement {
        raised: OPACITY_RAISED_BY_SHALLOW_BREATH_ML,
        lowered: 0.0,
        why: NotMeasurable::ShallowInspiration,
    })
}

/// How far coarse pixels may have moved an opacity of so many millilitres.
fn of_coarse_pixels(millilitres: f64, protocol: &Protocol) -> Option<Movement> {
    let is_raised = protocol.has_very_coarse_pixels() && !protocol.has_thick_slices();
    let is_lowered = protocol.is_sharpened_widely();
    (is_raised || is_lowered).then_some(Movement {
        raised: if is_raised {
            OPACITY_RAISED_BY_COARSE_PIXELS_ML
        } else {
            0.0
        },
        lowered: if is_lowered {
            OPACITY_LOWERED_BY_SHARPENING * millilitres
        } else {
            0.0
        },
        why: NotMeasurable::CoarsePixels,
    })
}

/// Whether nobody can say on which side of the limit of pathology the value belongs: it may lie on either, or it moves over more
/// than its range is wide. What is outside in any case stays so.
fn is_moved_too_far(measure: &Measure, movement: &Movement) -> bool {
    let (Some(range), Some(value)) = (&measure.range, measure.value) else {
        return false;
    };
    if measure.state == MeasureState::NotMeasurable {
        return false;
    }
    let low = range.outside_low.unwrap_or(0.0);
    let width = range.outside_high.map_or(f64::INFINITY, |high| high - low);
    let is_outside = |value| range.state_of(value) == MeasureState::Outside;
    let of_ends = [value - movement.raised, value + movement.lowered].map(is_outside);
    match of_ends {
        [true, true] => false,
        [false, false] => movement.raised + movement.lowered > width,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ranges::range_of;

    fn moved(value: f64, raised: f64, lowered: f64) -> bool {
        // Outside from 15 ml on.
        let (range, unit, decides) = range_of(MeasureCode::LargestOpacity);
        let state = range
            .as_ref()
            .map_or(MeasureState::Described, |range| range.state_of(value));
        let measure = Measure {
            code: MeasureCode::LargestOpacity,
            unit: unit.to_owned(),
            value: Some(value),
            by_side: None,
            by_third: None,
            range,
            state,
            why: None,
            decides,
        };
        let movement = Movement {
            raised,
            lowered,
            why: NotMeasurable::SlicesTooThick,
        };
        is_moved_too_far(&measure, &movement)
    }

    #[test]
    fn what_may_lie_on_either_side_of_its_limit_is_not_measurable() {
        assert!(!moved(14.9, 10.0, 0.0), "less is norm all the more");
        assert!(moved(15.1, 10.0, 0.0));
        assert!(moved(24.9, 10.0, 0.0));
        assert!(!moved(25.1, 10.0, 0.0), "more is pathology in any slices");
        assert!(moved(14.0, 0.0, 2.0));
        assert!(!moved(12.0, 0.0, 2.0));
        assert!(!moved(15.1, 0.0, 2.0));
    }

    #[test]
    fn what_moves_over_more_than_its_range_is_not_measurable_unless_it_is_outside_in_any_case() {
        for value in [0.0, 6.0, 12.0, 20.0] {
            assert!(moved(value, 15.5, 0.0), "{value}");
            assert!(moved(value, 8.0, 8.0), "{value}");
        }
        assert!(!moved(31.0, 15.5, 0.0));
        assert!(!moved(400.0, 8.0, 8.0));
        assert!(!moved(6.0, 14.5, 0.0));
    }

    #[test]
    fn coarse_pixels_raise_an_opacity_and_a_sharp_kernel_over_them_hides_it() {
        let protocol = |pixel_mm, overshoot_hu| Protocol {
            slab_mm: 2.5,
            pixel_mm,
            noise_hu: None,
            overshoot_hu,
        };
        let outcome = |millilitres: f64, protocol: &Protocol| {
            of_coarse_pixels(millilitres, protocol)
                .is_some_and(|movement| moved(millilitres, movement.raised, movement.lowered))
        };
        // A norm phantom of 16 ml says nothing, more than the limit and what pixels add is an opacity.
        let coarse = protocol(1.6, Some(-20.0));
        assert!(outcome(16.0, &coarse));
        assert!(!outcome(12.0, &coarse) && !outcome(25.5, &coarse));
        assert!(!outcome(16.0, &protocol(1.4, Some(-20.0))), "finer pixels");
        // 7 ml may have been 29.
        let sharp = protocol(1.2, Some(38.0));
        assert!(outcome(7.3, &sharp));
        assert!(!outcome(1.4, &sharp), "a quarter of a norm");
        assert!(!outcome(39.0, &sharp), "an opacity all the same");
        assert!(!outcome(7.3, &protocol(0.7, Some(38.0))), "fine pixels");
        assert!(!outcome(7.3, &protocol(1.2, None)));
    }
}
