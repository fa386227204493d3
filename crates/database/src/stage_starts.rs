//! Which stages are at work, and since when. What waits in a queue has no row: its time does not run.

use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;
use norma_domain::{AnalysisId, Stage};

use crate::connection::AnyConnection;
use crate::schema::{analyses, stage_starts};
use crate::sql_types::RowId;
use crate::turn_shares::charge_overrun;
use crate::unfinished::is_unfinished;
use crate::{Database, DatabaseError, time};

#[derive(Insertable)]
#[diesel(table_name = stage_starts)]
struct StageStartRow {
    analysis_id: RowId,
    stage: &'static str,
    started_at: NaiveDateTime,
}

impl Database {
    /// Notes that a worker begins (again) with a stage. False where the analysis was deleted or has ended.
    pub async fn begin_stage(&self, id: AnalysisId, stage: Stage) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            // The guard takes the row's lock: no start is left behind by an ending.
            let running = diesel::update(analyses::table.find(RowId::from(id)).filter(is_unfinished()))
                .set(analyses::updated_at.eq(time::to_row(time::now())))
                .execute(connection)?;
            if running == 1 {
                note_start(connection, id, stage)?;
            }
            Ok(running == 1)
        })
        .await
    }

    /// Notes that nobody is at work on a stage any more although it did not end: it waits again.
    pub async fn leave_stage(&self, id: AnalysisId, stage: Stage) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            if stage == Stage::Preprocess {
                charge_overrun(connection, id)?;
            }
            forget_start(connection, id, stage)
        })
        .await
    }

    /// Notes that nobody is at work on anything: the only process, which does all the work, begins.
    pub async fn leave_all_stages(&self) -> Result<(), DatabaseError> {
        self.change(|connection| {
            diesel::delete(stage_starts::table).execute(connection)?;
            Ok(())
        })
        .await
    }

    /// The stages of an analysis that a worker is at work on.
    pub async fn running_stages(&self, id: AnalysisId) -> Result<Vec<Stage>, DatabaseError> {
        self.run(move |connection| {
            let stages: Vec<String> = stage_starts::table
                .filter(stage_starts::analysis_id.eq(RowId::from(id)))
                .order(stage_starts::stage)
                .select(stage_starts::stage)
                .load(connection)?;
            Ok(stages.iter().filter_map(|stage| known(stage)).collect())
        })
        .await
    }

    /// The stages that a worker began with longer than `age` ago, by the database's clock, and that did not end.
    pub async fn stalled_stages(&self, age: Duration) -> Result<Vec<(AnalysisId, Stage)>, DatabaseError> {
        self.run(move |connection| {
            let now = time::shared_now(connection)?;
            let Some(before) = time::earlier(now, age) else {
                return Ok(Vec::new());
            };
            let rows: Vec<(RowId, String)> = stage_starts::table
                .filter(stage_starts::started_at.lt(before))
                .order((stage_starts::started_at, stage_starts::analysis_id))
                .select((stage_starts::analysis_id, stage_starts::stage))
                .load(connection)?;
            let of_known = rows
                .into_iter()
                .filter_map(|(id, stage)| Some((id.into(), known(&stage)?)));
            Ok(of_known.collect())
        })
        .await
    }
}

/// None of a stage that a newer version has: it keeps no other from being seen.
fn known(stage: &str) -> Option<Stage> {
    stage.parse().ok()
}

pub(crate) fn note_start(
    connection: &mut AnyConnection,
    id: AnalysisId,
    stage: Stage,
) -> Result<(), DatabaseError> {
    forget_start(connection, id, stage)?;
    let row = StageStartRow {
        analysis_id: id.into(),
        stage: stage.as_str(),
        started_at: time::shared_now(connection)?,
    };
    diesel::insert_into(stage_starts::table)
        .values(row)
        .execute(connection)?;
    Ok(())
}

pub(crate) fn forget_start(
    connection: &mut AnyConnection,
    id: AnalysisId,
    stage: Stage,
) -> Result<(), DatabaseError> {
    diesel::delete(stage_starts::table.find((RowId::from(id), stage.as_str()))).execute(connection)?;
    Ok(())
}

/// Of an analysis that ends.
pub(crate) fn forget_starts(connection: &mut AnyConnection, id: AnalysisId) -> Result<(), DatabaseError> {
    diesel::delete(stage_starts::table.filter(stage_starts::analysis_id.eq(RowId::from(id))))
        .execute(connection)?;
    Ok(())
}
