//! From prepared grey levels to the tensor that a graph reads.

use std::ops::Range;

use ndarray::{Array2, Array4, ArrayRef2, ArrayRef3, Axis};
use rayon::prelude::*;

use crate::aggregation::cell_span;
use crate::manifest::InputTensor;

/// The tensor of some slices: `(n, channels, size, size)` = ((grey / 255) − mean) / std.
///
/// `slices` is `(n, rows, columns)`, 0..=255. A size other than the slices' is reached by [`resize`].
pub fn input_tensor(slices: &ArrayRef3<u8>, range: Range<usize>, input: &InputTensor) -> Array4<f32> {
    let mut tensor = Array4::zeros((range.len(), input.channels, input.size, input.size));
    tensor
        .axis_iter_mut(Axis(0))
        .zip(range)
        .collect::<Vec<_>>()
        .into_par_iter()
        .for_each(|(mut channels, index)| {
            let grey = resize(&slices.index_axis(Axis(0), index), input.size);
            for (channel, mut plane) in channels.axis_iter_mut(Axis(0)).enumerate() {
                let mean = value_of(&input.mean, channel);
                let std = value_of(&input.std, channel);
                ndarray::Zip::from(&mut plane)
                    .and(&grey)
                    .for_each(|to, grey| *to = (grey / 255.0 - mean) / std);
            }
        });
    tensor
}

fn value_of(values: &[f32], channel: usize) -> f32 {
    // A manifest gives one value for all channels or one for each.
    values.get(channel).or(values.first()).copied().unwrap_or(0.0)
}

/// A slice at `size` × `size`, grey levels 0..=255 as f32.
///
/// Shrinking averages over areas (PyTorch's `interpolate(mode="area")`), growing is bilinear
/// (`mode="bilinear", align_corners=False`), nothing changes at the same size.
pub fn resize(slice: &ArrayRef2<u8>, size: usize) -> Array2<f32> {
    let (rows, columns) = slice.dim();
    if (rows, columns) == (size, size) {
        return slice.mapv(f32::from);
    }
    if size < rows && size < columns {
        return Array2::from_shape_fn((size, size), |(row, column)| {
            let (top, bottom) = cell_span(row, size, rows);
            let (left, right) = cell_span(column, size, columns);
            let cell = slice.slice(ndarray::s![top..bottom, left..right]);
            cell.iter().map(|value| f32::from(*value)).sum::<f32>() / cell.len() as f32
        });
    }
    bilinear(&slice.mapv(f32::from), size, size)
}

/// Bilinear resampling with half-pixel centres and the border repeated.
pub fn bilinear(source: &ArrayRef2<f32>, rows: usize, columns: usize) -> Array2<f32> {
    let (height, width) = source.dim();
    let position =
        |index: usize, cells: usize, length: usize| (index as f32 + 0.5) * length as f32 / cells as f32 - 0.5;
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        bilinear_at(
            source,
            position(row, rows, height),
            position(column, columns, width),
        )
    })
}

/// The value between the centres of a grid's cells; `row` and `column` are 0.0 at the centre of the first
/// cell, and the border is repeated. `source` is not empty.
pub fn bilinear_at(source: &ArrayRef2<f32>, row: f32, column: f32) -> f32 {
    let (height, width) = source.dim();
    let place = |at: f32, length: usize| {
        let at = at.clamp(0.0, (length - 1) as f32);
        let low = at as usize;
        (low, (low + 1).min(length - 1), at - low as f32)
    };
    let (top, bottom, down) = place(row, height);
    let (left, right, across) = place(column, width);
    let upper = source[[top, left]] * (1.0 - across) + source[[top, right]] * across;
    let lower = source[[bottom, left]] * (1.0 - across) + source[[bottom, right]] * across;
    upper * (1.0 - down) + lower * down
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, array};

    use super::*;

    fn input(channels: usize, size: usize) -> InputTensor {
        InputTensor {
            name: "image".to_owned(),
            channels,
            size,
            preprocessing: norma_volume::PREPARATION.to_owned(),
            hounsfield_range: crate::manifest::PREPARED_HOUNSFIELD,
            mean: vec![0.5],
            std: vec![0.25],
        }
    }

    #[test]
    fn grey_levels_are_scaled_and_channels_repeated() {
        let slices = Array3::from_shape_fn((2, 8, 8), |(z, _, _)| if z == 0 { 0 } else { 255 });
        let tensor = input_tensor(&slices, 0..2, &input(3, 8));
        assert_eq!(tensor.dim(), (2, 3, 8, 8));
        assert_eq!(tensor[[0, 2, 3, 3]], -2.0);
        assert_eq!(tensor[[1, 0, 7, 7]], 2.0);
    }

    #[test]
    fn shrinking_averages_and_growing_interpolates() {
        let slice = array![
            [0_u8, 10, 20, 30],
            [0, 10, 20, 30],
            [40, 40, 80, 80],
            [40, 40, 80, 80]
        ];
        assert_eq!(resize(&slice, 2), array![[5.0, 25.0], [40.0, 80.0]]);
        let line = array![[0.0_f32, 4.0]];
        // torch.nn.functional.interpolate([[0, 4]], size=4, mode="bilinear", align_corners=False)
        assert_eq!(bilinear(&line, 1, 4), array![[0.0, 1.0, 3.0, 4.0]]);
    }
}
