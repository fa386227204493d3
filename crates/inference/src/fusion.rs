//! From the models' scores to the one score that is calibrated.

use norma_domain::Decision;
use serde::{Deserialize, Serialize};

use crate::calibration::sigmoid;

/// How several anomaly models' normalised scores become the anomaly stage's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum AnomalyCombination {
    Maximum,
    /// In the order of the bundle's anomaly models; the weights sum to 1.
    WeightedMean {
        weights: Vec<f64>,
    },
}

impl AnomalyCombination {
    pub(crate) fn check(&self, models: usize) -> Result<(), String> {
        match self {
            Self::Maximum => Ok(()),
            Self::WeightedMean { weights } => {
                if weights.len() != models {
                    return Err(format!("{} weights for {models} anomaly models", weights.len()));
                }
                let sum: f64 = weights.iter().sum();
                if weights.iter().all(|weight| *weight >= 0.0) && (sum - 1.0).abs() < 1e-6 {
                    Ok(())
                } else {
                    Err(format!("weights {weights:?} are negative or do not sum to 1"))
                }
            }
        }
    }

    /// Whether the model at this place of the bundle's anomaly models changes the score.
    pub(crate) fn counts(&self, place: usize) -> bool {
        match self {
            Self::Maximum => true,
            Self::WeightedMean { weights } => weights.get(place).is_some_and(|weight| *weight > 0.0),
        }
    }

    /// The same combination of the models that [count](Self::counts) alone.
    pub(crate) fn of_counting(&self) -> Self {
        match self {
            Self::Maximum => Self::Maximum,
            Self::WeightedMean { weights } => Self::WeightedMean {
                weights: weights.iter().copied().filter(|weight| *weight > 0.0).collect(),
            },
        }
    }

    /// Combines one value of each model, in the bundle's order; 0 without values.
    pub fn apply(&self, values: &[f64]) -> f64 {
        match self {
            Self::Maximum => values.iter().copied().fold(0.0, f64::max),
            Self::WeightedMean { weights } => values
                .iter()
                .zip(weights)
                .map(|(value, weight)| value * weight)
                .sum(),
        }
    }
}

/// How the anomaly score and the classifier's probability become one score.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "snake_case", deny_unknown_fields)]
pub enum Fusion {
    Maximum,
    /// sigmoid(Σ weight · score + intercept).
    Logistic {
        weights: FusionWeights,
        intercept: f64,
    },
}

/// Weights of a learnt fusion.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FusionWeights {
    pub anomaly: f64,
    pub classifier: f64,
}

impl Fusion {
    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Maximum => Ok(()),
            Self::Logistic { weights, intercept } => {
                let weights_fit = [weights.anomaly, weights.classifier]
                    .iter()
                    .all(|weight| weight.is_finite() && *weight >= 0.0);
                if weights_fit && intercept.is_finite() {
                    Ok(())
                } else {
                    Err("fusion weights are finite and not negative, the intercept is finite".to_owned())
                }
            }
        }
    }

    /// The fused score and the stage that contributed more to it.
    pub fn apply(&self, anomaly: f64, classifier: f64) -> (f64, Decision) {
        let (score, from_anomaly, from_classifier) = match self {
            Self::Maximum => (anomaly.max(classifier), anomaly, classifier),
            Self::Logistic { weights, intercept } => {
                let (left, right) = (weights.anomaly * anomaly, weights.classifier * classifier);
                (sigmoid(left + right + intercept), left, right)
            }
        };
        let decision = if from_anomaly >= from_classifier {
            Decision::Anomaly
        } else {
            Decision::Classifier
        };
        (score, decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_larger_score_decides() {
        assert_eq!(Fusion::Maximum.apply(0.7, 0.2), (0.7, Decision::Anomaly));
        assert_eq!(Fusion::Maximum.apply(0.1, 0.2), (0.2, Decision::Classifier));
        let logistic = Fusion::Logistic {
            weights: FusionWeights {
                anomaly: 1.0,
                classifier: 4.0,
            },
            intercept: -2.0,
        };
        let (score, decision) = logistic.apply(0.9, 0.5);
        assert!((score - sigmoid(0.9)).abs() < 1e-12);
        assert_eq!(decision, Decision::Classifier);
    }

    #[test]
    fn anomaly_scores_combine_as_the_bundle_says() {
        assert_eq!(AnomalyCombination::Maximum.apply(&[0.2, 0.6]), 0.6);
        let mean = AnomalyCombination::WeightedMean {
            weights: vec![0.75, 0.25],
        };
        assert!((mean.apply(&[0.4, 0.8]) - 0.5).abs() < 1e-12);
        assert!(mean.check(2).is_ok());
        assert!(mean.check(3).is_err());
        let wrong = AnomalyCombination::WeightedMean {
            weights: vec![0.9, 0.9],
        };
        assert!(wrong.check(2).is_err());
    }
}
