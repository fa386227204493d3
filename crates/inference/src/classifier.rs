//! The classifier: norm or pathology, slice by slice.

use ndarray::{Array3, Axis, Ix1, Ix3};
use norma_domain::ModelReference;

use crate::augmentation::{augmentations, undo_on_map};
use crate::bundle::InstalledModel;
use crate::calibration::{LogitScaling, sigmoid};
use crate::error::ModelError;
use crate::manifest::{Augmentation, Manifest, Task};
use crate::repeated_reading::{execution_provider, read_repeatedly};
use crate::runtime::{ExecutionProvider, Runtime};
use crate::session::Graph;
use crate::slices::Slices;

/// A classifier with its session.
#[derive(Debug)]
pub struct ClassifierModel {
    manifest: Manifest,
    reference: ModelReference,
    graph: Graph,
    scaling: Option<LogitScaling>,
}

/// What the classifier found in a study.
#[derive(Debug, Clone)]
pub struct ClassifierReading {
    /// Places of the slices read among those given, ascending.
    pub indices: Vec<usize>,
    /// Probability of pathology per slice read, averaged over the augmentations and scaled like
    /// [`score`](Self::score).
    pub slice_scores: Vec<f64>,
    /// The study's probability before calibration, 0..=1, scaled to the site's own norm where the bundle has one.
    pub score: f64,
    /// The study's probability as the model gives it, aggregated from unscaled slices.
    pub unscaled: f64,
    /// Class-activation maps `(n, h, w)` averaged over the augmentations; None where the graph has none.
    pub maps: Option<Array3<f32>>,
}

impl ClassifierReading {
    /// The maps in 0..=1: what speaks for pathology, with the slice's probability at its highest place, so
    /// that slices can be compared and a slice of norm stays dark.
    pub fn visible_maps(&self) -> Option<Array3<f32>> {
        let mut maps = self.maps.clone()?;
        for (mut map, score) in maps.outer_iter_mut().zip(&self.slice_scores) {
            let highest = map.iter().copied().fold(0.0_f32, f32::max);
            let scale = if highest > 0.0 {
                *score as f32 / highest
            } else {
                0.0
            };
            map.mapv_inplace(|value| value.max(0.0) * scale);
        }
        Some(maps)
    }
}

impl ClassifierModel {
    pub fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        if model.manifest.task != Task::Classifier {
            return Err(ModelError::invalid(&model.manifest.name, "is no classifier"));
        }
        Ok(Self {
            graph: Graph::open(model, runtime)?,
            reference: model.reference(),
            manifest: model.manifest.clone(),
            scaling: None,
        })
    }

    /// The same model with its scores scaled to a site's own norm.
    #[must_use]
    pub fn scaled(self, scaling: Option<LogitScaling>) -> Self {
        Self { scaling, ..self }
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub fn reference(&self) -> &ModelReference {
        &self.reference
    }

    pub fn execution_provider(&self) -> &ExecutionProvider {
        self.graph.provider()
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
    pub fn read(&self, slices: &Slices<'_>) -> Result<ClassifierReading, ModelError> {
        let selected = slices.select(self.manifest.slice_selection);
        let count = selected.indices.len();
        let mut sums = vec![0.0; count];
        let mut map_sum: Option<Array3<f32>> = None;
        let times = read_repeatedly(
            &self.graph,
            &self.manifest,
            slices,
            &selected.pixels,
            |augmentation, outputs| {
                let mut outputs = outputs.into_iter();
                let logits = outputs
                    .next()
                    .and_then(|logits| logits.into_dimensionality::<Ix1>().ok())
                    .ok_or_else(|| self.graph.mismatch("the logits are not one per slice".to_owned()))?;
                for (sum, logit) in sums.iter_mut().zip(&logits) {
                    *sum += sigmoid(f64::from(*logit));
                }
                if let Some(maps) = outputs.next() {
                    let maps = maps
                        .into_dimensionality::<Ix3>()
                        .map_err(|error| self.graph.mismatch(error.to_string()))?;
                    add_maps(&mut map_sum, &maps, augmentation);
                }
                Ok(())
            },
        )?;
        let times = times as f64;
        let mut slice_scores: Vec<f64> = sums.iter().map(|sum| sum / times).collect();
        let unscaled = self
            .manifest
            .aggregation
            .apply(&slice_scores)
            .filter(|score| (0.0..=1.0).contains(score))
            .ok_or_else(|| ModelError::NotFinite {
                model: self.manifest.name.clone(),
                what: "the study's score",
            })?;
        let score = self.scaling.map_or(unscaled, |scaling| scaling.apply(unscaled));
        if let Some(scaling) = self.scaling {
            for score in &mut slice_scores {
                *score = scaling.apply(*score);
            }
        }
        Ok(ClassifierReading {
            indices: selected.indices,
            slice_scores,
            score,
            unscaled,
            maps: map_sum.map(|sum| sum / times as f32),
        })
    }
}

fn add_maps(sum: &mut Option<Array3<f32>>, maps: &Array3<f32>, augmentation: Augmentation) {
    let total = sum.get_or_insert_with(|| Array3::zeros(maps.raw_dim()));
    for (mut total, map) in total.axis_iter_mut(Axis(0)).zip(maps.outer_iter()) {
        total += &undo_on_map(&map, augmentation);
    }
}
