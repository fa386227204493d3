//! A site's own norm: a memory of norm patches from the site's norm studies, and both stages' scores mapped onto the
//! bundle's own norm, without labels of pathology and without training.
//!
//! Every study gives the same number of patches, chosen greedily so that each next one is the farthest from
//! those chosen (k-centre, Gonzalez 1985). So leaving a study out of the memory is leaving its patches out, and
//! the leave-one-study-out scores are exact.
//!
//! A classifier and a memory that learnt on other scanners score a site's norm higher or lower than their own, and
//! thresholds then mean nothing. So the mean and the standard deviation of the site's scores are mapped onto those of the
//! norm that the bundle was fitted on: an operating point keeps about its specificity (docs/adr/0307).

mod false_positives;
mod k_center;
mod statistics;
mod write;

use ndarray::{Array2, ArrayRef2, Axis, concatenate};
use norma_domain::{Probability, Stage};

use crate::anomaly::AnomalyModel;
use crate::bundle::{Bundle, InstalledModel};
use crate::calibration::{LogitScaling, logit};
use crate::classifier::ClassifierModel;
use crate::error::ModelError;
use crate::expected_distance::{DistanceStatistics, ExpectedDistance};
use crate::manifest::{Bounds, ExpectedFile, Manifest, NormScores, Task};
use crate::patch_memory::PatchMemory;
use crate::shared_pass::SharedPass;
use crate::slices::Slices;
use crate::stage_models::StageModels;
pub use false_positives::FalsePositives;
use false_positives::false_positives;
use k_center::k_center;
pub use statistics::Rate;
use statistics::norm_scores;

/// Fewer norm studies are refused: with ten, even no false positive at all leaves an upper bound of 28 % (Wilson).
pub const LEAST_NORM_STUDIES: usize = 10;
/// From this many on no false positive at all means at most 11 %, and what is fitted varies little with the choice of
/// studies.
pub const RECOMMENDED_NORM_STUDIES: usize = 30;

/// How to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FitNormOptions {
    /// Patches of the memory, all studies together.
    pub patches: usize,
}

impl Default for FitNormOptions {
    fn default() -> Self {
        Self { patches: 8_000 }
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
    #[error("bundle {0} needs one memory of norm patches to fit a site's norm from and has {1}")]
    NotOneMemory(String, usize),
    #[error(
        "{0} does not say how its own norm scores (norm_scores); a site's norm has nothing to be mapped onto"
    )]
    NoNormScores(String),
    #[error("the anomaly stage and the classifier must be open")]
    NotOpen,
    #[error("the studies score so alike that nothing can be fitted: are they copies of each other?")]
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
    bundle: &'a Bundle,
    /// The anomaly models in the bundle's order, and which of them is the memory.
    anomaly: &'a [AnomalyModel],
    memory_index: usize,
    classifier: &'a ClassifierModel,
    shared: &'a SharedPass,
    base: BaseNorm,
    options: FitNormOptions,
    neighbours: usize,
    position_weight: f32,
    /// How the base model keeps what distance norm has at which place.
    expected: Option<ExpectedFile>,
    studies: Vec<StudyPatches>,
}

/// The norm that the bundle was fitted on.
#[derive(Debug, Clone, Copy)]
struct BaseNorm {
    memory: NormScores,
    bounds: Bounds,
    classifier: NormScores,
}

impl BaseNorm {
    /// Bounds that give the site's mean and mean plus one deviation the normalised scores of the base's.
    fn bounds(&self, site: NormScores) -> Bounds {
        let width = self.bounds.high - self.bounds.low;
        let mean = (self.memory.mean - self.bounds.low) / width;
        let unit = site.standard_deviation * width / self.memory.standard_deviation;
        let low = site.mean - mean * unit;
        Bounds {
            low,
            high: low + unit,
        }
    }

    fn scaling(&self, site: NormScores) -> LogitScaling {
        let coefficient = self.classifier.standard_deviation / site.standard_deviation;
        LogitScaling {
            coefficient,
            intercept: self.classifier.mean - coefficient * site.mean,
        }
    }
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
    /// The normalised scores of the anomaly models in the bundle's order, the memory's place to be filled.
    anomaly: Vec<f64>,
    /// The classifier's unscaled score.
    classifier: f64,
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
    /// Mean and deviation of the leave-one-study-out scores.
    pub norm_scores: NormScores,
    pub classifier_scaling: LogitScaling,
    /// The memory's raw score of each study against the memory of the others, in the order in which they were added.
    pub leave_one_out_scores: Vec<f64>,
    /// The probability of pathology of each study by the whole bundle, with what was fitted without it.
    pub leave_one_out_probabilities: Vec<Probability>,
    /// For each operating point of the bundle the norm studies that would be called pathology, each judged by both stages
    /// with what was fitted without it.
    pub false_positives: Vec<FalsePositives>,
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
    /// Fits a norm for the features of the bundle's one patch memory; `models` are the bundle's, with the anomaly stage and
    /// the classifier open. The memory's own patches and bounds play no part.
    ///
    /// # Errors
    /// Where the bundle has no memory or more than one, or its models do not say how their own norm scores.
    pub fn new(
        bundle: &'a Bundle,
        models: &'a StageModels,
        options: FitNormOptions,
    ) -> Result<Self, FitNormError> {
        let (Some(anomaly), Some(classifier)) = (models.anomaly(), models.classifier()) else {
            return Err(FitNormError::NotOpen);
        };
        let anomaly = anomaly.models.as_slice();
        let memory_index = only_patch_memory(bundle)?;
        let manifest = anomaly[memory_index].manifest();
        let (Some(memory), Some(bounds)) = (&manifest.memory, manifest.normalisation) else {
            return Err(FitNormError::NoPatchMemory(manifest.name.clone()));
        };
        let own_norm = |manifest: &Manifest| {
            manifest
                .norm_scores
                .ok_or_else(|| FitNormError::NoNormScores(manifest.name.clone()))
        };
        Ok(Self {
            bundle,
            anomaly,
            memory_index,
            classifier,
            shared: models.shared(),
            base: BaseNorm {
                memory: own_norm(manifest)?,
                bounds,
                classifier: own_norm(classifier.manifest())?,
            },
            options,
            neighbours: memory.neighbours,
            position_weight: memory.position_weight,
            expected: memory.expected.clone(),
            studies: Vec::new(),
        })
    }

