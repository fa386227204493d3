//! Everything in one process.

use std::path::{Path, absolute};
use std::process::ExitCode;

use anyhow::Context as _;

use super::blocking::block_on;
use super::installation::database_in;
use super::own_instance;
use super::settings::settings;
use crate::command_line::Serve;

pub(crate) fn run(config: Option<&Path>, arguments: Serve) -> anyhow::Result<ExitCode> {
    let mut settings = settings(config)?;
    if let Some(data) = arguments.data {
        let data = absolute(&data).context("failed to resolve the data folder")?;
        settings.database.url = database_in(&data).into();
        settings.objects.folder = data.join("objects");
        settings.gateway.spool_folder = Some(data.join("spool"));
        settings.pacs.folder = data.join("pacs");
    }
    if let Some(listen) = arguments.listen {
        settings.gateway.address = listen.ip();
        settings.gateway.port = listen.port();
    }
    block_on(async {
        let process = own_instance::start(settings).await?;
        process.wait().await
    })?;
    Ok(ExitCode::SUCCESS)
}
