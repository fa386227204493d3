//! Anomaly models: trained on norm only, they score what does not look like it.

use ndarray::{Array2, Array3, ArrayRef3, ArrayRef4, Axis, Ix3, Ix4};
use norma_domain::ModelReference;
use rayon::prelude::*;

use crate::aggregation::{SliceAggregation, WithinSlice, lung_cells};
use crate::bundle::InstalledModel;
use crate::error::ModelError;
use crate::expected_distance::ExpectedDistance;
use crate::manifest::{Augmentation, Bounds, Manifest, Task};
use crate::npy::read_matrix;
use crate::patch_memory::{POSITION_COLUMNS, PatchMemory};
use crate::repeated_reading::{execution_provider, read_once};
use crate::runtime::Runtime;
use crate::session::Graph;
use crate::slices::{Selected, Slices};
use crate::study_map::smooth_lung_map;

/// Relative maps: what is not seen yet, and what is seen at its strongest, in deviations from norm. Of the
/// smoothed places of norm one in twenty reaches 1.
const VISIBLE_DEVIATIONS: (f32, f32) = (1.0, 4.0);

/// An anomaly model with its session.
#[derive(Debug)]
pub struct AnomalyModel {
    manifest: Manifest,
    reference: ModelReference,
    graph: Graph,
    measure: Measure,
    expected: Option<ExpectedDistance>,
    within_slice: WithinSlice,
    bounds: Bounds,
}

#[derive(Debug)]
enum Measure {
    ReconstructionError,
    PatchDistance(PatchMemory),
}

/// What an anomaly model found in a study.
#[derive(Debug, Clone)]
pub struct AnomalyReading {
    /// `reconstruction_error` or `patch_distance`.
    pub measure: &'static str,
    /// Places of the slices read among those given, ascending.
    pub indices: Vec<usize>,
    /// The measure per slice read, in the model's own unit.
    pub slice_scores: Vec<f64>,
    /// The measure of the study.
    pub raw: f64,
    pub bounds: Bounds,
    /// The measure at each place, `(n, h, w)`, 0 outside the lungs. Where the model knows what distance norm has at
    /// a place ([`is_relative`](Self::is_relative)): in deviations from that, smoothed over neighbouring places.
    pub maps: Array3<f32>,
    pub is_relative: bool,
}

impl AnomalyReading {
    /// The study's score in 0..=1.
    pub fn normalised(&self) -> f64 {
        self.bounds.normalise(self.raw)
    }

    /// The slices' scores in 0..=1.
    pub fn normalised_slices(&self) -> Vec<f64> {
        self.slice_scores
            .iter()
            .map(|score| self.bounds.normalise(*score))
            .collect()
    }

    /// How unusual the most unusual place of each slice is for that place, 0..=1 as the maps are seen. None where
    /// the model does not know what is usual.
    pub fn slice_peaks(&self) -> Option<Vec<f64>> {
        let highest = |map: ndarray::ArrayView2<'_, f32>| map.iter().copied().fold(0.0_f32, f32::max);
        self.is_relative.then(|| {
            self.visible_maps()
                .outer_iter()
                .map(|map| f64::from(highest(map)))
                .collect()
        })
    }

    /// The maps in 0..=1: 0 at the lower bound, 1 at twice the way to the upper one or at the study's
    /// highest place if that is higher. A study of norm stays dark, and no two places saturate alike. Relative
    /// maps begin and end at fixed numbers of deviations instead.
    pub fn visible_maps(&self) -> Array3<f32> {
        let (low, high) = if self.is_relative {
            VISIBLE_DEVIATIONS
        } else {
            let (low, high) = (self.bounds.low as f32, self.bounds.high as f32);
            (low, low + 2.0 * (high - low))
        };
        let highest = self.maps.iter().copied().fold(0.0_f32, f32::max);
        let high = high.max(highest);
        self.maps.mapv(|value| {
            if value > low {
                (value - low) / (high - low)
            } else {
                0.0
            }
        })
    }
}

