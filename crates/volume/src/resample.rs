//! Cutting a square out of a slice and bringing it to another size.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, s};

use crate::crop_box::CropBox;

/// The weights of the source pixels for one target pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// Triangle filter: linear interpolation when enlarging, an average weighted by a triangle when shrinking, so
/// that nothing is aliased. The target lies within the source, but for half a pixel.
fn taps(start: f32, side: f32, target: usize, length: usize) -> Vec<Taps> {
    let step = side / target as f32;
    let support = step.max(1.0);
    let last = length as i64 - 1;
    (0..target)
        .map(|index| {
            // Pixel `i` covers i..i+1, its centre is at i + 0.5.
            let center = start + (index as f32 + 0.5) * step;
            let from = (center - support - 0.5).ceil() as i64;
            let to = (center + support - 0.5).floor() as i64;
            let weight = |pixel: i64| (1.0 - ((pixel as f32 + 0.5 - center) / support).abs()).max(0.0);
            let total: f32 = (from..=to).map(weight).sum();
            let (first, end) = (from.clamp(0, last), to.clamp(0, last));
            let mut weights = vec![0.0; (end - first + 1) as usize];
            for pixel in from..=to {
                weights[(pixel.clamp(0, last) - first) as usize] += weight(pixel) / total;
            }
            Taps {
                first: first as usize,
                weights,
            }
        })
        .collect()
}

/// What lies beyond the edges of an image.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Beyond {
    Value(f32),
    /// The edge goes on, ever smoother with distance: where a picture is itself a crop, there is more body
    /// outside, neither air nor stripes.
    Edge,
}

/// The square `crop` of `image` at `size` × `size` pixels.
pub(crate) fn crop_and_resize<Value: Copy + Into<f32>>(
    image: ArrayView2<'_, Value>,
    crop: CropBox,
    size: usize,
    beyond: Beyond,
) -> Array2<f32> {
    let Frame { before, after } = Frame::around(image.dim(), crop);
    if before != [0; 2] || after != [0; 2] {
        let framed = add_frame(image.mapv(Into::into).view(), before, after, beyond);
        let moved = CropBox {
            y: crop.y + before[0] as f32,
            x: crop.x + before[1] as f32,
            side: crop.side,
        };
        return resize_within(framed.view(), moved, size);
    }
    resize_within(image, crop, size)
}

fn resize_within<Value: Copy + Into<f32>>(
    image: ArrayView2<'_, Value>,
    crop: CropBox,
    size: usize,
) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let across = taps(crop.x, crop.side, size, columns);
    let down = taps(crop.y, crop.side, size, rows);
    let (first_row, end_row) = reach(&down);
    let (first_column, end_column) = reach(&across);

    let mut narrowed = Array2::zeros((end_row - first_row, size));
    let mut source = vec![0.0f32; end_column - first_column];
    let source_rows = image.slice(s![first_row..end_row, first_column..end_column]);
    for (mut target_row, source_row) in narrowed.rows_mut().into_iter().zip(source_rows.rows()) {
        for (value, pixel) in source.iter_mut().zip(source_row) {
            *value = (*pixel).into();
        }
        for (value, taps) in target_row.iter_mut().zip(&across) {
            let pixels = &source[taps.first - first_column..];
            *value = taps
                .weights
                .iter()
                .zip(pixels)
                .map(|(weight, pixel)| weight * pixel)
                .sum();
        }
    }
    let mut resized = Array2::zeros((size, size));
    for (mut target_row, taps) in resized.rows_mut().into_iter().zip(&down) {
        for (offset, &weight) in taps.weights.iter().enumerate() {
            target_row.scaled_add(weight, &narrowed.row(taps.first - first_row + offset));
        }
    }
    resized
}

/// The first source pixel that is read, and the one after the last.
fn reach(taps: &[Taps]) -> (usize, usize) {
    let first = taps.iter().map(|taps| taps.first).min();
    let end = taps.iter().map(|taps| taps.first + taps.weights.len()).max();
    (first.unwrap_or(0), end.unwrap_or(0))
}

/// Pixels that a crop needs before the first and after the last `[row, column]` of the image.
struct Frame {
    before: [usize; 2],
    after: [usize; 2],
}

