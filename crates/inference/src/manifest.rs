//! `norma.model/v1`: what a model says about itself.

use std::fs;
use std::path::{Path, PathBuf};

use norma_domain::Probability;
use norma_volume::{PREPARATION, PREPARED_HU_HIGH, PREPARED_HU_LOW};
use serde::{Deserialize, Serialize};

use crate::aggregation::{SliceAggregation, WithinSlice};
use crate::error::ModelError;
use crate::file_hash::sha256_of_bytes;

/// Value of [`Manifest::schema`].
pub const MODEL_SCHEMA: &str = "norma.model/v1";
/// Name of the manifest in a model's folder.
pub const MANIFEST_FILE: &str = "manifest.yaml";
/// Hounsfield range of the prepared grey levels 0..=255.
pub(crate) const PREPARED_HOUNSFIELD: [f64; 2] = [PREPARED_HU_LOW as f64, PREPARED_HU_HIGH as f64];

/// A model's manifest, `models/<name>/manifest.yaml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub schema: String,
    /// The folder's name.
    pub name: String,
    pub version: String,
    pub task: Task,
    /// The folder beside the model's own in which `file` lies, where several models read outputs of one graph; the model's
    /// own folder where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
    /// The ONNX file.
    pub file: String,
    /// SHA-256 of the ONNX file, lower-case hexadecimal.
    pub sha256: String,
    pub input: InputTensor,
    pub outputs: Vec<OutputTensor>,
    /// Typing: the labels in the order of the logits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Label>,
    #[serde(default)]
    pub slice_selection: SliceSelection,
    /// Classifier: what is averaged; empty is the same as `[identity]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test_time_augmentation: Vec<Augmentation>,
    pub aggregation: SliceAggregation,
    /// Reconstruction and patch memory: from a map to the slice's score.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_slice: Option<WithinSlice>,
    /// Reconstruction and patch memory: the raw study scores that become 0 and 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Bounds>,
    /// Patch memory: the norm patches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<MemoryFile>,
    /// Patch memory and classifier: how norm studies score that the model did not see, each source weighing the
    /// same. A site's own norm is mapped onto it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub norm_scores: Option<NormScores>,
    /// Training data, licence, splits, figures: for people and the model card.
    #[serde(default, skip_serializing_if = "serde_yaml_ng::Value::is_null")]
    pub provenance: serde_yaml_ng::Value,
}

/// What a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// An error map of what the model could not reconstruct.
    Reconstruction,
    /// Patch features that are compared with a memory of norm patches.
    PatchMemory,
    /// A logit of pathology and a class-activation map.
    Classifier,
    /// A logit per pathology type.
    Typing,
}

/// The one input, f32 `(batch, channels, size, size)` = ((grey / 255) − mean) / std.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputTensor {
    pub name: String,
    pub channels: usize,
    pub size: usize,
    pub preprocessing: String,
    pub hounsfield_range: [f64; 2],
    /// One value for all channels or one per channel.
    pub mean: Vec<f32>,
    pub std: Vec<f32>,
}

/// One f32 output of the graph.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutputTensor {
    pub name: String,
    pub meaning: OutputMeaning,
    pub shape: Vec<Dimension>,
}

/// What an output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMeaning {
    /// `(batch)`: probability of pathology = sigmoid.
    Logit,
    /// `(batch, labels)`: probability of each label = sigmoid, independently.
    Logits,
    /// `(batch, labels)`: probabilities already, as foreign classifiers with a softmax in the graph give.
    Probabilities,
    /// `(batch, h, w)`: contribution of each place to the logit.
    ClassActivationMap,
    /// `(batch, h, w)`: absolute reconstruction error.
    ReconstructionErrorMap,
    /// `(batch, c, h, w)`.
    PatchFeatures,
}

/// A dimension of a tensor: a number or the name of one that the graph decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    Fixed(usize),
    Named(String),
}

/// A pathology type that a typing model knows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub key: String,
    pub en: String,
    pub ru: String,
    /// The probability from which on the type counts as present.
    pub threshold: Probability,
}

/// How many of the prepared slices the model reads; fewer than there are: evenly spread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SliceSelection {
    pub count: usize,
}

impl Default for SliceSelection {
    fn default() -> Self {
        Self { count: 64 }
    }
}

/// One way to look at a slice again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Augmentation {
    Identity,
    HorizontalFlip,
    Noise,
    Blur,
    Clahe,
}

/// The raw study scores that become 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    pub low: f64,
    pub high: f64,
}

impl Bounds {
    /// The raw value between the bounds, clipped to 0..=1. `raw` is finite.
    pub fn normalise(self, raw: f64) -> f64 {
        ((raw - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }
}

/// Study scores of norm: of a patch memory the raw ones, of a classifier the logits of its scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormScores {
    pub mean: f64,
    pub standard_deviation: f64,
}

/// The norm patches of a patch memory.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryFile {
    /// An npy file, float16 or float32, `(m, c)`, or `(m, c + 2)` with the position where it is weighed.
    pub file: String,
    pub sha256: String,
    /// The distance to a memory is the mean L2 distance to this many nearest patches.
    pub neighbours: usize,
    /// Weight of the patch's position `(y, x)` in the crop, each 0..1, against its features.
    #[serde(default)]
    pub position_weight: f32,
    /// What distance norm has at which place: maps then show deviations from it. Scores are of plain distances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<ExpectedFile>,
}

