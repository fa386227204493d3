//! What a second bundle says of studies that were answered, beside the answers that are shown and apart from them: nothing here is
//! written in the transaction of an analysis, and no answer is changed by it.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use norma_domain::{AnalysisId, BundleReference, ReasonCode};
use serde_json::Value;

use crate::connection::AnyConnection;
use crate::judgements::StudyRow;
use crate::schema::{analyses, reports, scans};
use crate::shadow_schema::{shadow_answers, shadow_bundles, shadow_reader};
use crate::sql_types::RowId;
use crate::unfinished::is_unfinished;
use crate::{AnsweredStudy, Database, DatabaseError, time};

const SINGLETON: i32 = 1;

const READING: &str = "reading";
const ANSWERED: &str = "answered";
const FAILED: &str = "failed";
const MISSED: &str = "missed";

/// The bundle that answers beside the one in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowBundle {
    pub bundle: BundleReference,
    /// It is asked about what was answered from then on.
    pub since: DateTime<Utc>,
}

/// What the process that reads for it said of itself last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowReader {
    pub seen_at: DateTime<Utc>,
    /// Why it does not read.
    pub problem: Option<String>,
    /// None before its bundle could be loaded.
    pub bundle: Option<ShadowBundle>,
}

/// How its reading of a study ended.
#[derive(Debug, Clone, PartialEq)]
pub enum ShadowEnd {
    Answered(Value),
    Failed(ReasonCode),
}

/// What it said of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct ShadowAnswerRow {
    pub about: AnsweredStudy,
    /// When it said so.
    pub noted_at: DateTime<Utc>,
    /// None where the row tells none.
    pub answer: Option<Value>,
}

/// Studies that were answered since it is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ShadowCounts {
    /// Read by the second bundle too.
    pub answered: u64,
    /// It could not read them.
    pub failed: u64,
    /// Left out, because it did not come to them in time.
    pub missed: u64,
    /// It has not come to them yet.
    pub waiting: u64,
}

impl Database {
    /// Notes that a bundle answers beside the one in use; gives since when, which is now where it never did.
    pub async fn note_shadow_bundle(&self, bundle: BundleReference) -> Result<ShadowBundle, DatabaseError> {
        self.change(move |connection| {
            let row = (
                shadow_bundles::sha256.eq(bundle.sha256.clone()),
                shadow_bundles::name.eq(bundle.name.clone()),
                shadow_bundles::version.eq(bundle.version.clone()),
                shadow_bundles::since.eq(time::to_row(time::now())),
            );
            let insertion = diesel::insert_into(shadow_bundles::table).values(row);
            match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            let since: NaiveDateTime = shadow_bundles::table
                .find(bundle.sha256.clone())
                .select(shadow_bundles::since)
                .first(connection)?;
            Ok(ShadowBundle {
                bundle,
                since: time::from_row(since),
            })
        })
        .await
    }

    /// Notes that the process which reads is there, with which bundle, and why it does not read if so. Without a bundle the last one that
    /// it had stays noted.
    pub async fn note_shadow_reader(
        &self,
        bundle_sha256: Option<String>,
        problem: Option<String>,
    ) -> Result<(), DatabaseError> {
        self.change(move |connection| {
            // Of an update, an absent value changes nothing.
            let bundle = bundle_sha256.map(|sha256| shadow_reader::bundle_sha256.eq(Some(sha256)));
            let said = (
                shadow_reader::seen_at.eq(time::shared_now(connection)?),
                shadow_reader::problem.eq(problem.map(|problem| problem.replace('\0', " "))),
                bundle,
            );
            let replaced = diesel::update(shadow_reader::table.find(SINGLETON))
                .set(said.clone())
                .execute(connection)?;
            if replaced == 0 {
                diesel::insert_into(shadow_reader::table)
                    .values((shadow_reader::singleton.eq(SINGLETON), said))
                    .execute(connection)?;
            }
            Ok(())
        })
        .await
    }

    /// What the process that reads said last; None where none ever did.
    pub async fn shadow_reader(&self) -> Result<Option<ShadowReader>, DatabaseError> {
        self.run(|connection| {
            type BundleRow = (String, String, String, NaiveDateTime);
            let row: Option<(NaiveDateTime, Option<String>, Option<BundleRow>)> = shadow_reader::table
                .left_join(
                    shadow_bundles::table
                        .on(shadow_reader::bundle_sha256.eq(shadow_bundles::sha256.nullable())),
                )
                .filter(shadow_reader::singleton.eq(SINGLETON))
                .select((
                    shadow_reader::seen_at,
                    shadow_reader::problem,
                    (
                        shadow_bundles::sha256,
                        shadow_bundles::name,
                        shadow_bundles::version,
                        shadow_bundles::since,
                    )
                        .nullable(),
                ))
                .first(connection)
                .optional()?;
            Ok(row.map(|(seen_at, problem, bundle)| ShadowReader {
                seen_at: time::from_row(seen_at),
                problem,
                bundle: bundle.map(|(sha256, name, version, since)| ShadowBundle {
                    bundle: BundleReference {
                        name,
                        version,
                        sha256,
                    },
                    since: time::from_row(since),
                }),
            }))
        })
        .await
    }

