//! Operating points as a bundle has them, with what was measured at each.

use norma_domain::{OperatingPointName, Probability, ScannerProfile};
use serde::{Deserialize, Serialize};

use crate::measured_on::MeasuredOn;

/// An operating point with what was measured at it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatingPointFigures {
    pub name: OperatingPointName,
    /// On the calibrated probability.
    pub threshold: Probability,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Figure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specificity: Option<Figure>,
    /// None where nobody wrote down what the figures were measured on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured_on: Option<MeasuredOn>,
    /// Scanners that have a threshold of their own; all others have the one above.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub by_scanner: Vec<ScannerThreshold>,
}

impl OperatingPointFigures {
    /// The threshold of the scanner's own, where it has one.
    pub fn own_threshold(&self, scanner: Option<&ScannerProfile>) -> Option<&ScannerThreshold> {
        let scanner = scanner?;
        self.by_scanner.iter().find(|own| own.scanner == *scanner)
    }

    /// The threshold that a study of the scanner is held to; None: the files do not tell the scanner.
    pub fn threshold_on(&self, scanner: Option<&ScannerProfile>) -> Probability {
        self.own_threshold(scanner)
            .map_or(self.threshold, |own| own.threshold)
    }
}

/// The threshold of one scanner, used like this, with what was measured at it there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerThreshold {
    pub scanner: ScannerProfile,
    /// On the calibrated probability.
    pub threshold: Probability,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sensitivity: Option<Figure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub specificity: Option<Figure>,
    /// What it was fitted on. It is verified where the scanner is among its scanners.
    #[serde(default)]
    pub measured_on: MeasuredOn,
}

/// A measured figure with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Figure {
    pub value: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci95: Option<[Option<f64>; 2]>,
}
