//! Analyses as the client sees them: the row, how far each stage is, and the answer once there is one.

use norma_database::{Answer, Database, DatabaseError, StageEnd};
use norma_domain::{AnalysisStatus, Stage, Verdict};

use crate::analysis_document::schema::{Analysis, AnalysisLinks, StageProgress, StageState, WaitingPlace};

/// Completes a row to the document of the interface.
pub(crate) async fn describe_analysis(
    database: &Database,
    row: norma_database::Analysis,
) -> Result<Analysis, DatabaseError> {
    let ends = database.stage_ends(row.id).await?;
    let answer = match row.status {
        AnalysisStatus::Completed => database.answer(row.id).await?,
        _ => None,
    };
    let is_waiting = !row.status.is_final() && database.running_stages(row.id).await?.is_empty();
    Ok(document(row, &ends, answer.as_ref(), is_waiting))
}

/// The same, with its place where it waits for its turn: for one analysis at a time.
pub(crate) async fn describe_with_place(
    database: &Database,
    row: norma_database::Analysis,
) -> Result<Analysis, DatabaseError> {
    let waits = row.released_at.is_none() && !row.status.is_final();
    let place = match waits {
        true => database.waiting_place(row.id).await?,
        false => None,
    };
    let document = describe_analysis(database, row).await?;
    Ok(Analysis {
        place: place.map(|place| WaitingPlace {
            ahead: place.ahead,
            estimated_wait_seconds: place.estimated_wait.map(|wait| wait.as_secs()),
        }),
        ..document
    })
}

fn document(
    row: norma_database::Analysis,
    ends: &[StageEnd],
    answer: Option<&Answer>,
    is_waiting: bool,
) -> Analysis {
    let verdict = answer.map(|answer| answer.verdict);
    Analysis {
        id: row.id,
        scan_id: row.scan_id,
        status: row.status,
        operating_point: row.operating_point.0,
        bundle_version: row.bundle_version,
        attempt: row.attempt,
        requested_at: row.requested_at,
        started_at: row.started_at,
        finished_at: row.finished_at,
        updated_at: row.updated_at,
        waiting_since: is_waiting.then_some(row.updated_at),
        priority: row.priority,
        place: None,
        repeat_of: row.repeat_of,
        ok: row.failure.is_none(),
        failure: row.failure,
        stages: Stage::ALL
            .into_iter()
            .map(|stage| stage_progress(stage, row.status, ends))
            .collect(),
        verdict,
        probability_of_pathology: answer.and_then(|answer| answer.probability),
        has_pathology_any: match verdict {
            Some(Verdict::Norm) => Some(false),
            Some(Verdict::Pathology) => Some(true),
            Some(Verdict::Undetermined) | None => None,
        },
        links: AnalysisLinks::new(row.id, row.scan_id),
    }
}

fn stage_progress(stage: Stage, status: AnalysisStatus, ends: &[StageEnd]) -> StageProgress {
    let end = ends.iter().find(|end| end.stage == stage);
    let state = match (end, status) {
        (Some(end), _) if end.is_failure => StageState::Failed,
        (Some(_), _) => StageState::Completed,
        // The report stage leaves no row of its own: its end is the end of the analysis.
        (None, AnalysisStatus::Completed) if stage == Stage::Report => StageState::Completed,
        // Preprocessing leaves a row only where it succeeds: without one it is what ended the analysis.
        (None, AnalysisStatus::Failed) if stage == Stage::Preprocess => StageState::Failed,
        (None, status) if status.is_final() => StageState::Skipped,
        (None, _) => StageState::Pending,
    };
    StageProgress {
        stage,
        state,
        duration_ms: end.and_then(|end| end.duration_ms),
    }
}