    /// The model whose memory is fitted.
    pub fn base(&self) -> &'a InstalledModel {
        &self.bundle.anomaly()[self.memory_index]
    }

    fn model(&self) -> &AnomalyModel {
        &self.anomaly[self.memory_index]
    }

    /// Adds a norm study.
    pub fn add(&mut self, slices: &Slices<'_>) -> Result<(), FitNormError> {
        let shared = self.shared.run(slices)?;
        let of_anomaly = slices.with_known(shared.of(Stage::Anomaly));
        let anomaly = self
            .anomaly
            .iter()
            .enumerate()
            .map(|(index, model)| {
                if index == self.memory_index {
                    return Ok(0.0);
                }
                model.read(&of_anomaly).map(|reading| reading.normalised())
            })
            .collect::<Result<Vec<f64>, ModelError>>()?;
        let of_classifier = slices.with_known(shared.of(Stage::Classifier));
        let classifier = self.classifier.read(&of_classifier)?.unscaled;
        let slices = self.model().lung_patches(&of_anomaly)?;
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
            anomaly,
            classifier,
        });
        Ok(())
    }

    /// Builds the memory and maps both stages' scores. `on_study` is told after each study that was judged without itself.
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
        let logits: Vec<f64> = self.studies.iter().map(|study| logit(study.classifier)).collect();
        let site = norm_scores(&scores).ok_or(FitNormError::NoSpread)?;
        let site_logits = norm_scores(&logits).ok_or(FitNormError::NoSpread)?;
        let probabilities = self.leave_one_out_probabilities(&scores, &logits)?;
        Ok(FittedNorm {
            memory: join_without(&parts, None)?,
            expected,
            bounds: self.base.bounds(site),
            norm_scores: site,
            classifier_scaling: self.base.scaling(site_logits),
            false_positives: false_positives(self.bundle, &probabilities),
            leave_one_out_probabilities: probabilities,
            leave_one_out_scores: scores,
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
        self.model()
            .aggregate(&by_slice)
            .filter(|score| score.is_finite())
            .ok_or(FitNormError::NoSpread)
    }

    /// The probability of each study by bounds and scaling of the others: `scores` of the memory without it, `logits` of the
    /// classifier.
    fn leave_one_out_probabilities(
        &self,
        scores: &[f64],
        logits: &[f64],
    ) -> Result<Vec<Probability>, FitNormError> {
        let judged = |(index, study): (usize, &StudyPatches)| {
            let site = norm_scores(&without(scores, index)).ok_or(FitNormError::NoSpread)?;
            let site_logits = norm_scores(&without(logits, index)).ok_or(FitNormError::NoSpread)?;
            let mut anomaly = study.anomaly.clone();
            anomaly[self.memory_index] = self.base.bounds(site).normalise(scores[index]);
            let classifier = self.base.scaling(site_logits).apply(study.classifier);
            let anomaly = self.bundle.anomaly_combination().apply(&anomaly);
            let (_, _, probability) = self
                .bundle
                .answer(anomaly, classifier)
                .ok_or(FitNormError::NoSpread)?;
            Ok(probability)
        };
        self.studies.iter().enumerate().map(judged).collect()
    }
}

/// The place of the bundle's one patch memory among its anomaly models.
fn only_patch_memory(bundle: &Bundle) -> Result<usize, FitNormError> {
    let mut memories = bundle
        .anomaly()
        .iter()
        .enumerate()
        .filter(|(_, model)| model.manifest.task == Task::PatchMemory)
        .map(|(index, _)| index);
    match (memories.next(), memories.count()) {
        (Some(index), 0) => Ok(index),
        (first, others) => Err(FitNormError::NotOneMemory(
            bundle.reference().name.clone(),
            others + usize::from(first.is_some()),
        )),
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

fn without(values: &[f64], left_out: usize) -> Vec<f64> {
    let mut others = values.to_vec();
    others.remove(left_out);
    others
}
