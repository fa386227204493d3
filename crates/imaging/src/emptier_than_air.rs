//! Values that are lower than any matter has: a slope that is too steep, or an offset that was applied twice.

/// Air is −1000 HU; sharp kernels and low doses spread it by a hundred or two.
const EMPTIER_BELOW: i32 = -1250;
/// Values below this are all counted as one.
const LOWEST: i32 = -8192;
/// What lies outside the field of view is filled with one value or two (−2000, −2048, −3024); measured values differ.
const FILLINGS: usize = 2;
/// Where two fillings meet, or a filling meets air, resampled volumes have values between: the rim of the field.
const LARGEST_SHARE: f64 = 0.05;

/// Counts the values below air before they are cut off there.
pub(crate) struct EmptierThanAir {
    counts: Vec<u64>,
    values: u64,
}

impl EmptierThanAir {
    pub(crate) fn new() -> Self {
        Self {
            counts: vec![0; (EMPTIER_BELOW - LOWEST) as usize],
            values: 0,
        }
    }

    /// Takes a value in what should be Hounsfield units.
    pub(crate) fn take(&mut self, value: f64) {
        self.values += 1;
        if value < f64::from(EMPTIER_BELOW) {
            // In range: a conversion to an integer saturates.
            let whole = (value.floor() as i32).max(LOWEST);
            self.counts[(whole - LOWEST) as usize] += 1;
        }
    }

    /// Whether so much was measured below air that the values are no Hounsfield units.
    pub(crate) fn is_much(&self) -> bool {
        let mut counts = self.counts.clone();
        counts.sort_unstable_by(|one, other| other.cmp(one));
        let measured: u64 = counts[FILLINGS..].iter().sum();
        measured as f64 > LARGEST_SHARE * self.values as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_much(values: impl Iterator<Item = f64>) -> bool {
        let mut emptier = EmptierThanAir::new();
        values.for_each(|value| emptier.take(value));
        emptier.is_much()
    }

    #[test]
    fn noise_and_fillings_are_no_matter_below_air_and_a_wrong_scale_is() {
        let noise = |index: usize| f64::from((index * 7919 % 401) as i32 - 200);
        // Half air, half tissue.
        let chest = |index: usize| {
            if index.is_multiple_of(2) {
                -1000.0 + noise(index)
            } else {
                40.0
            }
        };
        assert!(!is_much((0..10_000).map(chest)));
        for filling in [-2000.0, -2048.0, -3024.0, -1e30, f64::NEG_INFINITY] {
            let filled = |index: usize| {
                if index.is_multiple_of(3) {
                    filling
                } else {
                    chest(index)
                }
            };
            assert!(!is_much((0..10_000).map(filled)), "{filling}");
        }
        for (slope, intercept) in [(2.0, 0.0), (1.4, 0.0), (3.0, 0.0), (1.0, -1024.0)] {
            let wrong = |index: usize| chest(index) * slope + intercept;
            assert!(is_much((0..10_000).map(wrong)), "{slope} {intercept}");
        }
    }
}
