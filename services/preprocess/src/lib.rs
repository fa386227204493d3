#![doc = include_str!("../README.md")]

mod handler;

use std::sync::Arc;

use norma_domain::Stage;
use norma_service::{Context, Source, run_worker};

/// Runs the worker until the context's shutdown.
pub async fn run(context: Context) -> anyhow::Result<()> {
    let handler = handler::Preprocess {
        context: context.clone(),
    };
    run_worker(context, Source::Stage(Stage::Preprocess), Arc::new(handler)).await
}
