//! One service in a process of its own.

use std::path::Path;
use std::process::ExitCode;

use anyhow::ensure;
use norma_domain::Stage;
use norma_service::Process;

use super::blocking::block_on;
use super::settings::settings;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    Gateway,
    Worker(Stage),
    /// What reads for the second bundle.
    Shadow,
}

pub(crate) fn run(config: Option<&Path>, service: Service) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    if matches!(service, Service::Shadow) {
        let is_set = settings.analysis.shadow.bundle.is_some();
        ensure!(
            is_set,
            "no second bundle: name one in the setting analysis.shadow.bundle"
        );
    }
    block_on(async {
        let name = match service {
            Service::Gateway => "gateway",
            Service::Worker(stage) => stage.as_str(),
            Service::Shadow => "shadow",
        };
        let mut process = match service {
            Service::Gateway | Service::Worker(_) => Process::start(settings, name).await?,
            Service::Shadow => Process::start_aside(settings, name).await?,
        };
        match service {
            Service::Gateway => spawn_gateway(&mut process),
            Service::Worker(stage) => {
                process.serve_admin()?;
                spawn_worker(&mut process, stage);
            }
            Service::Shadow => {
                process.serve_admin()?;
                spawn_shadow(&mut process);
            }
        }
        process.wait().await
    })?;
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn spawn_worker(process: &mut Process, stage: Stage) {
    let context = process.context();
    let name = stage.as_str();
    match stage {
        Stage::Preprocess => process.spawn(name, norma_preprocess::run(context)),
        Stage::Anomaly => process.spawn(name, norma_anomaly::run(context)),
        Stage::Classifier => process.spawn(name, norma_classifier::run(context)),
        Stage::Typing => process.spawn(name, norma_typing::run(context)),
        Stage::Report => process.spawn(name, norma_report::run(context)),
    }
}

pub(crate) fn spawn_shadow(process: &mut Process) {
    process.spawn("shadow", norma_shadow::run(process.context()));
}

pub(crate) fn spawn_gateway(process: &mut Process) {
    process.spawn("gateway", norma_gateway::run(process.context()));
}
