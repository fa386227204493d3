//! Checking models, and fitting them to a site.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use norma_domain::Stage;
use norma_inference::{Bundle, Runtime, StageModels};
use norma_service::runtime_options;

use super::{answer, settings};
use crate::command_line::Models;

pub(crate) fn run(config: Option<&Path>, command: &Models) -> anyhow::Result<ExitCode> {
    match command {
        Models::Check => check(config),
    }
}

/// Loads the bundle, opens every model and says what each is and where it computes.
fn check(config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let reference = bundle.reference();
    answer(&format!("bundle {} {} ({})", reference.name, reference.version, reference.sha256));
    let runtime =
        Runtime::start(&runtime_options(&settings.models, 1)).context("failed to start ONNX Runtime")?;
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).context("failed to open the models")?;
    for stage in Stage::MODELS {
        for model in bundle.models_of(stage) {
            let reference = model.reference();
            answer(&format!("{stage}: {} {} ({})", reference.name, reference.version, reference.sha256));
        }
    }
    let provider = models.classifier().map(|model| model.execution_provider().to_string());
    answer(&format!("computes on: {}", provider.as_deref().unwrap_or("nothing")));
    for point in bundle.operating_points() {
        answer(&format!("operating point {}: {}", point.name, point.threshold.value()));
    }
    Ok(ExitCode::SUCCESS)
}
