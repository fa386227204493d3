//! From a score to a probability.

use norma_domain::Probability;
use serde::{Deserialize, Serialize};

/// How the fused score becomes the probability of pathology.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Calibration {
    Identity,
    /// sigmoid(coefficient · score + intercept) (Platt 1999).
    Platt {
        coefficient: f64,
        intercept: f64,
    },
    /// Linear between the points of an isotonic regression, constant outside them.
    Isotonic {
        x: Vec<f64>,
        y: Vec<f64>,
    },
}

impl Calibration {
    /// Says what does not fit. A calibration that falls with the score is refused: it would call the most
    /// suspicious study norm.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Identity => Ok(()),
            Self::Platt {
                coefficient,
                intercept,
            } => check_rising(*coefficient, *intercept).map_err(|message| format!("platt {message}")),
            Self::Isotonic { x, y } => {
                let ascending = |values: &[f64]| values.windows(2).all(|pair| pair[0] <= pair[1]);
                if x.is_empty() || x.len() != y.len() {
                    Err(format!("isotonic x has {} values and y {}", x.len(), y.len()))
                } else if !x.iter().all(|value| value.is_finite())
                    || !x.windows(2).all(|pair| pair[0] < pair[1])
                {
                    Err("isotonic x is not strictly ascending".to_owned())
                } else if !y.iter().all(|value| (0.0..=1.0).contains(value)) || !ascending(y) {
                    Err("isotonic y is not ascending within 0..=1".to_owned())
                } else {
                    Ok(())
                }
            }
        }
    }

    /// The probability of a score; None for a score that is not finite.
    pub fn apply(&self, score: f64) -> Option<Probability> {
        if !score.is_finite() {
            return None;
        }
        let probability = match self {
            Self::Identity => score.clamp(0.0, 1.0),
            Self::Platt {
                coefficient,
                intercept,
            } => sigmoid(coefficient * score + intercept),
            Self::Isotonic { x, y } => interpolate(x, y, score)?,
        };
        Probability::new(probability).ok()
    }
}

/// What a site's own norm makes of the classifier's score: sigmoid(coefficient · logit(score) + intercept).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogitScaling {
    pub coefficient: f64,
    pub intercept: f64,
}

impl LogitScaling {
    /// Says what does not fit. A scaling that falls with the score is refused: it would call the most suspicious
    /// study norm.
    pub fn check(&self) -> Result<(), String> {
        check_rising(self.coefficient, self.intercept)
    }

    /// The scaled probability; NaN for NaN.
    pub fn apply(&self, probability: f64) -> f64 {
        sigmoid(self.coefficient * logit(probability) + self.intercept)
    }
}

/// Says what does not fit in a line that must rise.
fn check_rising(coefficient: f64, intercept: f64) -> Result<(), String> {
    if coefficient.is_finite() && intercept.is_finite() && coefficient > 0.0 {
        return Ok(());
    }
    Err(format!(
        "coefficient {coefficient} and intercept {intercept}: finite, and the coefficient positive"
    ))
}

/// ln(p / (1 − p)) of a probability kept a millionth away from 0 and 1.
pub(crate) fn logit(probability: f64) -> f64 {
    let kept = probability.clamp(1e-6, 1.0 - 1e-6);
    (kept / (1.0 - kept)).ln()
}

/// 1 / (1 + e^−x), in 0..=1 for every finite x.
pub(crate) fn sigmoid(value: f64) -> f64 {
    1.0 / (1.0 + (-value).exp())
}

fn interpolate(x: &[f64], y: &[f64], at: f64) -> Option<f64> {
    let after = x.partition_point(|value| *value <= at);
    if after == 0 {
        return y.first().copied();
    }
    if after == x.len() {
        return y.last().copied();
    }
    let before = after - 1;
    let fraction = (at - x[before]) / (x[after] - x[before]);
    Some(y[before] + fraction * (y[after] - y[before]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platt_is_the_sigmoid_of_a_line() {
        // The reference service's own: coefficient 5.8509, intercept -3.7205.
        let platt = Calibration::Platt {
            coefficient: 5.8509,
            intercept: -3.7205,
        };
        let probability = platt.apply(0.5).unwrap().value();
        // 1 / (1 + exp(-(5.8509 * 0.5 - 3.7205))), by Python.
        assert!((probability - 0.311_085_366).abs() < 1e-8, "{probability}");
        assert!(platt.apply(f64::NAN).is_none());
        assert!(platt.check().is_ok());
    }

    #[test]
    fn isotonic_is_linear_between_its_points_and_constant_outside() {
        let isotonic = Calibration::Isotonic {
            x: vec![0.2, 0.4, 0.8],
            y: vec![0.1, 0.1, 0.9],
        };
        for (score, expected) in [(0.0, 0.1), (0.3, 0.1), (0.6, 0.5), (0.8, 0.9), (2.0, 0.9)] {
            let probability = isotonic.apply(score).unwrap().value();
            assert!((probability - expected).abs() < 1e-12, "{score}: {probability}");
        }
    }

    #[test]
    fn a_scaling_moves_the_logit() {
        let unchanged = LogitScaling {
            coefficient: 1.0,
            intercept: 0.0,
        };
        assert!((unchanged.apply(0.3) - 0.3).abs() < 1e-12);
        assert!(unchanged.apply(1.0) > 0.999_99 && unchanged.apply(0.0) < 1e-5);
        let doubled = LogitScaling {
            coefficient: 2.0,
            intercept: -(3.0_f64.ln()),
        };
        // logit(0.75) = ln 3; 2 ln 3 − ln 3 = ln 3.
        assert!((doubled.apply(0.75) - 0.75).abs() < 1e-12);
        assert!((doubled.apply(0.5) - 0.25).abs() < 1e-12);
        assert!(unchanged.apply(f64::NAN).is_nan());
        for (coefficient, intercept) in [(0.0, 0.0), (-1.0, 0.0), (f64::NAN, 0.0), (1.0, f64::INFINITY)] {
            let wrong = LogitScaling {
                coefficient,
                intercept,
            };
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_calibration_never_falls() {
        for calibration in [
            Calibration::Platt {
                coefficient: -1.0,
                intercept: 0.0,
            },
            Calibration::Platt {
                coefficient: f64::NAN,
                intercept: 0.0,
            },
            Calibration::Isotonic { x: vec![], y: vec![] },
            Calibration::Isotonic {
                x: vec![0.0, 1.0],
                y: vec![0.9, 0.1],
            },
            Calibration::Isotonic {
                x: vec![0.0, 0.0],
                y: vec![0.1, 0.2],
            },
        ] {
            assert!(calibration.check().is_err(), "{calibration:?}");
        }
    }
}
