//! Grey levels of 8-bit slices that came without Hounsfield units.

use ndarray::{Array2, Axis};

use crate::components::Components;

/// Hounsfield units of muscle and unenhanced blood.
const SOFT_TISSUE_HU: f32 = 45.0;
/// Where fat lies between air (0) and soft tissue (1): −100 HU between −1000 and 45.
const FAT_FRACTION: f32 = 900.0 / 1045.0;
const AIR_HU: f32 = -1000.0;
/// What the darkest hundredth of the lungs' pixels measures where no outside air is in the picture.
const DARKEST_LUNG_HU: f32 = -965.0;

/// Turns an 8-bit slice of unknown window into Hounsfield units by two levels found in the picture itself:
/// air (outside the body, else the darkest part of the lungs) and soft tissue (with the fat peak below it).
///
/// The result is linear in the grey levels; what the window clipped stays clipped. None where the picture
/// has no dark and light part far enough apart to hold both.
pub fn pseudo_hounsfield(grey: &Array2<u8>) -> Option<Array2<f32>> {
    let histogram = histogram(grey.iter().copied());
    let threshold = otsu_threshold(&histogram)?;
    let soft_level = soft_tissue_level(&histogram, threshold)?;
    let (air_level, air_hounsfield) = air_level(grey, threshold)?;
    if soft_level - air_level < 40.0 {
        return None;
    }
    let scale = (SOFT_TISSUE_HU - air_hounsfield) / (soft_level - air_level);
    Some(grey.mapv(|value| air_hounsfield + (f32::from(value) - air_level) * scale))
}

type Histogram = [f32; 256];

fn histogram(values: impl Iterator<Item = u8>) -> Histogram {
    let mut counts = [0.0; 256];
    for value in values {
        counts[value as usize] += 1.0;
    }
    counts
}

/// Convolution with a binomial of standard deviation about 1.4 levels; the clipped ends 0 and 255 stay out.
fn smoothed(histogram: &Histogram) -> Histogram {
    let mut result = *histogram;
    result[0] = 0.0;
    result[255] = 0.0;
    for _ in 0..4 {
        let previous = result;
        for level in 1..255 {
            result[level] = (previous[level - 1] + 2.0 * previous[level] + previous[level + 1]) / 4.0;
        }
    }
    result
}

/// The level that separates dark from light with the least variance inside the two (Otsu 1979). Pure black
/// (padding) does not count.
fn otsu_threshold(histogram: &Histogram) -> Option<usize> {
    let total: f32 = histogram[1..].iter().sum();
    let weighted: f32 = (1..256).map(|level| level as f32 * histogram[level]).sum();
    if total == 0.0 {
        return None;
    }
    let (mut below, mut below_weighted) = (0.0f32, 0.0f32);
    let mut best = (0.0f32, None);
    for (level, &count) in histogram.iter().enumerate().take(255).skip(1) {
        below += count;
        below_weighted += level as f32 * count;
        let above = total - below;
        if below == 0.0 || above == 0.0 {
            continue;
        }
        let difference = below_weighted / below - (weighted - below_weighted) / above;
        let between = below * above * difference * difference;
        if between > best.0 {
            best = (between, Some(level));
        }
    }
    best.1
}

/// The soft tissue level: where the histogram is high both here and at the fat level that belongs to it.
fn soft_tissue_level(histogram: &Histogram, threshold: usize) -> Option<f32> {
    let light: f32 = histogram[threshold + 1..].iter().sum();
    if light == 0.0 {
        return None;
    }
    if histogram[253..].iter().sum::<f32>() > 0.5 * light {
        // The window ends below soft tissue: all of it is white.
        return Some(255.0);
    }
    let smooth = smoothed(histogram);
    let dark_total: f32 = histogram[1..=threshold].iter().sum();
    let dark_mean = (1..=threshold)
        .map(|level| level as f32 * histogram[level])
        .sum::<f32>()
        / dark_total.max(1.0);
    let score = |level: usize| {
        let fat = dark_mean + FAT_FRACTION * (level as f32 - dark_mean);
        smooth[level]
            + smooth[fat as usize]
                .max(smooth[fat as usize - 1])
                .max(smooth[fat as usize + 1])
    };
    let start = (threshold + 2).max(3);
    (start..254)
        .max_by(|&a, &b| score(a).total_cmp(&score(b)))
        .map(|level| level as f32)
}

