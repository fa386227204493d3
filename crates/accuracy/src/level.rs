use serde::{Deserialize, Serialize};

use crate::AccuracyError;

/// A share strictly between 0 and 1: a confidence, a sensitivity that is asked for, a prevalence.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Level(f64);

impl Level {
    /// The level at which figures are told where nothing else was asked for.
    pub const NINETY_FIVE: Self = Self(0.95);

    /// # Errors
    /// [`AccuracyError::LevelOutOfRange`] for 0, 1, and what lies outside or is no number.
    pub fn new(value: f64) -> Result<Self, AccuracyError> {
        if value > 0.0 && value < 1.0 {
            Ok(Self(value))
        } else {
            Err(AccuracyError::LevelOutOfRange(value))
        }
    }

    pub fn value(self) -> f64 {
        self.0
    }

    /// What is left to 1.
    pub fn complement(self) -> f64 {
        1.0 - self.0
    }

    /// The confidence of each of two statements that hold together with this one (Bonferroni).
    pub(crate) fn of_each_of_two(self) -> Self {
        Self(1.0 - self.complement() / 2.0)
    }
}

impl TryFrom<f64> for Level {
    type Error = AccuracyError;

    fn try_from(value: f64) -> Result<Self, Self::Error> {
        Self::new(value)
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> Self {
        level.value()
    }
}
