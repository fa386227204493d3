//! The studies that an archive has of what is asked for, and what came of each.

use std::collections::HashMap;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::connection::AnyConnection;
use crate::node_schema::{pulled_studies, pulls};
use crate::pull_state::PullState;
use crate::sql_types::RowId;
use crate::{Database, DatabaseError};

/// A study that an archive has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PulledStudy {
    pub study_instance_uid: String,
    /// Stands for the Study Instance UID: a hash of it.
    pub study_key: String,
    /// All of it is here.
    pub is_here: bool,
    /// That came in the last attempt.
    pub instances: u32,
    /// That did not, as the archive says.
    pub failed: u32,
    /// Why it is not here.
    pub reason_code: Option<String>,
    /// That the archive has, as it says; results of Norma's own that came are not among them.
    pub expected: Option<u32>,
}

/// A study that was asked for and is not all here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwaitedStudy {
    /// Stands for the Study Instance UID: a hash of it.
    pub study_key: String,
    /// Who sends it.
    pub source: String,
    /// An earlier study of a patient.
    pub is_prior: bool,
    /// Nobody has more of it sent: its pull has failed.
    pub is_given_up: bool,
    /// Something of it has come.
    pub has_come: bool,
    /// That the archive has, as it says.
    pub expected: Option<u32>,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = pulled_studies, treat_none_as_default_value = false)]
struct Row {
    pull_id: RowId,
    study_uid: String,
    study_key: String,
    is_here: bool,
    instances: i32,
    failed: i32,
    reason_code: Option<String>,
    expected: Option<i32>,
}

impl Row {
    fn of(pull_id: RowId, study: PulledStudy) -> Self {
        Self {
            pull_id,
            study_uid: study.study_instance_uid,
            study_key: study.study_key,
            is_here: study.is_here,
            instances: i32::try_from(study.instances).unwrap_or(i32::MAX),
            failed: i32::try_from(study.failed).unwrap_or(i32::MAX),
            reason_code: study.reason_code,
            expected: study
                .expected
                .map(|expected| i32::try_from(expected).unwrap_or(i32::MAX)),
        }
    }
}

impl From<Row> for PulledStudy {
    fn from(row: Row) -> Self {
        Self {
            study_instance_uid: row.study_uid,
            study_key: row.study_key,
            is_here: row.is_here,
            instances: u32::try_from(row.instances).unwrap_or_default(),
            failed: u32::try_from(row.failed).unwrap_or_default(),
            reason_code: row.reason_code,
            expected: row.expected.and_then(|expected| u32::try_from(expected).ok()),
        }
    }
}

impl Database {
    /// Studies that were asked for and are not all here, whether more of them may come or not. What a later pull brought whole is.
    pub async fn awaited_studies(&self) -> Result<Vec<AwaitedStudy>, DatabaseError> {
        self.run(|connection| {
            let unfinished: Vec<(RowId, String, Option<RowId>, String, NaiveDateTime)> = pulls::table
                .filter(pulls::state.ne(PullState::Done.as_str()))
                .select((
                    pulls::id,
                    pulls::source,
                    pulls::scan_id,
                    pulls::state,
                    pulls::updated_at,
                ))
                .order(pulls::id)
                .load(connection)?;
            let ids: Vec<RowId> = unfinished.iter().map(|(id, ..)| *id).collect();
            let mut studies = studies_of(connection, &ids)?;
            let keys: Vec<&String> = studies.values().flatten().map(|study| &study.study_key).collect();
            let whole: Vec<(String, NaiveDateTime)> = pulled_studies::table
                .inner_join(pulls::table.on(pulls::id.eq(pulled_studies::pull_id)))
                .filter(pulled_studies::is_here)
                .filter(pulled_studies::study_key.eq_any(keys))
                .select((pulled_studies::study_key, pulls::updated_at))
                .load(connection)?;
            let mut all = Vec::new();
            for (id, source, priors_of, state, tried_at) in unfinished {
                let is_given_up = state == PullState::Failed.as_str();
                for study in studies.remove(&id).unwrap_or_default() {
                    let is_here_since = whole
                        .iter()
                        .any(|(key, since)| *key == study.study_key && *since >= tried_at);
                    if study.is_here || (is_given_up && is_here_since) {
                        continue;
                    }
                    all.push(AwaitedStudy {
                        study_key: study.study_key,
                        source: source.clone(),
                        is_prior: priors_of.is_some(),
                        is_given_up,
                        has_come: study.instances > 0,
                        expected: study.expected,
                    });
                }
            }
            Ok(all)
        })
        .await
    }
}

/// The studies of these pulls, in the order of their UIDs.
pub(crate) fn studies_of(
    connection: &mut AnyConnection,
    pulls: &[RowId],
) -> Result<HashMap<RowId, Vec<PulledStudy>>, DatabaseError> {
    let rows: Vec<Row> = pulled_studies::table
        .filter(pulled_studies::pull_id.eq_any(pulls))
        .order((pulled_studies::pull_id, pulled_studies::study_uid))
        .select(Row::as_select())
        .load(connection)?;
    let mut found: HashMap<RowId, Vec<PulledStudy>> = HashMap::new();
    for row in rows {
        found.entry(row.pull_id).or_default().push(row.into());
    }
    Ok(found)
}

/// These, and no others.
pub(crate) fn replace_studies(
    connection: &mut AnyConnection,
    pull_id: RowId,
    studies: Vec<PulledStudy>,
) -> Result<(), DatabaseError> {
    diesel::delete(pulled_studies::table.filter(pulled_studies::pull_id.eq(pull_id))).execute(connection)?;
    for study in studies {
        diesel::insert_into(pulled_studies::table)
            .values(Row::of(pull_id, study))
            .execute(connection)?;
    }
    Ok(())
}
