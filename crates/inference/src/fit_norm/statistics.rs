use serde::Serialize;

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    pub value: f64,
    pub ci95: [f64; 2],
}

/// Standard normal quantile of 0.975.
const QUANTILE: f64 = 1.959_964;

/// Wilson's score interval (Wilson 1927) of `positives` among `count`, at 95 %.
pub(super) fn wilson_interval(positives: usize, count: usize) -> [f64; 2] {
    let n = count as f64;
    let share = positives as f64 / n;
    let squared = QUANTILE * QUANTILE;
    let center = (share + squared / (2.0 * n)) / (1.0 + squared / n);
    let half = QUANTILE / (1.0 + squared / n) * (share * (1.0 - share) / n + squared / (4.0 * n * n)).sqrt();
    [(center - half).max(0.0), (center + half).min(1.0)]
}

/// Mean and standard deviation (n − 1).
pub(super) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilsons_interval() {
        // statsmodels.stats.proportion.proportion_confint(x, n, method="wilson")
        for (positives, count, expected) in [
            (0, 10, [0.0, 0.277_533]),
            (1, 20, [0.008_881, 0.236_131]),
            (0, 30, [0.0, 0.113_513]),
        ] {
            let interval = wilson_interval(positives, count);
            for (found, expected) in interval.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{interval:?}");
            }
        }
    }

    #[test]
    fn middle_and_spread() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        let (mean, deviation) = mean_and_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!(mean, 5.0);
        assert!((deviation - 2.138_09).abs() < 1e-5);
    }
}
