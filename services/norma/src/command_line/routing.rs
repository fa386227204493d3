//! What can be typed about the rules for studies that a PACS sends.

use clap::{Args, Subcommand};

use super::Installation;

#[derive(Debug, Subcommand)]
pub(crate) enum Routing {
    /// Tell what the rules of the settings would do with the studies that came last; nothing is changed. Ends with exit code 2 where
    /// they would do otherwise than was done.
    Check(CheckRouting),
}

#[derive(Debug, Args)]
pub(crate) struct CheckRouting {
    /// So many studies.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) last: u32,
    #[command(flatten)]
    pub(crate) installation: Installation,
}
