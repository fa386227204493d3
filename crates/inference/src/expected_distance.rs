//! How far norm lung is from a memory of norm, place by place.
//!
//! Vessels at the hila, the diaphragm and the apices are far from any memory in every chest. So a distance is
//! measured against what norm has at the same place of the crop in slices with as much lung in them: that share
//! stands for the height in the chest, which single training slices do not tell.

use ndarray::{Array2, Array4, ArrayRef2, Axis, s};

/// Weight, in patches, with which the mean over all places enters the one of each place.
const PRIOR_PATCHES: f64 = 30.0;
/// No place has a smaller deviation than this part of the deviation over all places.
const LEAST_DEVIATION: f64 = 0.25;
/// Neighbouring cells of the statistics count with exp(−distance² / 2), up to this many cells away.
const KERNEL_RADIUS: usize = 2;

/// Expected distance and its deviation by lung share and place.
#[derive(Debug, Clone, PartialEq)]
pub struct ExpectedDistance {
    /// Centres of the bins, ascending.
    lung_shares: Vec<f32>,
    /// `(share, row, column, 2)`: mean and deviation.
    table: Array4<f32>,
}

impl ExpectedDistance {
    /// From the stored matrix `(shares · rows · columns, 2)` of means and deviations.
    pub fn new(
        stored: &ArrayRef2<f32>,
        lung_shares: &[f32],
        [rows, columns]: [usize; 2],
    ) -> Result<Self, String> {
        if lung_shares.is_empty() || !lung_shares.is_sorted() {
            return Err("the lung shares do not ascend".to_owned());
        }
        let wanted = (lung_shares.len() * rows * columns, 2);
        if stored.dim() != wanted {
            return Err(format!("a matrix of {:?}, not {wanted:?}", stored.dim()));
        }
        let usable = |row: ndarray::ArrayView1<'_, f32>| row.iter().all(|v| v.is_finite()) && row[1] > 0.0;
        if !stored.rows().into_iter().all(usable) {
            return Err("a mean is not finite or a deviation is not positive".to_owned());
        }
        let table = Array4::from_shape_vec(
            (lung_shares.len(), rows, columns, 2),
            stored.iter().copied().collect(),
        )
        .map_err(|error| error.to_string())?;
        Ok(Self {
            lung_shares: lung_shares.to_vec(),
            table,
        })
    }

    /// Rows and columns of the grid.
    pub fn grid(&self) -> [usize; 2] {
        [self.table.len_of(Axis(1)), self.table.len_of(Axis(2))]
    }

    /// As it is stored.
    pub fn stored(&self) -> Array2<f32> {
        let values: Vec<f32> = self.table.iter().copied().collect();
        Array2::from_shape_vec((values.len() / 2, 2), values).expect("two values a place")
    }

    /// The distance in deviations from what is expected at a place of a slice of which `lung_share` is lung.
    /// Between the bins' centres mean and deviation are interpolated, beyond them the last one holds.
    pub fn relative(&self, lung_share: f32, (row, column): (usize, usize), distance: f32) -> f32 {
        let at = |bin: usize| {
            (
                self.table[[bin, row, column, 0]],
                self.table[[bin, row, column, 1]],
            )
        };
        let above = self.lung_shares.partition_point(|share| *share <= lung_share);
        let last = self.lung_shares.len() - 1;
        let (mean, deviation) = if above == 0 {
            at(0)
        } else if above > last {
            at(last)
        } else {
            let (low, high) = (self.lung_shares[above - 1], self.lung_shares[above]);
            let part = (lung_share - low) / (high - low);
            let ((mean_low, deviation_low), (mean_high, deviation_high)) = (at(above - 1), at(above));
            (
                mean_low + part * (mean_high - mean_low),
                deviation_low + part * (deviation_high - deviation_low),
            )
        };
        (distance - mean) / deviation
    }
}

/// Number, sum and sum of squares of distances by lung share and place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DistanceStatistics {
    lung_shares: Vec<f32>,
    /// `(share, row, column, 3)`.
    sums: Array4<f64>,
}

impl DistanceStatistics {
    pub(crate) fn new(lung_shares: &[f32], [rows, columns]: [usize; 2]) -> Self {
        Self {
            lung_shares: lung_shares.to_vec(),
            sums: Array4::zeros((lung_shares.len(), rows, columns, 3)),
        }
    }

    /// Adds the distance of a norm patch that the memory does not hold, to the bin with the nearest share.
    pub(crate) fn add(&mut self, lung_share: f32, (row, column): (usize, usize), distance: f32) {
        let away = |bin: &usize| (self.lung_shares[*bin] - lung_share).abs();
        let nearest = (0..self.lung_shares.len()).min_by(|a, b| away(a).total_cmp(&away(b)));
        let Some(bin) = nearest else { return };
        let distance = f64::from(distance);
        let mut cell = self.sums.slice_mut(s![bin, row, column, ..]);
        cell[0] += 1.0;
        cell[1] += distance;
        cell[2] += distance * distance;
    }

