//! How many studies an hour this machine reads, and how long a client waits: phantom studies through an instance of its
//! own, as uploads to `POST /inference/predict`.

mod agreement;
mod load;
mod machine;
mod memory;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use norma_domain::Role;
use norma_service::Settings;
use serde::Serialize;

use super::blocking::block_on;
use super::embedded;
use super::installation::base_url;
use super::keys::revoke_key;
use super::own_instance;
use super::settings::settings;
use super::terminal::{answer, tell};
use crate::command_line::Bench;

const LONGEST_STUDY_SECONDS: u64 = 3600;

/// What was measured, with all that is needed to compare it with another machine's.
#[derive(Debug, Serialize)]
struct Document {
    machine: machine::Machine,
    versions: machine::Versions,
    preprocess_workers: u16,
    /// Only where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    cuda_against_cpu: Option<agreement::Agreement>,
    points: Vec<load::Point>,
}

pub(crate) fn run(config: Option<&Path>, arguments: &Bench) -> anyhow::Result<ExitCode> {
    let studies = arguments.studies;
    ensure!(studies > 0, "--studies is at least 1");
    let most = arguments.in_flight.iter().copied().max().unwrap_or(0);
    ensure!(
        most > 0 && arguments.in_flight.iter().all(|number| *number > 0),
        "--in-flight are numbers from 1 on"
    );
    ensure!(
        arguments.slices.iter().all(|slices| *slices > 0),
        "--slices are numbers from 1 on"
    );
    let mut settings = settings(config)?;
    if let Some(workers) = arguments.preprocess_workers {
        settings.workers.concurrency.preprocess = workers;
    }
    // Who measures is no sender who takes from others.
    settings.gateway.uploads_at_once = most.max(settings.gateway.uploads_at_once);
    settings.gateway.uploads_at_once_per_identity = most.max(settings.gateway.uploads_at_once_per_identity);
    // An answer that says "ask again" is no measurement.
    settings.gateway.predict_wait_seconds = LONGEST_STUDY_SECONDS;

    let cuda_against_cpu = arguments
        .cuda_agreement
        .then(|| agreement::of_cuda_and_cpu(&settings))
        .transpose()?;
    if let Some(agreement) = &cuda_against_cpu {
        tell(&agreement.line());
    }
    let versions = machine::Versions::read(&settings)?;
    let preprocess_workers = settings.workers.concurrency.preprocess;
    let points = block_on(measure(settings, arguments))?;
    let document = Document {
        machine: machine::Machine::read(),
        versions,
        preprocess_workers,
        cuda_against_cpu,
        points,
    };
    answer(&serde_json::to_string_pretty(&document).context("failed to write the measurements")?);
    Ok(ExitCode::SUCCESS)
}

async fn measure(mut settings: Settings, arguments: &Bench) -> anyhow::Result<Vec<load::Point>> {
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    own_instance::place(&mut settings, folder.path(), free_address()?);
    let url = base_url(&settings, None);
    let process = embedded::start(settings).await?;
    let context = process.context();
    let serving = tokio::spawn(process.wait());
    let measured = async {
        own_instance::wait_until_ready(&url).await?;
        let (client, key) = own_instance::client_of(&context, "bench", Role::Integrator).await?;
        let points = load::measure(&client, &url, arguments).await;
        revoke_key(&context.database, key.id).await?;
        points
    }
    .await;
    context.shutdown.cancel();
    serving.await.context("the instance did not end")??;
    measured
}

/// A port that nobody listens on at this moment.
fn free_address() -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("failed to find a free port")?;
    listener.local_addr().context("failed to find a free port")
}
