//! Whether a probability of so much is right so often.

use serde::Serialize;

use crate::{Level, Proportion, ScoredStudy};

/// How well probabilities agree with what is true.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reliability {
    /// Mean squared distance of probability and truth (Brier, Monthly Weather Review 78, 1950, 1–3): 0 is perfect, and always
    /// saying the prevalence p has p(1 − p).
    pub brier: f64,
    /// p(1 − p) of this set: what a probability that knows nothing but the prevalence has.
    pub brier_of_prevalence: f64,
    /// Mean probability: calibration in the large compares it with the prevalence.
    pub mean_probability: f64,
    pub prevalence: Proportion,
    pub bins: Vec<ReliabilityBin>,
}

/// Studies with probabilities of about the same.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ReliabilityBin {
    /// From this one, included.
    pub low: f64,
    /// To this one, included in the last bin alone.
    pub high: f64,
    pub mean_probability: f64,
    /// How many are pathology.
    pub observed: Proportion,
    /// Clopper–Pearson.
    pub interval: Option<[f64; 2]>,
}

/// Bins of equal width; those without a study are left out. None without studies.
pub fn reliability(studies: &[ScoredStudy], bins: usize, confidence: Level) -> Option<Reliability> {
    if studies.is_empty() || bins == 0 {
        return None;
    }
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / studies.len() as f64;
    let truth = |study: &ScoredStudy| f64::from(u8::from(study.pathology()));
    let prevalence = Proportion::counted(studies, |study| study.pathology());
    let share = prevalence.value()?;
    let place = |study: &ScoredStudy| ((study.score() * bins as f64) as usize).min(bins - 1);
    let of_bin = |bin: usize| {
        let those: Vec<&ScoredStudy> = studies.iter().filter(|study| place(study) == bin).collect();
        if those.is_empty() {
            return None;
        }
        let observed = Proportion::counted(&those, |study| study.pathology());
        Some(ReliabilityBin {
            low: bin as f64 / bins as f64,
            high: (bin + 1) as f64 / bins as f64,
            mean_probability: those.iter().map(|study| study.score()).sum::<f64>() / those.len() as f64,
            observed,
            interval: observed.interval(confidence),
        })
    };
    Some(Reliability {
        brier: mean(&mut studies.iter().map(|study| (study.score() - truth(study)).powi(2))),
        brier_of_prevalence: share * (1.0 - share),
        mean_probability: mean(&mut studies.iter().map(|study| study.score())),
        prevalence,
        bins: (0..bins).filter_map(of_bin).collect(),
    })
}
