#![doc = include_str!("../README.md")]

mod dead_letters;
mod drift_watch;
mod merge;

use std::sync::Arc;

use norma_domain::Stage;
use norma_service::{
    Context, Presence, Source, load_bundle, run_repeats, run_retention, run_sweep, run_worker,
};

/// Runs the worker, the reader of dead letters, the deadline sweep, the repeats, the retention and the watch for drift until the context's
/// shutdown.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let dead_letters = dead_letters::FailDeadLetters {
        context: context.clone(),
    };
    let sweep = tokio::spawn(run_sweep(context.clone()));
    let repeats = tokio::spawn(run_repeats(context.clone()));
    let retention = tokio::spawn(run_retention(context.clone()));
    let drift = tokio::spawn(drift_watch::run_drift_watch(context.clone()));
    let outcome = tokio::try_join!(
        merge_outcomes(context.clone()),
        run_worker(context, Source::DeadLetters, Arc::new(dead_letters)),
    );
    sweep.abort();
    repeats.abort();
    retention.abort();
    drift.abort();
    outcome.map(|_| ())
}

/// Takes no message before the bundle is there: without it no report can be made.
async fn merge_outcomes(context: Context) -> anyhow::Result<()> {
    let loaded = load_bundle(&context).await;
    let Some(bundle) = loaded.ready(&context).await else {
        return Ok(());
    };
    let presence = Presence::announce(&context, Stage::Report, bundle.installed().clone());
    let merge = merge::MergeOutcomes {
        context: context.clone(),
        bundle,
    };
    let outcome = run_worker(context, Source::Stage(Stage::Report), Arc::new(merge)).await;
    presence.end().await;
    outcome
}
