//! The lungs in a single axial slice.

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis};

use crate::components::{Components, Statistics};
use crate::morphology;

/// Between lung (about −850 HU) and soft tissue (about 45 HU).
pub(crate) const LUNG_THRESHOLD_HU: f32 = -400.0;
/// Gas of stomach, bowel, trachea or the air around the body; lungs lie above, emphysema included.
const GAS_HU: f32 = -975.0;

/// The lungs in one axial slice of Hounsfield or pseudo-Hounsfield units (rows × columns), 0 or 1 per pixel,
/// all 0 where none are found. Vessels and nodules surrounded by lung belong to it.
///
/// Thresholding, removal of what is outside the body or is pure gas, then a closing. Pictures cropped so
/// that the body, or a lung, reaches the border are expected.
pub fn segment_lungs_in_slice(slice: &Array2<f32>) -> Array2<u8> {
    let (rows, columns) = slice.dim();
    let empty = Array2::zeros((rows, columns));
    if rows < 16 || columns < 16 {
        return empty;
    }
    let smooth = box_mean(slice);
    let Some(body) = largest_tissue(&smooth) else {
        return empty;
    };
    let cavities_mask = body.mapv(|value| 1 - value);
    let cavities = Components::of(plane(&cavities_mask));
    let body_statistics = Body::measure(&body);

    let air_means = mean_of_inner_air(&cavities, &cavities_mask, &smooth);
    let is_lung: Vec<bool> = cavities
        .statistics
        .iter()
        .zip(&air_means)
        .map(|(cavity, &air_mean)| {
            is_enclosed(cavity, rows, columns, &cavities, &cavities_mask)
                && air_mean.is_some_and(|mean| (GAS_HU..-450.0).contains(&mean))
                && cavity.voxels as f32 > 0.002 * body_statistics.area
                && !body_statistics.is_airway(cavity)
                && !body_statistics.is_table(cavity)
        })
        .collect();
    let mut mask = cavities.mask((1, rows, columns), |component| is_lung[component]);
    let mask_area = mask.iter().filter(|&&value| value != 0).count();
    if (mask_area as f32) < 0.01 * body_statistics.area {
        return empty;
    }
    let radius = (body_statistics.width * 0.012).round().max(1.0) as usize;
    let closed = morphology::close(mask.index_axis_mut(Axis(0), 0).view(), radius);
    fill_holes(closed.view())
}

/// Mean over 3 × 3 pixels: noise and thin vessels do not tear the mask.
fn box_mean(slice: &Array2<f32>) -> Array2<f32> {
    let (rows, columns) = slice.dim();
    let mut across = Array2::zeros((rows, columns));
    for y in 0..rows {
        for x in 0..columns {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(columns - 1));
            across[[y, x]] = (slice[[y, left]] + slice[[y, x]] + slice[[y, right]]) / 3.0;
        }
    }
    Array2::from_shape_fn((rows, columns), |(y, x)| {
        let (above, below) = (y.saturating_sub(1), (y + 1).min(rows - 1));
        (across[[above, x]] + across[[y, x]] + across[[below, x]]) / 3.0
    })
}

/// The largest connected piece of tissue: the body without table, clothes and arms beside it.
fn largest_tissue(slice: &Array2<f32>) -> Option<Array2<u8>> {
    let tissue = slice.mapv(|value| u8::from(value > LUNG_THRESHOLD_HU));
    let components = Components::of(plane(&tissue));
    let largest = components.largest()?;
    if components.statistics[largest].voxels < slice.len() / 50 {
        return None;
    }
    let (rows, columns) = slice.dim();
    Some(
        components
            .mask((1, rows, columns), |component| component == largest)
            .remove_axis(Axis(0)),
    )
}

fn plane(mask: &Array2<u8>) -> ArrayView3<'_, u8> {
    mask.view().insert_axis(Axis(0))
}

/// Where the body is in the picture, in pixels.
struct Body {
    area: f32,
    width: f32,
    center_x: f32,
}

