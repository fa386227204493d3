//! From map to slice and from slice to study.

use ndarray::{Array2, ArrayRef2};
use serde::{Deserialize, Serialize};

/// How the slices' scores become the study's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum SliceAggregation {
    Maximum,
    Mean,
    /// Mean of the k highest; of all where there are fewer.
    TopKMean {
        k: usize,
    },
}

impl SliceAggregation {
    /// The study's score of its slices' scores; None without slices.
    pub fn apply(self, scores: &[f64]) -> Option<f64> {
        match self {
            Self::Maximum => top_k_mean(scores, 1),
            Self::Mean => top_k_mean(scores, scores.len()),
            Self::TopKMean { k } => top_k_mean(scores, k),
        }
    }

    pub(crate) fn zero_count(self) -> Option<usize> {
        matches!(self, Self::TopKMean { k: 0 }).then_some(0)
    }
}

/// How the places of a map inside the lungs become the slice's score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum WithinSlice {
    Mean,
    /// Mean of the k highest places of the map, at the map's own resolution.
    TopKMean {
        k: usize,
    },
}

impl WithinSlice {
    /// The slice's score of the values inside the lungs; None where there are none.
    pub fn apply(self, values: &[f64]) -> Option<f64> {
        match self {
            Self::Mean => top_k_mean(values, values.len()),
            Self::TopKMean { k } => top_k_mean(values, k),
        }
    }

    pub(crate) fn zero_count(self) -> Option<usize> {
        matches!(self, Self::TopKMean { k: 0 }).then_some(0)
    }
}

fn top_k_mean(values: &[f64], k: usize) -> Option<f64> {
    let k = k.min(values.len());
    if k == 0 {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|left, right| right.total_cmp(left));
    Some(sorted[..k].iter().sum::<f64>() / k as f64)
}

/// Which cells of a `rows` × `columns` grid lie inside the lungs: those of which at least half is lung, or,
/// where no cell is, those with the most lung. None where the mask (0/1) is empty.
pub fn lung_cells(mask: &ArrayRef2<u8>, rows: usize, columns: usize) -> Option<Array2<bool>> {
    let fraction = mask_fraction(mask, rows, columns);
    let most = fraction.iter().copied().fold(0.0_f32, f32::max);
    if most <= 0.0 {
        return None;
    }
    let least = most.min(0.5);
    Some(fraction.mapv(|value| value >= least))
}

/// The part of each cell that is lung: adaptive average pooling, cell i covering floor(i·H/h) to
/// ceil((i+1)·H/h).
pub(crate) fn mask_fraction(mask: &ArrayRef2<u8>, rows: usize, columns: usize) -> Array2<f32> {
    let (height, width) = mask.dim();
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        let (top, bottom) = cell_span(row, rows, height);
        let (left, right) = cell_span(column, columns, width);
        let cell = mask.slice(ndarray::s![top..bottom, left..right]);
        let lung = cell.iter().filter(|value| **value != 0).count();
        lung as f32 / cell.len().max(1) as f32
    })
}

/// First and one-past-last source index of cell `index` of `cells` over `length`, as in PyTorch's adaptive
/// average pooling.
pub(crate) fn cell_span(index: usize, cells: usize, length: usize) -> (usize, usize) {
    (index * length / cells, ((index + 1) * length).div_ceil(cells))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_study_takes_the_highest_slices() {
        let scores = [0.1, 0.9, 0.5, 0.7];
        assert_eq!(SliceAggregation::Maximum.apply(&scores), Some(0.9));
        let mean = SliceAggregation::TopKMean { k: 2 }.apply(&scores).unwrap();
        assert!((mean - 0.8).abs() < 1e-12);
        let all = SliceAggregation::TopKMean { k: 9 }.apply(&scores).unwrap();
        assert!((all - 0.55).abs() < 1e-12);
        assert_eq!(SliceAggregation::Maximum.apply(&[]), None);
    }

    #[test]
    fn cells_are_lung_by_half_or_by_most() {
        let mut mask = Array2::<u8>::zeros((8, 8));
        mask.slice_mut(ndarray::s![0..4, 0..4]).fill(1);
        let cells = lung_cells(&mask, 2, 2).unwrap();
        assert_eq!(cells, ndarray::array![[true, false], [false, false]]);
        let mut speck = Array2::<u8>::zeros((8, 8));
        speck[[7, 7]] = 1;
        let cells = lung_cells(&speck, 2, 2).unwrap();
        assert_eq!(cells, ndarray::array![[false, false], [false, true]]);
        assert!(lung_cells(&Array2::zeros((8, 8)), 2, 2).is_none());
    }
}
