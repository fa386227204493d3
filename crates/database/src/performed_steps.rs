//! What modalities say that they perform, and which instances that made: kept for the studies that come of it.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::connection::AnyConnection;
use crate::node_schema::{performed_step_studies, performed_steps};
use crate::{Database, DatabaseError, time};

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerformedStepState {
    InProgress,
    Completed,
    Discontinued,
}

impl PerformedStepState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Discontinued => "discontinued",
        }
    }

    fn of(text: &str) -> Option<Self> {
        let all = [Self::InProgress, Self::Completed, Self::Discontinued];
        all.into_iter().find(|state| state.as_str() == text)
    }
}

/// A step that begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerformedStep {
    pub sop_instance_uid: String,
    /// AE title of who performs it.
    pub calling: String,
    /// Hashes of Study Instance UIDs.
    pub study_keys: BTreeSet<String>,
    /// SOP Instance UIDs.
    pub instances: BTreeSet<String>,
}

/// What is known of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerformedStep {
    pub state: PerformedStepState,
    /// SOP Instance UIDs.
    pub instances: BTreeSet<String>,
}

/// What becomes of a step that was told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepNoted {
    Noted,
    /// One of its UID is here.
    Duplicate,
    /// This peer has told of as many as are kept.
    TooMany,
    /// There is none of this UID.
    NoSuchStep,
    /// It ended before.
    HasEnded,
}

#[derive(Insertable)]
#[diesel(table_name = performed_steps)]
struct Row {
    sop_instance_uid: String,
    calling: String,
    state: String,
    instances: String,
    changed_at: NaiveDateTime,
}

impl Database {
    /// Keeps a step that begins; `most`: so many of one peer.
    pub async fn begin_performed_step(
        &self,
        step: NewPerformedStep,
        most: u32,
    ) -> Result<StepNoted, DatabaseError> {
        let instances = json_of(&step.instances)?;
        self.change(move |connection| {
            let of_peer: i64 = performed_steps::table
                .filter(performed_steps::calling.eq(&step.calling))
                .count()
                .get_result(connection)?;
            if of_peer >= i64::from(most) {
                return Ok(StepNoted::TooMany);
            }
            let row = Row {
                sop_instance_uid: step.sop_instance_uid.clone(),
                calling: step.calling.clone(),
                state: PerformedStepState::InProgress.as_str().to_owned(),
                instances: instances.clone(),
                changed_at: time::shared_now(connection)?,
            };
            let insertion = diesel::insert_into(performed_steps::table).values(&row);
            let inserted = match connection {
                AnyConnection::Postgres(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
                AnyConnection::Sqlite(inner) => insertion.on_conflict_do_nothing().execute(inner)?,
            };
            if inserted == 0 {
                return Ok(StepNoted::Duplicate);
            }
            for key in &step.study_keys {
                diesel::insert_into(performed_step_studies::table)
                    .values((
                        performed_step_studies::study_key.eq(key),
                        performed_step_studies::sop_instance_uid.eq(&step.sop_instance_uid),
                    ))
                    .execute(connection)?;
            }
            Ok(StepNoted::Noted)
        })
        .await
    }

    /// Notes how far a step is; what is None stays as it was.
    pub async fn change_performed_step(
        &self,
        sop_instance_uid: String,
        state: Option<PerformedStepState>,
        instances: Option<BTreeSet<String>>,
    ) -> Result<StepNoted, DatabaseError> {
        let instances = instances.as_ref().map(json_of).transpose()?;
        self.change(move |connection| {
            let open = performed_steps::table
                .find(&sop_instance_uid)
                .filter(performed_steps::state.eq(PerformedStepState::InProgress.as_str()));
            let now = time::shared_now(connection)?;
            let changed = diesel::update(open)
                .set((
                    performed_steps::changed_at.eq(now),
                    instances
                        .as_deref()
                        .map(|instances| performed_steps::instances.eq(instances)),
                    state.map(|state| performed_steps::state.eq(state.as_str())),
                ))
                .execute(connection)?;
            if changed == 0 {
                let is_there: i64 = performed_steps::table
                    .find(&sop_instance_uid)
                    .count()
                    .get_result(connection)?;
                return Ok(if is_there == 0 {
                    StepNoted::NoSuchStep
                } else {
                    StepNoted::HasEnded
                });
            }
            Ok(StepNoted::Noted)
        })
        .await
    }

    /// The steps that name a study, by the hash of its UID.
    pub async fn performed_steps_of(&self, study_key: String) -> Result<Vec<PerformedStep>, DatabaseError> {
        self.run(move |connection| {
            let steps = performed_step_studies::table
                .filter(performed_step_studies::study_key.eq(study_key))
                .select(performed_step_studies::sop_instance_uid);
            let rows: Vec<(String, String)> = performed_steps::table
                .filter(performed_steps::sop_instance_uid.eq_any(steps))
                .select((performed_steps::state, performed_steps::instances))
                .load(connection)?;
            rows.into_iter().map(|row| known(&row)).collect()
        })
        .await
    }

    /// Forgets steps of which nothing was told for so long.
    pub async fn forget_performed_steps(&self, age: Duration) -> Result<usize, DatabaseError> {
        self.change(move |connection| {
            let now = time::shared_now(connection)?;
            let Some(before) = time::earlier(now, age) else {
                return Ok(0);
            };
            let old = performed_steps::table.filter(performed_steps::changed_at.lt(before));
            Ok(diesel::delete(old).execute(connection)?)
        })
        .await
    }
}

fn json_of(instances: &BTreeSet<String>) -> Result<String, DatabaseError> {
    serde_json::to_string(instances).map_err(|_| DatabaseError::NotStorable("instances"))
}

fn known((state, instances): &(String, String)) -> Result<PerformedStep, DatabaseError> {
    let corrupt = |column| DatabaseError::CorruptRow {
        table: "performed_steps",
        column,
    };
    Ok(PerformedStep {
        state: PerformedStepState::of(state).ok_or_else(|| corrupt("state"))?,
        instances: serde_json::from_str(instances).map_err(|_| corrupt("instances"))?,
    })
}
