//! A memory of norm patches: how far a patch is from the nearest ones.

use std::fs;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayRef1, ArrayRef2, Axis, s};
use rayon::prelude::*;

use crate::bundle::InstalledModel;
use crate::error::ModelError;
use crate::npy::read_matrix;

/// Patches compared at once, and rows of the memory that they are compared with at once: the block of
/// distances (128 × 2048 × 4 bytes) stays in the cache.
const QUERY_BLOCK: usize = 128;
const MEMORY_BLOCK: usize = 2048;
/// Distances that are held together against the farthest of the nearest.
const OFFERED_AT_ONCE: usize = 64;

/// Columns that a position takes: y and x in the crop, each 0..1.
pub(crate) const POSITION_COLUMNS: usize = 2;

/// Norm patches in feature space.
#[derive(Debug, Clone)]
pub struct PatchMemory {
    /// `(m, c)`, with the weighted position in the last two columns where positions are weighed.
    patches: Array2<f32>,
    squared_norms: Array1<f32>,
    neighbours: usize,
    position_weight: f32,
}

impl PatchMemory {
    /// Takes patches as stored: `(m, c)`, or `(m, c + 2)` with unweighted positions. Without a position
    /// weight, no position columns are expected.
    pub fn new(stored: Array2<f32>, neighbours: usize, position_weight: f32) -> Result<Self, String> {
        let (count, columns) = stored.dim();
        let features = if position_weight > 0.0 {
            columns.saturating_sub(POSITION_COLUMNS)
        } else {
            columns
        };
        if count < neighbours || neighbours == 0 {
            return Err(format!("{count} patches do not give {neighbours} neighbours"));
        }
        if features == 0 {
            return Err(format!("{columns} columns hold no features"));
        }
        if !stored.iter().all(|value| value.is_finite()) {
            return Err("a value of the memory is not finite".to_owned());
        }
        let mut patches = stored;
        if position_weight > 0.0 {
            patches
                .slice_mut(s![.., features..])
                .mapv_inplace(|coordinate| coordinate * position_weight);
        }
        let squared_norms = squared_norms(&patches);
        Ok(Self {
            patches,
            squared_norms,
            neighbours,
            position_weight,
        })
    }

    /// Reads the memory that a model's manifest names.
    pub(crate) fn open(model: &InstalledModel) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let (Some(file), Some(path)) = (&manifest.memory, model.memory_path()) else {
            return Err(ModelError::invalid(
                &manifest.name,
                "the manifest names no memory",
            ));
        };
        let bytes = fs::read(&path).map_err(|source| ModelError::Unreadable { path, source })?;
        let memory =
            read_matrix(&bytes).and_then(|stored| Self::new(stored, file.neighbours, file.position_weight));
        memory.map_err(|message| ModelError::invalid(&manifest.name, format!("{}: {message}", file.file)))
    }

    /// Number of features of a patch, positions aside.
    pub fn features(&self) -> usize {
        let columns = self.patches.ncols();
        if self.position_weight > 0.0 {
            columns - POSITION_COLUMNS
        } else {
            columns
        }
    }

    pub fn len(&self) -> usize {
        self.patches.nrows()
    }

    /// A memory holds at least as many patches as neighbours are asked of it.
    pub fn is_empty(&self) -> bool {
        self.patches.is_empty()
    }

    /// Mean L2 distance of each patch `(n, c)` at `positions` `(n, 2)` (y, x in 0..1) to its nearest
    /// neighbours in the memory.
    pub fn distances(&self, features: &ArrayRef2<f32>, positions: &ArrayRef2<f32>) -> Vec<f32> {
        let queries = self.weighted(features, positions);
        let blocks: Vec<_> = queries.axis_chunks_iter(Axis(0), QUERY_BLOCK).collect();
        let distances: Vec<Vec<f32>> = blocks
            .into_par_iter()
            .map(|block| self.distances_of_block(&block))
            .collect();
        distances.concat()
    }

    fn weighted(&self, features: &ArrayRef2<f32>, positions: &ArrayRef2<f32>) -> Array2<f32> {
        if self.position_weight <= 0.0 {
            return features.to_owned();
        }
        let (count, columns) = features.dim();
        let mut queries = Array2::zeros((count, columns + POSITION_COLUMNS));
        queries.slice_mut(s![.., ..columns]).assign(features);
        queries
            .slice_mut(s![.., columns..])
            .assign(&positions.mapv(|coordinate| coordinate * self.position_weight));
        queries
    }

    /// |q − m|² = |q|² + |m|² − 2 q·m, the products of a block by one matrix multiplication.
    fn distances_of_block(&self, queries: &ArrayRef2<f32>) -> Vec<f32> {
        let query_norms = squared_norms(queries);
        let mut nearest = vec![Nearest::new(self.neighbours); queries.nrows()];
        let mut products = Array2::zeros((queries.nrows(), MEMORY_BLOCK));
        for (start, memory) in (0..)
            .step_by(MEMORY_BLOCK)
            .zip(self.patches.axis_chunks_iter(Axis(0), MEMORY_BLOCK))
        {
            let mut products = products.slice_mut(s![.., ..memory.nrows()]);
            general_mat_mul(1.0, queries, &memory.t(), 0.0, &mut products);
            let norms = self.squared_norms.slice(s![start..start + memory.nrows()]);
            for ((row, query_norm), nearest) in
                products.rows().into_iter().zip(&query_norms).zip(&mut nearest)
            {
                nearest.offer_all(&row, &norms, *query_norm);
            }
        }
        nearest.iter().map(Nearest::mean_distance).collect()
    }
}

