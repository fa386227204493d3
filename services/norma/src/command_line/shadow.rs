//! What can be typed about the second bundle.

use clap::{Args, Subcommand};

use super::{CalibrationFormat, Installation};

#[derive(Debug, Subcommand)]
pub(crate) enum Shadow {
    /// The process that reads what was answered with the second bundle (the setting analysis.shadow.bundle). `norma serve` does that itself.
    Read,
    /// Where its verdicts differ from those that are shown, by scanner and study.
    Compare(CompareShadow),
}

#[derive(Debug, Args)]
pub(crate) struct CompareShadow {
    /// Studies that both read, the newest first.
    #[arg(long, value_name = "N", default_value_t = 2000)]
    pub(crate) newest: u32,
    #[arg(long, value_enum, default_value_t = CalibrationFormat::Text)]
    pub(crate) format: CalibrationFormat,
    #[command(flatten)]
    pub(crate) installation: Installation,
}
