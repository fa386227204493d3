#![doc = include_str!("../README.md")]

use norma_domain::Stage;
use norma_service::{Context, run_model_stage};

/// Runs the worker until the context's shutdown.
pub async fn run(context: Context) -> anyhow::Result<()> {
    run_model_stage(context, Stage::Typing).await
}