impl AnomalyModel {
    /// Opens the model and checks its graph and, for a patch memory, the memory.
    pub fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        let manifest = model.manifest.clone();
        let (Some(within_slice), Some(bounds)) = (manifest.within_slice, manifest.normalisation) else {
            return Err(ModelError::invalid(
                &manifest.name,
                "within_slice and normalisation are needed",
            ));
        };
        let measure = match manifest.task {
            Task::Reconstruction => Measure::ReconstructionError,
            Task::PatchMemory => Measure::PatchDistance(PatchMemory::open(model)?),
            Task::Classifier | Task::Typing => {
                return Err(ModelError::invalid(&manifest.name, "is no anomaly model"));
            }
        };
        Ok(Self {
            graph: Graph::open(model, runtime)?,
            reference: model.reference(),
            expected: open_expected(model)?,
            manifest,
            measure,
            within_slice,
            bounds,
        })
    }

    pub fn reference(&self) -> &ModelReference {
        &self.reference
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Where what is read of these slices is computed.
    pub fn execution_provider_of(&self, slices: &Slices<'_>) -> String {
        execution_provider(&self.graph, &self.manifest, slices, &[Augmentation::Identity])
    }

    pub(crate) fn time_in_runtime(&self) -> std::time::Duration {
        self.graph.time_in_runtime()
    }

    /// Scores a study.
    pub fn read(&self, slices: &Slices<'_>) -> Result<AnomalyReading, ModelError> {
        let selected = slices.select(self.manifest.slice_selection);
        let output = self.run(slices, &selected)?;
        let (mut maps, inside) = match &self.measure {
            Measure::ReconstructionError => {
                let errors = output
                    .into_dimensionality::<Ix3>()
                    .map_err(|error| self.graph.mismatch(error.to_string()))?;
                let (_, rows, columns) = errors.dim();
                let inside = self.lung_cells(&selected.lung_mask, rows, columns)?;
                (errors, inside)
            }
            Measure::PatchDistance(memory) => {
                let features = output
                    .into_dimensionality::<Ix4>()
                    .map_err(|error| self.graph.mismatch(error.to_string()))?;
                let (_, _, rows, columns) = features.dim();
                let inside = self.lung_cells(&selected.lung_mask, rows, columns)?;
                (self.distance_maps(memory, &features, &inside)?, inside)
            }
        };
        for (mut map, cells) in maps.outer_iter_mut().zip(inside.outer_iter()) {
            for (value, inside) in map.iter_mut().zip(&cells) {
                if !*inside {
                    *value = 0.0;
                }
            }
        }
        let relative = self
            .expected
            .as_ref()
            .map(|expected| self.relative_maps(expected, &maps, &inside, &selected.lung_mask))
            .transpose()?;
        self.score(selected.indices, maps, relative, &inside)
    }

    /// The distances in deviations from what is expected of norm, smoothed; 0 outside the lungs.
    fn relative_maps(
        &self,
        expected: &ExpectedDistance,
        maps: &ArrayRef3<f32>,
        inside: &Array3<bool>,
        masks: &ArrayRef3<u8>,
    ) -> Result<Array3<f32>, ModelError> {
        let (_, rows, columns) = maps.dim();
        if expected.grid() != [rows, columns] {
            return Err(self.graph.mismatch(format!(
                "patches lie on a grid of {rows} × {columns}, what is expected of them on {:?}",
                expected.grid()
            )));
        }
        let shares: Vec<f32> = masks.outer_iter().map(|mask| lung_share(&mask)).collect();
        let relative = Array3::from_shape_fn(maps.raw_dim(), |(slice, row, column)| {
            expected.relative(shares[slice], (row, column), maps[[slice, row, column]])
        });
        Ok(smooth_lung_map(&relative, inside, masks))
    }

    /// The patches inside the lungs of each slice read, and the part of the slice's crop that is lung, for
    /// building a memory.
    pub(crate) fn lung_patches(&self, slices: &Slices<'_>) -> Result<Vec<(LungPatches, f32)>, ModelError> {
        let selected = slices.select(self.manifest.slice_selection);
        let features = self
            .run(slices, &selected)?
            .into_dimensionality::<Ix4>()
            .map_err(|error| self.graph.mismatch(error.to_string()))?;
        let (_, _, rows, columns) = features.dim();
        let inside = self.lung_cells(&selected.lung_mask, rows, columns)?;
        Ok((0..features.len_of(Axis(0)))
            .map(|slice| {
                let share = lung_share(&selected.lung_mask.index_axis(Axis(0), slice));
                (patches_of_slice(&features, &inside, slice), share)
            })
            .collect())
    }

    /// The study's raw score of the distances of lung patches, slice by slice, as
    /// [`read`](Self::read) aggregates them. None without patches.
    pub(crate) fn aggregate(&self, distances: &[Vec<f32>]) -> Option<f64> {
        let scores: Vec<f64> = distances
            .iter()
            .filter_map(|slice| {
                let values: Vec<f64> = slice.iter().copied().map(f64::from).collect();
                self.within_slice.apply(&values)
            })
            .collect();
        self.aggregation().apply(&scores)
    }

    fn aggregation(&self) -> SliceAggregation {
        self.manifest.aggregation
    }

    fn run(&self, slices: &Slices<'_>, selected: &Selected) -> Result<ndarray::ArrayD<f32>, ModelError> {
        let identity = Augmentation::Identity;
        read_once(&self.graph, &self.manifest, slices, &selected.pixels, identity)?
            .pop()
            .ok_or_else(|| self.graph.mismatch("the graph gave no output".to_owned()))
    }

    fn lung_cells(
        &self,
        masks: &ArrayRef3<u8>,
        rows: usize,
        columns: usize,
    ) -> Result<Array3<bool>, ModelError> {
        let mut inside = Array3::from_elem((masks.len_of(Axis(0)), rows, columns), false);
        for (mask, mut cells) in masks.outer_iter().zip(inside.outer_iter_mut()) {
            let lungs = lung_cells(&mask, rows, columns).ok_or_else(|| ModelError::UnusableInput {
                model: self.manifest.name.clone(),
                message: "a slice has no lung in it".to_owned(),
            })?;
            cells.assign(&lungs);
        }
        Ok(inside)
    }

    fn distance_maps(
        &self,
        memory: &PatchMemory,
        features: &ArrayRef4<f32>,
        inside: &Array3<bool>,
    ) -> Result<Array3<f32>, ModelError> {
        if features.len_of(Axis(1)) != memory.features() {
            return Err(self.graph.mismatch(format!(
                "patches have {} features, the memory has {}",
                features.len_of(Axis(1)),
                memory.features()
            )));
        }
        let distances: Vec<Vec<f32>> = (0..features.len_of(Axis(0)))
            .into_par_iter()
            .map(|slice| {
                let patches = patches_of_slice(features, inside, slice);
                memory.distances(&patches.features, &patches.positions)
            })
            .collect();
        let mut maps = Array3::zeros(inside.raw_dim());
        for ((mut map, cells), distances) in maps.outer_iter_mut().zip(inside.outer_iter()).zip(distances) {
            let places = map.iter_mut().zip(&cells).filter(|(_, inside)| **inside);
            for ((place, _), distance) in places.zip(distances) {
                *place = distance;
            }
        }
        Ok(maps)
    }

    fn score(
        &self,
        indices: Vec<usize>,
        maps: Array3<f32>,
        relative: Option<Array3<f32>>,
        inside: &Array3<bool>,
    ) -> Result<AnomalyReading, ModelError> {
        let slice_scores: Vec<f64> = maps
            .outer_iter()
            .zip(inside.outer_iter())
            .map(|(map, cells)| {
                let places = map.iter().zip(&cells).filter(|(_, inside)| **inside);
                let values: Vec<f64> = places.map(|(value, _)| f64::from(*value)).collect();
                self.within_slice.apply(&values).unwrap_or(f64::NAN)
            })
            .collect();
        let raw = self
            .aggregation()
            .apply(&slice_scores)
            .filter(|score| score.is_finite())
            .ok_or_else(|| self.not_finite("the study's score"))?;
        if !slice_scores.iter().all(|score| score.is_finite()) {
            return Err(self.not_finite("a slice's score"));
        }
        Ok(AnomalyReading {
            measure: match self.measure {
                Measure::ReconstructionError => "reconstruction_error",
                Measure::PatchDistance(_) => "patch_distance",
            },
            indices,
            slice_scores,
            raw,
            bounds: self.bounds,
            is_relative: relative.is_some(),
            maps: relative.unwrap_or(maps),
        })
    }

    fn not_finite(&self, what: &'static str) -> ModelError {
        ModelError::NotFinite {
            model: self.manifest.name.clone(),
            what,
        }
    }
}

