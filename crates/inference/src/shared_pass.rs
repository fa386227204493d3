//! One reading for several models: what they have in common is computed once.

use std::collections::BTreeMap;
use std::time::Duration;

use norma_domain::Stage;

use crate::augmentation::augmentations;
use crate::bundle::{Bundle, InstalledModel};
use crate::error::ModelError;
use crate::known_outputs::{KnownOutputs, KnownReading};
use crate::manifest::{Augmentation, InputTensor, SliceSelection, Task};
use crate::repeated_reading::augmented_tensor;
use crate::runtime::Runtime;
use crate::session::Graph;
use crate::slices::Slices;

/// The graphs that more than one model of a bundle reads the same slices with.
#[derive(Debug, Default)]
pub struct SharedPass {
    graphs: Vec<SharedGraph>,
}

#[derive(Debug)]
struct SharedGraph {
    graph: Graph,
    sha256: String,
    input: InputTensor,
    selection: SliceSelection,
    readers: Vec<Reader>,
}

/// A model that reads the graph.
#[derive(Debug)]
struct Reader {
    stage: Stage,
    augmentations: Vec<Augmentation>,
    outputs: Vec<String>,
}

/// What the shared graphs said of a study's slices, for each stage just what its models read.
#[derive(Debug, Default)]
pub struct SharedOutputs(BTreeMap<Stage, KnownOutputs>);

impl SharedOutputs {
    /// What is known for a stage.
    pub fn of(&self, stage: Stage) -> Option<&KnownOutputs> {
        self.0.get(&stage)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Stage, &KnownOutputs)> {
        self.0.iter().map(|(stage, known)| (*stage, known))
    }
}

impl SharedPass {
    /// Opens the graphs that several models of these stages have in common, with the same input and the same slices. Models
    /// with a graph of their own are not opened.
    pub fn open(bundle: &Bundle, runtime: &Runtime, stages: &[Stage]) -> Result<Self, ModelError> {
        let mut groups: Vec<Vec<(Stage, &InstalledModel)>> = Vec::new();
        for stage in stages {
            for model in bundle.models_of(*stage) {
                let group = groups.iter_mut().find(|group| {
                    let first = &group[0].1.manifest;
                    first.sha256 == model.manifest.sha256
                        && first.input == model.manifest.input
                        && first.slice_selection == model.manifest.slice_selection
                });
                match group {
                    Some(group) => group.push((*stage, model)),
                    None => groups.push(vec![(*stage, model)]),
                }
            }
        }
        let graphs = groups
            .iter()
            .filter(|group| group.len() > 1)
            .map(|group| SharedGraph::open(group, runtime))
            .collect::<Result<_, _>>()?;
        Ok(Self { graphs })
    }

    /// Whether no two models have anything in common.
    pub fn is_empty(&self) -> bool {
        self.graphs.is_empty()
    }

    /// Reads the slices with each graph, once for each augmentation that any model wants.
    pub fn run(&self, slices: &Slices<'_>) -> Result<SharedOutputs, ModelError> {
        let mut shared = SharedOutputs::default();
        for graph in &self.graphs {
            graph.run(slices, &mut shared)?;
        }
        Ok(shared)
    }

    /// What the runs have spent in ONNX Runtime since the graphs were opened, on average of the sessions that run side by
    /// side.
    pub fn time_in_runtime(&self) -> Duration {
        self.graphs
            .iter()
            .map(|shared| shared.graph.time_in_runtime())
            .sum()
    }
}

impl SharedGraph {
    fn open(models: &[(Stage, &InstalledModel)], runtime: &Runtime) -> Result<Self, ModelError> {
        let (_, first) = models[0];
        let readers = models
            .iter()
            .map(|(stage, model)| {
                let outputs = model.manifest.outputs_read()?;
                Ok(Reader {
                    stage: *stage,
                    augmentations: model.augmentations().to_vec(),
                    outputs: outputs.iter().map(|output| output.name.clone()).collect(),
                })
            })
            .collect::<Result<_, ModelError>>()?;
        Ok(Self {
            graph: Graph::open(first, runtime)?,
            sha256: first.manifest.sha256.clone(),
            input: first.manifest.input.clone(),
            selection: first.manifest.slice_selection,
            readers,
        })
    }

    fn run(&self, slices: &Slices<'_>, shared: &mut SharedOutputs) -> Result<(), ModelError> {
        let selected = slices.select(self.selection);
        let mut wanted: Vec<(Augmentation, Vec<String>)> = Vec::new();
        for reader in &self.readers {
            for augmentation in &reader.augmentations {
                let place = wanted.iter().position(|(known, _)| known == augmentation);
                let place = place.unwrap_or_else(|| {
                    wanted.push((*augmentation, Vec::new()));
                    wanted.len() - 1
                });
                let (_, names) = &mut wanted[place];
                for name in &reader.outputs {
                    if !names.contains(name) {
                        names.push(name.clone());
                    }
                }
            }
        }
        for (augmentation, names) in wanted {
            let outputs = self.graph.run(&names, selected.indices.len(), |range| {
                augmented_tensor(&selected.pixels, range, augmentation, &self.input)
            })?;
            let readers = self.readers.iter();
            for reader in readers.filter(|reader| reader.augmentations.contains(&augmentation)) {
                let read = names.iter().zip(&outputs);
                let read = read.filter(|(name, _)| reader.outputs.contains(name));
                let reading = KnownReading {
                    graph_sha256: self.sha256.clone(),
                    input: self.input.clone(),
                    selection: self.selection,
                    augmentation,
                    execution_provider: self.graph.provider().to_string(),
                    outputs: read
                        .map(|(name, values)| (name.clone(), values.clone()))
                        .collect(),
                };
                shared.0.entry(reader.stage).or_default().readings.push(reading);
            }
        }
        Ok(())
    }
}

impl InstalledModel {
    /// The ways in which the model looks at each slice.
    fn augmentations(&self) -> &[Augmentation] {
        match self.manifest.task {
            Task::Reconstruction | Task::PatchMemory => augmentations(&[]),
            Task::Classifier | Task::Typing => augmentations(&self.manifest.test_time_augmentation),
        }
    }
}
