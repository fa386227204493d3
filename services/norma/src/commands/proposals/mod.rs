//! Thresholds that a site's own studies propose, at the terminal: looked at, accepted, declined, taken back.

mod sentences;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use norma_database::{Database, Decided, NewAuditEvent, Page, ProposalState, ThresholdProposal};
use norma_domain::ThresholdProposalId;
use norma_inference::Bundle;
use norma_service::Settings;
use norma_site::Proposal;

pub(super) use self::sentences::{labelled_fit, left_out, sentences};
use super::blocking::block_on;
use super::installation::{COMMAND_LINE, open};
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{DecideProposal, ListProposals, Proposals, ShowProposal, ShownAs};

pub(crate) fn run(config: Option<&Path>, command: Proposals) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Proposals::List(arguments) => list(config, arguments).await,
            Proposals::Show(arguments) => show(config, arguments).await,
            Proposals::Accept(arguments) => decide(config, arguments, Decision::Accept).await,
            Proposals::Decline(arguments) => decide(config, arguments, Decision::Decline).await,
            Proposals::Withdraw(arguments) => decide(config, arguments, Decision::Withdraw).await,
        }
    })
}

async fn list(config: Option<&Path>, arguments: ListProposals) -> anyhow::Result<ExitCode> {
    let (database, settings) = open(config, &arguments.installation).await?;
    let acting = acting(&database, &settings).await?;
    let page = Page {
        limit: arguments.limit,
        offset: 0,
    };
    let state = arguments.state.map(Into::into);
    let listing = database.list_threshold_proposals(state, page).await?;
    for proposal in &listing.items {
        let acts = if acting == Some(proposal.id) { "  ACTS" } else { "" };
        answer(&format!("{}{acts}", line_of(proposal)));
    }
    tell(&format!("{} of {}", listing.items.len(), listing.total));
    Ok(ExitCode::SUCCESS)
}

/// The proposal whose thresholds act on the bundle that the settings name; none where that cannot be read.
async fn acting(database: &Database, settings: &Settings) -> anyhow::Result<Option<ThresholdProposalId>> {
    match Bundle::load(&settings.models.bundle) {
        Ok(bundle) => {
            let installed = bundle.installed().sha256.clone();
            Ok(database.acting_proposal_id(installed).await?)
        }
        Err(error) => {
            tell(&format!("which proposal acts is not told: {error}"));
            Ok(None)
        }
    }
}

fn line_of(proposal: &ThresholdProposal) -> String {
    let mut line = format!(
        "{}  {:<9}  {:<10}  {}  by {}  bundle {}",
        proposal.id,
        proposal.state.as_str(),
        proposal.method,
        proposal.created_at.format("%F %R"),
        proposal.created_by,
        proposal.bundle_version
    );
    for (decision, _) in decisions_of(proposal) {
        line.push_str(&format!("  {decision}"));
    }
    line
}

/// What was decided, when and by whom, each with its reason.
fn decisions_of(proposal: &ThresholdProposal) -> Vec<(String, Option<&str>)> {
    let told = |what: &str, at: DateTime<Utc>, by: Option<&str>| {
        format!("{what} {} by {}", at.format("%F %R"), by.unwrap_or("?"))
    };
    let decided = proposal.decided_at.map(|at| {
        let what = match proposal.state {
            ProposalState::Declined => "declined",
            ProposalState::Open | ProposalState::Accepted | ProposalState::Withdrawn => "accepted",
        };
        let by = proposal.decided_by.as_deref();
        (told(what, at, by), proposal.comment.as_deref())
    });
    let withdrawn = proposal.withdrawal.as_ref().map(|withdrawal| {
        let by = withdrawal.by.as_deref();
        let reason = withdrawal.reason.as_deref();
        (told("withdrawn", withdrawal.at, by), reason)
    });
    decided.into_iter().chain(withdrawn).collect()
}

