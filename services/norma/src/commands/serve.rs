//! Everything in one process.

use std::path::{Path, absolute};
use std::process::ExitCode;

use anyhow::Context as _;

use super::blocking::block_on;
use super::embedded;
use super::settings::settings;
use crate::command_line::Serve;

pub(crate) fn run(config: Option<&Path>, arguments: Serve) -> anyhow::Result<ExitCode> {
    let mut settings = settings(config)?;
    if let Some(data) = arguments.data {
        let data = absolute(&data).context("failed to resolve the data folder")?;
        embedded::keep_in(&mut settings, &data);
    }
    if let Some(listen) = arguments.listen {
        settings.gateway.address = listen.ip();
        settings.gateway.port = listen.port();
    }
    block_on(async {
        let process = embedded::start(settings).await?;
        process.wait().await
    })?;
    Ok(ExitCode::SUCCESS)
}
