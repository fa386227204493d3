use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

use crate::{AccuracyError, Level};

/// So many of so many: found pathologies of all, released norms of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Counted")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Proportion {
    successes: u64,
    trials: u64,
}

#[derive(Deserialize)]
struct Counted {
    successes: u64,
    trials: u64,
}

impl TryFrom<Counted> for Proportion {
    type Error = AccuracyError;

    fn try_from(counted: Counted) -> Result<Self, AccuracyError> {
        Self::new(counted.successes, counted.trials)
    }
}

impl Proportion {
    /// # Errors
    /// [`AccuracyError::NoProportion`] for more successes than trials.
    pub fn new(successes: u64, trials: u64) -> Result<Self, AccuracyError> {
        if successes > trials {
            return Err(AccuracyError::NoProportion { successes, trials });
        }
        Ok(Self { successes, trials })
    }

    /// How many of the items `is` holds for.
    pub fn counted<T>(items: impl IntoIterator<Item = T>, is: impl Fn(&T) -> bool) -> Self {
        let mut proportion = Self {
            successes: 0,
            trials: 0,
        };
        for item in items {
            proportion.trials += 1;
            proportion.successes += u64::from(is(&item));
        }
        proportion
    }

    pub fn successes(self) -> u64 {
        self.successes
    }

    pub fn trials(self) -> u64 {
        self.trials
    }

    pub fn failures(self) -> u64 {
        self.trials - self.successes
    }

    /// None without trials.
    pub fn value(self) -> Option<f64> {
        (self.trials > 0).then(|| self.successes as f64 / self.trials as f64)
    }

    /// The two-sided interval of Clopper and Pearson (Biometrika 26, 1934, 404–413): it covers the truth at least with
    /// `confidence`, for every truth and every number of trials. None without trials.
    pub fn interval(self, confidence: Level) -> Option<[f64; 2]> {
        let tail = confidence.of_each_of_two();
        Some([self.lower_bound(tail)?, self.upper_bound(tail)?])
    }

    /// What the truth is not below, with `confidence` (one-sided Clopper–Pearson). None without trials.
    pub fn lower_bound(self, confidence: Level) -> Option<f64> {
        match (self.successes, self.trials) {
            (_, 0) => None,
            (0, _) => Some(0.0),
            (successes, _) => Some(beta_quantile(
                successes as f64,
                self.failures() as f64 + 1.0,
                confidence.complement(),
            )),
        }
    }

    /// What the truth is not above, with `confidence` (one-sided Clopper–Pearson). None without trials.
    pub fn upper_bound(self, confidence: Level) -> Option<f64> {
        match (self.failures(), self.trials) {
            (_, 0) => None,
            (0, _) => Some(1.0),
            (failures, _) => Some(beta_quantile(
                self.successes as f64 + 1.0,
                failures as f64,
                confidence.value(),
            )),
        }
    }
}

/// Both shapes are at least 1 in every call.
fn beta_quantile(alpha: f64, beta: f64, share: f64) -> f64 {
    Beta::new(alpha, beta)
        .expect("shapes of at least 1 are those of a beta distribution")
        .inverse_cdf(share)
}
