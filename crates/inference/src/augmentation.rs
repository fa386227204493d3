//! Test-time augmentation: the same slice looked at in slightly other ways.

use ndarray::{Array2, ArrayRef2};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::clahe::equalise;
use crate::manifest::Augmentation;

/// Standard deviation of the noise in grey levels; one level is 1200 HU / 255 ≈ 4.7 HU.
const NOISE_LEVELS: f64 = 2.0;
/// Standard deviation of the blur in pixels of the prepared slice.
const BLUR_PIXELS: f64 = 0.7;
/// Clip limit and tiles per side of the equalisation, OpenCV's customary ones.
const CLAHE_CLIP_LIMIT: f64 = 2.0;
const CLAHE_TILES: usize = 8;

/// The augmentations of a manifest: without any, the slice as it is.
pub(crate) fn augmentations(listed: &[Augmentation]) -> &[Augmentation] {
    if listed.is_empty() {
        &[Augmentation::Identity]
    } else {
        listed
    }
}

/// The slice (0..=255) as this augmentation shows it. `seed` fixes the noise: the same study always gets the
/// same answer.
pub fn augment(slice: &ArrayRef2<u8>, augmentation: Augmentation, seed: u64) -> Array2<u8> {
    match augmentation {
        Augmentation::Identity => slice.to_owned(),
        Augmentation::HorizontalFlip => slice.slice(ndarray::s![.., ..;-1]).to_owned(),
        Augmentation::Noise => add_noise(slice, seed),
        Augmentation::Blur => blur(slice),
        Augmentation::Clahe => equalise(slice, CLAHE_CLIP_LIMIT, CLAHE_TILES),
    }
}

/// Puts a map of the augmented slice back over the slice itself.
pub(crate) fn undo_on_map(map: &ArrayRef2<f32>, augmentation: Augmentation) -> Array2<f32> {
    match augmentation {
        Augmentation::HorizontalFlip => map.slice(ndarray::s![.., ..;-1]).to_owned(),
        Augmentation::Identity | Augmentation::Noise | Augmentation::Blur | Augmentation::Clahe => {
            map.to_owned()
        }
    }
}

fn add_noise(slice: &ArrayRef2<u8>, seed: u64) -> Array2<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    slice.mapv(|value| {
        // Box and Muller: a normal deviate of two uniform ones; 1 - u is above 0.
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let deviate = radius * (std::f64::consts::TAU * random.random::<f64>()).cos();
        to_grey(f64::from(value) + NOISE_LEVELS * deviate)
    })
}

/// Gaussian blur by two passes of five taps, the border repeated.
fn blur(slice: &ArrayRef2<u8>) -> Array2<u8> {
    let weight = |offset: f64| (-offset * offset / (2.0 * BLUR_PIXELS * BLUR_PIXELS)).exp();
    let sum = weight(0.0) + 2.0 * (weight(1.0) + weight(2.0));
    let taps = [2.0, 1.0, 0.0, 1.0, 2.0].map(|offset| weight(offset) / sum);
    let (rows, columns) = slice.dim();
    let tapped = |length: usize, index: usize, value: &dyn Fn(usize) -> f64| -> f64 {
        taps.iter()
            .enumerate()
            .map(|(tap, weight)| weight * value((index + tap).saturating_sub(2).min(length - 1)))
            .sum()
    };
    let across = Array2::from_shape_fn((rows, columns), |(row, column)| {
        tapped(columns, column, &|at| f64::from(slice[[row, at]]))
    });
    Array2::from_shape_fn((rows, columns), |(row, column)| {
        to_grey(tapped(rows, row, &|at| across[[at, column]]))
    })
}

fn to_grey(value: f64) -> u8 {
    value.round().clamp(0.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> Array2<u8> {
        Array2::from_shape_fn((32, 32), |(y, x)| (y * 4 + x * 3) as u8)
    }

    #[test]
    fn a_flip_is_undone_on_the_map() {
        let slice = gradient();
        let flipped = augment(&slice, Augmentation::HorizontalFlip, 0);
        assert_ne!(flipped, slice);
        let back = undo_on_map(&flipped.mapv(f32::from), Augmentation::HorizontalFlip);
        assert_eq!(back, slice.mapv(f32::from));
    }

    #[test]
    fn noise_is_slight_seeded_and_centred() {
        let slice = Array2::from_elem((100, 100), 128_u8);
        let noisy = augment(&slice, Augmentation::Noise, 7);
        assert_eq!(noisy, augment(&slice, Augmentation::Noise, 7));
        assert_ne!(noisy, augment(&slice, Augmentation::Noise, 8));
        let differences = noisy.mapv(|value| f64::from(value) - 128.0);
        assert!(differences.mean().unwrap().abs() < 0.1);
        assert!((differences.std(0.0) - NOISE_LEVELS).abs() < 0.15);
    }

    #[test]
    fn blur_keeps_the_mean_and_lowers_a_peak() {
        let mut slice = Array2::<u8>::zeros((31, 31));
        slice[[15, 15]] = 255;
        let blurred = augment(&slice, Augmentation::Blur, 0);
        let total: u32 = blurred.iter().map(|value| u32::from(*value)).sum();
        assert!((245..=265).contains(&total), "{total}");
        assert!((60..120).contains(&blurred[[15, 15]]));
        assert_eq!(blurred[[15, 14]], blurred[[14, 15]]);
        let even = Array2::from_elem((9, 9), 200_u8);
        assert_eq!(augment(&even, Augmentation::Blur, 0), even);
    }

    #[test]
    fn without_a_list_the_slice_is_read_once() {
        assert_eq!(augmentations(&[]), [Augmentation::Identity]);
    }
}
