//! Cutting a square out of a slice and bringing it to another size.

use ndarray::{Array2, ArrayView2};

use crate::prepare::CropBox;

/// The weights of the source pixels for one target pixel.
struct Taps {
    first: usize,
    weights: Vec<f32>,
    /// Weight of what lies outside the image.
    outside: f32,
}

/// Triangle filter: linear interpolation when enlarging, an average over the target pixel's width (area
/// weighted by a triangle) when shrinking, so that nothing is aliased.
fn taps(start: f32, side: f32, target: usize, length: usize) -> Vec<Taps> {
    let step = side / target as f32;
    let support = step.max(1.0);
    (0..target)
        .map(|index| {
            // Pixel `i` covers i..i+1, its centre is at i + 0.5.
            let center = start + (index as f32 + 0.5) * step;
            let from = (center - support - 0.5).ceil() as i64;
            let to = (center + support - 0.5).floor() as i64;
            let weight = |pixel: i64| (1.0 - ((pixel as f32 + 0.5 - center) / support).abs()).max(0.0);
            let total: f32 = (from..=to).map(weight).sum();
            let low = from.clamp(0, length as i64);
            let high = (to + 1).clamp(low, length as i64);
            let weights: Vec<f32> = (low..high).map(|pixel| weight(pixel) / total).collect();
            let outside = (1.0 - weights.iter().sum::<f32>()).max(0.0);
            Taps {
                first: low as usize,
                weights,
                outside: if outside < 1e-5 { 0.0 } else { outside },
            }
        })
        .collect()
}

/// The square `crop` of `image` at `size` × `size` pixels; what lies outside the image has the value `outside`.
pub(crate) fn crop_and_resize(
    image: ArrayView2<'_, f32>,
    crop: CropBox,
    size: usize,
    outside: f32,
) -> Array2<f32> {
    let (rows, columns) = image.dim();
    let across = taps(crop.x, crop.side, size, columns);
    let down = taps(crop.y, crop.side, size, rows);
    let first_row = down.iter().map(|taps| taps.first).min().unwrap_or(0);
    let end_row = down
        .iter()
        .map(|taps| taps.first + taps.weights.len())
        .max()
        .unwrap_or(0);

    let mut narrowed = Array2::zeros((end_row - first_row.min(end_row), size));
    for (mut target_row, source_row) in narrowed
        .rows_mut()
        .into_iter()
        .zip(image.rows().into_iter().skip(first_row))
    {
        for (value, taps) in target_row.iter_mut().zip(&across) {
            let mut sum = taps.outside * outside;
            for (weight, pixel) in taps.weights.iter().zip(source_row.iter().skip(taps.first)) {
                sum += weight * pixel;
            }
            *value = sum;
        }
    }
    let mut resized = Array2::zeros((size, size));
    for (mut target_row, taps) in resized.rows_mut().into_iter().zip(&down) {
        target_row.fill(taps.outside * outside);
        for (offset, &weight) in taps.weights.iter().enumerate() {
            target_row.scaled_add(weight, &narrowed.row(taps.first - first_row + offset));
        }
    }
    resized
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
            let resized = crop_and_resize(image.view(), crop, size, 0.0);
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
        assert_eq!(crop_and_resize(image.view(), crop, 32, 0.0), image);
    }

    proptest! {
        #[test]
        fn a_constant_stays_constant_wherever_the_crop_lies(
            y in -60.0f32..60.0, x in -60.0f32..60.0, side in 4.0f32..120.0, size in 1usize..64,
        ) {
            let image = Array2::from_elem((40, 48), -700.0);
            let resized = crop_and_resize(image.view(), CropBox { y, x, side }, size, -700.0);
            prop_assert!(resized.iter().all(|value| (value + 700.0).abs() < 0.1));
        }
    }
}