impl Frame {
    fn around((rows, columns): (usize, usize), crop: CropBox) -> Self {
        let missing = |distance: f32| distance.max(0.0).ceil() as usize;
        Self {
            before: [missing(-crop.y), missing(-crop.x)],
            after: [
                missing(crop.y + crop.side - rows as f32),
                missing(crop.x + crop.side - columns as f32),
            ],
        }
    }
}

fn add_frame(
    image: ArrayView2<'_, f32>,
    before: [usize; 2],
    after: [usize; 2],
    beyond: Beyond,
) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let shape = (before[0] + rows + after[0], before[1] + columns + after[1]);
    let filling = if let Beyond::Value(value) = beyond {
        value
    } else {
        0.0
    };
    let mut framed = Array2::from_elem(shape, filling);
    let across = before[1]..before[1] + columns;
    framed
        .slice_mut(s![before[0]..before[0] + rows, across.clone()])
        .assign(&image);
    if beyond == Beyond::Edge {
        let (top, bottom) = (image.row(0), image.row(rows - 1));
        for distance in 1..=before[0] {
            framed
                .slice_mut(s![before[0] - distance, across.clone()])
                .assign(&mean_along(top, distance));
        }
        for distance in 1..=after[0] {
            let row = before[0] + rows + distance - 1;
            framed
                .slice_mut(s![row, across.clone()])
                .assign(&mean_along(bottom, distance));
        }
        let left = framed.column(across.start).to_owned();
        for distance in 1..=before[1] {
            framed
                .column_mut(before[1] - distance)
                .assign(&mean_along(left.view(), distance));
        }
        let right = framed.column(across.end - 1).to_owned();
        for distance in 1..=after[1] {
            framed
                .column_mut(before[1] + columns + distance - 1)
                .assign(&mean_along(right.view(), distance));
        }
    }
    framed
}

/// Running mean over `reach` neighbours on both sides, fewer at the ends.
fn mean_along(line: ArrayView1<'_, f32>, reach: usize) -> Array1<f32> {
    let mut sums = Vec::with_capacity(line.len() + 1);
    sums.push(0.0f64);
    for &value in line {
        sums.push(sums[sums.len() - 1] + f64::from(value));
    }
    Array1::from_shape_fn(line.len(), |index| {
        let (low, high) = (index.saturating_sub(reach), (index + reach + 1).min(line.len()));
        ((sums[high] - sums[low]) / (high - low) as f64) as f32
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_ramp_stays_a_ramp() {
        let image = Array2::from_shape_fn((100, 80), |(y, x)| 3.0 * y as f32 - 2.0 * x as f32);
        let crop = CropBox {
            y: 20.0,
            x: 10.0,
            side: 50.0,
        };
        for size in [20, 50, 130] {
            let resized = crop_and_resize(image.view(), crop, size, Beyond::Edge);
            let step = 50.0 / size as f32;
            for ((y, x), &value) in resized.indexed_iter() {
                let expected = 3.0 * (20.0 + (y as f32 + 0.5) * step - 0.5)
                    - 2.0 * (10.0 + (x as f32 + 0.5) * step - 0.5);
                assert!((value - expected).abs() < 0.1, "{size}: {value} {expected}");
            }
        }
    }

    #[test]
    fn the_whole_image_at_its_own_size_is_unchanged() {
        let image = Array2::from_shape_fn((32, 32), |(y, x)| ((y * 31 + x * 17) % 23) as f32);
        let crop = CropBox {
            y: 0.0,
            x: 0.0,
            side: 32.0,
        };
        assert_eq!(crop_and_resize(image.view(), crop, 32, Beyond::Edge), image);
    }

    proptest! {
        #[test]
        fn a_constant_stays_constant_wherever_the_crop_lies(
            y in -60.0f32..60.0, x in -60.0f32..60.0, side in 4.0f32..120.0, size in 1usize..64,
        ) {
            let image = Array2::from_elem((40, 48), -700.0);
            let resized = crop_and_resize(image.view(), CropBox { y, x, side }, size, Beyond::Edge);
            prop_assert!(resized.iter().all(|value| (value + 700.0).abs() < 0.1));
        }
    }
}
