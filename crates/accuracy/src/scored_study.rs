use std::collections::BTreeMap;

use serde::Serialize;

use crate::{AccuracyError, Proportion};

/// A study's probability of pathology and what is true of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct ScoredStudy {
    score: f64,
    pathology: bool,
}

impl ScoredStudy {
    /// # Errors
    /// [`AccuracyError::ScoreOutOfRange`] unless the score is 0..=1.
    pub fn new(score: f64, pathology: bool) -> Result<Self, AccuracyError> {
        if (0.0..=1.0).contains(&score) {
            Ok(Self { score, pathology })
        } else {
            Err(AccuracyError::ScoreOutOfRange(score))
        }
    }

    pub fn score(self) -> f64 {
        self.score
    }

    pub fn pathology(self) -> bool {
        self.pathology
    }

    /// Whether the answer at a threshold is pathology.
    pub fn reaches(self, threshold: f64) -> bool {
        self.score >= threshold
    }
}

/// Sensitivity and specificity at a threshold: `score >= threshold` is pathology.
pub fn at_threshold(studies: &[ScoredStudy], threshold: f64) -> [Proportion; 2] {
    let of = |pathology: bool| {
        let those = studies.iter().filter(move |study| study.pathology == pathology);
        Proportion::counted(those, |study| study.reaches(threshold) == pathology)
    };
    [of(true), of(false)]
}

/// Studies of one patient are alike, and the formulas here count independent ones. Of the studies of a patient with one
/// label the hardest stays, by its place: the pathology with the lowest score, the norm with the highest. Studies without a
/// patient are a patient each.
///
/// Returns the places that stay, ascending.
pub fn one_study_per_patient(studies: &[(ScoredStudy, Option<&str>)]) -> Vec<usize> {
    let mut kept: BTreeMap<(&str, bool), usize> = BTreeMap::new();
    let mut places = Vec::new();
    for (place, (study, patient)) in studies.iter().enumerate() {
        let Some(patient) = patient else {
            places.push(place);
            continue;
        };
        let hardest = kept.entry((patient, study.pathology)).or_insert(place);
        let best = studies[*hardest].0.score;
        let is_harder = if study.pathology {
            study.score < best
        } else {
            study.score > best
        };
        if is_harder {
            *hardest = place;
        }
    }
    places.extend(kept.into_values());
    places.sort_unstable();
    places
}
