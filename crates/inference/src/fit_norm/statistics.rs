use serde::Serialize;

use crate::manifest::NormScores;
use crate::operating_point_figures::Figure;

/// A share with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rate {
    pub value: f64,
    pub ci95: [f64; 2],
}

impl Rate {
    /// The share of the others.
    pub fn complement(self) -> Figure {
        let [low, high] = self.ci95;
        Figure {
            value: Some(1.0 - self.value),
            ci95: Some([Some(1.0 - high), Some(1.0 - low)]),
        }
    }
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

/// Scores that differ by less than this are the same.
const LEAST_DEVIATION: f64 = 1e-9;

/// Mean and standard deviation (n − 1); None where the values do not differ.
pub(super) fn norm_scores(values: &[f64]) -> Option<NormScores> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let standard_deviation = (squares / (n - 1.0)).sqrt();
    (standard_deviation > LEAST_DEVIATION).then_some(NormScores {
        mean,
        standard_deviation,
    })
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
    fn mean_and_spread() {
        let found = norm_scores(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!(found.mean, 5.0);
        assert!((found.standard_deviation - 2.138_09).abs() < 1e-5);
        assert!(norm_scores(&[0.3; 5]).is_none());
        assert!(norm_scores(&[0.3]).is_none());
        assert!(norm_scores(&[0.3, f64::NAN]).is_none());
    }
}
