//! Connected components of a mask, held as runs along rows: a CT volume has tens of millions of voxels but
//! less than a million runs.

use ndarray::{Array3, ArrayView3, ArrayViewMut3, Axis};
use rayon::prelude::*;

/// Voxels `start..end` of row `(z, y)` that belong to one component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run {
    pub(crate) z: u32,
    pub(crate) y: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) component: u32,
}

impl Run {
    pub(crate) fn len(&self) -> usize {
        (self.end - self.start) as usize
    }
}

/// The components of a mask (6-connected; 4-connected within a single slice).
#[derive(Debug, Clone)]
pub(crate) struct Components {
    /// In order of z, then y, then x.
    pub(crate) runs: Vec<Run>,
    pub(crate) statistics: Vec<Statistics>,
}

/// What is known of one component.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Statistics {
    pub(crate) voxels: usize,
    /// Smallest and largest index `[z, y, x]`, both included.
    pub(crate) low: [usize; 3],
    pub(crate) high: [usize; 3],
    /// Sum of indices `[z, y, x]`.
    index_sum: [f64; 3],
}

impl Statistics {
    const EMPTY: Self = Self {
        voxels: 0,
        low: [usize::MAX; 3],
        high: [0; 3],
        index_sum: [0.0; 3],
    };

    fn add(&mut self, run: &Run) {
        let voxels = run.len();
        let (first, last) = (run.start as usize, run.end as usize - 1);
        self.voxels += voxels;
        for (axis, (low, high)) in [
            (run.z as usize, run.z as usize),
            (run.y as usize, run.y as usize),
            (first, last),
        ]
        .into_iter()
        .enumerate()
        {
            self.low[axis] = self.low[axis].min(low);
            self.high[axis] = self.high[axis].max(high);
            self.index_sum[axis] += (low + high) as f64 / 2.0 * voxels as f64;
        }
    }

    /// Mean index `[z, y, x]`.
    pub(crate) fn centroid(&self) -> [f64; 3] {
        self.index_sum.map(|sum| sum / self.voxels as f64)
    }
}

impl Components {
    /// Labels the voxels where `mask` is not 0.
    pub(crate) fn of(mask: ArrayView3<'_, u8>) -> Self {
        Self::where_true(mask, |value| value != 0)
    }

    /// Labels the voxels whose value passes the test.
    pub(crate) fn where_true<T: Copy + Sync>(
        voxels: ArrayView3<'_, T>,
        test: impl Fn(T) -> bool + Sync,
    ) -> Self {
        let (slices, rows, _) = voxels.dim();
        let mut runs = runs_of(voxels, test);
        let row_starts = row_starts(&runs, slices, rows);
        let row = |z: usize, y: usize| row_starts[z * rows + y]..row_starts[z * rows + y + 1];

        let mut parents: Vec<u32> = (0..runs.len() as u32).collect();
        for z in 0..slices {
            for y in 0..rows {
                if y > 0 {
                    join_overlapping(&runs, row(z, y), row(z, y - 1), &mut parents);
                }
                if z > 0 {
                    join_overlapping(&runs, row(z, y), row(z - 1, y), &mut parents);
                }
            }
        }

        let mut numbers = vec![u32::MAX; runs.len()];
        let mut statistics: Vec<Statistics> = Vec::new();
        for (index, run) in runs.iter_mut().enumerate() {
            let root = find(&mut parents, index as u32) as usize;
            if numbers[root] == u32::MAX {
                numbers[root] = statistics.len() as u32;
                statistics.push(Statistics::EMPTY);
            }
            run.component = numbers[root];
            statistics[run.component as usize].add(run);
        }
        Self { runs, statistics }
    }

    pub(crate) fn largest(&self) -> Option<usize> {
        (0..self.statistics.len()).max_by_key(|&component| self.statistics[component].voxels)
    }

    /// Writes `value` into `mask` wherever a component is chosen.
    pub(crate) fn paint(&self, mut mask: ArrayViewMut3<'_, u8>, value: u8, chosen: impl Fn(usize) -> bool) {
        for run in &self.runs {
            if chosen(run.component as usize) {
                mask.slice_mut(ndarray::s![
                    run.z as usize,
                    run.y as usize,
                    run.start as usize..run.end as usize
                ])
                .fill(value);
            }
        }
    }

    /// A new mask of 0 and 1 with the chosen components.
    pub(crate) fn mask(&self, shape: (usize, usize, usize), chosen: impl Fn(usize) -> bool) -> Array3<u8> {
        let mut mask = Array3::zeros(shape);
        self.paint(mask.view_mut(), 1, chosen);
        mask
    }
}

