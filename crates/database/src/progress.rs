//! What moves an analysis on. Each change is guarded by the status it starts from, so that it happens once
//! however often a message is delivered, and an analysis ends exactly once.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{
    AnalysisId, AnalysisStatus, PreparedSummary, Reason, ReasonCode, Report, SeriesInstanceUid, Stage,
    StageOutcome, StudyInstanceUid,
};

use crate::analyses::{Analysis, find};
use crate::connection::AnyConnection;
use crate::deliveries::queue_deliveries;
use crate::outbox::insert_message;
use crate::repeats::await_repeat;
use crate::reports::insert_report;
use crate::scans::lock_scan;
use crate::schema::{analyses, scans, stage_results};
use crate::sql_types::RowId;
use crate::stage_starts::{forget_start, forget_starts, note_start};
use crate::suspicion::{SuspicionGroup, place_scan};
use crate::thresholds_held::is_held_to_others;
use crate::turn_shares::charge_overrun;
use crate::unfinished::is_unfinished;
use crate::waiting_analyses::forget_turn;
use crate::{Database, DatabaseError, HeldTo, OutboxMessage, json, time};

#[derive(Insertable)]
#[diesel(table_name = stage_results, treat_none_as_default_value = false)]
struct StageResultRow {
    analysis_id: RowId,
    stage: &'static str,
    payload: serde_json::Value,
    duration_ms: Option<i64>,
    created_at: NaiveDateTime,
}

/// What became of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completion {
    /// It ended its analysis.
    Completed,
    /// The analysis had ended before, or was deleted.
    Obsolete,
    /// The analysis is held to other thresholds by now: the report is to be made again.
    HeldToOthers,
}

