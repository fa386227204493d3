//! The proposal as a person reads it.

use norma_accuracy::{Level, StreamAtThreshold, UnlabelledFit};
use norma_domain::Verdict;

use super::proposal::{NotProposed, ProfileProposal, Proposal};
use crate::commands::percent::{percent, share_with};

/// Studies that are named on the terminal; all are in the JSON.
const NAMED: usize = 20;

pub(super) fn sentences(proposal: &Proposal) -> Vec<String> {
    let mut sentences: Vec<String> = Vec::new();
    for profile in &proposal.profiles {
        sentences.extend(of_profile(proposal, profile));
    }
    if proposal.profiles.is_empty() {
        sentences.push("no study with an answer tells its scanner: nothing can be said".to_owned());
    }
    sentences.extend(proposal.proposed_threshold.map(|threshold| {
        format!(
            "proposed for all of these scanners: threshold {threshold}; nothing changes until a bundle with it is written \
             (--write-bundle) and named in the setting models.bundle"
        )
    }));
    let why = proposal.not_proposed.map(|why| match why {
        NotProposed::NoThreshold => "no threshold is proposed",
        NotProposed::HigherWhereNothingIsKnown => {
            "no threshold is proposed: it would be higher than the one in use, on scanners too of which nothing is known"
        }
    });
    sentences.extend(why.map(str::to_owned));
    sentences.push("assumed:".to_owned());
    sentences.extend(proposal.assumptions.iter().map(|assumed| format!("  {assumed}")));
    sentences.push(format!(
        "  maximal prevalence: {}",
        percent(proposal.maximal_prevalence)
    ));
    let not_counted = [
        (proposal.undetermined, "with an undetermined answer"),
        (proposal.without_scanner as u64, "that do not tell their scanner"),
    ];
    let left_out = proposal.left_out.iter().map(|(why, count)| (*count, why.told()));
    sentences.extend(
        not_counted
            .into_iter()
            .chain(left_out)
            .filter(|(count, _)| *count > 0)
            .map(|(count, why)| format!("left out: {count} {why}")),
    );
    sentences
}

fn of_profile(proposal: &Proposal, profile: &ProfileProposal) -> Vec<String> {
    let mut sentences = vec![format!("{}: {} studies", profile.scanner, profile.studies)];
    let in_use = &proposal.operating_point_in_use;
    if let Some(before) = &profile.before {
        sentences.push(format!(
            "  now, {} at {}: {}; of the sensitivity no more is known than that it is at least {}",
            in_use.name,
            in_use.threshold.value(),
            released(before),
            percent(before.sensitivity_lower_bound)
        ));
    }
    sentences.push(match &profile.fit {
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
    });
    if let Some(after) = &profile.after {
        let to_pathology = profile
            .changes
            .iter()
            .filter(|change| change.after == Verdict::Pathology);
        let to_pathology = to_pathology.count();
        sentences.push(format!(
            "  proposed: {}; {} from norm to pathology, {} from pathology to norm",
            released(after),
            to_pathology,
            profile.changes.len() - to_pathology
        ));
        sentences.extend(profile.changes.iter().take(NAMED).map(|change| {
            format!(
                "    {}: {} -> {}",
                change.scan_id,
                change.before.as_str(),
                change.after.as_str()
            )
        }));
        if profile.changes.len() > NAMED {
            sentences.push(format!(
                "    and {} more (--format json)",
                profile.changes.len() - NAMED
            ));
        }
    }
    sentences
}

fn released(at: &StreamAtThreshold) -> String {
    format!(
        "releases {} of the studies, at most {} of norms",
        share_with(at.released.value(), at.released.interval(Level::NINETY_FIVE)),
        percent(at.norms_released_at_most)
    )
}
