//! The one preprocessing: what the models see, in training and in service alike.

use ndarray::{Array1, Array2, Array3, ArrayView2, Axis};
use rayon::prelude::*;

use crate::crop_box::CropBox;
use crate::resample::{Beyond, crop_and_resize};
use crate::slice_lungs::LUNG_THRESHOLD_HU;
use crate::{LungSegmentation, Volume};

/// Rows and columns of a prepared slice.
pub const PREPARED_SIZE: usize = 224;
/// Hounsfield units of the pixel value 0.
pub const PREPARED_HU_LOW: f32 = -1000.0;
/// Hounsfield units of the pixel value 255.
pub const PREPARED_HU_HIGH: f32 = 200.0;
/// Name and version of this chain; a model's manifest states which one it was trained on.
pub const PREPARATION: &str = "norma.prepare/v1";
/// Slices that are read of a volume unless something else is asked for.
pub const DEFAULT_SLICE_COUNT: usize = 64;

/// Space around the lungs, as a fraction of their larger extent.
const MARGIN: f32 = 0.12;
/// A crop is at least this fraction of the body's width: slices at the apex are not blown up.
const LEAST_SIDE_OF_BODY: f32 = 0.45;

/// What the models read of a volume.
#[derive(Debug, Clone, PartialEq)]
pub struct PreparedSlices {
    /// `(n, 224, 224)`; 0..=255 stands for −1000..=200 HU.
    pub pixels: Array3<u8>,
    /// 1 where there is lung, the shape of `pixels`.
    pub lung_mask: Array3<u8>,
    /// Index along z in the volume, ascending.
    pub slices: Vec<usize>,
    pub crops: Vec<CropBox>,
}

/// Prepares up to `count` slices of a volume, evenly spread over those with a fair share of lung. None
/// without lungs.
pub fn prepare_slices(volume: &Volume, lungs: &LungSegmentation, count: usize) -> Option<PreparedSlices> {
    let chosen = choose_slices(&lungs.area_mm2, count);
    let prepared: Vec<_> = chosen
        .par_iter()
        .filter_map(|&slice| {
            let mask = lungs
                .mask
                .index_axis(Axis(0), slice)
                .mapv(|value| u8::from(value != 0));
            Some((slice, prepare_plane(volume.slice(slice), mask.view())?))
        })
        .collect();
    if prepared.is_empty() {
        return None;
    }
    let shape = (prepared.len(), PREPARED_SIZE, PREPARED_SIZE);
    let mut result = PreparedSlices {
        pixels: Array3::zeros(shape),
        lung_mask: Array3::zeros(shape),
        slices: Vec::with_capacity(prepared.len()),
        crops: Vec::with_capacity(prepared.len()),
    };
    for (index, (slice, (pixels, mask, crop))) in prepared.into_iter().enumerate() {
        result.pixels.index_axis_mut(Axis(0), index).assign(&pixels);
        result.lung_mask.index_axis_mut(Axis(0), index).assign(&mask);
        result.slices.push(slice);
        result.crops.push(crop);
    }
    Some(result)
}

/// Slices with at least a tenth of the largest lung area, thinned out evenly to `count`.
fn choose_slices(area_mm2: &[f64], count: usize) -> Vec<usize> {
    let largest = area_mm2.iter().copied().fold(0.0, f64::max);
    let with_lung: Vec<usize> = (0..area_mm2.len())
        .filter(|&slice| area_mm2[slice] > 0.0 && area_mm2[slice] >= 0.1 * largest)
        .collect();
    if with_lung.len() <= count {
        return with_lung;
    }
    (0..count)
        .map(|index| with_lung[(2 * index + 1) * with_lung.len() / (2 * count)])
        .collect()
}

/// Prepares one slice: a square around the lungs with a margin, 224 × 224 pixels, levels from −1000..=200 HU.
///
/// `hounsfield` and `mask` (0 or 1) have the same shape, rows × columns. The result is pixels, lung mask (0
/// or 1) and the square in source pixels. None where the mask is empty or the shapes differ.
pub fn prepare_slice(
    hounsfield: &Array2<f32>,
    mask: &Array2<u8>,
) -> Option<(Array2<u8>, Array2<u8>, CropBox)> {
    if hounsfield.dim() != mask.dim() {
        return None;
    }
    prepare_plane(hounsfield.view(), mask.view())
}

/// [`prepare_slice`] of values of any kind, both of the same shape.
fn prepare_plane<Value: Copy + Into<f32>>(
    hounsfield: ArrayView2<'_, Value>,
    mask: ArrayView2<'_, u8>,
) -> Option<(Array2<u8>, Array2<u8>, CropBox)> {
    let crop = crop_around(mask, body_extent(hounsfield))?;
    let pixels = crop_and_resize(hounsfield, crop, PREPARED_SIZE, Beyond::Edge).mapv(grey_level);
    let coverage = crop_and_resize(mask, crop, PREPARED_SIZE, Beyond::Value(0.0));
    Some((pixels, coverage.mapv(|value| u8::from(value >= 0.5)), crop))
}

fn grey_level(hounsfield: f32) -> u8 {
    let fraction = (hounsfield - PREPARED_HU_LOW) / (PREPARED_HU_HIGH - PREPARED_HU_LOW);
    // A voxel that is not a number becomes 0 by the saturating cast.
    (fraction.clamp(0.0, 1.0) * 255.0).round() as u8
}

