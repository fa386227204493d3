//! The schema, brought up to date by who owns it.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_database::{Database, DatabaseError};

use super::blocking::block_on;
use super::settings::settings;
use super::terminal::tell;

pub(crate) fn run(config: Option<&Path>) -> anyhow::Result<ExitCode> {
    block_on(async {
        let options = settings(config)?.database_options()?;
        match Database::open_with(options).await {
            Ok(_) => {
                tell("the schema is up to date");
                Ok(ExitCode::SUCCESS)
            }
            Err(error @ DatabaseError::OlderSchema { .. }) => Err(error)
                .context("the user of database.url does not own the tables: give the address of who does"),
            Err(error) => Err(error).context("failed to bring the schema up to date"),
        }
    })
}