    /// Mean and deviation of each place, smoothed over its neighbours and drawn towards the mean over all
    /// places. None without distances, or where they are all alike.
    pub(crate) fn expected(&self) -> Option<ExpectedDistance> {
        let total = self.sums.sum_axis(Axis(0)).sum_axis(Axis(0)).sum_axis(Axis(0));
        let mean_of_all = total[1] / total[0];
        let variance_of_all = total[2] / total[0] - mean_of_all * mean_of_all;
        if !(variance_of_all > 0.0 && variance_of_all.is_finite()) {
            return None;
        }
        let prior = [1.0, mean_of_all, variance_of_all + mean_of_all * mean_of_all];
        let least = variance_of_all.sqrt() * LEAST_DEVIATION;
        let mut smooth = self.sums.clone();
        for axis in 0..3 {
            smooth = smoothed(&smooth, Axis(axis));
        }
        let (bins, rows, columns, _) = smooth.dim();
        let table = Array4::from_shape_fn((bins, rows, columns, 2), |(bin, row, column, which)| {
            let sum = |index: usize| smooth[[bin, row, column, index]] + PRIOR_PATCHES * prior[index];
            let mean = sum(1) / sum(0);
            let deviation = (sum(2) / sum(0) - mean * mean).max(0.0).sqrt().max(least);
            if which == 0 { mean as f32 } else { deviation as f32 }
        });
        Some(ExpectedDistance {
            lung_shares: self.lung_shares.clone(),
            table,
        })
    }
}

fn smoothed(values: &Array4<f64>, axis: Axis) -> Array4<f64> {
    let length = values.len_of(axis);
    let mut result = Array4::zeros(values.raw_dim());
    for target in 0..length {
        let from = target.saturating_sub(KERNEL_RADIUS);
        for source in from..(target + KERNEL_RADIUS + 1).min(length) {
            let away = target.abs_diff(source) as f64;
            let weight = (-away * away / 2.0).exp();
            result
                .index_axis_mut(axis, target)
                .scaled_add(weight, &values.index_axis(axis, source));
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARES: [f32; 3] = [0.1, 0.2, 0.3];

    fn statistics() -> DistanceStatistics {
        let mut statistics = DistanceStatistics::new(&SHARES, [4, 4]);
        for repeat in 0..400 {
            let noise = (repeat % 5) as f32 * 0.01;
            for row in 0..4 {
                for column in 0..4 {
                    // Far in slices with little lung, and farther in the first row.
                    let far = if row == 0 { 0.5 } else { 0.0 };
                    statistics.add(0.11, (row, column), 2.0 + far + noise);
                    statistics.add(0.29, (row, column), 1.0 + far + noise);
                }
            }
        }
        statistics
    }

    #[test]
    fn a_place_is_judged_by_norm_of_the_same_place() {
        let expected = statistics().expected().unwrap();
        assert!(expected.relative(0.3, (3, 2), 2.0) > 2.0);
        assert!(expected.relative(0.1, (3, 2), 2.0).abs() < 1.0);
        assert!(expected.relative(0.1, (3, 2), 2.5) > expected.relative(0.1, (0, 2), 2.5));
        // Beyond the last bins the last ones hold.
        assert_eq!(
            expected.relative(0.9, (1, 1), 1.5),
            expected.relative(0.3, (1, 1), 1.5)
        );
        assert_eq!(
            expected.relative(0.0, (1, 1), 1.5),
            expected.relative(0.1, (1, 1), 1.5)
        );
        let between = expected.relative(0.25, (3, 3), 1.5);
        assert!(
            between < expected.relative(0.3, (3, 3), 1.5) && between > expected.relative(0.2, (3, 3), 1.5)
        );
    }

    #[test]
    fn a_site_fits_what_training_fits() {
        // models/training: fit_expected on the same numbers.
        let shares = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4];
        let mut statistics = DistanceStatistics::new(&shares, [3, 3]);
        for i in 0..500_usize {
            let share = 0.05 + 0.35 * ((i * 7) % 50) as f32 / 50.0;
            statistics.add(share, (i % 3, (i / 3) % 3), 0.7 + 0.01 * ((i * 13) % 37) as f32);
        }
        let expected = statistics.expected().unwrap();
        for (share, place, distance, python) in [
            (0.22, (1, 2), 1.0, 1.122_678_5),
            (0.9, (0, 0), 0.5, -3.569_664_8),
            (0.07, (2, 1), 0.9, 0.169_570_1),
        ] {
            let found = expected.relative(share, place, distance);
            assert!((found - python).abs() < 1e-3, "{found}, Python says {python}");
        }
    }

    #[test]
    fn what_is_stored_is_read_and_checked() {
        let expected = statistics().expected().unwrap();
        let stored = expected.stored();
        assert_eq!(ExpectedDistance::new(&stored, &SHARES, [4, 4]).unwrap(), expected);
        assert!(ExpectedDistance::new(&stored, &SHARES[..2], [4, 4]).is_err());
        assert!(ExpectedDistance::new(&stored, &[0.3, 0.2, 0.1], [4, 4]).is_err());
        let mut flat = stored;
        flat[[5, 1]] = 0.0;
        assert!(ExpectedDistance::new(&flat, &SHARES, [4, 4]).is_err());
        assert!(DistanceStatistics::new(&SHARES, [4, 4]).expected().is_none());
    }
}