/// A dark level and the Hounsfield units that it stands for.
fn air_level(grey: &Array2<u8>, threshold: usize) -> Option<(f32, f32)> {
    let (rows, columns) = grey.dim();
    let dark = grey.mapv(|value| u8::from(usize::from(value) <= threshold));
    let components = Components::of(dark.view().insert_axis(Axis(0)));
    // The air outside a body holds a corner of the picture; a lung that a crop cuts off does not.
    let mut holds_corner = vec![false; components.statistics.len()];
    for run in &components.runs {
        let edge_row = run.y == 0 || run.y as usize == rows - 1;
        if edge_row && (run.start == 0 || run.end as usize == columns) {
            holds_corner[run.component as usize] = true;
        }
    }
    let mut outside = [0.0; 256];
    let mut inside = [0.0; 256];
    for run in &components.runs {
        let counts = if holds_corner[run.component as usize] {
            &mut outside
        } else {
            &mut inside
        };
        for x in run.start..run.end {
            counts[grey[[run.y as usize, x as usize]] as usize] += 1.0;
        }
    }
    let inside_total: f32 = inside.iter().sum();
    let outside_total: f32 = outside[1..].iter().sum();
    let enough = grey.len() as f32 / 100.0;

    let darkest_inside = (inside_total > enough).then(|| quantile(&inside, 0.01));
    if outside_total > 3.0 * enough {
        let smooth = smoothed(&outside);
        let mode = (1..255).max_by(|&a, &b| smooth[a].total_cmp(&smooth[b]))?;
        // Padding lighter than air, or a lung joined to a corner, is not the air outside.
        if darkest_inside.is_none_or(|darkest| (mode as f32) < darkest + 15.0) {
            return Some((mode as f32, AIR_HU));
        }
    }
    darkest_inside.map(|darkest| (darkest, DARKEST_LUNG_HU))
}

fn quantile(histogram: &Histogram, fraction: f32) -> f32 {
    let target = histogram.iter().sum::<f32>() * fraction;
    let mut below = 0.0;
    for (level, count) in histogram.iter().enumerate() {
        below += count;
        if below >= target {
            return level as f32;
        }
    }
    255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A body of soft tissue with a rim of fat and two lungs in air, rendered through a window.
    fn rendered(center: f32, width: f32) -> (Array2<f32>, Array2<u8>) {
        let hounsfield = Array2::from_shape_fn((200, 240), |(y, x)| {
            let ellipse = |cy: f32, cx: f32, ry: f32, rx: f32| {
                ((y as f32 - cy) / ry).powi(2) + ((x as f32 - cx) / rx).powi(2) < 1.0
            };
            let noise = ((y * 7 + x * 13) % 11) as f32 - 5.0;
            noise
                + if ellipse(100.0, 75.0, 50.0, 30.0) || ellipse(100.0, 165.0, 50.0, 30.0) {
                    -860.0
                } else if ellipse(100.0, 120.0, 72.0, 98.0) {
                    45.0
                } else if ellipse(100.0, 120.0, 85.0, 112.0) {
                    -100.0
                } else {
                    -1000.0
                }
        });
        let grey = hounsfield.mapv(|value| {
            ((value - center) / width + 0.5)
                .clamp(0.0, 1.0)
                .mul_add(255.0, 0.5) as u8
        });
        (hounsfield, grey)
    }

    #[test]
    fn hounsfield_units_come_back_from_differing_windows() {
        for (center, width) in [
            (-600.0, 1500.0),
            (-500.0, 1400.0),
            (-450.0, 1300.0),
            (-400.0, 1800.0),
        ] {
            let (truth, grey) = rendered(center, width);
            let found = pseudo_hounsfield(&grey).unwrap();
            for (&truth, &found) in truth.iter().zip(&found) {
                assert!(
                    (truth - found).abs() < 25.0,
                    "window {center}/{width}: {truth} became {found}"
                );
            }
        }
    }

    #[test]
    fn a_picture_without_contrast_is_refused() {
        assert!(pseudo_hounsfield(&Array2::zeros((64, 64))).is_none());
        assert!(pseudo_hounsfield(&Array2::from_elem((64, 64), 255)).is_none());
        let faint = Array2::from_shape_fn((64, 64), |(y, _)| 100 + (y / 16) as u8);
        assert!(pseudo_hounsfield(&faint).is_none());
    }
}
