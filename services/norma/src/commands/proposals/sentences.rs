//! A proposal as a person reads it.

use norma_accuracy::{Level, Proportion, StreamAtThreshold, ThresholdFit, UnlabelledFit};
use norma_domain::Verdict;
use norma_site::{LabelledFit, ProfileProposal, Proposal};

use crate::commands::percent::{percent, share_with};

/// Studies that are named on the terminal; all are in the JSON.
const NAMED: usize = 20;

pub(crate) fn sentences(proposal: &Proposal) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for profile in &proposal.profiles {
        sentences.extend(of_profile(proposal, profile));
    }
    if proposal.profiles.is_empty() {
        sentences.push("no study with an answer tells its scanner: nothing is proposed for one".to_owned());
    } else if let Some(why) = proposal.nothing_proposed() {
        sentences.push(format!("no threshold is proposed: {}", why.told()));
    }
    if !proposal.assumptions.is_empty() {
        sentences.push("assumed:".to_owned());
    }
    let assumed = proposal.assumptions.iter();
    sentences.extend(assumed.map(|assumption| format!("  {}", assumption.told())));
    sentences.extend(
        proposal
            .maximal_prevalence
            .map(|prevalence| format!("  maximal prevalence: {}", percent(prevalence))),
    );
    sentences
}

/// What the figures do not rest on.
pub(crate) fn left_out(proposal: &Proposal) -> Vec<String> {
    let not_counted = [
        (proposal.undetermined, "with an undetermined answer"),
        (proposal.without_scanner as u64, "that do not tell their scanner"),
    ];
    let left_out = proposal.left_out.iter().map(|(why, count)| (*count, why.told()));
    not_counted
        .into_iter()
        .chain(left_out)
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("left out: {count} {why}"))
        .collect()
}

fn of_profile(proposal: &Proposal, profile: &ProfileProposal) -> Vec<String> {
    let studies = match &profile.labelled {
        None => format!("{} studies", profile.studies),
        Some(labelled) => {
            let [found, released] = [labelled.sensitivity_before, labelled.specificity_before];
            let labelled = found.trials() + released.trials();
            format!(
                "{labelled} labelled studies, {} of the newest answers",
                profile.studies
            )
        }
    };
    let mut sentences = vec![format!("{}: {studies}", profile.scanner)];
    sentences.push(now(proposal, profile));
    if let Some(fit) = &profile.unlabelled {
        sentences.push(without_labels(proposal, fit));
    }
    if let Some(labelled) = &profile.labelled {
        sentences.push(with_labels(proposal, labelled));
    }
    if profile.already_in_use {
        sentences.push("  already in use: nothing is proposed for this scanner".to_owned());
    }
    if let (Some(threshold), Some(released)) = (profile.threshold, profile.released_after) {
        let changes = &profile.changes;
        let to_pathology = changes.iter().filter(|change| change.after == Verdict::Pathology);
        let to_pathology = to_pathology.count();
        sentences.push(if profile.studies == 0 {
            format!("  proposed for this scanner: {threshold}; none of the newest answers is of this scanner")
        } else {
            format!(
                "  proposed for this scanner: {threshold}; it releases {} of the studies; {to_pathology} from norm to pathology, {} from \
                 pathology to norm",
                share(released),
                changes.len() - to_pathology
            )
        });
        sentences.extend(changes.iter().take(NAMED).map(|change| {
            format!(
                "    {}: {} -> {}",
                change.scan_id,
                change.before.as_str(),
                change.after.as_str()
            )
        }));
        if changes.len() > NAMED {
            sentences.push(format!("    and {} more (--format json)", changes.len() - NAMED));
        }
    }
    sentences
}

fn now(proposal: &Proposal, profile: &ProfileProposal) -> String {
    let mut in_use = format!(
        "  now, {} at {}{}",
        proposal.operating_point_in_use.name,
        profile.threshold_in_use,
        if profile.in_use_is_own {
            " (this scanner's own)"
        } else {
            ""
        }
    );
    if profile.studies > 0 {
        in_use.push_str(&format!(
            ": releases {} of the studies",
            share(profile.released_before)
        ));
    }
    match (&profile.before, &profile.labelled) {
        (Some(before), _) => format!(
            "{in_use}; of the sensitivity no more is known than that it is at least {}",
            percent(before.sensitivity_lower_bound)
        ),
        (None, Some(labelled)) => format!(
            "{in_use}; finds {} of {} pathologies, releases {} of {} norms",
            labelled.sensitivity_before.successes(),
            labelled.sensitivity_before.trials(),
            labelled.specificity_before.successes(),
            labelled.specificity_before.trials()
        ),
        (None, None) => in_use,
    }
}

fn with_labels(proposal: &Proposal, labelled: &LabelledFit) -> String {
    let fit = labelled_fit(&labelled.fit, proposal.target_sensitivity, proposal.confidence);
    format!("  {fit}")
}

/// What labelled studies allow.
pub(crate) fn labelled_fit(fit: &ThresholdFit, target_sensitivity: f64, confidence: f64) -> String {
    match fit {
        ThresholdFit::Holds(held) => format!(
            "sensitivity >= {} with confidence {} at threshold {}: releases {} of norms; n = {}",
            percent(target_sensitivity),
            percent(confidence),
            held.threshold,
            share(held.specificity),
            held.sensitivity.trials() + held.specificity.trials()
        ),
        ThresholdFit::NotEnoughCases {
            positives_needed,
            positives,
        } => format!(
            "not enough cases: {positives_needed} positives without a miss are needed, {positives} are there"
        ),
    }
}

fn without_labels(proposal: &Proposal, fit: &UnlabelledFit) -> String {
    match fit {
        UnlabelledFit::Holds(at) => format!(
            "  sensitivity >= {} with confidence {} at threshold {}: {}",
            percent(proposal.target_sensitivity),
            percent(proposal.confidence),
            at.threshold,
            released(at)
        ),
        UnlabelledFit::NotEnoughStudies {
            studies_needed,
            studies,
        } => format!(
            "  refused: {studies_needed} studies are needed, {studies} are there; with fewer nothing could be released at this \
             sensitivity"
        ),
        UnlabelledFit::NothingReleased { .. } => {
            "  refused: the lowest scores are equal, so that a threshold with this sensitivity would release nothing".to_owned()
        }
        UnlabelledFit::Contradicted {
            pathologies,
            below_threshold,
        } => format!(
            "  refused: {below_threshold} of {pathologies} pathologies that readers named lie below the threshold: what is \
             assumed does not hold here"
        ),
    }
}

fn released(at: &StreamAtThreshold) -> String {
    format!(
        "releases {} of the studies, at most {} of norms",
        share(at.released),
        percent(at.norms_released_at_most)
    )
}

fn share(of: Proportion) -> String {
    share_with(of.value(), of.interval(Level::NINETY_FIVE))
}
