//! Everything that forbids a verdict.

use norma_domain::{
    ModelReference, PreparedSummary, QualityConsequence, Reason, ReasonCode, Stage, StageOutcome, StageResult,
};
use norma_inference::{Bundle, InstalledModel};

/// All reasons for which the verdict is undetermined, the input's first. Empty only where everything is as it
/// should be: a completed, complete and finite result of each model stage by the bundle's own models, on a
/// study that passed its quality checks.
pub(super) fn doubts(
    prepared: &PreparedSummary,
    outcomes: &[StageOutcome],
    bundle: &Bundle,
    scores_fuse: bool,
) -> Vec<Reason> {
    let mut doubts: Vec<Reason> = prepared
        .quality
        .iter()
        .filter(|check| !check.passed && check.consequence != QualityConsequence::Note)
        .map(|check| Reason::new(check.code, check.message.clone()))
        .collect();
    if prepared.lung_extent.is_none() || prepared.selected_slices.is_empty() {
        push(
            &mut doubts,
            ReasonCode::NoLungs,
            "no slice with lungs was read".to_owned(),
        );
    }
    let before_stages = doubts.len();
    for stage in Stage::MODELS {
        doubts.extend(doubts_of_stage(stage, outcomes, bundle));
    }
    if !scores_fuse && doubts.len() == before_stages {
        push(
            &mut doubts,
            ReasonCode::ScoreNotFinite,
            "the scores gave no probability".to_owned(),
        );
    }
    doubts
}

fn push(doubts: &mut Vec<Reason>, code: ReasonCode, message: String) {
    if !doubts.iter().any(|doubt| doubt.code == code) {
        doubts.push(Reason::new(code, message));
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
            StageOutcome::Completed(result) => doubt_of_result(result, &bundle.models_of(stage)),
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
