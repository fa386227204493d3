use std::ops::Range;

use ndarray::{Array3, Array4, ArrayD, ArrayRef3, Axis, s};
use rayon::prelude::*;

use crate::augmentation::{augment, augmentations};
use crate::error::ModelError;
use crate::input::input_tensor;
use crate::manifest::{Augmentation, InputTensor, Manifest};
use crate::session::Graph;
use crate::slices::Slices;

/// Reads the slices once per test-time augmentation of the manifest and gives the outputs of each to
/// `take`. Returns how many times the slices were read. `pixels` are those of the slices that the model reads.
pub(crate) fn read_repeatedly(
    graph: &Graph,
    manifest: &Manifest,
    slices: &Slices<'_>,
    pixels: &ArrayRef3<u8>,
    mut take: impl FnMut(Augmentation, Vec<ArrayD<f32>>) -> Result<(), ModelError>,
) -> Result<usize, ModelError> {
    let listed = augmentations(&manifest.test_time_augmentation);
    for augmentation in listed {
        take(
            *augmentation,
            read_once(graph, manifest, slices, pixels, *augmentation)?,
        )?;
    }
    Ok(listed.len())
}

/// The outputs that the model's task reads, as they are known already or as the graph gives them now. All are finite.
pub(crate) fn read_once(
    graph: &Graph,
    manifest: &Manifest,
    slices: &Slices<'_>,
    pixels: &ArrayRef3<u8>,
    augmentation: Augmentation,
) -> Result<Vec<ArrayD<f32>>, ModelError> {
    let count = pixels.len_of(Axis(0));
    let known = slices
        .known()
        .and_then(|known| known.reading(manifest, augmentation))
        .and_then(|reading| reading.outputs(graph.outputs(), count));
    let outputs = match known {
        Some(outputs) => outputs,
        None => graph.run(graph.outputs(), count, |range| {
            augmented_tensor(pixels, range, augmentation, &manifest.input)
        })?,
    };
    if outputs.iter().flatten().all(|value| value.is_finite()) {
        Ok(outputs)
    } else {
        Err(ModelError::NotFinite {
            model: manifest.name.clone(),
            what: "an output",
        })
    }
}

/// Where what the model reads of these slices is computed: where it was, or where it will be.
pub(crate) fn execution_provider(
    graph: &Graph,
    manifest: &Manifest,
    slices: &Slices<'_>,
    augmentations: &[Augmentation],
) -> String {
    let known = augmentations.iter().map(|augmentation| {
        let reading = slices.known()?.reading(manifest, *augmentation)?;
        Some(reading.execution_provider.as_str())
    });
    match known.collect::<Option<Vec<_>>>().as_deref() {
        Some([provider, ..]) => (*provider).to_owned(),
        _ => graph.provider().to_string(),
    }
}

/// The graph's input of some of the slices, each looked at in one way.
pub(crate) fn augmented_tensor(
    pixels: &ArrayRef3<u8>,
    range: Range<usize>,
    augmentation: Augmentation,
    input: &InputTensor,
) -> Array4<f32> {
    let mut augmented = Array3::zeros((range.len(), pixels.len_of(Axis(1)), pixels.len_of(Axis(2))));
    augmented
        .axis_iter_mut(Axis(0))
        .zip(range.clone())
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|(mut to, index)| {
            let seed = index as u64;
            to.assign(&augment(&pixels.slice(s![index, .., ..]), augmentation, seed));
        });
    input_tensor(&augmented, 0..range.len(), input)
}
