use norma_domain::{Stage, StageOutcome, StageResult};

/// The result of a stage that completed.
pub(super) fn completed(outcomes: &[StageOutcome], stage: Stage) -> Option<&StageResult> {
    outcomes.iter().find_map(|outcome| match outcome {
        StageOutcome::Completed(result) if result.stage == stage => Some(result),
        StageOutcome::Completed(_) | StageOutcome::Failed(_) => None,
    })
}