impl Database {
    /// Notes that preparation begins (again). None where there is nothing to prepare: the analysis was
    /// deleted, has ended, or is prepared already.
    pub async fn begin_preparing(&self, id: AnalysisId) -> Result<Option<Analysis>, DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let begun = diesel::update(analyses::table.find(RowId::from(id)).filter(is_unprepared()))
                .set((
                    analyses::status.eq(AnalysisStatus::Preparing.as_str()),
                    analyses::attempt.eq(analyses::attempt + 1),
                    analyses::updated_at.eq(now),
                ))
                .execute(connection)?;
            if begun == 0 {
                return Ok(None);
            }
            // Its turn has come, whoever let it through.
            forget_turn(connection, id)?;
            diesel::update(
                analyses::table
                    .find(RowId::from(id))
                    .filter(analyses::released_at.is_null()),
            )
            .set(analyses::released_at.eq(Some(now)))
            .execute(connection)?;
            note_start(connection, id, Stage::Preprocess)?;
            diesel::update(
                analyses::table
                    .find(RowId::from(id))
                    .filter(analyses::started_at.is_null()),
            )
            .set(analyses::started_at.eq(Some(now)))
            .execute(connection)?;
            find(connection, id)
        })
        .await
    }

    /// Records what preprocessing found, moves the analysis to `analyzing` and announces it. False where that
    /// had happened already, or the analysis was deleted or has ended: nothing is written then, and objects
    /// stored for a deleted analysis are to be deleted by the caller.
    pub async fn record_prepared(
        &self,
        id: AnalysisId,
        summary: PreparedSummary,
        message: OutboxMessage,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            let flags: Vec<&str> = summary
                .quality
                .iter()
                .filter(|check| !check.passed)
                .map(|check| check.code.as_str())
                .collect();
            let Some(scan_id) = lock_scan_of(connection, id)? else {
                return Ok(false);
            };
            let moved = diesel::update(analyses::table.find(RowId::from(id)).filter(is_unprepared()))
                .set((
                    analyses::status.eq(AnalysisStatus::Analyzing.as_str()),
                    analyses::quality_flags.eq(flags.join(" ")),
                    analyses::updated_at.eq(now),
                ))
                .execute(connection)?;
            if moved == 0 {
                return Ok(false);
            }
            charge_overrun(connection, id)?;
            forget_start(connection, id, Stage::Preprocess)?;
            insert_stage_result(
                connection,
                StageResultRow {
                    analysis_id: id.into(),
                    stage: Stage::Preprocess.as_str(),
                    payload: json::encode(&summary, "prepared summary")?,
                    duration_ms: Some(i64::try_from(summary.duration_ms).unwrap_or(i64::MAX)),
                    created_at: now,
                },
            )?;
            describe_scan(connection, scan_id, &summary, now)?;
            insert_message(connection, message)?;
            Ok(true)
        })
        .await
    }

    /// Records how a model stage ended and announces it. False where an outcome of the stage is there already,
    /// or the analysis was deleted or has ended: nothing is written then.
    pub async fn record_stage_outcome(
        &self,
        id: AnalysisId,
        outcome: StageOutcome,
        message: OutboxMessage,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let now = time::to_row(time::now());
            // The guard takes the row's lock: a deletion or an ending waits, or is seen here.
            let running = diesel::update(analyses::table.find(RowId::from(id)).filter(is_unfinished()))
                .set(analyses::updated_at.eq(now))
                .execute(connection)?;
            if running == 0 {
                return Ok(false);
            }
            let duration_ms = match &outcome {
                StageOutcome::Completed(result) => {
                    Some(i64::try_from(result.duration_ms).unwrap_or(i64::MAX))
                }
                StageOutcome::Failed(_) => None,
            };
            forget_start(connection, id, outcome.stage())?;
            let inserted = insert_stage_result(
                connection,
                StageResultRow {
                    analysis_id: id.into(),
                    stage: outcome.stage().as_str(),
                    payload: json::encode(&outcome, "stage outcome")?,
                    duration_ms,
                    created_at: now,
                },
            )?;
            if inserted {
                insert_message(connection, message)?;
            }
            Ok(inserted)
        })
        .await
    }

    /// What preprocessing found; None before it has.
    pub async fn prepared(&self, id: AnalysisId) -> Result<Option<PreparedSummary>, DatabaseError> {
        self.run(move |connection| {
            stage_results::table
                .find((RowId::from(id), Stage::Preprocess.as_str()))
                .select(stage_results::payload)
                .first::<serde_json::Value>(connection)
                .optional()?
                .map(|payload| json::decode(payload, "stage_results", "payload"))
                .transpose()
        })
        .await
    }

    /// The outcomes of the model stages recorded so far, in the order of [`Stage::MODELS`].
    pub async fn stage_outcomes(&self, id: AnalysisId) -> Result<Vec<StageOutcome>, DatabaseError> {
        self.run(move |connection| {
            let payloads: Vec<serde_json::Value> = stage_results::table
                .filter(stage_results::analysis_id.eq(RowId::from(id)))
                .filter(stage_results::stage.eq_any(Stage::MODELS.map(Stage::as_str)))
                .select(stage_results::payload)
                .load(connection)?;
            let mut outcomes = payloads
                .into_iter()
                .map(|payload| json::decode(payload, "stage_results", "payload"))
                .collect::<Result<Vec<StageOutcome>, _>>()?;
            outcomes.sort_by_key(StageOutcome::stage);
            Ok(outcomes)
        })
        .await
    }

    /// Ends the report's analysis as `completed`, and queues its results for every destination that gets them. One whose
    /// stages were read with different bundles awaits its repeat, unless it is one itself. False where it had ended before
    /// or was deleted: nothing is written then.
    pub async fn complete_analysis(&self, report: Report) -> Result<bool, DatabaseError> {
        let completion = self.complete_with(report, None).await?;
        Ok(completion == Completion::Completed)
    }

    /// The same, unless the analysis is held to other thresholds by now than those that the report was made with.
    pub async fn complete_analysis_held_to(
        &self,
        report: Report,
        held_to: HeldTo,
    ) -> Result<Completion, DatabaseError> {
        self.complete_with(report, Some(held_to)).await
    }

    async fn complete_with(
        &self,
        report: Report,
        held_to: Option<HeldTo>,
    ) -> Result<Completion, DatabaseError> {
        self.change(move |connection| {
            let Some(scan_id) = lock_scan_of(connection, report.analysis_id)? else {
                return Ok(Completion::Obsolete);
            };
            if let Some(held_to) = &held_to
                && is_held_to_others(connection, report.analysis_id.into(), held_to)?
            {
                return Ok(Completion::HeldToOthers);
            }
            let unfinished = analyses::table
                .find(RowId::from(report.analysis_id))
                .filter(is_unfinished());
            let ended = diesel::update(unfinished)
                .set((
                    analyses::status.eq(AnalysisStatus::Completed.as_str()),
                    analyses::finished_at.eq(Some(time::to_row(report.timings.finished_at))),
                    analyses::updated_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            if ended == 1 {
                forget_turn(connection, report.analysis_id)?;
                forget_starts(connection, report.analysis_id)?;
                let is_mixed = report
                    .reasons
                    .iter()
                    .any(|reason| reason.code == ReasonCode::MixedBundles);
                if is_mixed {
                    await_repeat(connection, report.analysis_id)?;
                }
                insert_report(connection, &report)?;
                queue_deliveries(connection, scan_id, &report)?;
                let group = SuspicionGroup::of_report(&report);
                let probability = report.probability_of_pathology;
                place_scan(connection, scan_id, report.analysis_id, group, probability)?;
            }
            Ok(if ended == 1 {
                Completion::Completed
            } else {
                Completion::Obsolete
            })
        })
        .await
    }

    /// Ends an analysis as `failed`. False where it had ended before or was deleted.
    pub async fn fail_analysis(&self, id: AnalysisId, reason: Reason) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let Some(scan_id) = lock_scan_of(connection, id)? else {
                return Ok(false);
            };
            let now = time::to_row(time::now());
            let ended = diesel::update(analyses::table.find(RowId::from(id)).filter(is_unfinished()))
                .set((
                    analyses::status.eq(AnalysisStatus::Failed.as_str()),
                    analyses::failure_code.eq(Some(reason.code.as_str())),
                    // An analysis must be able to fail, whatever its message holds.
                    analyses::failure_message.eq(Some(reason.message.replace('\0', " "))),
                    analyses::finished_at.eq(Some(now)),
                    analyses::updated_at.eq(now),
                ))
                .execute(connection)?;
            if ended == 1 {
                charge_overrun(connection, id)?;
                forget_turn(connection, id)?;
                forget_starts(connection, id)?;
                place_scan(
                    connection,
                    scan_id,
                    id,
                    SuspicionGroup::of_failure(reason.code),
                    None,
                )?;
            }
            Ok(ended == 1)
        })
        .await
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn is_unprepared() -> _ {
    let status = analyses::status;
    status.eq("queued").or(status.eq("preparing"))
}

