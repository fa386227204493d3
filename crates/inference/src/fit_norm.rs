//! A site's own norm: a memory of norm patches and its bounds from the site's norm studies, without labels of
//! pathology and without training.
//!
//! Every study gives the same number of patches, chosen greedily so that each next one is the farthest from
//! those chosen (k-centre, Gonzalez 1985). So leaving a study out of the memory is leaving its patches out, and
//! the leave-one-study-out scores are exact. The bounds put the score that a given share of the site's norm
//! exceeds where the bundle's operating point is reached.

mod k_center;
mod statistics;
mod write;

use ndarray::{Array2, ArrayRef2, Axis, concatenate};

use crate::anomaly::AnomalyModel;
use crate::error::ModelError;
use crate::expected_distance::{DistanceStatistics, ExpectedDistance};
use crate::manifest::{Bounds, ExpectedFile, Task};
use crate::patch_memory::PatchMemory;
use crate::slices::Slices;
use k_center::k_center;
pub use statistics::Rate;
use statistics::{mean_and_deviation, median, wilson_interval};

/// Fewer norm studies are refused: with ten, even no false positive at all leaves an upper bound of 28 % (Wilson).
pub const LEAST_NORM_STUDIES: usize = 10;
/// From this many on no false positive at all means at most 11 %, and bounds vary little with the choice of
/// studies.
pub const RECOMMENDED_NORM_STUDIES: usize = 30;

/// Standard normal quantile of 0.95: the bounds aim at one norm study in twenty above the threshold.
const AIMED_QUANTILE: f64 = 1.644_853_6;

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FitNormOptions {
    /// Patches of the memory, all studies together.
    pub patches: usize,
    /// The normalised anomaly score at which a study is called pathology:
    /// [`Bundle::anomaly_score_at`](crate::Bundle::anomaly_score_at).
    pub score_threshold: f64,
}

impl Default for FitNormOptions {
    fn default() -> Self {
        Self {
            patches: 8_000,
            score_threshold: 0.5,
        }
    }
}

/// Why no norm could be fitted.
#[derive(Debug, thiserror::Error)]
pub enum FitNormError {
    #[error(
        "{found} norm studies are too few: at least {LEAST_NORM_STUDIES} are needed, {RECOMMENDED_NORM_STUDIES} are recommended"
    )]
    TooFewStudies { found: usize },
    #[error("{0} has no memory of patches; only a patch_memory model learns a site's norm")]
    NoPatchMemory(String),
    #[error("the studies score so alike that no bounds can be set: are they copies of each other?")]
    NoSpread,
    #[error("a study holds {found} patches inside the lungs, {wanted} are wanted of each")]
    TooFewPatches { found: usize, wanted: usize },
    #[error("the memory cannot be built: {0}")]
    Memory(String),
    #[error("failed to write the model: {0}")]
    Write(String),
    #[error(transparent)]
    Model(#[from] ModelError),
}

/// Collects norm studies, one after the other, so that their pixels need not be in memory together.
#[derive(Debug)]
pub struct NormFitter<'a> {
    model: &'a AnomalyModel,
    options: FitNormOptions,
    neighbours: usize,
    position_weight: f32,
    /// How the base model keeps what distance norm has at which place.
    expected: Option<ExpectedFile>,
    studies: Vec<StudyPatches>,
}

/// The patches of a study, slice after slice.
#[derive(Debug)]
struct StudyPatches {
    features: Array2<f32>,
    positions: Array2<f32>,
    /// Row and column of each patch.
    cells: Vec<(usize, usize)>,
    /// Number of patches of each slice, and the part of its crop that is lung.
    slices: Vec<(usize, f32)>,
}

impl StudyPatches {
    /// The lung share and the place of every patch, in order.
    fn places(&self) -> impl Iterator<Item = (f32, (usize, usize))> {
        let shares = self
            .slices
            .iter()
            .flat_map(|(count, share)| std::iter::repeat_n(*share, *count));
        shares.zip(self.cells.iter().copied())
    }
}

/// A site's norm.
#[derive(Debug, Clone)]
pub struct FittedNorm {
    /// As stored: features, and unweighted positions where the model weighs them.
    pub memory: Array2<f32>,
    /// What distance norm has at which place, where the base model keeps that.
    pub expected: Option<ExpectedDistance>,
    pub bounds: Bounds,
    /// The raw score of each study against the memory of the others, in the order in which they were added.
    pub leave_one_out_scores: Vec<f64>,
    /// Norm studies that would be called pathology by the anomaly score alone, each judged by bounds and
    /// memory without it.
    pub false_positives: Rate,
}

impl FittedNorm {
    pub fn studies(&self) -> usize {
        self.leave_one_out_scores.len()
    }

    /// Whether so many studies are worth acting on.
    pub fn is_recommended(&self) -> bool {
        self.studies() >= RECOMMENDED_NORM_STUDIES
    }
}

impl<'a> NormFitter<'a> {
    /// Fits a norm for the features of `model`, a patch memory; its own memory and bounds play no part.
    pub fn new(model: &'a AnomalyModel, options: FitNormOptions) -> Result<Self, FitNormError> {
        let manifest = model.manifest();
        let memory = manifest
            .memory
            .as_ref()
            .filter(|_| manifest.task == Task::PatchMemory)
            .ok_or_else(|| FitNormError::NoPatchMemory(manifest.name.clone()))?;
        Ok(Self {
            model,
            options,
            neighbours: memory.neighbours,
            position_weight: memory.position_weight,
            expected: memory.expected.clone(),
            studies: Vec::new(),
        })
    }

