//! Typing: which kinds of pathology, and where each is seen best.

use ndarray::{Array2, ArrayRef3, Axis, Ix2};
use norma_domain::{ModelReference, Probability};

use crate::augmentation::augmentations;
use crate::bundle::InstalledModel;
use crate::calibration::sigmoid;
use crate::error::ModelError;
use crate::manifest::{Label, Manifest, OutputMeaning, Task};
use crate::repeated_reading::{execution_provider, read_repeatedly};
use crate::runtime::Runtime;
use crate::session::Graph;
use crate::slices::Slices;

/// A typing model with its session.
#[derive(Debug)]
pub struct TypingModel {
    manifest: Manifest,
    reference: ModelReference,
    graph: Graph,
}

/// What the typing model found in a study.
#[derive(Debug, Clone)]
pub struct TypingReading {
    /// Places of the slices read among those given, ascending.
    pub indices: Vec<usize>,
    /// Per slice read, the highest probability of any label.
    pub slice_scores: Vec<f64>,
    /// One per label of the manifest, in its order.
    pub labels: Vec<LabelReading>,
}

/// How probable a label is.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelReading {
    pub label: Label,
    /// The slices' probabilities aggregated as the manifest says.
    pub probability: Probability,
    /// The place of the slice with the highest probability among those given.
    pub key_index: usize,
}

impl TypingModel {
    pub fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        if model.manifest.task != Task::Typing {
            return Err(ModelError::invalid(&model.manifest.name, "is no typing model"));
        }
        Ok(Self {
            graph: Graph::open(model, runtime)?,
            reference: model.reference(),
            manifest: model.manifest.clone(),
        })
    }

    pub fn reference(&self) -> &ModelReference {
        &self.reference
    }

    /// Where what is read of these slices is computed.
    pub fn execution_provider_of(&self, slices: &Slices<'_>) -> String {
        let augmentations = augmentations(&self.manifest.test_time_augmentation);
        execution_provider(&self.graph, &self.manifest, slices, augmentations)
    }

    pub(crate) fn time_in_runtime(&self) -> std::time::Duration {
        self.graph.time_in_runtime()
    }

    /// Reads a study.
    pub fn read(&self, slices: &Slices<'_>) -> Result<TypingReading, ModelError> {
        let selected = slices.select(self.manifest.slice_selection);
        let probabilities = self.probabilities(slices, &selected.pixels)?;
        let labels = self
            .manifest
            .labels
            .iter()
            .zip(probabilities.columns())
            .map(|(label, column)| {
                let scores = column.to_vec();
                let probability = self
                    .manifest
                    .aggregation
                    .apply(&scores)
                    .and_then(|score| Probability::new(score).ok());
                let key = (0..scores.len()).max_by(|left, right| scores[*left].total_cmp(&scores[*right]));
                let (Some(probability), Some(key)) = (probability, key) else {
                    return Err(ModelError::NotFinite {
                        model: self.manifest.name.clone(),
                        what: "a label's probability",
                    });
                };
                Ok(LabelReading {
                    label: label.clone(),
                    probability,
                    key_index: selected.indices[key],
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let slice_scores = probabilities
            .rows()
            .into_iter()
            .map(|row| row.iter().copied().fold(0.0, f64::max))
            .collect();
        Ok(TypingReading {
            indices: selected.indices,
            slice_scores,
            labels,
        })
    }

    /// `(n, labels)`, averaged over the augmentations.
    fn probabilities(&self, slices: &Slices<'_>, pixels: &ArrayRef3<u8>) -> Result<Array2<f64>, ModelError> {
        let labels = self.manifest.labels.len();
        let are_logits = self.manifest.output(OutputMeaning::Logits).is_some();
        let mut sum = Array2::<f64>::zeros((pixels.len_of(Axis(0)), labels));
        let times = read_repeatedly(&self.graph, &self.manifest, slices, pixels, |_, outputs| {
            let values = outputs
                .into_iter()
                .next()
                .and_then(|values| values.into_dimensionality::<Ix2>().ok())
                .filter(|values| values.ncols() == labels)
                .ok_or_else(|| {
                    self.graph
                        .mismatch(format!("the outputs are not {labels} per slice"))
                })?;
            sum += &values.mapv(|value| {
                let value = f64::from(value);
                if are_logits { sigmoid(value) } else { value }
            });
            Ok(())
        })?;
        Ok(sum / times as f64)
    }
}
