//! Checking models, and fitting them to a site.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use norma_domain::Stage;
use norma_inference::{Bundle, StageModels, import_model};

use super::fit_norm;
use super::settings::{models_folder, settings, start_runtime};
use super::terminal::answer;
use crate::command_line::{Import, Models};

pub(crate) fn run(config: Option<&Path>, command: &Models) -> anyhow::Result<ExitCode> {
    match command {
        Models::Check => check(config),
        Models::FitNorm(arguments) => fit_norm::run(config, arguments),
        Models::Import(arguments) => import(config, arguments),
    }
}

/// Loads the bundle, opens every model and says what each is and where it computes.
fn check(config: Option<&Path>) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let reference = bundle.reference();
    answer(&format!(
        "bundle {} {} ({})",
        reference.name, reference.version, reference.sha256
    ));
    let runtime = start_runtime(&settings)?;
    let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).context("failed to open the models")?;
    for stage in Stage::MODELS {
        for model in bundle.models_of(stage) {
            let reference = model.reference();
            answer(&format!(
                "{stage}: {} {} ({})",
                reference.name, reference.version, reference.sha256
            ));
        }
    }
    for model in bundle.idle() {
        let reference = model.reference();
        answer(&format!(
            "of weight 0, not run: {} {} ({})",
            reference.name, reference.version, reference.sha256
        ));
    }
    let provider = models
        .classifier()
        .map(|model| model.execution_provider().to_string());
    answer(&format!(
        "computes on: {}",
        provider.as_deref().unwrap_or("nothing")
    ));
    if let Some(scaling) = bundle.file().classifier_scaling {
        answer(&format!(
            "classifier scaled to the site's norm: coefficient {:.3}, intercept {:.3}",
            scaling.coefficient, scaling.intercept
        ));
    }
    for point in bundle.operating_points() {
        answer(&format!(
            "operating point {}: {}",
            point.name,
            point.threshold.value()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes a model folder, as the training or a converter wrote it, beside the bundle's models. The bundle is left as it
/// is: naming the model there is the operator's decision.
fn import(config: Option<&Path>, arguments: &Import) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let runtime = start_runtime(&settings)?;
    let model = import_model(&arguments.folder, models_folder(&settings), &runtime)
        .context("failed to import the model")?;
    let reference = model.reference();
    answer(&format!(
        "imported {} {} ({})",
        reference.name, reference.version, reference.sha256
    ));
    answer("name it in a bundle to use it");
    Ok(ExitCode::SUCCESS)
}