/// First and last column of the body: those with tissue in at least a tenth of their rows (the table has less).
fn body_extent<Value: Copy + Into<f32>>(hounsfield: ArrayView2<'_, Value>) -> Option<(usize, usize)> {
    let (rows, columns) = hounsfield.dim();
    let mut counts = Array1::<u32>::zeros(columns);
    for row in hounsfield.rows() {
        counts.zip_mut_with(&row, |count, &value| {
            *count += u32::from(value.into() > LUNG_THRESHOLD_HU);
        });
    }
    let is_body = |&count: &u32| count as usize * 10 >= rows;
    Some((
        counts.iter().position(is_body)?,
        counts.iter().rposition(is_body)?,
    ))
}

/// The square around the mask. Where only one side of the body shows lung, the other side is taken in as
/// well: the missing lung may be there, without air.
fn crop_around(mask: ArrayView2<'_, u8>, body: Option<(usize, usize)>) -> Option<CropBox> {
    let (rows, columns) = mask.dim();
    let (mut top, mut bottom, mut left, mut right) = (rows, 0, columns, 0);
    for (y, row) in mask.rows().into_iter().enumerate() {
        let is_empty = |row: &[u8]| row.iter().fold(0, |any, value| any | value) == 0;
        if row.to_slice().is_some_and(is_empty) {
            continue;
        }
        let first = row.iter().position(|&value| value != 0);
        if let (Some(first), Some(last)) = (first, row.iter().rposition(|&value| value != 0)) {
            top = top.min(y);
            bottom = y;
            left = left.min(first);
            right = right.max(last);
        }
    }
    if top == rows {
        return None;
    }
    let (mut left, mut right) = (left as f32, right as f32 + 1.0);
    let (top, bottom) = (top as f32, bottom as f32 + 1.0);
    let mut least_side = 0.0;
    if let Some((first, last)) = body {
        let (first, last) = (first as f32, last as f32 + 1.0);
        let middle = f32::midpoint(first, last);
        let (reach_left, reach_right) = (middle - left, right - middle);
        if reach_left < 0.4 * reach_right {
            left = (middle - reach_right).max(first);
        } else if reach_right < 0.4 * reach_left {
            right = (middle + reach_left).min(last);
        }
        least_side = LEAST_SIDE_OF_BODY * (last - first);
    }
    let side = ((right - left).max(bottom - top) * (1.0 + MARGIN)).max(least_side);
    Some(CropBox {
        y: f32::midpoint(top, bottom) - side / 2.0,
        x: f32::midpoint(left, right) - side / 2.0,
        side,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_crop_is_centred_on_the_lungs_and_levels_are_fixed() {
        let mut slice = Array2::from_elem((300, 400), -1000.0f32);
        slice.slice_mut(ndarray::s![60..260, 40..360]).fill(50.0);
        let mut mask = Array2::zeros((300, 400));
        for columns in [90..180, 220..310] {
            slice
                .slice_mut(ndarray::s![100..220, columns.clone()])
                .fill(-850.0);
            mask.slice_mut(ndarray::s![100..220, columns]).fill(1);
        }
        let (pixels, lung_mask, crop) = prepare_slice(&slice, &mask).unwrap();
        assert!((crop.side - 220.0 * 1.12).abs() < 0.01);
        assert!((crop.x + crop.side / 2.0 - 200.0).abs() < 0.01);
        assert!((crop.y + crop.side / 2.0 - 160.0).abs() < 0.01);
        assert_eq!(pixels[[112, 60]], (150.0f32 / 1200.0 * 255.0).round() as u8);
        assert_eq!(pixels[[112, 112]], (1050.0f32 / 1200.0 * 255.0).round() as u8);
        assert_eq!(lung_mask[[112, 60]], 1);
        assert_eq!(lung_mask[[112, 112]], 0);
    }

    #[test]
    fn a_side_without_air_is_taken_in() {
        let mut slice = Array2::from_elem((300, 400), -1000.0f32);
        slice.slice_mut(ndarray::s![60..260, 40..360]).fill(50.0);
        let mut mask = Array2::zeros((300, 400));
        mask.slice_mut(ndarray::s![100..220, 90..180]).fill(1);
        let (_, _, crop) = prepare_slice(&slice, &mask).unwrap();
        assert!(crop.x < 90.0 && crop.x + crop.side > 310.0);
    }

    #[test]
    fn nothing_is_prepared_without_lungs() {
        let slice = Array2::from_elem((64, 64), 40.0);
        assert!(prepare_slice(&slice, &Array2::zeros((64, 64))).is_none());
        assert!(prepare_slice(&slice, &Array2::ones((32, 64))).is_none());
    }

    proptest! {
        #[test]
        fn slices_are_distinct_ascending_and_hold_lung(
            areas in proptest::collection::vec(0.0f64..20_000.0, 0..300), count in 1usize..100,
        ) {
            let chosen = choose_slices(&areas, count);
            prop_assert!(chosen.len() <= count);
            prop_assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(chosen.iter().all(|&slice| areas[slice] > 0.0));
            prop_assert!(chosen.is_empty() == areas.iter().all(|&area| area <= 0.0));
        }
    }
}
