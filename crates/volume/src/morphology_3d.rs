//! Binary morphology on a coarse grid, by steps over the six faces of a voxel. Masks hold 0 and 1.

use ndarray::{Array3, s};

/// Voxels at least `steps` steps from every unset voxel. What lies outside the grid counts as set.
pub(crate) fn erode(mask: &Array3<u8>, steps: usize) -> Array3<u8> {
    let mut eroded = mask.clone();
    for _ in 0..steps {
        let before = eroded.clone();
        for_each_neighbour(&before, &mut eroded, |value, neighbour| *value &= neighbour);
    }
    eroded
}

/// Voxels that are reached from a set voxel by at most `steps` steps through voxels that are allowed.
pub(crate) fn dilate_within(
    mask: &Array3<u8>,
    steps: usize,
    allowed: impl Fn([usize; 3]) -> bool,
) -> Array3<u8> {
    let mut dilated = mask.clone();
    for _ in 0..steps {
        let before = dilated.clone();
        for_each_neighbour(&before, &mut dilated, |value, neighbour| *value |= neighbour);
        for ((z, y, x), value) in dilated.indexed_iter_mut() {
            if *value != 0 && before[[z, y, x]] == 0 && !allowed([z, y, x]) {
                *value = 0;
            }
        }
    }
    dilated
}

/// Combines each voxel with its neighbours before, in both directions of each axis.
fn for_each_neighbour(before: &Array3<u8>, after: &mut Array3<u8>, combine: impl Fn(&mut u8, u8) + Copy) {
    let (depth, rows, columns) = before.dim();
    if depth.min(rows).min(columns) == 0 {
        return;
    }
    let mut apply = |to: [ndarray::Slice; 3], from: [ndarray::Slice; 3]| {
        let [z, y, x] = from;
        let source = before.slice(s![z, y, x]);
        let [z, y, x] = to;
        after
            .slice_mut(s![z, y, x])
            .zip_mut_with(&source, |value, &neighbour| combine(value, neighbour));
    };
    let all = ndarray::Slice::from(..);
    let (but_first, but_last) = (ndarray::Slice::from(1..), ndarray::Slice::from(..-1));
    for axis in 0..3 {
        let (mut high, mut low) = ([all; 3], [all; 3]);
        high[axis] = but_first;
        low[axis] = but_last;
        apply(high, low);
        apply(low, high);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_grows_to_an_octahedron_and_back() {
        let mut mask = Array3::zeros((9, 9, 9));
        mask[[4, 4, 4]] = 1;
        let grown = dilate_within(&mask, 3, |_| true);
        for ((z, y, x), &value) in grown.indexed_iter() {
            let distance = z.abs_diff(4) + y.abs_diff(4) + x.abs_diff(4);
            assert_eq!(value == 1, distance <= 3, "{z} {y} {x}");
        }
        assert_eq!(erode(&grown, 3), mask);
    }

    #[test]
    fn growth_stops_where_it_is_not_allowed() {
        let mut mask = Array3::zeros((1, 1, 9));
        mask[[0, 0, 1]] = 1;
        let grown = dilate_within(&mask, 8, |[_, _, x]| x != 5);
        assert_eq!(
            grown.iter().copied().collect::<Vec<u8>>(),
            [1, 1, 1, 1, 1, 0, 0, 0, 0]
        );
    }
}
