#![doc = include_str!("../README.md")]

mod dead_letters;
mod merge;

use std::sync::Arc;

use norma_domain::Stage;
use norma_service::{Context, Source, load_bundle, run_retention, run_sweep, run_worker};

/// Runs the worker, the reader of dead letters, the deadline sweep and the retention until the context's shutdown.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let merge = merge::MergeOutcomes {
        context: context.clone(),
        bundle: load_bundle(&context).await,
    };
    let dead_letters = dead_letters::FailDeadLetters {
        context: context.clone(),
    };
    let sweep = tokio::spawn(run_sweep(context.clone()));
    let retention = tokio::spawn(run_retention(context.clone()));
    let outcome = tokio::try_join!(
        run_worker(context.clone(), Source::Stage(Stage::Report), Arc::new(merge)),
        run_worker(context, Source::DeadLetters, Arc::new(dead_letters)),
    );
    sweep.abort();
    retention.abort();
    outcome.map(|_| ())
}
