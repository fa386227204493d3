use ndarray::{ArrayD, Axis};

use crate::manifest::{Augmentation, InputTensor, Manifest, SliceSelection};

/// What graphs have said of a study's slices, so that no graph reads the same slices twice for models that have it in common.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct KnownOutputs {
    pub readings: Vec<KnownReading>,
}

/// What one graph said of the slices, looked at in one way.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownReading {
    /// SHA-256 of the ONNX file, lower-case hexadecimal.
    pub graph_sha256: String,
    pub input: InputTensor,
    pub selection: SliceSelection,
    pub augmentation: Augmentation,
    /// Where the graph ran.
    pub execution_provider: String,
    /// By name; the first axis goes over the slices read.
    pub outputs: Vec<(String, ArrayD<f32>)>,
}

impl KnownOutputs {
    /// The reading that a model of this manifest would do itself. None where it differs in anything: in the graph, in how
    /// slices become its input, in which of them are read, or in how they are looked at.
    pub(crate) fn reading(&self, manifest: &Manifest, augmentation: Augmentation) -> Option<&KnownReading> {
        self.readings.iter().find(|reading| {
            reading.graph_sha256 == manifest.sha256
                && reading.input == manifest.input
                && reading.selection == manifest.slice_selection
                && reading.augmentation == augmentation
        })
    }
}

impl KnownReading {
    /// The named outputs in this order; None where one is not there or is of another number of slices.
    pub(crate) fn outputs(&self, names: &[String], slices: usize) -> Option<Vec<ArrayD<f32>>> {
        names
            .iter()
            .map(|name| {
                let (_, values) = self.outputs.iter().find(|(known, _)| known == name)?;
                let fits = values.ndim() > 0 && values.len_of(Axis(0)) == slices;
                fits.then(|| values.clone())
            })
            .collect()
    }
}
