//! What can be typed about results on their way to a PACS.

use clap::{Args, Subcommand, ValueEnum};
use norma_domain::DeliveryId;

use super::Installation;

#[derive(Debug, Subcommand)]
pub(crate) enum Deliveries {
    /// List them, the newest first.
    List(ListDeliveries),
    /// Send again what has failed or was delivered; a running gateway does so at once.
    SendAgain(SendAgain),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeliveryState {
    Queued,
    Sending,
    Delivered,
    Failed,
}

#[derive(Debug, Args)]
pub(crate) struct ListDeliveries {
    #[arg(long, value_enum)]
    pub(crate) state: Option<DeliveryState>,
    /// A name of the setting pacs.destinations.
    #[arg(long, value_name = "NAME")]
    pub(crate) destination: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct SendAgain {
    /// As `norma deliveries list` shows them.
    #[arg(value_name = "ID", required_unless_present = "failed")]
    pub(crate) ids: Vec<DeliveryId>,
    /// Every one that failed.
    #[arg(long, conflicts_with = "ids")]
    pub(crate) failed: bool,
    /// With --failed: those for this destination alone.
    #[arg(long, value_name = "NAME", requires = "failed")]
    pub(crate) destination: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}