async fn show(config: Option<&Path>, arguments: ShowProposal) -> anyhow::Result<ExitCode> {
    let (database, _) = open(config, &arguments.installation).await?;
    let proposal = database.threshold_proposal(arguments.id).await?;
    let proposal = proposal.context("there is no such proposal: `norma proposals list` shows them")?;
    match arguments.format {
        ShownAs::Json => {
            let text = serde_json::to_string_pretty(&proposal.report);
            answer(&text.context("failed to write the proposal")?);
        }
        ShownAs::Bundle => answer(proposal.bundle_file.trim_end()),
        ShownAs::Text => {
            let report: Proposal = serde_json::from_value(proposal.report.clone())
                .ok()
                .context("the proposal was made by another version: --format json shows it")?;
            answer(&line_of(&proposal));
            for (decision, reason) in decisions_of(&proposal) {
                if let Some(reason) = reason {
                    answer(&format!("{decision}: {reason}"));
                }
            }
            let lines = sentences(&report).into_iter().chain(left_out(&report));
            lines.for_each(|line| answer(&line));
        }
    }
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Decision {
    Accept,
    Decline,
    Withdraw,
}

impl Decision {
    fn action(self) -> &'static str {
        match self {
            Self::Accept => "threshold_proposal.accept",
            Self::Decline => "threshold_proposal.decline",
            Self::Withdraw => "threshold_proposal.withdraw",
        }
    }
}

async fn decide(
    config: Option<&Path>,
    arguments: DecideProposal,
    decision: Decision,
) -> anyhow::Result<ExitCode> {
    let (database, settings) = open(config, &arguments.installation).await?;
    let id: ThresholdProposalId = arguments.id;
    if decision == Decision::Accept {
        norma_site::check_set_point(settings.analysis.operating_point.as_deref())?;
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        if let Some(proposal) = database.threshold_proposal(id).await? {
            if proposal.installed_sha256 != bundle.installed().sha256 {
                tell(
                    "it was made for another bundle than the one that is installed, where it would act on nothing: make it again \
                     with `norma calibrate --propose`",
                );
                return Ok(ExitCode::from(EXIT_PARTIAL));
            }
            if serde_json::from_value::<Proposal>(proposal.report).is_err() {
                tell(
                    "its report cannot be read, as of one that another version made: decline it and make it again with \
                     `norma calibrate --propose`",
                );
                return Ok(ExitCode::from(EXIT_PARTIAL));
            }
        }
    }
    let event = NewAuditEvent::of_system(COMMAND_LINE, decision.action()).about("threshold_proposal", id);
    database.append_audit_events(vec![event]).await?;
    let (by, comment) = (COMMAND_LINE.to_owned(), arguments.comment);
    let decided = match decision {
        Decision::Accept => database.decide_threshold_proposal(id, true, by, comment).await?,
        Decision::Decline => database.decide_threshold_proposal(id, false, by, comment).await?,
        Decision::Withdraw => database.withdraw_threshold_proposal(id, by, comment).await?,
    };
    let proposal = match decided.context("there is no such proposal: `norma proposals list` shows them")? {
        Decided::Done(proposal) => proposal,
        Decided::NotOpen if decision == Decision::Withdraw => {
            tell("it does not act: only the proposal that was accepted last can be taken back");
            return Ok(ExitCode::from(EXIT_PARTIAL));
        }
        Decided::NotOpen => {
            tell("it was decided before");
            return Ok(ExitCode::from(EXIT_PARTIAL));
        }
        Decided::Outdated => {
            tell(
                "other thresholds act by now than those that it was measured against: make it again with `norma calibrate --propose`",
            );
            return Ok(ExitCode::from(EXIT_PARTIAL));
        }
    };
    answer(&line_of(&proposal));
    match decision {
        Decision::Accept => tell(
            "it acts for every analysis that is requested from now on; `norma proposals withdraw` brings back what acted before",
        ),
        Decision::Withdraw => {
            tell("what acted before acts again, for every analysis that is requested from now on");
        }
        Decision::Decline => {}
    }
    Ok(ExitCode::SUCCESS)
}

impl From<crate::command_line::ProposalState> for ProposalState {
    fn from(state: crate::command_line::ProposalState) -> Self {
        use crate::command_line::ProposalState as Typed;
        match state {
            Typed::Open => Self::Open,
            Typed::Accepted => Self::Accepted,
            Typed::Declined => Self::Declined,
            Typed::Withdrawn => Self::Withdrawn,
        }
    }
}
