//! What a stream of studies without labels says of a threshold.

use serde::{Deserialize, Serialize};

use crate::threshold::{misses_allowed, positives_needed};
use crate::{Level, Proportion};

/// What an unlabelled stream allows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum UnlabelledFit {
    Holds(StreamAtThreshold),
    /// So few studies that a threshold with the bound would lie at the lowest score of all and release nothing.
    NotEnoughStudies {
        studies_needed: u64,
        studies: u64,
    },
    /// No study lies below the threshold that the bound allows: the lowest scores are equal.
    NothingReleased {
        studies: u64,
    },
    /// Of the pathologies that are known, more lie below the threshold than the sensitivity that is asked for leaves room for, with
    /// the confidence that is asked for: here pathologies do not score higher than norms.
    Contradicted {
        pathologies: u64,
        below_threshold: u64,
    },
}

/// A threshold on a stream without labels.
///
/// Assumed: of the pathologies no larger share scores below the threshold than of the norms. The share of pathologies below it is
/// then at most that of the whole stream, whatever the prevalence is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct StreamAtThreshold {
    pub threshold: f64,
    /// Studies of the stream that lie below the threshold.
    pub released: Proportion,
    /// What the sensitivity is not below, with the confidence that was asked for. Nothing is known of where above it is.
    pub sensitivity_lower_bound: f64,
    /// What the share of norms that are released is not above, with the same confidence, if no more of the stream than the maximal
    /// prevalence is pathology. A share that is not below the stream's would need the assumed order to the last study.
    pub norms_released_at_most: f64,
}

/// The highest threshold at which the sensitivity is at least `target`, with `confidence`, on an unlabelled stream.
///
/// It is [`threshold_for_sensitivity`](crate::threshold_for_sensitivity) with every study of the stream in the place of a
/// positive: the share of the stream below its k-th lowest score is at most 1 − target with `confidence`, and by what
/// [`StreamAtThreshold`] assumes the share of pathologies is not larger. Without labels and without more than that order no higher
/// threshold has the bound: where scores tell nothing, the pathologies are spread like the stream. So at most 1 − target of the
/// stream is ever released.
///
/// `scores` are of independent studies, one per patient, each 0..=1. `known_pathologies` are scores of pathologies that a reader
/// named; they can only refuse a threshold, by an exact binomial test at 1 − `confidence`.
pub fn threshold_without_labels(
    scores: &[f64],
    known_pathologies: &[f64],
    target: Level,
    confidence: Level,
    maximal_prevalence: Level,
) -> UnlabelledFit {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let studies = sorted.len() as u64;
    let allowed = match misses_allowed(studies, target, confidence) {
        None | Some(0) => {
            return UnlabelledFit::NotEnoughStudies {
                studies_needed: positives_needed(1, target, confidence),
                studies,
            };
        }
        Some(allowed) => allowed,
    };
    let place = usize::try_from(allowed).expect("fewer studies than are in memory");
    let threshold = sorted[place];
    if sorted[0] >= threshold {
        return UnlabelledFit::NothingReleased { studies };
    }
    let found = Proportion::counted(known_pathologies, |score| **score >= threshold);
    let may_be_found = found.upper_bound(confidence);
    if may_be_found.is_some_and(|most| most < target.value()) {
        return UnlabelledFit::Contradicted {
            pathologies: found.trials(),
            below_threshold: found.failures(),
        };
    }
    // With equal scores fewer lie below than the bound allowed; its law is that of the allowed number.
    let kept = Proportion::new(studies - allowed, studies).expect("fewer are allowed than there are");
    let mut at = stream_at_threshold(scores, threshold, confidence, maximal_prevalence)
        .expect("a stream with a threshold has studies");
    at.sensitivity_lower_bound = kept.lower_bound(confidence).expect("there are studies");
    UnlabelledFit::Holds(at)
}

/// What an unlabelled stream says of a threshold that was not chosen on it: of one in use. None without studies.
pub fn stream_at_threshold(
    scores: &[f64],
    threshold: f64,
    confidence: Level,
    maximal_prevalence: Level,
) -> Option<StreamAtThreshold> {
    let released = Proportion::counted(scores, |score| **score < threshold);
    let reaching =
        Proportion::new(released.failures(), released.trials()).expect("a part is not more than the whole");
    Some(StreamAtThreshold {
        threshold,
        released,
        sensitivity_lower_bound: reaching.lower_bound(confidence)?,
        norms_released_at_most: (released.upper_bound(confidence)? / maximal_prevalence.complement())
            .min(1.0),
    })
}