/// A slice's patches inside the lungs, row by row.
#[derive(Debug, Clone)]
pub(crate) struct LungPatches {
    /// `(patches, c)`.
    pub(crate) features: Array2<f32>,
    /// `(patches, 2)`: y and x of the patch's centre in the crop, each 0..1.
    pub(crate) positions: Array2<f32>,
    /// Row and column of each patch.
    pub(crate) cells: Vec<(usize, usize)>,
}

/// The part of a mask (0/1) that is lung.
fn lung_share(mask: &ndarray::ArrayRef2<u8>) -> f32 {
    let lung = mask.iter().filter(|value| **value != 0).count();
    lung as f32 / mask.len().max(1) as f32
}

fn open_expected(model: &InstalledModel) -> Result<Option<ExpectedDistance>, ModelError> {
    let Some(file) = model
        .manifest
        .memory
        .as_ref()
        .and_then(|memory| memory.expected.as_ref())
    else {
        return Ok(None);
    };
    let path = model.folder.join(&file.file);
    let bytes = std::fs::read(&path).map_err(|source| ModelError::Unreadable { path, source })?;
    let distance = read_matrix(&bytes)
        .and_then(|stored| ExpectedDistance::new(&stored, &file.lung_shares, file.grid))
        .map_err(|message| ModelError::invalid(&model.manifest.name, format!("{}: {message}", file.file)))?;
    Ok(Some(distance))
}

fn patches_of_slice(features: &ArrayRef4<f32>, inside: &Array3<bool>, slice: usize) -> LungPatches {
    let of_slice = features.index_axis(Axis(0), slice);
    let cells = inside.index_axis(Axis(0), slice);
    let (rows, columns) = cells.dim();
    let places: Vec<(usize, usize)> = cells
        .indexed_iter()
        .filter_map(|(place, inside)| inside.then_some(place))
        .collect();
    let features = Array2::from_shape_fn((places.len(), of_slice.len_of(Axis(0))), |(patch, channel)| {
        let (row, column) = places[patch];
        of_slice[[channel, row, column]]
    });
    let positions = Array2::from_shape_fn((places.len(), POSITION_COLUMNS), |(patch, axis)| {
        let (row, column) = places[patch];
        if axis == 0 {
            (row as f32 + 0.5) / rows as f32
        } else {
            (column as f32 + 0.5) / columns as f32
        }
    });
    LungPatches {
        features,
        positions,
        cells: places,
    }
}
