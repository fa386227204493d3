//! One service in a process of its own.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use norma_domain::Stage;
use norma_gateway::{Application, BundleDescription, GatewayOptions, GatewayParts, UploadReader, listen_address};
use norma_service::{Context, ObjectsKind, Process, Settings, load_bundle};

use super::limits::{imaging_limits, sandbox};
use super::settings;

#[derive(Debug, Clone, Copy)]
pub(crate) enum Service {
    Gateway,
    Worker(Stage),
}

pub(crate) fn run(config: Option<&Path>, service: Service) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let runtime = tokio::runtime::Runtime::new().context("failed to start")?;
    runtime.block_on(async {
        let name = match service {
            Service::Gateway => "gateway",
            Service::Worker(stage) => stage.as_str(),
        };
        let mut process = Process::start(settings, name).await?;
        match service {
            Service::Gateway => spawn_gateway(&mut process).await?,
            Service::Worker(stage) => {
                process.serve_admin()?;
                spawn_worker(&mut process, stage);
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

pub(crate) async fn spawn_gateway(process: &mut Process) -> anyhow::Result<()> {
    let context = process.context();
    let settings = &context.settings;
    let address = listen_address(settings.gateway.address, settings.gateway.port, settings.gateway.listen_beyond_loopback)?;
    let bundle = load_bundle(&context).await.get().ok().map(|bundle| BundleDescription::of(&bundle));
    let telemetry = context.telemetry.clone();
    let parts = GatewayParts {
        database: context.database.clone(),
        objects: context.objects.clone(),
        queue: Arc::clone(&context.queue),
        bundle,
        reader: UploadReader::new(sandbox(settings), imaging_limits(settings)),
        render_metrics: Arc::new(move || telemetry.render_metrics()),
        options: gateway_options(&context),
    };
    let application = Application::build(parts, address, context.shutdown.clone())?;
    process.spawn("gateway", application.run_until_stopped());
    Ok(())
}

fn gateway_options(context: &Context) -> GatewayOptions {
    let settings = &context.settings;
    let gateway = &settings.gateway;
    GatewayOptions {
        upload_limit_bytes: gateway.upload_limit_bytes,
        spool_folder: spool_folder(settings),
        predict_wait: Duration::from_secs(gateway.predict_wait_seconds),
        most_studies: gateway.predict_studies_max,
        analysis_deadline: Duration::from_secs(settings.analysis.deadline_seconds),
        cors_origins: gateway.cors_origins.clone(),
        ..GatewayOptions::default()
    }
}

/// Beside the objects, so that an upload is moved and not copied to its place.
fn spool_folder(settings: &Settings) -> PathBuf {
    let beside = match settings.objects.kind {
        ObjectsKind::Folder => settings.objects.folder.parent().map(Path::to_path_buf),
        ObjectsKind::S3 => settings.workers.scratch_folder.clone(),
    };
    beside.unwrap_or_else(std::env::temp_dir).join("spool")
}
