//! Exact Euclidean distances on a grid, after Felzenszwalb and Huttenlocher, "Distance transforms of sampled
//! functions", Theory of Computing 8 (2012).

use ndarray::{Array3, ArrayViewMut1, Axis};
use rayon::prelude::*;

/// Farther than anything on a grid; finite, so that differences of two stay numbers.
const FAR: f32 = 1e12;

/// For every voxel the distance, in voxels, to the nearest one where `is_goal`; very large without any.
pub(super) fn distance_to(
    shape: (usize, usize, usize),
    is_goal: impl Fn([usize; 3]) -> bool + Sync,
) -> Array3<f32> {
    let mut squared = Array3::zeros(shape);
    squared
        .axis_iter_mut(Axis(0))
        .collect::<Vec<_>>()
        .into_par_iter()
        .enumerate()
        .for_each(|(z, mut plane)| {
            for ((y, x), value) in plane.indexed_iter_mut() {
                *value = if is_goal([z, y, x]) { 0.0 } else { FAR };
            }
            let mut lower = Envelope::default();
            for row in plane.axis_iter_mut(Axis(0)) {
                lower.transform(row);
            }
            for column in plane.axis_iter_mut(Axis(1)) {
                lower.transform(column);
            }
        });
    squared
        .axis_iter_mut(Axis(1))
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|mut plane| {
            let mut lower = Envelope::default();
            for lane in plane.axis_iter_mut(Axis(1)) {
                lower.transform(lane);
            }
        });
    squared.mapv_inplace(f32::sqrt);
    squared
}

/// The lower envelope of parabolas along one line; its buffers are used again for the next line.
#[derive(Default)]
struct Envelope {
    values: Vec<f32>,
    vertices: Vec<usize>,
    /// Where the parabola of the same index begins to be the lowest.
    starts: Vec<f32>,
}

impl Envelope {
    fn transform(&mut self, mut line: ArrayViewMut1<'_, f32>) {
        self.values.clear();
        self.values.extend(line.iter());
        if self.values.iter().all(|&value| value == 0.0) || self.values.iter().all(|&value| value >= FAR) {
            return;
        }
        self.vertices.clear();
        self.starts.clear();
        for place in 0..self.values.len() {
            if self.values[place] >= FAR {
                continue;
            }
            let mut start = f32::NEG_INFINITY;
            while let (Some(&vertex), Some(&from)) = (self.vertices.last(), self.starts.last()) {
                start = self.crossing(vertex, place);
                if start > from {
                    break;
                }
                self.vertices.pop();
                self.starts.pop();
                start = f32::NEG_INFINITY;
            }
            self.vertices.push(place);
            self.starts.push(start);
        }
        let mut current = 0;
        for (place, value) in line.iter_mut().enumerate() {
            while self
                .starts
                .get(current + 1)
                .is_some_and(|&start| start <= place as f32)
            {
                current += 1;
            }
            let vertex = self.vertices[current];
            *value = self.values[vertex] + (place as f32 - vertex as f32).powi(2);
        }
    }

    /// Where the parabola of `right` becomes lower than that of `left`.
    fn crossing(&self, left: usize, right: usize) -> f32 {
        let (l, r) = (left as f32, right as f32);
        ((self.values[right] + r * r) - (self.values[left] + l * l)) / (2.0 * (r - l))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn distances_are_those_of_a_search(goals in proptest::collection::vec((0usize..6, 0usize..7, 0usize..8), 0..8)) {
            let shape = (6, 7, 8);
            let found = distance_to(shape, |[z, y, x]| goals.contains(&(z, y, x)));
            for ((z, y, x), &distance) in found.indexed_iter() {
                let nearest = goals
                    .iter()
                    .map(|&(gz, gy, gx)| {
                        let squared = z.abs_diff(gz).pow(2) + y.abs_diff(gy).pow(2) + x.abs_diff(gx).pow(2);
                        (squared as f32).sqrt()
                    })
                    .fold(f32::INFINITY, f32::min);
                if goals.is_empty() {
                    prop_assert!(distance > 1e5);
                } else {
                    prop_assert!((distance - nearest).abs() < 1e-3, "{distance} {nearest}");
                }
            }
        }
    }
}
