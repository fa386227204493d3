//! The settings that a command works with, and the runtime that they ask for.

use std::path::Path;

use anyhow::Context;
use norma_domain::{OperatingPoint, OperatingPointName};
use norma_inference::{Bundle, Runtime};
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

/// The operating point of that name, else that of the settings, else the bundle's own: as the gateway takes one.
pub(super) fn operating_point(
    settings: &Settings,
    bundle: &Bundle,
    named: Option<&str>,
) -> anyhow::Result<OperatingPoint> {
    let Some(name) = named.or(settings.analysis.operating_point.as_deref()) else {
        return Ok(bundle.default_operating_point());
    };
    bundle
        .operating_point(&OperatingPointName(name.to_owned()))
        .with_context(|| {
            let points = bundle.operating_points().iter();
            let known: Vec<_> = points.map(|point| point.name.to_string()).collect();
            format!(
                "the bundle has no operating point {name:?}; it has {}",
                known.join(", ")
            )
        })
}

pub(super) fn settings(config: Option<&Path>) -> anyhow::Result<Settings> {
    Settings::load(config).context("failed to load the settings")
}
