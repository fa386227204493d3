//! Workers say of themselves that they take messages and with which bundle, so that all can see whether they agree.

use std::collections::BTreeSet;
use std::time::Duration;

use norma_database::{DatabaseError, Worker};
use norma_domain::{BundleReference, Stage};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::Context;

const INTERVAL: Duration = Duration::from_secs(10);
/// After a failure to say so.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(2);
/// Who was silent for so long is no longer counted.
const SILENT_AFTER: Duration = Duration::from_secs(35);

/// A worker's own entry among the workers, kept up until it ends.
pub struct Presence {
    context: Context,
    id: Uuid,
    announcing: JoinHandle<()>,
}

impl Presence {
    /// Says from now on that a worker of `stage` takes messages.
    pub fn announce(context: &Context, stage: Stage, bundle: BundleReference) -> Self {
        let id = Uuid::now_v7();
        let worker = Worker { id, stage, bundle };
        let announcing = tokio::spawn(announce_again_and_again(context.clone(), worker));
        Self {
            context: context.clone(),
            id,
            announcing,
        }
    }

    /// Takes no more messages. Where the database cannot be told, silence tells it.
    pub async fn end(self) {
        self.announcing.abort();
        let _ = self.announcing.await;
        if let Err(error) = self.context.database.forget_worker(self.id).await {
            tracing::debug!(%error, "failed to say that the worker ends");
        }
    }
}

async fn announce_again_and_again(context: Context, worker: Worker) {
    loop {
        let pause = match context.database.note_worker(worker.clone()).await {
            Ok(()) => INTERVAL,
            Err(error) => {
                tracing::debug!(%error, "failed to say that the worker is there");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// The bundle that every worker answers with; None while they differ, and while a stage has no worker.
///
/// # Errors
/// Where the database fails.
pub(crate) async fn agreed_bundle(context: &Context) -> Result<Option<BundleReference>, DatabaseError> {
    let workers = context.database.workers_seen_within(SILENT_AFTER).await?;
    Ok(agreement(&workers))
}

fn agreement(workers: &[Worker]) -> Option<BundleReference> {
    let stages: BTreeSet<Stage> = workers.iter().map(|worker| worker.stage).collect();
    let is_complete = Stage::MODELS
        .iter()
        .chain(&[Stage::Report])
        .all(|stage| stages.contains(stage));
    let bundle = &workers.first()?.bundle;
    let is_one = workers.iter().all(|worker| worker.bundle == *bundle);
    (is_complete && is_one).then(|| bundle.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worker(stage: Stage, sha256: &str) -> Worker {
        Worker {
            id: Uuid::now_v7(),
            stage,
            bundle: BundleReference {
                name: "norma".to_owned(),
                version: "1.0.0".to_owned(),
                sha256: sha256.to_owned(),
            },
        }
    }

    #[test]
    fn workers_agree_when_every_stage_has_one_and_none_differs() {
        let mut workers: Vec<Worker> = Stage::MODELS.iter().map(|stage| worker(*stage, "a")).collect();
        assert_eq!(agreement(&workers), None, "no report worker");
        workers.push(worker(Stage::Report, "a"));
        assert_eq!(agreement(&workers), Some(workers[0].bundle.clone()));
        workers.push(worker(Stage::Typing, "b"));
        assert_eq!(
            agreement(&workers),
            None,
            "one of two typing workers is of another bundle"
        );
        assert_eq!(agreement(&[]), None);
    }
}
