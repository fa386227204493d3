//! In which directions lung lies from a voxel, along the axes and as far away as it may be.

use ndarray::{Array2, Array3, Axis, Zip};

/// Two bits for each direction, as the lungs' labels are: towards lower and higher slices, rows and columns.
const DIRECTIONS: u16 = 6;
const LABELS: u16 = 0b11;
/// The direction towards the head, and those in the slice.
const ABOVE: u16 = 1;
const BESIDE: [u16; 4] = [2, 3, 4, 5];

/// The labels that are met from each voxel in each direction.
pub(crate) struct Surroundings(Array3<u16>);

impl Surroundings {
    /// `labels` are the lungs' as on the grid, 0 where there is none.
    pub(crate) fn of(labels: &Array3<u8>) -> Self {
        let mut met = Array3::<u16>::zeros(labels.dim());
        for axis in 0..3 {
            let length = labels.shape()[axis];
            let mut seen = Array2::<u8>::zeros(labels.index_axis(Axis(axis), 0).dim());
            let mut look = |at: usize, direction: u16, seen: &mut Array2<u8>| {
                met.index_axis_mut(Axis(axis), at)
                    .zip_mut_with(seen, |met, &seen| *met |= u16::from(seen) << (2 * direction));
                seen.zip_mut_with(&labels.index_axis(Axis(axis), at), |seen, label| *seen |= label);
            };
            let low = 2 * axis as u16;
            (0..length).for_each(|at| look(at, low, &mut seen));
            seen.fill(0);
            (0..length).rev().for_each(|at| look(at, low + 1, &mut seen));
        }
        Self(met)
    }

    /// What has the same lung on both ends of each axis.
    pub(crate) fn on_all_sides(&self) -> Array3<bool> {
        self.0.mapv(is_one_lung)
    }

    /// What has the same lung above and on at least so many of the four sides in its slice, by column.
    pub(crate) fn above_and_beside(&self, least_sides: impl Fn(usize) -> u32) -> Array3<bool> {
        let mut found = Array3::from_elem(self.0.dim(), false);
        Zip::indexed(&mut found)
            .and(&self.0)
            .for_each(|(_, _, x), found, &met| {
                *found = (0..2).any(|label| {
                    let of_label = met >> label;
                    let beside = BESIDE.iter().map(|direction| of_label >> (2 * direction) & 1);
                    of_label >> (2 * ABOVE) & 1 == 1 && u32::from(beside.sum::<u16>()) >= least_sides(x)
                });
            });
        found
    }
}

fn is_one_lung(met: u16) -> bool {
    let common = (0..DIRECTIONS).fold(LABELS, |labels, direction| labels & (met >> (2 * direction)));
    common != 0
}

#[cfg(test)]
mod tests {
    use ndarray::s;
    use norma_volume::{LEFT_LUNG, RIGHT_LUNG};

    use super::*;

    #[test]
    fn only_one_lung_on_every_side_surrounds() {
        let mut labels = Array3::from_elem((9, 9, 9), RIGHT_LUNG);
        labels.slice_mut(s![3..6, 3..6, 3..6]).fill(0);
        let around = |labels: &Array3<u8>| {
            let around = Surroundings::of(labels);
            (around.on_all_sides(), around.above_and_beside(|_| 4))
        };
        let (all, open) = around(&labels);
        assert!(all[[4, 4, 4]] && all[[3, 5, 4]] && open[[4, 4, 4]]);
        // A column of lung less below, and it stands on something.
        let mut standing = labels.clone();
        standing.slice_mut(s![..3, 3..6, 3..6]).fill(0);
        let (all, open) = around(&standing);
        assert!(!all[[4, 4, 4]] && open[[4, 4, 4]]);
        // Above it is not the same.
        let mut hanging = labels.clone();
        hanging.slice_mut(s![6.., 3..6, 3..6]).fill(0);
        let (all, open) = around(&hanging);
        assert!(!all[[4, 4, 4]] && !open[[4, 4, 4]]);
        // Lung in front is missing.
        let mut leaning = standing.clone();
        leaning.slice_mut(s![3..6, ..3, 3..6]).fill(0);
        assert!(!Surroundings::of(&leaning).above_and_beside(|_| 4)[[4, 4, 4]]);
        assert!(Surroundings::of(&leaning).above_and_beside(|_| 3)[[4, 4, 4]]);
        // What lies between both lungs is surrounded by neither.
        let mut between = labels.clone();
        between.slice_mut(s![.., .., 6..]).fill(LEFT_LUNG);
        let (all, open) = around(&between);
        assert!(!all[[4, 4, 4]] && !open[[4, 4, 4]]);
    }
}