/// False where the stage's row is there already.
fn insert_stage_result(connection: &mut AnyConnection, row: StageResultRow) -> Result<bool, DatabaseError> {
    let insertion = diesel::insert_into(stage_results::table).values(row);
    let inserted = match connection {
        AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
        AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
    };
    Ok(inserted == 1)
}

/// Locks the scan of an analysis, before the analysis itself; None where they were deleted.
fn lock_scan_of(connection: &mut AnyConnection, id: AnalysisId) -> Result<Option<RowId>, DatabaseError> {
    let scan_id = analyses::table
        .find(RowId::from(id))
        .select(analyses::scan_id)
        .first(connection)
        .optional()?;
    if let Some(scan_id) = scan_id {
        lock_scan(connection, scan_id)?;
    }
    Ok(scan_id)
}

/// Writes to the scan what only the files could tell.
fn describe_scan(
    connection: &mut AnyConnection,
    scan_id: RowId,
    summary: &PreparedSummary,
    now: NaiveDateTime,
) -> Result<(), DatabaseError> {
    let study = &summary.study;
    diesel::update(scans::table.find(scan_id))
        .set((
            scans::study_uid.eq(study.study_instance_uid.as_ref().map(StudyInstanceUid::as_str)),
            scans::series_uid.eq(study.series_instance_uid.as_ref().map(SeriesInstanceUid::as_str)),
            scans::study_date.eq(study.study_date.as_deref().map(|date| date.replace('\0', ""))),
            scans::slice_count.eq(i32::try_from(study.geometry.shape[0]).ok()),
            scans::updated_at.eq(now),
        ))
        .execute(connection)?;
    Ok(())
}