    /// Adds a norm study.
    pub fn add(&mut self, slices: &Slices<'_>) -> Result<(), FitNormError> {
        let slices = self.model.lung_patches(slices)?;
        let features: Vec<_> = slices
            .iter()
            .map(|(patches, _)| patches.features.view())
            .collect();
        let positions: Vec<_> = slices
            .iter()
            .map(|(patches, _)| patches.positions.view())
            .collect();
        let join = |parts: &[_]| {
            concatenate(Axis(0), parts).map_err(|error| FitNormError::Memory(error.to_string()))
        };
        self.studies.push(StudyPatches {
            features: join(&features)?,
            positions: join(&positions)?,
            cells: slices
                .iter()
                .flat_map(|(patches, _)| patches.cells.iter().copied())
                .collect(),
            slices: slices
                .iter()
                .map(|(patches, share)| (patches.cells.len(), *share))
                .collect(),
        });
        Ok(())
    }

    /// Builds the memory and its bounds. `on_study` is told after each study that was judged without itself.
    pub fn finish(self, mut on_study: impl FnMut(usize)) -> Result<FittedNorm, FitNormError> {
        let count = self.studies.len();
        if count < LEAST_NORM_STUDIES {
            return Err(FitNormError::TooFewStudies { found: count });
        }
        let parts = self.chosen_patches()?;
        let mut distances = Vec::with_capacity(count);
        for (index, study) in self.studies.iter().enumerate() {
            let others = join_without(&parts, Some(index))?;
            distances.push(self.distances(study, others)?);
            on_study(index + 1);
        }
        let expected = self.expected(&distances)?;
        let scores = self
            .studies
            .iter()
            .zip(&distances)
            .map(|(study, distances)| self.score(study, distances))
            .collect::<Result<Vec<f64>, _>>()?;
        let bounds = self.bounds(&scores).ok_or(FitNormError::NoSpread)?;
        let mut positives = 0;
        for left_out in 0..count {
            let mut others = scores.clone();
            let score = others.remove(left_out);
            let judged_by = self.bounds(&others).ok_or(FitNormError::NoSpread)?;
            positives += usize::from(judged_by.normalise(score) >= self.options.score_threshold);
        }
        Ok(FittedNorm {
            memory: join_without(&parts, None)?,
            expected,
            bounds,
            leave_one_out_scores: scores,
            false_positives: Rate {
                value: positives as f64 / count as f64,
                ci95: wilson_interval(positives, count),
            },
        })
    }

    /// The same number of patches of each study, with their positions where these are weighed.
    fn chosen_patches(&self) -> Result<Vec<Array2<f32>>, FitNormError> {
        let wanted = (self.options.patches / self.studies.len()).max(self.neighbours);
        self.studies
            .iter()
            .map(|study| {
                let found = study.features.nrows();
                if found < wanted {
                    return Err(FitNormError::TooFewPatches { found, wanted });
                }
                let chosen = k_center(&study.features, wanted);
                let features = study.features.select(Axis(0), &chosen);
                if self.position_weight <= 0.0 {
                    return Ok(features);
                }
                let positions = study.positions.select(Axis(0), &chosen);
                concatenate(Axis(1), &[features.view(), positions.view()])
                    .map_err(|error| FitNormError::Memory(error.to_string()))
            })
            .collect()
    }

    fn distances(&self, study: &StudyPatches, memory: Array2<f32>) -> Result<Vec<f32>, FitNormError> {
        let memory =
            PatchMemory::new(memory, self.neighbours, self.position_weight).map_err(FitNormError::Memory)?;
        Ok(memory.distances(&study.features, &study.positions))
    }

    /// What distance norm has at which place, where the base model keeps that.
    fn expected(&self, distances: &[Vec<f32>]) -> Result<Option<ExpectedDistance>, FitNormError> {
        let Some(file) = &self.expected else {
            return Ok(None);
        };
        let mut statistics = DistanceStatistics::new(&file.lung_shares, file.grid);
        for (study, distances) in self.studies.iter().zip(distances) {
            for ((share, cell), distance) in study.places().zip(distances) {
                statistics.add(share, cell, *distance);
            }
        }
        statistics.expected().map(Some).ok_or(FitNormError::NoSpread)
    }

    fn score(&self, study: &StudyPatches, distances: &[f32]) -> Result<f64, FitNormError> {
        let mut left = distances;
        let by_slice: Vec<Vec<f32>> = study
            .slices
            .iter()
            .map(|(count, _)| {
                let (slice, rest) = left.split_at(*count);
                left = rest;
                slice.to_vec()
            })
            .collect();
        self.model
            .aggregate(&by_slice)
            .filter(|score| score.is_finite())
            .ok_or(FitNormError::NoSpread)
    }

    /// 0 at the median of the norm's scores; the threshold at mean + 1.64 deviations.
    fn bounds(&self, scores: &[f64]) -> Option<Bounds> {
        let (mean, deviation) = mean_and_deviation(scores);
        let low = median(scores);
        let threshold = mean + AIMED_QUANTILE * deviation;
        let high = low + (threshold - low) / self.options.score_threshold;
        (high.is_finite() && high > low).then_some(Bounds { low, high })
    }
}

fn join_without(parts: &[Array2<f32>], left_out: Option<usize>) -> Result<Array2<f32>, FitNormError> {
    let views: Vec<_> = parts
        .iter()
        .enumerate()
        .filter(|(index, _)| Some(*index) != left_out)
        .map(|(_, part): (_, &Array2<f32>)| ArrayRef2::view(part))
        .collect();
    concatenate(Axis(0), &views).map_err(|error| FitNormError::Memory(error.to_string()))
}
