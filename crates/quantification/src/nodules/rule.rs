//! How likely a candidate is a nodule: a logistic rule over its features.
//!
//! The weights are made by `models/training/run nodules` (nodule_rule.py) from nodules pasted into norm volumes; how
//! well the rule does, and on what, stands in models/NODULES.md.

use super::candidate::CandidateFeatures;

/// From this score on a candidate is worth a radiologist's look: about two false alarms in a norm study.
pub const SHOWN_SCORE: f64 = 0.55;
/// From this score on no candidate of a norm volume was found, with room: the highest reached 0.76.
pub const SURE_SCORE: f64 = 0.90;
/// Smaller bodies are not told from vessels; the Fleischner Society (Radiology 284, 2017) follows solid nodules from
/// 6 mm on.
pub(super) const LEAST_DIAMETER_MM: f64 = 5.0;

/// From this score on a solid body of 20 mm or more is one; what is that large reached 0.54 in norm volumes, and the left
/// pulmonary artery of a norm phantom with slices 3 mm apart reached 0.83.
pub(super) const MASS_SCORE: f64 = 0.85;

const INTERCEPT: f64 = -6.68;

impl CandidateFeatures {
    /// 0..=1, from the features and the body's diameter.
    pub(super) fn score(&self, diameter_mm: f64) -> f64 {
        let terms = [
            (1.72, (self.response_hu / 300.0).ln()),
            (4.15, self.roundness),
            (-0.39, self.tubeness),
            (3.68, self.axis_ratio),
            (-1.68, self.dense_around),
            (1.20, self.outside_around),
            // How much of the body its inscribed ball fills, by diameters.
            (3.28, 2.0 * self.inscribed_mm / diameter_mm),
            (-0.12, (diameter_mm / 10.0).ln()),
            (0.26, self.contrast_hu / 1000.0),
            (-0.49, self.high_hu.clamp(-600.0, 200.0) / 1000.0),
        ];
        let logit = INTERCEPT + terms.iter().map(|(weight, value)| weight * value).sum::<f64>();
        1.0 / (1.0 + (-logit).exp())
    }
}
