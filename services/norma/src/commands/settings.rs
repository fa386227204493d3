//! The settings that a command works with, and the runtime that they ask for.

use std::path::Path;

use anyhow::Context;
use norma_inference::Runtime;
use norma_service::{Settings, runtime_options};

pub(super) fn start_runtime(settings: &Settings) -> anyhow::Result<Runtime> {
    Runtime::start(&runtime_options(&settings.models)).context("failed to start ONNX Runtime")
}

/// The folder that the bundle's models lie in: the bundle is named by its file or by that folder.
pub(super) fn models_folder(settings: &Settings) -> &Path {
    let bundle = &settings.models.bundle;
    match bundle.parent() {
        Some(folder) if bundle.is_file() => folder,
        _ => bundle,
    }
}

pub(super) fn settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    Settings::load(config).context("failed to load the settings")
}
