use ndarray::{Array3, ArrayD, ArrayRef3, Axis, s};
use rayon::prelude::*;

use crate::augmentation::{augment, augmentations};
use crate::error::ModelError;
use crate::input::input_tensor;
use crate::manifest::{Augmentation, Manifest};
use crate::session::Graph;

/// Reads the slices once per test-time augmentation of the manifest and gives the outputs of each to
/// `take`. Returns how many times the slices were read.
pub(crate) fn read_repeatedly(
    graph: &Graph,
    manifest: &Manifest,
    pixels: &ArrayRef3<u8>,
    mut take: impl FnMut(Augmentation, Vec<ArrayD<f32>>) -> Result<(), ModelError>,
) -> Result<usize, ModelError> {
    let listed = augmentations(&manifest.test_time_augmentation);
    for augmentation in listed {
        let outputs = graph.run(pixels.len_of(Axis(0)), |range| {
            let mut augmented = Array3::zeros((range.len(), pixels.len_of(Axis(1)), pixels.len_of(Axis(2))));
            augmented
                .axis_iter_mut(Axis(0))
                .zip(range.clone())
                .collect::<Vec<_>>()
                .into_par_iter()
                .for_each(|(mut to, index)| {
                    let seed = index as u64;
                    to.assign(&augment(&pixels.slice(s![index, .., ..]), *augmentation, seed));
                });
            input_tensor(&augmented, 0..range.len(), &manifest.input)
        })?;
        if !outputs.iter().flatten().all(|value| value.is_finite()) {
            return Err(ModelError::NotFinite {
                model: manifest.name.clone(),
                what: "an output",
            });
        }
        take(*augmentation, outputs)?;
    }
    Ok(listed.len())
}
