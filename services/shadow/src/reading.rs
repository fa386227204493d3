//! One study, read by the second bundle.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use norma_database::{Analysis, DatabaseError, ShadowEnd};
use norma_domain::{
    AnalysisId, OperatingPoint, PreparedSummary, ReasonCode, Report, Stage, StageFailure, StageOutcome,
};
use norma_inference::SharedOutputs;
use norma_object_storage::{ObjectError, ObjectKey};
use norma_pipeline::{
    MergeInput, check_instances, decode_prepared_slices, merge_report, read_shared, run_stage,
};
use norma_service::{Behind, Context, run_behind};
use norma_site::ShadowAnswer;
use norma_volume::PreparedSlices;

use crate::models::SecondBundle;
use crate::numbers;
use crate::turn::Place;

/// A study that is begun oftener ended the process each time.
const MOST_ATTEMPTS: u32 = 3;

/// What is needed of a study.
struct Study {
    analysis: Analysis,
    shown: Report,
    prepared: PreparedSummary,
    slices: Vec<u8>,
}

/// How far it came.
enum Found {
    Study(Box<Study>),
    Deleted,
    /// Nothing can be read of it any more.
    Lost,
}

/// Reads a study and notes what the bundle says of it, or why it says nothing. An error is one of what the work stands on: it is tried
/// again later, and nothing is noted of the study.
pub(crate) async fn read(
    context: &Context,
    place: &Place,
    second: &Arc<SecondBundle>,
    id: AnalysisId,
) -> anyhow::Result<()> {
    let found = find(context, id).await?;
    let database = &context.database;
    let sha256 = second.reference().sha256.clone();
    let begun = database.begin_shadow_answer(id, sha256.clone()).await?;
    let Some(attempts) = begun else {
        return Ok(());
    };
    let end = match found {
        Found::Deleted => return Ok(()),
        Found::Lost => ShadowEnd::Failed(ReasonCode::ObjectMissing),
        Found::Study(_) if attempts > MOST_ATTEMPTS => ShadowEnd::Failed(ReasonCode::DeliveryLimitExceeded),
        Found::Study(study) => match answer(context, place, second, *study).await? {
            Some(end) => end,
            // The process is to end; the next one begins again.
            None => return Ok(()),
        },
    };
    if let ShadowEnd::Failed(code) = &end {
        tracing::warn!(analysis_id = %id, %code, "the second bundle could not read a study");
        numbers::failed(*code);
    }
    database.end_shadow_answer(id, sha256, end).await?;
    Ok(())
}

async fn find(context: &Context, id: AnalysisId) -> anyhow::Result<Found> {
    let database = &context.database;
    let Some(analysis) = database.analysis(id).await? else {
        return Ok(Found::Deleted);
    };
    let (Some(shown), Some(mut prepared)) = (
        readable(database.report(id).await)?,
        readable(database.prepared(id).await)?,
    ) else {
        return Ok(Found::Lost);
    };
    let count = database.instance_count(analysis.scan_id).await?;
    prepared.quality.extend(count.as_ref().map(check_instances));
    match context.objects.get(ObjectKey::PreparedSlices(id)).await {
        Ok(slices) => Ok(Found::Study(Box::new(Study {
            analysis,
            shown,
            prepared,
            slices: slices.into(),
        }))),
        Err(ObjectError::NotFound(_)) => Ok(Found::Lost),
        Err(error) => Err(error).context("failed to read the prepared slices"),
    }
}

/// A row that cannot be read, of another version for instance, is none: tried again it would hold up all others.
fn readable<T>(found: Result<Option<T>, DatabaseError>) -> Result<Option<T>, DatabaseError> {
    match found {
        Err(error) if !error.is_retryable() => Ok(None),
        found => found,
    }
}

/// None where the process is to end before.
async fn answer(
    context: &Context,
    place: &Place,
    second: &Arc<SecondBundle>,
    study: Study,
) -> anyhow::Result<Option<ShadowEnd>> {
    let Study {
        analysis,
        shown,
        prepared,
        slices,
    } = study;
    let Ok(slices) = decode_prepared_slices(&slices) else {
        return Ok(Some(ShadowEnd::Failed(ReasonCode::Internal)));
    };
    let (outcomes, duration) = match outcomes(place, second, Arc::new(slices)).await? {
        Outcomes::Read(outcomes, duration) => (outcomes, duration),
        Outcomes::Panicked => return Ok(Some(ShadowEnd::Failed(ReasonCode::Internal))),
        Outcomes::Ending => return Ok(None),
    };
    let shadow = merge_report(MergeInput {
        analysis_id: analysis.id,
        scan_id: analysis.scan_id,
        prepared,
        outcomes,
        bundle: &second.bundle,
        operating_point: operating_point(second, &analysis),
        unverified_threshold: context.settings.models.unverified_threshold,
        requested_at: analysis.requested_at,
        started_at: analysis.started_at,
        finished_at: shown.timings.finished_at,
        path_to_study: String::new(),
    });
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let answer = ShadowAnswer::of(&shown, &shadow, duration_ms);
    numbers::answered(&answer);
    let stored = serde_json::to_value(&answer).context("failed to write the answer")?;
    Ok(Some(ShadowEnd::Answered(stored)))
}

/// The one that the shown answer was asked for by, or the second bundle's default where it has none of that name.
fn operating_point(second: &SecondBundle, analysis: &Analysis) -> OperatingPoint {
    let asked = second.bundle.operating_point(&analysis.operating_point);
    asked.unwrap_or_else(|| second.bundle.default_operating_point())
}

enum Outcomes {
    Read(Vec<StageOutcome>, Duration),
    Panicked,
    Ending,
}

/// What the models say: one after the other, each when its turn has come.
async fn outcomes(
    place: &Place,
    second: &Arc<SecondBundle>,
    slices: Arc<PreparedSlices>,
) -> anyhow::Result<Outcomes> {
    if !place.comes().await? {
        return Ok(Outcomes::Ending);
    }
    let mut took = Duration::ZERO;
    let started = Instant::now();
    let (models, pixels) = (Arc::clone(second), Arc::clone(&slices));
    // Where that fails, each stage reads for itself and says what is wrong.
    let read = move || read_shared(models.models.shared(), &pixels).unwrap_or_default();
    let reading = tokio::task::spawn_blocking(move || run_behind(Behind::Analysis, read));
    let shared: Arc<SharedOutputs> = match place.while_waiting(reading).await {
        None => return Ok(Outcomes::Ending),
        Some(Err(_)) => return Ok(Outcomes::Panicked),
        Some(Ok(shared)) => Arc::new(shared),
    };
    took += started.elapsed();
    let mut outcomes = Vec::new();
    for stage in Stage::MODELS {
        if !place.comes().await? {
            return Ok(Outcomes::Ending);
        }
        let started = Instant::now();
        let (models, pixels, shared) = (Arc::clone(second), Arc::clone(&slices), Arc::clone(&shared));
        let read = move || match run_stage(&models.models, stage, &pixels, shared.of(stage)) {
            // Its map is shown nowhere.
            Ok((result, _)) => StageOutcome::Completed(result),
            Err(error) => StageOutcome::Failed(StageFailure {
                stage,
                reason: error.reason,
            }),
        };
        let reading = tokio::task::spawn_blocking(move || run_behind(Behind::Analysis, read));
        match place.while_waiting(reading).await {
            None => return Ok(Outcomes::Ending),
            Some(Err(_)) => return Ok(Outcomes::Panicked),
            Some(Ok(outcome)) => outcomes.push(outcome),
        }
        took += started.elapsed();
    }
    Ok(Outcomes::Read(outcomes, took))
}
