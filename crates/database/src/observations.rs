//! What of reports is watched for drift: read from each report once, kept beside it, and the last look at all of them.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::AnalysisId;
use serde_json::Value;

use crate::connection::AnyConnection;
use crate::judgements::StudyRow;
use crate::schema::{analyses, drift_looks, observations, reports, scans};
use crate::sql_types::RowId;
use crate::{AnsweredStudy, Database, DatabaseError, time};

const SINGLETON: i32 = 1;

/// A completed analysis with what of it is watched.
#[derive(Debug, Clone, PartialEq)]
pub struct ObservedAnswer {
    pub about: AnsweredStudy,
    pub observation: Value,
}

/// What was seen when it was looked for drift.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftLook {
    pub looked_at: DateTime<Utc>,
    pub report: Value,
}

impl Database {
    /// Of the newest completed analyses, at most so many, those of which nothing is noted yet.
    pub async fn unobserved_answers(&self, newest: u32) -> Result<Vec<AnalysisId>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(RowId, Option<RowId>)> = reports::table
                .left_join(observations::table.on(observations::analysis_id.eq(reports::analysis_id)))
                .order(reports::analysis_id.desc())
                .select((reports::analysis_id, observations::analysis_id.nullable()))
                .limit(i64::from(newest))
                .load(connection)?;
            let unobserved = rows.into_iter().filter(|(_, observed)| observed.is_none());
            Ok(unobserved.map(|(id, _)| id.into()).collect())
        })
        .await
    }

    /// Notes what of an analysis is watched, once. Nothing where the analysis is gone.
    pub async fn note_observation(&self, id: AnalysisId, observation: Value) -> Result<(), DatabaseError> {
        let noted = self
            .change(move |connection| {
                let row = (
                    observations::analysis_id.eq(RowId::from(id)),
                    observations::observation.eq(observation),
                );
                let insertion = diesel::insert_into(observations::table).values(row);
                match connection {
                    AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                    AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                };
                Ok(())
            })
            .await;
        match noted {
            Err(DatabaseError::ForeignKeyViolation { .. }) => Ok(()),
            noted => noted,
        }
    }

    /// The newest completed analyses of which something is noted, at most so many, the newest first.
    pub async fn observed_answers(&self, newest: u32) -> Result<Vec<ObservedAnswer>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(StudyRow, Value)> = observations::table
                .inner_join(analyses::table.on(analyses::id.eq(observations::analysis_id)))
                .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                .order(observations::analysis_id.desc())
                .select((
                    (analyses::id, scans::id, scans::patient_id),
                    observations::observation,
                ))
                .limit(i64::from(newest))
                .load(connection)?;
            Ok(rows
                .into_iter()
                .map(|(about, observation)| ObservedAnswer {
                    about: about.into(),
                    observation,
                })
                .collect())
        })
        .await
    }

    /// Keeps what was seen, in the place of what was seen before.
    pub async fn note_drift_look(&self, report: Value) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            let looked_at = time::shared_now(connection)?;
            let look = (
                drift_looks::looked_at.eq(looked_at),
                drift_looks::report.eq(report),
            );
            let replaced = diesel::update(drift_looks::table.find(SINGLETON))
                .set(look.clone())
                .execute(connection)?;
            if replaced == 0 {
                diesel::insert_into(drift_looks::table)
                    .values((drift_looks::singleton.eq(SINGLETON), look))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// What was seen last; None where nobody has looked yet.
    pub async fn drift_look(&self) -> Result<Option<DriftLook>, DatabaseError> {
        self.run(|connection| {
            let row: Option<(NaiveDateTime, Value)> = drift_looks::table
                .find(SINGLETON)
                .select((drift_looks::looked_at, drift_looks::report))
                .first(connection)
                .optional()?;
            Ok(row.map(|(looked_at, report)| DriftLook {
                looked_at: time::from_row(looked_at),
                report,
            }))
        })
        .await
    }
}
