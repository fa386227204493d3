//! Connected regions of a mask on the grid.

use ndarray::Array3;

/// One region of voxels that touch by their faces.
pub(crate) struct Region {
    pub(crate) voxels: Vec<[usize; 3]>,
    pub(crate) low: [usize; 3],
    pub(crate) high: [usize; 3],
}

impl Region {
    pub(crate) fn millilitres(&self) -> f64 {
        self.voxels.len() as f64 * crate::grid::VOXEL_ML
    }

    pub(crate) fn center(&self) -> [f64; 3] {
        let mut center = [0.0; 3];
        for voxel in &self.voxels {
            for axis in 0..3 {
                center[axis] += voxel[axis] as f64 / self.voxels.len() as f64;
            }
        }
        center
    }

    /// The grid slice that holds most of it.
    pub(crate) fn largest_slice(&self) -> usize {
        let mut counts = vec![0usize; self.high[0] - self.low[0] + 1];
        for voxel in &self.voxels {
            counts[voxel[0] - self.low[0]] += 1;
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        self.low[0] + counts.iter().position(|&count| count == most).unwrap_or(0)
    }

    /// Lays it over a mask.
    pub(crate) fn mark(&self, mask: &mut Array3<bool>) {
        for &voxel in &self.voxels {
            mask[voxel] = true;
        }
    }

    pub(crate) fn mean(&self, values: &Array3<i16>) -> f64 {
        self.voxels
            .iter()
            .map(|&voxel| f64::from(values[voxel]))
            .sum::<f64>()
            / self.voxels.len() as f64
    }
}

/// Regions on each side, the patient's right first; of each the largest first.
#[derive(Default)]
pub(crate) struct BySide(pub(crate) [Vec<Region>; 2]);

impl BySide {
    /// What either side holds, as a mask.
    pub(crate) fn mask(&self, shape: (usize, usize, usize)) -> Array3<bool> {
        let mut mask = Array3::from_elem(shape, false);
        self.0.iter().flatten().for_each(|region| region.mark(&mut mask));
        mask
    }

    pub(crate) fn millilitres(&self) -> [f64; 2] {
        [0, 1].map(|side: usize| {
            // A sum of nothing would be −0.
            self.0[side]
                .iter()
                .map(Region::millilitres)
                .fold(0.0, |sum, of_region| sum + of_region)
        })
    }
}

/// The regions of at least `least_voxels`, the largest first.
pub(crate) fn regions(mask: &Array3<bool>, least_voxels: usize) -> Vec<Region> {
    let (_, rows, columns) = mask.dim();
    let mut left: Vec<bool> = mask.iter().copied().collect();
    let steps = [rows * columns, columns, 1];
    let lengths = mask.shape();
    let voxel_of = |at: usize| [at / steps[0], at / columns % rows, at % columns];
    let mut found = Vec::new();
    let mut waiting = Vec::new();
    let mut begun = 0;
    while let Some(ahead) = left[begun..].iter().position(|&inside| inside) {
        begun += ahead;
        left[begun] = false;
        waiting.push(begun);
        let first = voxel_of(begun);
        let mut region = Region {
            voxels: Vec::new(),
            low: first,
            high: first,
        };
        while let Some(at) = waiting.pop() {
            let voxel = voxel_of(at);
            let bounds = region.low.iter_mut().zip(&mut region.high);
            for ((low, high), &at) in bounds.zip(&voxel) {
                *low = at.min(*low);
                *high = at.max(*high);
            }
            region.voxels.push(voxel);
            for axis in 0..3 {
                let before = (voxel[axis] > 0).then(|| at - steps[axis]);
                let after = (voxel[axis] + 1 < lengths[axis]).then(|| at + steps[axis]);
                for neighbour in [before, after].into_iter().flatten() {
                    if std::mem::take(&mut left[neighbour]) {
                        waiting.push(neighbour);
                    }
                }
            }
        }
        if region.voxels.len() >= least_voxels {
            found.push(region);
        }
    }
    found.sort_by_key(|region| std::cmp::Reverse(region.voxels.len()));
    found
}

/// The neighbours by faces within the shape.
pub(crate) fn neighbours(voxel: [usize; 3], shape: [usize; 3]) -> impl Iterator<Item = [usize; 3]> {
    (0..3).flat_map(move |axis| {
        let mut before = voxel;
        let mut after = voxel;
        before[axis] = before[axis].wrapping_sub(1);
        after[axis] += 1;
        [before, after]
            .into_iter()
            .filter(move |neighbour| neighbour[axis] < shape[axis])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_touch_by_faces() {
        let mut mask = Array3::from_elem((3, 4, 5), false);
        for voxel in [[0, 0, 0], [0, 0, 1], [1, 0, 1], [2, 1, 1], [2, 3, 4]] {
            mask[voxel] = true;
        }
        let found = regions(&mask, 1);
        assert_eq!(
            found.iter().map(|region| region.voxels.len()).collect::<Vec<_>>(),
            [3, 1, 1]
        );
        assert_eq!((found[0].low, found[0].high), ([0, 0, 0], [1, 0, 1]));
        assert_eq!(regions(&mask, 2).len(), 1);
    }
}
