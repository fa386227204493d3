//! What can be typed about proposed thresholds.

use clap::{Args, Subcommand, ValueEnum};
use norma_domain::ThresholdProposalId;

use super::Installation;

#[derive(Debug, Subcommand)]
pub(crate) enum Proposals {
    /// List them, the newest first.
    List(ListProposals),
    /// Show what one proposes: the bound of each scanner's threshold, and which studies would change verdict.
    Show(ShowProposal),
    /// Let one act: a new version of the bundle, which acts at once on analyses that are requested from then on.
    Accept(DecideProposal),
    /// Decline one: nothing changes, and it stays in the list.
    Decline(DecideProposal),
    /// Take back the one that acts: what acted before acts again.
    Withdraw(DecideProposal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ProposalState {
    Open,
    Accepted,
    Declined,
    Withdrawn,
}

#[derive(Debug, Args)]
pub(crate) struct ListProposals {
    #[arg(long, value_enum)]
    pub(crate) state: Option<ProposalState>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: u32,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShownAs {
    /// Sentences.
    Text,
    Json,
    /// The bundle's file with the thresholds, for a place without the database.
    Bundle,
}

#[derive(Debug, Args)]
pub(crate) struct ShowProposal {
    /// As `norma proposals list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: ThresholdProposalId,
    #[arg(long, value_enum, default_value_t = ShownAs::Text)]
    pub(crate) format: ShownAs,
    #[command(flatten)]
    pub(crate) installation: Installation,
}

#[derive(Debug, Args)]
pub(crate) struct DecideProposal {
    /// As `norma proposals list` shows it.
    #[arg(value_name = "ID")]
    pub(crate) id: ThresholdProposalId,
    /// Why, for those who look later.
    #[arg(long, value_name = "TEXT")]
    pub(crate) comment: Option<String>,
    #[command(flatten)]
    pub(crate) installation: Installation,
}
