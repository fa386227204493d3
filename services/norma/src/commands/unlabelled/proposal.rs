//! A threshold for each scanner profile, beside the one in use.

use std::collections::BTreeMap;

use norma_accuracy::{
    Level, StreamAtThreshold, UnlabelledFit, stream_at_threshold, threshold_without_labels,
};
use norma_domain::{BundleReference, OperatingPoint, ScanId, ScannerProfile, Verdict};
use serde::Serialize;

use crate::commands::labelled::{LabelledSet, LabelledStudy, LeftOut, Stream, StreamStudy};

const ORDER: &str = "of pathologies no larger share scores below a threshold than of norms";
const PREVALENCE: &str =
    "no more of the studies than the maximal prevalence are pathology (for released norms alone)";
const INDEPENDENCE: &str =
    "further studies are drawn as these were, and undetermined answers stay undetermined";

/// What is asked of a threshold, and what is assumed of the stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) target: Level,
    pub(crate) confidence: Level,
    pub(crate) maximal_prevalence: Level,
}

/// `norma.unlabelled_calibration/v1`.
#[derive(Debug, Serialize)]
pub(super) struct Proposal {
    schema: &'static str,
    bundle: BundleReference,
    pub(super) operating_point_in_use: OperatingPoint,
    pub(super) target_sensitivity: f64,
    pub(super) confidence: f64,
    pub(super) maximal_prevalence: f64,
    pub(super) assumptions: [&'static str; 3],
    /// With an answer, one per patient and scanner profile.
    pub(super) studies: usize,
    pub(super) undetermined: u64,
    /// In no profile: their files do not tell a scanner, so they may be of several.
    pub(super) without_scanner: usize,
    pub(super) left_out: BTreeMap<LeftOut, u64>,
    pub(super) profiles: Vec<ProfileProposal>,
    /// The lowest of the profiles' thresholds: an operating point is one for all scanners, and a lower threshold keeps what a
    /// higher one promises of the sensitivity.
    pub(super) proposed_threshold: Option<f64>,
    pub(super) not_proposed: Option<NotProposed>,
}

/// Why there is no proposal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum NotProposed {
    /// No profile has a threshold.
    NoThreshold,
    /// The threshold is higher than the one in use, and would act on scanners on which nothing bounds what it misses.
    HigherWhereNothingIsKnown,
}

#[derive(Debug, Serialize)]
pub(super) struct ProfileProposal {
    pub(super) scanner: ScannerProfile,
    pub(super) studies: usize,
    /// Pathologies that readers named; they can only refuse a threshold.
    pub(super) known_pathologies: usize,
    /// At the threshold in use.
    pub(super) before: Option<StreamAtThreshold>,
    pub(super) fit: UnlabelledFit,
    /// At the proposed threshold, which may be another profile's.
    pub(super) after: Option<StreamAtThreshold>,
    /// Studies with another verdict at the proposed threshold.
    pub(super) changes: Vec<Change>,
}

#[derive(Debug, Serialize)]
pub(super) struct Change {
    pub(super) scan_id: ScanId,
    pub(super) before: Verdict,
    pub(super) after: Verdict,
}

impl Proposal {
    pub(super) fn of(
        stream: Stream,
        readers: &LabelledSet,
        bundle: BundleReference,
        in_use: OperatingPoint,
        asked: Asked,
    ) -> Self {
        let studies = stream.studies.len();
        let mut by_profile: BTreeMap<ScannerProfile, Vec<StreamStudy>> = BTreeMap::new();
        let mut without_scanner = 0;
        for study in stream.studies {
            match study.profile.clone() {
                Some(profile) => by_profile.entry(profile).or_default().push(study),
                None => without_scanner += 1,
            }
        }
        let threshold = in_use.threshold.value();
        let mut profiles: Vec<ProfileProposal> = Vec::new();
        for (scanner, those) in &by_profile {
            let scores: Vec<f64> = those.iter().map(|study| study.score).collect();
            let known = known_pathologies(readers, scanner);
            let Asked {
                target,
                confidence,
                maximal_prevalence,
            } = asked;
            profiles.push(ProfileProposal {
                scanner: scanner.clone(),
                studies: those.len(),
                known_pathologies: known.len(),
                before: stream_at_threshold(&scores, threshold, confidence, maximal_prevalence),
                fit: threshold_without_labels(&scores, &known, target, confidence, maximal_prevalence),
                after: None,
                changes: Vec::new(),
            });
        }
        let proposed = proposed(&profiles, without_scanner, threshold);
        if let Ok(proposed) = proposed {
            for (profile, those) in profiles.iter_mut().zip(by_profile.values()) {
                let scores: Vec<f64> = those.iter().map(|study| study.score).collect();
                let mut after =
                    stream_at_threshold(&scores, proposed, asked.confidence, asked.maximal_prevalence);
                if let (UnlabelledFit::Holds(at), Some(after)) = (&profile.fit, &mut after) {
                    // Chosen on these studies: its own bound holds, here and below.
                    after.sensitivity_lower_bound = at.sensitivity_lower_bound;
                }
                profile.after = after;
                profile.changes = changes(those, threshold, proposed);
            }
        }
        Self {
            schema: "norma.unlabelled_calibration/v1",
            bundle,
            operating_point_in_use: in_use,
            target_sensitivity: asked.target.value(),
            confidence: asked.confidence.value(),
            maximal_prevalence: asked.maximal_prevalence.value(),
            assumptions: [ORDER, PREVALENCE, INDEPENDENCE],
            studies,
            undetermined: stream.undetermined,
            without_scanner,
            left_out: stream.left_out,
            profiles,
            proposed_threshold: proposed.ok(),
            not_proposed: proposed.err(),
        }
    }
}

fn proposed(profiles: &[ProfileProposal], without_scanner: usize, in_use: f64) -> Result<f64, NotProposed> {
    let thresholds: Vec<f64> = profiles
        .iter()
        .filter_map(|profile| match profile.fit {
            UnlabelledFit::Holds(at) => Some(at.threshold),
            _ => None,
        })
        .collect();
    let lowest = thresholds.iter().copied().min_by(f64::total_cmp);
    let lowest = lowest.ok_or(NotProposed::NoThreshold)?;
    let is_known_everywhere = thresholds.len() == profiles.len() && without_scanner == 0;
    if lowest > in_use && !is_known_everywhere {
        return Err(NotProposed::HigherWhereNothingIsKnown);
    }
    Ok(lowest)
}

fn known_pathologies(readers: &LabelledSet, scanner: &ScannerProfile) -> Vec<f64> {
    let pathologies = readers.studies.iter().filter(|study| study.pathology);
    let of_scanner = pathologies.filter(|study| study.profile.as_ref() == Some(scanner));
    of_scanner
        .filter_map(LabelledStudy::scored)
        .map(norma_accuracy::ScoredStudy::score)
        .collect()
}

fn changes(studies: &[StreamStudy], in_use: f64, proposed: f64) -> Vec<Change> {
    let verdict = |score: f64, threshold: f64| {
        if score >= threshold {
            Verdict::Pathology
        } else {
            Verdict::Norm
        }
    };
    studies
        .iter()
        .map(|study| Change {
            scan_id: study.scan_id,
            before: verdict(study.score, in_use),
            after: verdict(study.score, proposed),
        })
        .filter(|change| change.before != change.after)
        .collect()
}