/// Distances of norm to the memory, place by place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectedFile {
    /// An npy file, float16 or float32, `(shares · rows · columns, 2)`: mean and standard deviation.
    pub file: String,
    pub sha256: String,
    /// Rows and columns of the features' grid.
    pub grid: [usize; 2],
    /// Centres of the bins of a slice's lung share (the part of the crop that is lung), ascending.
    pub lung_shares: Vec<f32>,
}

impl Manifest {
    /// Reads and checks `folder/manifest.yaml`. Checks nothing about the files that it names.
    pub fn read(folder: &Path) -> Result<Self, ModelError> {
        Self::read_with_hash(folder).map(|(manifest, _)| manifest)
    }

    /// The same with the SHA-256 of the very bytes that were read.
    pub(crate) fn read_with_hash(folder: &Path) -> Result<(Self, String), ModelError> {
        let path = folder.join(MANIFEST_FILE);
        if !path.is_file() {
            return Err(ModelError::Missing {
                what: "a model's manifest",
                path,
            });
        }
        let text = fs::read_to_string(&path).map_err(|source| ModelError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let manifest: Self =
            serde_yaml_ng::from_str(&text).map_err(|source| ModelError::DoesNotParse { path, source })?;
        manifest.check()?;
        Ok((manifest, sha256_of_bytes(text.as_bytes())))
    }

    /// The files beside the graph, with their hashes.
    pub(crate) fn further_files(&self) -> impl Iterator<Item = (&String, &String)> {
        let memory = self.memory.iter();
        let expected = self.memory.iter().filter_map(|memory| memory.expected.as_ref());
        memory
            .map(|memory| (&memory.file, &memory.sha256))
            .chain(expected.map(|expected| (&expected.file, &expected.sha256)))
    }

    /// Where the graph of this model lies, whose folder is `folder`.
    pub(crate) fn graph_path(&self, folder: &Path) -> PathBuf {
        match &self.network {
            None => folder.join(&self.file),
            // Beside a folder whose own name is not known, such as `.`.
            Some(network) if folder.file_name().is_none() => folder.join("..").join(network).join(&self.file),
            Some(network) => folder.with_file_name(network).join(&self.file),
        }
    }

    /// The output with this meaning.
    pub fn output(&self, meaning: OutputMeaning) -> Option<&OutputTensor> {
        self.outputs.iter().find(|output| output.meaning == meaning)
    }

    /// The outputs that the task needs, in the order in which it reads them.
    pub(crate) fn outputs_read(&self) -> Result<Vec<&OutputTensor>, ModelError> {
        let required = |meanings: &[OutputMeaning]| {
            meanings
                .iter()
                .find_map(|meaning| self.output(*meaning))
                .ok_or_else(|| {
                    self.refuse(format!(
                        "a {:?} model needs an output that means {meanings:?}",
                        self.task
                    ))
                })
        };
        match self.task {
            Task::Reconstruction => Ok(vec![required(&[OutputMeaning::ReconstructionErrorMap])?]),
            Task::PatchMemory => Ok(vec![required(&[OutputMeaning::PatchFeatures])?]),
            Task::Typing => Ok(vec![required(&[
                OutputMeaning::Logits,
                OutputMeaning::Probabilities,
            ])?]),
            Task::Classifier => Ok(std::iter::once(required(&[OutputMeaning::Logit])?)
                .chain(self.output(OutputMeaning::ClassActivationMap))
                .collect()),
        }
    }

    /// Says what in the manifest does not fit.
    pub fn check(&self) -> Result<(), ModelError> {
        if self.schema != MODEL_SCHEMA {
            return Err(self.refuse(format!("schema is {:?}, not {MODEL_SCHEMA}", self.schema)));
        }
        let files = std::iter::once(&self.file).chain(&self.network);
        for file in files.chain(self.further_files().map(|(file, _)| file)) {
            if !is_plain_file_name(file) {
                return Err(self.refuse(format!("{file:?} is not a plain file name")));
            }
        }
        for hash in std::iter::once(&self.sha256).chain(self.further_files().map(|(_, hash)| hash)) {
            if hash.len() != 64 || !hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                return Err(self.refuse(format!("{hash:?} is not a lower-case SHA-256")));
            }
        }
        if self.slice_selection.count == 0 {
            return Err(self.refuse("slice_selection.count is 0"));
        }
        self.check_input()?;
        self.outputs_read()?;
        self.check_outputs()?;
        self.check_task()
    }

