//! Everything that forbids a verdict.

use norma_domain::{
    BundleReference, ModelReference, PreparedSummary, QualityConsequence, Reason, ReasonCode, Stage,
    StageOutcome, StageResult,
};
use norma_inference::{Bundle, InstalledModel};

use super::completed::completed;

/// What speaks against an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Doubts {
    /// The volume itself is not to be trusted, or nothing of it was read: no verdict at all.
    pub(super) forbidding: Vec<Reason>,
    /// Something was not seen or not computed: no norm.
    pub(super) limiting: Vec<Reason>,
}

/// All doubts, the input's first. Empty only where everything is as it should be: a completed, complete and finite
/// result of each model stage by the bundle's own models, on a study that passed its quality checks.
pub(super) fn doubts(
    prepared: &PreparedSummary,
    outcomes: &[StageOutcome],
    bundle: &Bundle,
    scores_fuse: bool,
) -> Doubts {
    let mut doubts = Doubts::default();
    for check in prepared.quality.iter().filter(|check| !check.passed) {
        let reason = Reason::new(check.code, check.message.clone());
        match check.consequence {
            QualityConsequence::Note => {}
            QualityConsequence::LimitsView => doubts.limiting.push(reason),
            QualityConsequence::Undetermined | QualityConsequence::Failed => doubts.forbidding.push(reason),
        }
    }
    if (prepared.lung_extent.is_none() || prepared.selected_slices.is_empty())
        && !doubts
            .forbidding
            .iter()
            .any(|doubt| doubt.code == ReasonCode::NoLungs)
    {
        doubts
            .forbidding
            .push(Reason::new(ReasonCode::NoLungs, "no slice with lungs was read"));
    }
    // Scores of another bundle are on another scale: neither norm nor pathology.
    doubts.forbidding.extend(mixed_bundles(outcomes, bundle));
    let of_input = doubts.limiting.len();
    for stage in Stage::MODELS {
        doubts.limiting.extend(doubts_of_stage(stage, outcomes, bundle));
    }
    if !scores_fuse && doubts.limiting.len() == of_input && !is_mixed(outcomes, bundle) {
        doubts.limiting.push(Reason::new(
            ReasonCode::ScoreNotFinite,
            "the scores gave no probability",
        ));
    }
    doubts
}

/// The score of a stage that a verdict may rest on: the stage ended once, with a complete and finite result by the
/// bundle's own models.
pub(super) fn sound_score(stage: Stage, outcomes: &[StageOutcome], bundle: &Bundle) -> Option<f64> {
    if !doubts_of_stage(stage, outcomes, bundle).is_empty() {
        return None;
    }
    Some(completed(outcomes, stage)?.score?.value())
}

/// Whether a stage was read with another bundle than the report's, or with one that nobody knows: another fusion,
/// scaling, bound or memory makes scores that mean nothing on this bundle's scale, however alike the models are. Thresholds that a
/// site accepted change no score, so bundles are compared as they are installed.
pub(super) fn is_mixed(outcomes: &[StageOutcome], bundle: &Bundle) -> bool {
    foreign_results(outcomes, bundle).next().is_some()
}

fn foreign_results<'a>(
    outcomes: &'a [StageOutcome],
    bundle: &'a Bundle,
) -> impl Iterator<Item = &'a StageResult> {
    outcomes.iter().filter_map(|outcome| match outcome {
        StageOutcome::Completed(result) if result.bundle.as_ref() != Some(bundle.installed()) => Some(result),
        StageOutcome::Completed(_) | StageOutcome::Failed(_) => None,
    })
}

fn mixed_bundles(outcomes: &[StageOutcome], bundle: &Bundle) -> Option<Reason> {
    let foreign: Vec<String> = foreign_results(outcomes, bundle)
        .map(|result| format!("{} with {}", result.stage, named(result.bundle.as_ref())))
        .collect();
    if foreign.is_empty() {
        return None;
    }
    let message = format!(
        "stages were read with another model bundle than the report's {}: {}",
        named(Some(bundle.installed())),
        foreign.join(", ")
    );
    Some(Reason::new(ReasonCode::MixedBundles, message))
}

/// Name and version may be the same of different bundles, so the hash's beginning is told too.
fn named(bundle: Option<&BundleReference>) -> String {
    match bundle {
        Some(bundle) => format!(
            "{} {} ({})",
            bundle.name,
            bundle.version,
            bundle.sha256.get(..12).unwrap_or(&bundle.sha256)
        ),
        None => "a bundle that is not known".to_owned(),
    }
}

fn doubts_of_stage(stage: Stage, outcomes: &[StageOutcome], bundle: &Bundle) -> Vec<Reason> {
    let of_stage: Vec<&StageOutcome> = outcomes
        .iter()
        .filter(|outcome| outcome.stage() == stage)
        .collect();
    if of_stage.is_empty() {
        return vec![Reason::new(
            ReasonCode::StageTimeout,
            format!("the {stage} stage left no outcome"),
        )];
    }
    of_stage
        .into_iter()
        .filter_map(|outcome| match outcome {
            StageOutcome::Failed(failure) => Some(failure.reason.clone()),
            StageOutcome::Completed(result) if result.bundle.as_ref() == Some(bundle.installed()) => {
                doubt_of_result(result, &bundle.models_of(stage))
            }
            StageOutcome::Completed(result) => doubt_of_values(result),
        })
        .collect()
}

/// What is wrong with a result that calls itself complete.
fn doubt_of_result(result: &StageResult, installed: &[&InstalledModel]) -> Option<Reason> {
    let stage = result.stage;
    let of_bundle: Vec<ModelReference> = installed.iter().map(|model| model.reference()).collect();
    if result.models != of_bundle {
        return Some(Reason::new(
            ReasonCode::ModelInvalid,
            format!("the {stage} stage was read by models that are not those of the report's bundle"),
        ));
    }
    doubt_of_values(result)
}

fn doubt_of_values(result: &StageResult) -> Option<Reason> {
    let stage = result.stage;
    if result.slice_scores.is_empty() {
        return Some(Reason::new(
            ReasonCode::InferenceFailed,
            format!("the {stage} stage read no slice"),
        ));
    }
    if !result.slice_scores.iter().all(|slice| slice.score.is_finite()) {
        return Some(Reason::new(
            ReasonCode::ScoreNotFinite,
            format!("a slice's score of the {stage} stage is not finite"),
        ));
    }
    match stage {
        Stage::Typing if result.findings.is_empty() => Some(Reason::new(
            ReasonCode::InferenceFailed,
            "the typing stage judged no label",
        )),
        Stage::Anomaly | Stage::Classifier if result.score.is_none() => Some(Reason::new(
            ReasonCode::ScoreNotFinite,
            format!("the {stage} stage has no score"),
        )),
        _ => None,
    }
}