impl Body {
    fn measure(body: &Array2<u8>) -> Self {
        let counts: Vec<usize> = body
            .columns()
            .into_iter()
            .map(|column| column.iter().filter(|&&value| value != 0).count())
            .collect();
        let first = counts.iter().position(|&count| count > 0).unwrap_or(0);
        let last = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
        Self {
            area: counts.iter().sum::<usize>() as f32,
            width: (last - first + 1) as f32,
            center_x: (first + last) as f32 / 2.0,
        }
    }

    /// Trachea and main bronchi stand alone, small and in the middle.
    fn is_airway(&self, cavity: &Statistics) -> bool {
        let [_, _, x] = cavity.centroid();
        (x as f32 - self.center_x).abs() < 0.11 * self.width && (cavity.voxels as f32) < 0.02 * self.area
    }

    /// The foam of a table that the body lies on: a flat strip across the middle.
    fn is_table(&self, cavity: &Statistics) -> bool {
        let extent = |axis: usize| cavity.high[axis] - cavity.low[axis] + 1;
        let crosses_middle =
            (cavity.low[2] as f32) < self.center_x && (cavity.high[2] as f32) > self.center_x;
        crosses_middle && extent(2) > 4 * extent(1)
    }
}

/// Mean of a cavity's pixels that have only cavity around them and are air: free of partial volume.
fn mean_of_inner_air(cavities: &Components, mask: &Array2<u8>, slice: &Array2<f32>) -> Vec<Option<f32>> {
    let inner = morphology::erode(mask.view(), 2);
    let mut sums = vec![(0.0f64, 0usize); cavities.statistics.len()];
    let mut fallback = sums.clone();
    for run in &cavities.runs {
        for x in run.start as usize..run.end as usize {
            let index = [run.y as usize, x];
            if slice[index] < LUNG_THRESHOLD_HU {
                let sum = if inner[index] != 0 {
                    &mut sums
                } else {
                    &mut fallback
                };
                let entry = &mut sum[run.component as usize];
                entry.0 += f64::from(slice[index]);
                entry.1 += 1;
            }
        }
    }
    sums.iter()
        .zip(&fallback)
        .map(|(&inner, &edge)| {
            let (sum, count) = if inner.1 >= 5 { inner } else { edge };
            (count > 0).then(|| (sum / count as f64) as f32)
        })
        .collect()
}

/// Whether a cavity lies within the body. One that reaches the picture's border is the air outside, unless
/// the picture is a crop: then it holds no corner and meets the border along a short stretch only.
fn is_enclosed(
    cavity: &Statistics,
    rows: usize,
    columns: usize,
    cavities: &Components,
    mask: &Array2<u8>,
) -> bool {
    let [_, top, left] = cavity.low;
    let [_, bottom, right] = cavity.high;
    if top > 0 && left > 0 && bottom < rows - 1 && right < columns - 1 {
        return true;
    }
    let number = cavities
        .statistics
        .iter()
        .position(|other| std::ptr::eq(other, cavity));
    let mut along_border = 0;
    for run in &cavities.runs {
        if Some(run.component as usize) != number {
            continue;
        }
        let (y, start, end) = (run.y as usize, run.start as usize, run.end as usize);
        let edge_row = y == 0 || y == rows - 1;
        if edge_row && (start == 0 || end == columns) {
            return false;
        }
        along_border += if edge_row {
            end - start
        } else {
            usize::from(start == 0) + usize::from(end == columns)
        };
    }
    debug_assert_eq!(mask.dim(), (rows, columns));
    let area = cavity.voxels;
    area > rows * columns / 50 && along_border * along_border < 4 * area
}

/// Sets every pixel that the mask encloses.
pub(crate) fn fill_holes(mask: ArrayView2<'_, u8>) -> Array2<u8> {
    let (rows, columns) = mask.dim();
    let background = mask.mapv(|value| 1 - value);
    let components = Components::of(plane(&background));
    let outside: Array3<u8> = components.mask((1, rows, columns), |component| {
        let statistics = &components.statistics[component];
        statistics.low[1] == 0
            || statistics.low[2] == 0
            || statistics.high[1] == rows - 1
            || statistics.high[2] == columns - 1
    });
    outside.index_axis(Axis(0), 0).mapv(|value| 1 - value)
}