    /// Whether an analysis waits or is at work.
    pub async fn has_unfinished_analyses(&self) -> Result<bool, DatabaseError> {
        self.run(|connection| {
            let one: Option<RowId> = analyses::table
                .filter(is_unfinished())
                .select(analyses::id)
                .first(connection)
                .optional()?;
            Ok(one.is_some())
        })
        .await
    }

    /// Of the analyses that were answered at that time or later, the newest of which the bundle has not said anything yet.
    pub async fn next_for_shadow(
        &self,
        bundle_sha256: String,
        from: DateTime<Utc>,
    ) -> Result<Option<AnalysisId>, DatabaseError> {
        self.run(move |connection| {
            let id: Option<RowId> = reports::table
                .left_join(shadow_answers::table.on(of_report(bundle_sha256)))
                .filter(reports::created_at.ge(time::to_row(from)))
                .filter(is_open())
                .order(reports::created_at.desc())
                .select(reports::analysis_id)
                .first(connection)
                .optional()?;
            Ok(id.map(AnalysisId::from))
        })
        .await
    }

    /// Notes that the bundle begins to read a study; gives how often it has begun. None where the analysis was deleted, or the bundle has
    /// ended with it.
    pub async fn begin_shadow_answer(
        &self,
        id: AnalysisId,
        bundle_sha256: String,
    ) -> Result<Option<u32>, DatabaseError> {
        let begun = self
            .change(move |connection| {
                let key = (RowId::from(id), bundle_sha256.clone());
                let again = shadow_answers::table
                    .find(key.clone())
                    .filter(shadow_answers::state.eq(READING));
                diesel::update(again)
                    .set(shadow_answers::attempts.eq(shadow_answers::attempts + 1))
                    .execute(connection)?;
                insert(connection, (id.into(), bundle_sha256), READING)?;
                let attempts: Option<i32> = shadow_answers::table
                    .find(key)
                    .filter(shadow_answers::state.eq(READING))
                    .select(shadow_answers::attempts)
                    .first(connection)
                    .optional()?;
                Ok(attempts.map(|attempts| u32::try_from(attempts).unwrap_or(u32::MAX)))
            })
            .await;
        match begun {
            // Deleted meanwhile.
            Err(DatabaseError::ForeignKeyViolation { .. }) => Ok(None),
            begun => begun,
        }
    }

    /// Notes how the reading that was begun ended. False where the analysis was deleted, or it had ended before.
    pub async fn end_shadow_answer(
        &self,
        id: AnalysisId,
        bundle_sha256: String,
        end: ShadowEnd,
    ) -> Result<bool, DatabaseError> {
        self.change(move |connection| {
            let (state, failure_code, answer) = match end {
                ShadowEnd::Answered(answer) => (ANSWERED, None, Some(answer)),
                ShadowEnd::Failed(code) => (FAILED, Some(code.as_str()), None),
            };
            let begun = shadow_answers::table
                .find((RowId::from(id), bundle_sha256))
                .filter(shadow_answers::state.eq(READING));
            let ended = diesel::update(begun)
                .set((
                    shadow_answers::state.eq(state),
                    shadow_answers::failure_code.eq(failure_code),
                    shadow_answers::answer.eq(answer),
                    shadow_answers::noted_at.eq(time::to_row(time::now())),
                ))
                .execute(connection)?;
            Ok(ended == 1)
        })
        .await
    }

