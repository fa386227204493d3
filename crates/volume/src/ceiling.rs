//! Values that end before bone begins: a window or an export has cut them off above.
//!
//! Hounsfield units, axes `(z, y, x)`.

use ndarray::{ArrayView3, Axis};

/// Values that end above this hide nothing that is measured: dense trabecular bone and enhanced blood lie below.
pub const LOWEST_FULL_CEILING_HU: i16 = 600;
/// Where values were cut off, what lay above lies at the end: this part of the volume at least…
const LEAST_SHARE: f64 = 1e-4;
/// …and so many times as much as at each of the values below.
const LEAST_HEAP: f64 = 8.0;
const BELOW_HU: i16 = 20;

/// The highest value of a volume whose values were cut off there, below [`LOWEST_FULL_CEILING_HU`]. None of a whole one, and of
/// one that merely holds nothing denser.
pub fn low_ceiling_hu(hounsfield: ArrayView3<'_, i16>) -> Option<i16> {
    let mut ceiling = None;
    for slice in hounsfield.axis_iter(Axis(0)) {
        ceiling = ceiling.max(slice.iter().copied().max());
        // Of nearly every volume a few slices tell.
        if ceiling >= Some(LOWEST_FULL_CEILING_HU) {
            return None;
        }
    }
    let ceiling = ceiling?;
    let (mut at, mut below) = (0usize, 0usize);
    for &value in hounsfield {
        at += usize::from(value == ceiling);
        below += usize::from(value < ceiling && value >= ceiling - BELOW_HU);
    }
    // A made volume of a few values has nothing below its highest one.
    let is_heap = below > 0 && at as f64 >= LEAST_HEAP * below as f64 / f64::from(BELOW_HU);
    (is_heap && at as f64 >= LEAST_SHARE * hounsfield.len() as f64).then_some(ceiling)
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;

    use super::*;

    /// Air, soft tissue and bone, each with its spread.
    fn chest() -> Array3<i16> {
        Array3::from_shape_fn((8, 40, 40), |(z, y, x)| {
            let spread = ((z * 31 + y * 17 + x * 7) % 61) as i16 - 30;
            spread
                + if y < 10 {
                    -1000
                } else if y < 36 {
                    50
                } else {
                    80 + 15 * x as i16 + spread
                }
        })
    }

    #[test]
    fn values_that_were_cut_off_are_told_by_what_lies_at_the_end() {
        assert_eq!(low_ceiling_hu(chest().view()), None);
        for ceiling in [60, 100, 240, 400, 599] {
            let clipped = chest().mapv(|value| value.min(ceiling));
            assert_eq!(low_ceiling_hu(clipped.view()), Some(ceiling));
        }
        let clipped = chest().mapv(|value| value.min(LOWEST_FULL_CEILING_HU));
        assert_eq!(low_ceiling_hu(clipped.view()), None);
    }

    #[test]
    fn what_holds_no_bone_was_not_cut_off() {
        let soft = chest().slice_move(ndarray::s![.., ..36, ..]);
        assert_eq!(low_ceiling_hu(soft.view()), None);
        assert_eq!(low_ceiling_hu(Array3::zeros((0, 0, 0)).view()), None);
        let made = chest().mapv(|value| if value > -500 { 40 } else { -1000 });
        assert_eq!(low_ceiling_hu(made.view()), None);
    }
}