fn squared_norms(matrix: &ArrayRef2<f32>) -> Array1<f32> {
    matrix.map_axis(Axis(1), |row| row.dot(&row))
}

/// The smallest squared distances seen, ascending.
#[derive(Debug, Clone)]
struct Nearest {
    squared: Vec<f32>,
}

impl Nearest {
    fn new(count: usize) -> Self {
        Self {
            squared: vec![f32::INFINITY; count],
        }
    }

    /// The squared distances |q|² + |m|² − 2 q·m of one patch `q` to patches `m`.
    fn offer_all(&mut self, products: &ArrayRef1<f32>, norms: &ArrayRef1<f32>, query_norm: f32) {
        let squared = |product: &f32, norm: &f32| query_norm + norm - 2.0 * product;
        for (products, norms) in products
            .axis_chunks_iter(Axis(0), OFFERED_AT_ONCE)
            .zip(norms.axis_chunks_iter(Axis(0), OFFERED_AT_ONCE))
        {
            let pairs = || products.iter().zip(&norms);
            // Nearly all are farther than what was found: that is told without a branch for each.
            let farthest = self.farthest();
            if pairs().fold(false, |any, (product, norm)| {
                any | (squared(product, norm) < farthest)
            }) {
                for (product, norm) in pairs() {
                    self.offer(squared(product, norm));
                }
            }
        }
    }

    fn farthest(&self) -> f32 {
        self.squared[self.squared.len() - 1]
    }

    fn offer(&mut self, squared: f32) {
        if squared >= self.farthest() {
            return;
        }
        let place = self.squared.partition_point(|value| *value <= squared);
        self.squared[place..].rotate_right(1);
        self.squared[place] = squared;
    }

    fn mean_distance(&self) -> f32 {
        // Rounding can take the squared distance of equal patches slightly below zero.
        let sum: f32 = self.squared.iter().map(|value| value.max(0.0).sqrt()).sum();
        sum / self.squared.len() as f32
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    fn random(rows: usize, columns: usize, seed: u64) -> Array2<f32> {
        let mut random = StdRng::seed_from_u64(seed);
        Array2::from_shape_simple_fn((rows, columns), || random.random_range(-1.0..1.0))
    }

    fn brute_force(memory: &Array2<f32>, query: &[f32], neighbours: usize) -> f32 {
        let mut distances: Vec<f32> = memory
            .rows()
            .into_iter()
            .map(|row| {
                let squared: f32 = row
                    .iter()
                    .zip(query)
                    .map(|(left, right)| (left - right).powi(2))
                    .sum();
                squared.sqrt()
            })
            .collect();
        distances.sort_by(f32::total_cmp);
        distances[..neighbours].iter().sum::<f32>() / neighbours as f32
    }

    #[test]
    fn blocks_give_what_brute_force_gives() {
        let patches = random(5000, 24, 1);
        let queries = random(300, 24, 2);
        let memory = PatchMemory::new(patches.clone(), 3, 0.0).unwrap();
        let distances = memory.distances(&queries, &Array2::zeros((300, 2)));
        assert_eq!(distances.len(), 300);
        for (row, distance) in queries.rows().into_iter().zip(distances) {
            let expected = brute_force(&patches, &row.to_vec(), 3);
            assert!((distance - expected).abs() < 1e-4, "{distance} {expected}");
        }
    }

    #[test]
    fn positions_are_weighed_on_both_sides() {
        let mut patches = Array2::zeros((2, 3));
        patches[[1, 1]] = 1.0; // same feature, other end of the crop in y
        let memory = PatchMemory::new(patches, 1, 0.5).unwrap();
        assert_eq!(memory.features(), 1);
        let features = Array2::zeros((1, 1));
        let at = |y: f32| ndarray::array![[y, 0.0]];
        assert!(memory.distances(&features, &at(1.0))[0] < 1e-6);
        let halfway = memory.distances(&features, &at(0.5))[0];
        assert!((halfway - 0.25).abs() < 1e-6, "{halfway}");
    }

    #[test]
    fn a_memory_is_large_enough_and_finite() {
        assert!(PatchMemory::new(Array2::zeros((2, 4)), 3, 0.0).is_err());
        assert!(PatchMemory::new(Array2::zeros((5, 2)), 3, 0.5).is_err());
        assert!(PatchMemory::new(Array2::from_elem((5, 4), f32::NAN), 3, 0.0).is_err());
    }
}
