#![doc = include_str!("../README.md")]

mod handler;
mod known_outputs;
mod scratch;

use std::sync::Arc;

use norma_domain::Stage;
use norma_service::{Context, Source, load_shared_pass, run_worker, tell_confinement};

/// Runs the worker until the context's shutdown.
pub async fn run(context: Context) -> anyhow::Result<()> {
    tell_confinement(context.settings.sandbox.confinement);
    let handler = handler::Preprocess {
        context: context.clone(),
        shared: load_shared_pass(&context).await,
    };
    let sweep = tokio::spawn(scratch::run_scratch_sweep(context.clone()));
    let outcome = run_worker(context, Source::Stage(Stage::Preprocess), Arc::new(handler)).await;
    sweep.abort();
    outcome
}