fn runs_of<T: Copy + Sync>(voxels: ArrayView3<'_, T>, test: impl Fn(T) -> bool + Sync) -> Vec<Run> {
    let slices: Vec<_> = voxels.axis_iter(Axis(0)).collect();
    let per_slice: Vec<Vec<Run>> = slices
        .into_par_iter()
        .enumerate()
        .map(|(z, slice)| {
            let mut runs = Vec::new();
            for (y, row) in slice.rows().into_iter().enumerate() {
                let mut start = None;
                for (x, &value) in row.iter().enumerate() {
                    match (start, test(value)) {
                        (None, true) => start = Some(x),
                        (Some(first), false) => {
                            runs.push(run(z, y, first, x));
                            start = None;
                        }
                        _ => {}
                    }
                }
                if let Some(first) = start {
                    runs.push(run(z, y, first, row.len()));
                }
            }
            runs
        })
        .collect();
    per_slice.concat()
}

fn run(z: usize, y: usize, start: usize, end: usize) -> Run {
    Run {
        z: z as u32,
        y: y as u32,
        start: start as u32,
        end: end as u32,
        component: 0,
    }
}

/// Index of the first run of each row, rows of all slices one after the other, and the number of runs last.
fn row_starts(runs: &[Run], slices: usize, rows: usize) -> Vec<usize> {
    let mut starts = vec![0; slices * rows + 1];
    for run in runs {
        starts[run.z as usize * rows + run.y as usize + 1] += 1;
    }
    for index in 1..starts.len() {
        starts[index] += starts[index - 1];
    }
    starts
}

fn join_overlapping(
    runs: &[Run],
    one: std::ops::Range<usize>,
    other: std::ops::Range<usize>,
    parents: &mut [u32],
) {
    let (mut a, mut b) = (one.start, other.start);
    while a < one.end && b < other.end {
        if runs[a].start < runs[b].end && runs[b].start < runs[a].end {
            let (root_a, root_b) = (find(parents, a as u32), find(parents, b as u32));
            parents[root_a.max(root_b) as usize] = root_a.min(root_b);
        }
        if runs[a].end < runs[b].end {
            a += 1;
        } else {
            b += 1;
        }
    }
}

fn find(parents: &mut [u32], mut index: u32) -> u32 {
    while parents[index as usize] != index {
        let grandparent = parents[parents[index as usize] as usize];
        parents[index as usize] = grandparent;
        index = grandparent;
    }
    index
}

#[cfg(test)]
mod tests {
    use ndarray::Array3;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_bent_component_is_one_and_a_diagonal_neighbour_another() {
        let mut mask = Array3::zeros((2, 4, 6));
        for (z, y, x) in [
            (0, 0, 0),
            (0, 1, 0),
            (0, 2, 0),
            (0, 2, 1),
            (0, 2, 2),
            (0, 1, 2),
            (0, 0, 2),
        ] {
            mask[[z, y, x]] = 1;
        }
        mask[[0, 3, 3]] = 1;
        mask[[1, 0, 2]] = 1;
        let components = Components::of(mask.view());
        assert_eq!(components.statistics.len(), 2);
        let largest = components.largest().unwrap();
        assert_eq!(components.statistics[largest].voxels, 8);
        assert_eq!(components.statistics[largest].low, [0, 0, 0]);
        assert_eq!(components.statistics[largest].high, [1, 2, 2]);
    }

    proptest! {
        #[test]
        fn components_partition_the_mask(
            values in proptest::collection::vec(0u8..2, 3 * 5 * 7),
        ) {
            let mask = Array3::from_shape_vec((3, 5, 7), values).unwrap();
            let components = Components::of(mask.view());
            prop_assert_eq!(&components.mask(mask.dim(), |_| true), &mask);
            let mut labels = Array3::<u32>::zeros(mask.dim());
            for run in &components.runs {
                for x in run.start..run.end {
                    labels[[run.z as usize, run.y as usize, x as usize]] = run.component + 1;
                }
            }
            for ((z, y, x), &label) in labels.indexed_iter() {
                for neighbour in [[z + 1, y, x], [z, y + 1, x], [z, y, x + 1]] {
                    if let Some(&other) = labels.get(neighbour) {
                        prop_assert!(label == 0 || other == 0 || label == other);
                    }
                }
            }
            let total: usize = components.statistics.iter().map(|component| component.voxels).sum();
            prop_assert_eq!(total, mask.iter().map(|&value| usize::from(value)).sum::<usize>());
        }
    }
}
