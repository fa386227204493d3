//! The middle of the body in its columns.

use rayon::prelude::*;

use crate::Volume;
use crate::slice_lungs::LUNG_THRESHOLD_HU;

/// Where the body stands across the columns, the median over the slices.
pub(super) struct BodyAxis {
    pub(super) center: f64,
    pub(super) width: f64,
}

impl BodyAxis {
    pub(super) fn measure(volume: &Volume) -> Self {
        let [slices, rows, columns] = volume.geometry.shape;
        let threshold = LUNG_THRESHOLD_HU as i16;
        let mut extents: Vec<(usize, usize)> = (0..slices)
            .into_par_iter()
            .step_by((slices / 40).max(1))
            .filter_map(|slice| {
                let mut counts = vec![0u32; columns];
                for row in volume.slice(slice).rows() {
                    for (count, &value) in counts.iter_mut().zip(row) {
                        *count += u32::from(value > threshold);
                    }
                }
                let is_body = |&count: &u32| count as usize * 10 >= rows;
                counts
                    .iter()
                    .position(is_body)
                    .zip(counts.iter().rposition(is_body))
            })
            .collect();
        if extents.is_empty() {
            return Self {
                center: columns as f64 / 2.0,
                width: columns as f64,
            };
        }
        let middle = extents.len() / 2;
        let center = {
            extents.sort_unstable_by_key(|&(first, last)| first + last);
            (extents[middle].0 + extents[middle].1) as f64 / 2.0
        };
        extents.sort_unstable_by_key(|&(first, last)| last - first);
        Self {
            center,
            width: (extents[middle].1 - extents[middle].0 + 1) as f64,
        }
    }
}