    fn check_input(&self) -> Result<(), ModelError> {
        let input = &self.input;
        if input.preprocessing != PREPARATION {
            return Err(self.refuse(format!(
                "input.preprocessing is {:?}; this program performs {PREPARATION}",
                input.preprocessing
            )));
        }
        if input.hounsfield_range != PREPARED_HOUNSFIELD {
            return Err(self.refuse(format!(
                "input.hounsfield_range is {:?}; {PREPARATION} gives {PREPARED_HOUNSFIELD:?}",
                input.hounsfield_range
            )));
        }
        if input.channels == 0 || !(8..=2048).contains(&input.size) {
            return Err(self.refuse(format!(
                "an input of {} channels of {}² pixels is out of range",
                input.channels, input.size
            )));
        }
        for (name, values) in [("mean", &input.mean), ("std", &input.std)] {
            if values.len() != 1 && values.len() != input.channels {
                return Err(self.refuse(format!(
                    "input.{name} has {} values for {} channels",
                    values.len(),
                    input.channels
                )));
            }
            if !values.iter().all(|value| value.is_finite()) {
                return Err(self.refuse(format!("input.{name} is not finite")));
            }
        }
        if input.std.iter().any(|value| *value <= 0.0) {
            return Err(self.refuse("input.std is not positive"));
        }
        Ok(())
    }

    fn check_outputs(&self) -> Result<(), ModelError> {
        for output in &self.outputs {
            let rank = match output.meaning {
                OutputMeaning::Logit => 1,
                OutputMeaning::Logits | OutputMeaning::Probabilities => 2,
                OutputMeaning::ClassActivationMap | OutputMeaning::ReconstructionErrorMap => 3,
                OutputMeaning::PatchFeatures => 4,
            };
            if output.shape.len() != rank {
                return Err(self.refuse(format!(
                    "output {:?} has {} dimensions; {:?} has {rank}",
                    output.name,
                    output.shape.len(),
                    output.meaning
                )));
            }
        }
        Ok(())
    }

    fn check_task(&self) -> Result<(), ModelError> {
        match self.task {
            Task::Reconstruction | Task::PatchMemory => {
                if self.within_slice.is_none() {
                    return Err(self.refuse("within_slice is needed to score a map"));
                }
                let bounds = self
                    .normalisation
                    .ok_or_else(|| self.refuse("normalisation is needed"))?;
                if !(bounds.low.is_finite() && bounds.high.is_finite() && bounds.low < bounds.high) {
                    return Err(self.refuse(format!(
                        "normalisation {} to {} is no range",
                        bounds.low, bounds.high
                    )));
                }
            }
            Task::Typing if self.labels.is_empty() => {
                return Err(self.refuse("a typing model names its labels"));
            }
            Task::Typing => self.check_labels()?,
            Task::Classifier => {}
        }
        if let Some(k) = self
            .aggregation
            .zero_count()
            .or(self.within_slice.and_then(WithinSlice::zero_count))
        {
            return Err(self.refuse(format!("top_k_mean with k = {k}")));
        }
        match (&self.memory, self.task) {
            (None, Task::PatchMemory) => return Err(self.refuse("memory is needed")),
            (Some(memory), Task::PatchMemory) => {
                if memory.neighbours == 0 {
                    return Err(self.refuse("memory.neighbours is 0"));
                }
                if !(memory.position_weight.is_finite() && memory.position_weight >= 0.0) {
                    return Err(self.refuse("memory.position_weight is not a weight"));
                }
            }
            (Some(_), _) => return Err(self.refuse("only a patch_memory model has a memory")),
            (None, _) => {}
        }
        if let Some(scores) = self.norm_scores
            && !(scores.mean.is_finite()
                && scores.standard_deviation.is_finite()
                && scores.standard_deviation > 0.0)
        {
            return Err(self.refuse(format!(
                "norm_scores with mean {} and standard deviation {}",
                scores.mean, scores.standard_deviation
            )));
        }
        let mut keys: Vec<&str> = self.labels.iter().map(|label| label.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.len() != self.labels.len() {
            return Err(self.refuse("two labels have the same key"));
        }
        Ok(())
    }

    /// A label for each column of the output. Where the shape says `labels`, the graph is asked when it is opened.
    fn check_labels(&self) -> Result<(), ModelError> {
        let labels = self.labels.len();
        for output in &self.outputs {
            let read = [OutputMeaning::Logits, OutputMeaning::Probabilities].contains(&output.meaning);
            if let Some(Dimension::Fixed(columns)) = output.shape.get(1).filter(|_| read)
                && *columns != labels
            {
                return Err(self.refuse(format!(
                    "output {:?} has {columns} columns and there are {labels} labels",
                    output.name
                )));
            }
        }
        Ok(())
    }

    fn refuse(&self, message: impl Into<String>) -> ModelError {
        ModelError::invalid(&self.name, message)
    }
}

/// A name without folders, so that a manifest cannot point outside its own.
pub(crate) fn is_plain_file_name(name: &str) -> bool {
    !name.is_empty() && name != "." && name != ".." && !name.contains(['/', '\\', '\0'])
}
