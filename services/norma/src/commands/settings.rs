//! The settings that a command works with, and the runtime that they ask for.

use std::path::Path;

use anyhow::Context;
use norma_inference::Runtime;
use norma_service::{Settings, runtime_options};

pub(super) fn start_runtime(settings: &Settings) -> anyhow::Result<Runtime> {
    Runtime::start(&runtime_options(&settings.models)).context("failed to start ONNX Runtime")
}

pub(super) fn settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    Settings::load(config).context("failed to load the settings")
}
