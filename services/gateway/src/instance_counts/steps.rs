//! What modalities say that they perform: kept as they say it, and held against what came.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use norma_database::{
    Database, DatabaseError, NewAuditEvent, NewPerformedStep, PerformedStepState, StepNoted,
};
use norma_dicom_network::{AeTitle, PerformedSeries, PerformedStep, StepFailure, StepListener, StepState};
use norma_dicom_spool::StudyKey;

use crate::instance_counts::counter::{Counted, Counter};
use crate::instance_counts::here::StudyHere;
use crate::instance_counts::rules::ExpectedRules;

/// Steps of one peer that are kept.
const MOST_STEPS: u32 = 10_000;
/// A study that comes later than this after its step is not held against it.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Keeps what modalities tell, and says how many instances that is.
pub(crate) struct Steps {
    database: Database,
    rules: Arc<ExpectedRules>,
}

impl Steps {
    pub(crate) fn new(database: Database, rules: Arc<ExpectedRules>) -> Self {
        Self { database, rules }
    }

    pub(crate) async fn forget(&self) {
        if let Err(error) = self.database.forget_performed_steps(KEPT).await {
            tracing::warn!(%error, "failed to forget steps that were performed long ago");
        }
    }

    /// Before the peer is told.
    async fn note(&self, calling: &AeTitle, what: &str) -> Result<(), StepFailure> {
        let mut event = NewAuditEvent::of_system("pacs", "pacs.step");
        event.detail = format!("{calling} tells of a performed procedure step: {what}");
        let noted = self.database.append_audit_events(vec![event]).await;
        noted.map(|_| ()).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl StepListener for Steps {
    fn listens_to(&self, calling: &AeTitle) -> bool {
        self.rules.listens_to(calling)
    }

    async fn begun(&self, uid: &str, step: PerformedStep, calling: &AeTitle) -> Result<(), StepFailure> {
        self.note(calling, "in progress").await?;
        let step = NewPerformedStep {
            sop_instance_uid: uid.to_owned(),
            calling: calling.to_string(),
            study_keys: step
                .studies
                .iter()
                .map(|uid| StudyKey::of(uid).to_string())
                .collect(),
            instances: instances_of(&step.series.unwrap_or_default()),
        };
        let noted = self.database.begin_performed_step(step, MOST_STEPS).await;
        outcome(noted, "begun")
    }

    async fn changed(&self, uid: &str, change: PerformedStep, calling: &AeTitle) -> Result<(), StepFailure> {
        let state = change.state.map(|state| match state {
            StepState::InProgress => PerformedStepState::InProgress,
            StepState::Completed => PerformedStepState::Completed,
            StepState::Discontinued => PerformedStepState::Discontinued,
        });
        if let Some(ended) = change.state.filter(|state| *state != StepState::InProgress) {
            let what = match ended {
                StepState::Discontinued => "discontinued",
                _ => "completed",
            };
            self.note(calling, what).await?;
        }
        let instances = change.series.as_deref().map(instances_of);
        let noted = self
            .database
            .change_performed_step(uid.to_owned(), state, instances)
            .await;
        outcome(noted, "changed")
    }
}

fn instances_of(series: &[PerformedSeries]) -> BTreeSet<String> {
    series
        .iter()
        .flat_map(|series| series.instances.clone())
        .collect()
}

fn outcome(noted: Result<StepNoted, DatabaseError>, done: &'static str) -> Result<(), StepFailure> {
    let outcome = match noted {
        Ok(StepNoted::Noted) => Ok(()),
        Ok(StepNoted::Duplicate) => Err(StepFailure::Duplicate),
        Ok(StepNoted::TooMany) => Err(StepFailure::TooMuch),
        Ok(StepNoted::NoSuchStep) => Err(StepFailure::NoSuchStep),
        Ok(StepNoted::HasEnded) => Err(StepFailure::HasEnded),
        Err(error) => Err(failed(&error)),
    };
    let label = if outcome.is_ok() { done } else { "refused" };
    metrics::counter!("norma_pacs_steps_total", "outcome" => label).increment(1);
    outcome
}

fn failed(error: &DatabaseError) -> StepFailure {
    tracing::error!(%error, "a performed procedure step could not be kept");
    StepFailure::Failed
}

#[async_trait]
impl Counter for Steps {
    /// Awaited while one of its steps is in progress.
    async fn count(&self, here: &StudyHere) -> Counted {
        let steps = match self.database.performed_steps_of(here.key.to_string()).await {
            Ok(steps) => steps,
            Err(error) => {
                tracing::warn!(%error, "what was performed of a study is not known");
                return Counted::Awaited;
            }
        };
        let is_open = |state| state == PerformedStepState::InProgress;
        if steps.iter().any(|step| is_open(step.state)) {
            return Counted::Awaited;
        }
        let made: BTreeSet<&String> = steps.iter().flat_map(|step| &step.instances).collect();
        let came = made
            .iter()
            .filter(|uid| here.instances.contains_key(**uid))
            .count();
        match made.len() {
            0 => Counted::Nothing,
            expected => Counted::Of { came, expected },
        }
    }
}