    /// Counts what was answered within that time, and which the bundle did not come to, as missed: at most so many at once, the oldest first.
    /// Gives how many.
    pub async fn miss_shadow_answers(
        &self,
        bundle_sha256: String,
        from: DateTime<Utc>,
        before: DateTime<Utc>,
        at_most: u32,
    ) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            let ids: Vec<RowId> = reports::table
                .left_join(shadow_answers::table.on(of_report(bundle_sha256.clone())))
                .filter(reports::created_at.ge(time::to_row(from)))
                .filter(reports::created_at.lt(time::to_row(before)))
                .filter(is_open())
                .order(reports::created_at)
                .select(reports::analysis_id)
                .limit(at_most.into())
                .load(connection)?;
            for id in &ids {
                insert(connection, (*id, bundle_sha256.clone()), MISSED)?;
            }
            diesel::update(shadow_answers::table)
                .filter(shadow_answers::bundle_sha256.eq(bundle_sha256))
                .filter(shadow_answers::analysis_id.eq_any(&ids))
                .filter(shadow_answers::state.eq(READING))
                .set(shadow_answers::state.eq(MISSED))
                .execute(connection)?;
            Ok(ids.len())
        })
        .await
    }

    /// What became of the studies that were answered since the bundle is asked.
    pub async fn shadow_counts(&self, bundle: ShadowBundle) -> Result<ShadowCounts, DatabaseError> {
        self.run(move |connection| {
            let sha256 = bundle.bundle.sha256;
            let states: Vec<(String, i64)> = shadow_answers::table
                .filter(shadow_answers::bundle_sha256.eq(sha256.clone()))
                .group_by(shadow_answers::state)
                .select((shadow_answers::state, diesel::dsl::count_star()))
                .load(connection)?;
            let waiting: i64 = reports::table
                .left_join(shadow_answers::table.on(of_report(sha256)))
                .filter(reports::created_at.ge(time::to_row(bundle.since)))
                .filter(is_open())
                .count()
                .get_result(connection)?;
            let count = |state: &str| {
                let found = states.iter().find(|(name, _)| name == state);
                found.map_or(0, |(_, count)| u64::try_from(*count).unwrap_or_default())
            };
            Ok(ShadowCounts {
                answered: count(ANSWERED),
                failed: count(FAILED),
                missed: count(MISSED),
                waiting: u64::try_from(waiting).unwrap_or_default(),
            })
        })
        .await
    }

    /// Why it could not read studies, and how many each time; the most frequent reason first.
    pub async fn shadow_failures(
        &self,
        bundle_sha256: String,
    ) -> Result<Vec<(ReasonCode, u64)>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(Option<String>, i64)> = shadow_answers::table
                .filter(shadow_answers::bundle_sha256.eq(bundle_sha256))
                .filter(shadow_answers::state.eq(FAILED))
                .group_by(shadow_answers::failure_code)
                .select((shadow_answers::failure_code, diesel::dsl::count_star()))
                .load(connection)?;
            let mut failures: BTreeMap<ReasonCode, u64> = BTreeMap::new();
            for (code, studies) in rows {
                // A newer version may know more reasons.
                let code = code.and_then(|code| code.parse().ok());
                let code = code.unwrap_or(ReasonCode::Internal);
                *failures.entry(code).or_default() += u64::try_from(studies).unwrap_or_default();
            }
            let mut failures: Vec<(ReasonCode, u64)> = failures.into_iter().collect();
            failures.sort_by_key(|(_, studies)| std::cmp::Reverse(*studies));
            Ok(failures)
        })
        .await
    }

    /// The newest answers of a bundle beside the one in use, at most so many.
    pub async fn shadow_answers(
        &self,
        bundle_sha256: String,
        newest: u32,
    ) -> Result<Vec<ShadowAnswerRow>, DatabaseError> {
        self.run(move |connection| {
            let rows: Vec<(StudyRow, NaiveDateTime, Option<Value>)> = shadow_answers::table
                .inner_join(analyses::table.on(analyses::id.eq(shadow_answers::analysis_id)))
                .inner_join(scans::table.on(analyses::scan_id.eq(scans::id)))
                .filter(shadow_answers::bundle_sha256.eq(bundle_sha256))
                .filter(shadow_answers::state.eq(ANSWERED))
                .order(shadow_answers::analysis_id.desc())
                .select((
                    (analyses::id, scans::id, scans::patient_id),
                    shadow_answers::noted_at,
                    shadow_answers::answer,
                ))
                .limit(newest.into())
                .load(connection)?;
            let answered = rows.into_iter().map(|(about, noted_at, answer)| ShadowAnswerRow {
                about: about.into(),
                noted_at: time::from_row(noted_at),
                answer,
            });
            Ok(answered.collect())
        })
        .await
    }
}

/// What the bundle said of a report's analysis.
#[diesel::dsl::auto_type(no_type_alias)]
fn of_report(bundle_sha256: String) -> _ {
    let analysis = shadow_answers::analysis_id.eq(reports::analysis_id);
    analysis.and(shadow_answers::bundle_sha256.eq(bundle_sha256))
}

/// Nothing yet, or a process that is gone had begun.
#[diesel::dsl::auto_type(no_type_alias)]
fn is_open() -> _ {
    let state = shadow_answers::state.nullable();
    state.is_null().or(state.eq("reading"))
}

/// Nothing where a row is there already.
fn insert(
    connection: &mut AnyConnection,
    (analysis_id, bundle_sha256): (RowId, String),
    state: &'static str,
) -> Result<(), DatabaseError> {
    let row = (
        shadow_answers::analysis_id.eq(analysis_id),
        shadow_answers::bundle_sha256.eq(bundle_sha256),
        shadow_answers::state.eq(state),
        shadow_answers::attempts.eq(1),
        shadow_answers::noted_at.eq(time::to_row(time::now())),
    );
    let insertion = diesel::insert_into(shadow_answers::table).values(row);
    match connection {
        AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
        AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
    };
    Ok(())
}
