//! Fits a threshold for each scanner profile and tells what it would change.

use std::collections::{BTreeMap, BTreeSet};

use norma_accuracy::{
    Level, Proportion, ScoredStudy, ThresholdFit, UnlabelledFit, at_threshold, stream_at_threshold,
    threshold_for_sensitivity, threshold_without_labels,
};
use norma_database::DatabaseError;
use norma_domain::{OperatingPoint, ScannerProfile, Verdict};
use norma_inference::{Bundle, OperatingPointFigures};

use super::document::{
    Assumption, FitMethod, LabelledFit, PROPOSAL_SCHEMA, ProfileProposal, Proposal, VerdictChange,
};
use crate::{Answers, LabelSource, LabelledSet, LabelledStudy, Stream, StreamStudy};

/// What is asked of a threshold, and what is assumed of the stream.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub method: FitMethod,
    pub target: Level,
    pub confidence: Level,
    /// Without labels.
    pub maximal_prevalence: Level,
    /// Answers that are looked at, the newest first.
    pub newest: u32,
}

impl Proposal {
    /// From the newest answers of a site, with the labels of a table or else what its readers said.
    pub async fn of_site(
        answers: &Answers,
        bundle: &Bundle,
        in_use: OperatingPoint,
        labels: Option<LabelledSet>,
        asked: Asked,
    ) -> Result<Self, DatabaseError> {
        let labels = match labels {
            Some(labels) => labels,
            None => LabelledSet::of_readers(answers).await?,
        };
        let stream = Stream::read(answers, asked.newest).await?;
        Ok(Self::of(stream, &labels, bundle, in_use, asked))
    }

    /// From labels alone, without a look at the newest answers.
    pub fn of_labels(labels: &LabelledSet, bundle: &Bundle, in_use: OperatingPoint, asked: Asked) -> Self {
        Self::of(Stream::default(), labels, bundle, in_use, asked)
    }

    fn of(
        stream: Stream,
        labels: &LabelledSet,
        bundle: &Bundle,
        in_use: OperatingPoint,
        asked: Asked,
    ) -> Self {
        let is_labelled = asked.method == FitMethod::Labelled;
        let studies = stream.studies.len();
        let mut left_out = stream.left_out;
        if is_labelled {
            for (why, count) in &labels.left_out {
                *left_out.entry(*why).or_default() += count;
            }
        }
        let mut by_profile: BTreeMap<ScannerProfile, Vec<StreamStudy>> = BTreeMap::new();
        let mut without_scanner = 0;
        for study in stream.studies {
            match study.profile.clone() {
                Some(profile) => by_profile.entry(profile).or_default().push(study),
                None => without_scanner += 1,
            }
        }
        let labelled = labels.studies.iter().filter(|_| is_labelled);
        let of_labels = labelled.filter_map(|study| study.profile.clone());
        let scanners: BTreeSet<ScannerProfile> = by_profile.keys().cloned().chain(of_labels).collect();
        let figures = bundle.figures_of(&in_use.name);
        let profiles = scanners.into_iter().map(|scanner| {
            let those = by_profile.remove(&scanner).unwrap_or_default();
            let threshold = ThresholdInUse::of(figures, &scanner, &in_use);
            profile(scanner, &those, labels, threshold, asked)
        });
        let profiles = profiles.collect();
        Self {
            schema: PROPOSAL_SCHEMA.to_owned(),
            method: asked.method,
            label_source: is_labelled.then_some(labels.source),
            bundle: bundle.reference().clone(),
            operating_point_in_use: in_use,
            target_sensitivity: asked.target.value(),
            confidence: asked.confidence.value(),
            maximal_prevalence: (!is_labelled).then_some(asked.maximal_prevalence.value()),
            assumptions: assumptions(asked.method, labels.source),
            studies,
            undetermined: stream.undetermined,
            without_scanner,
            left_out,
            profiles,
        }
    }
}

fn assumptions(method: FitMethod, source: LabelSource) -> Vec<Assumption> {
    match (method, source) {
        (FitMethod::Unlabelled, _) => {
            vec![
                Assumption::Order,
                Assumption::Prevalence,
                Assumption::Independence,
            ]
        }
        (FitMethod::Labelled, LabelSource::Table) => vec![Assumption::Independence],
        (FitMethod::Labelled, LabelSource::Feedback) => vec![Assumption::Independence, Assumption::Judged],
    }
}

#[derive(Clone, Copy)]
struct ThresholdInUse {
    value: f64,
    is_own: bool,
    /// Labelled studies of the scanner bound it.
    is_verified: bool,
}

impl ThresholdInUse {
    fn of(
        figures: Option<&OperatingPointFigures>,
        scanner: &ScannerProfile,
        in_use: &OperatingPoint,
    ) -> Self {
        let own = figures.and_then(|point| point.own_threshold(Some(scanner)));
        Self {
            value: own.map_or(in_use.threshold, |own| own.threshold).value(),
            is_own: own.is_some(),
            is_verified: own.is_some_and(|own| own.measured_on.scanners.contains(scanner)),
        }
    }
}

impl ThresholdInUse {
    /// Whether the scanner is held to this threshold already, with what is known of it. What labels bound is worth proposing even where
    /// the same threshold was fitted without them: it verifies it.
    fn is_already(self, threshold: f64, method: FitMethod) -> bool {
        let says_nothing_new = match method {
            FitMethod::Unlabelled => true,
            FitMethod::Labelled => self.is_verified,
        };
        self.value == threshold && says_nothing_new
    }
}

fn profile(
    scanner: ScannerProfile,
    those: &[StreamStudy],
    labels: &LabelledSet,
    in_use: ThresholdInUse,
    asked: Asked,
) -> ProfileProposal {
    let scores: Vec<f64> = those.iter().map(|study| study.score).collect();
    let of_scanner: Vec<ScoredStudy> = labels
        .studies
        .iter()
        .filter(|study| study.profile.as_ref() == Some(&scanner))
        .filter_map(LabelledStudy::scored)
        .collect();
    let known: Vec<f64> = of_scanner
        .iter()
        .filter(|study| study.pathology())
        .map(|study| study.score())
        .collect();
    let Asked {
        target,
        confidence,
        maximal_prevalence,
        ..
    } = asked;
    let released = |threshold: f64| Proportion::counted(&scores, |score| **score < threshold);
    let (before, unlabelled, labelled) = match asked.method {
        FitMethod::Unlabelled => {
            let fit = threshold_without_labels(&scores, &known, target, confidence, maximal_prevalence);
            let before = stream_at_threshold(&scores, in_use.value, confidence, maximal_prevalence);
            (before, Some(fit), None)
        }
        FitMethod::Labelled => {
            let [sensitivity_before, specificity_before] = at_threshold(&of_scanner, in_use.value);
            let fit = threshold_for_sensitivity(&of_scanner, target, confidence);
            let labelled = LabelledFit {
                fit,
                sensitivity_before,
                specificity_before,
            };
            (None, None, Some(labelled))
        }
    };
    let allowed = proposed(unlabelled.as_ref(), labelled.as_ref());
    let already_in_use = allowed.is_some_and(|allowed| in_use.is_already(allowed, asked.method));
    let threshold = allowed.filter(|_| !already_in_use);
    let after = match &unlabelled {
        Some(UnlabelledFit::Holds(at)) => Some(*at),
        _ => None,
    };
    ProfileProposal {
        scanner,
        studies: those.len(),
        threshold_in_use: in_use.value,
        in_use_is_own: in_use.is_own,
        known_pathologies: known.len(),
        threshold,
        already_in_use,
        released_before: released(in_use.value),
        released_after: threshold.map(released),
        before,
        after,
        changes: threshold
            .map(|threshold| changes(those, in_use.value, threshold))
            .unwrap_or_default(),
        unlabelled,
        labelled,
    }
}

/// A bundle refuses a threshold of 0, at which nothing is norm.
fn proposed(unlabelled: Option<&UnlabelledFit>, labelled: Option<&LabelledFit>) -> Option<f64> {
    let threshold = match (unlabelled, labelled) {
        (Some(UnlabelledFit::Holds(at)), _) => at.threshold,
        (
            _,
            Some(LabelledFit {
                fit: ThresholdFit::Holds(held),
                ..
            }),
        ) => held.threshold,
        _ => return None,
    };
    (threshold > 0.0).then_some(threshold)
}

fn changes(studies: &[StreamStudy], in_use: f64, proposed: f64) -> Vec<VerdictChange> {
    let verdict = |score: f64, threshold: f64| {
        if score >= threshold {
            Verdict::Pathology
        } else {
            Verdict::Norm
        }
    };
    studies
        .iter()
        .map(|study| VerdictChange {
            scan_id: study.scan_id,
            before: verdict(study.score, in_use),
            after: verdict(study.score, proposed),
        })
        .filter(|change| change.before != change.after)
        .collect()
}
