//! Studies of an archive that a running gateway pulls.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use norma_database::{
    Database, NewAuditEvent, Page, Pull, PullQuery, PullState, PullWish, PulledAgain, PulledStudy,
};
use norma_domain::PullId;

use crate::command_line::{PacsPull, PacsPulls};
use crate::commands::blocking::block_on;
use crate::commands::installation::{COMMAND_LINE, open};
use crate::commands::pacs::find::keys;
use crate::commands::terminal::{EXIT_PARTIAL, answer, tell};

const LOOKED_EVERY: Duration = Duration::from_secs(1);

pub(super) fn pull(config: Option<&Path>, arguments: PacsPull) -> anyhow::Result<ExitCode> {
    let source = arguments.studies.source.clone();
    let keys = keys(arguments.studies)?;
    block_on(async {
        let (database, settings) = open(config, &arguments.installation).await?;
        ensure!(
            settings.pacs.sources.contains_key(&source),
            "the settings (pacs.sources) have no {source}"
        );
        let wish = PullWish::Studies {
            study_instance_uid: keys.study_instance_uid,
            accession_number: keys.accession_number,
            patient_id: keys.patient_id,
            issuer_of_patient_id: keys.issuer_of_patient_id,
        };
        let mut event = NewAuditEvent::of_system(COMMAND_LINE, "pull.ask");
        event.detail = format!("from {source}");
        database.append_audit_events(vec![event]).await?;
        let asked = database.ask_for_pull(source, wish).await?;
        if arguments.wait {
            return wait(&database, asked.id).await;
        }
        answer(&asked.id.to_string());
        tell("asked for: a running gateway pulls it; `norma pacs pulls` says how far it is");
        Ok(ExitCode::SUCCESS)
    })
}

async fn wait(database: &Database, id: PullId) -> anyhow::Result<ExitCode> {
    loop {
        let pull = database.pull(id).await?.context("it was deleted meanwhile")?;
        match pull.state {
            PullState::Asked | PullState::Running => tokio::time::sleep(LOOKED_EVERY).await,
            PullState::Done => {
                answer(&line_of(&pull));
                return Ok(ExitCode::SUCCESS);
            }
            PullState::Failed => {
                answer(&line_of(&pull));
                return Ok(ExitCode::from(EXIT_PARTIAL));
            }
        }
    }
}

pub(super) fn pulls(config: Option<&Path>, arguments: PacsPulls) -> anyhow::Result<ExitCode> {
    block_on(async {
        let (database, _) = open(config, &arguments.installation).await?;
        if !arguments.again.is_empty() {
            return pull_again(&database, arguments.again).await;
        }
        let query = PullQuery {
            state: arguments.failed.then_some(PullState::Failed),
            source: None,
        };
        let part = Page {
            limit: arguments.limit,
            offset: 0,
        };
        let listing = database.list_pulls(query, part).await?;
        for pull in &listing.items {
            answer(&line_of(pull));
        }
        tell(&format!("{} of {}", listing.items.len(), listing.total));
        Ok(ExitCode::SUCCESS)
    })
}

async fn pull_again(database: &Database, ids: Vec<PullId>) -> anyhow::Result<ExitCode> {
    let mut is_whole = true;
    for id in ids {
        let event = NewAuditEvent::of_system(COMMAND_LINE, "pull.again").about("pull", id);
        database.append_audit_events(vec![event]).await?;
        let (what, is_asked) = match database.pull_again(id).await? {
            Some(PulledAgain::Asked(_)) => ("asked for again", true),
            Some(PulledAgain::Waiting) => ("has not ended: it is tried anyway", false),
            None => ("there is no such pull", false),
        };
        tell(&format!("{id}: {what}"));
        is_whole &= is_asked;
    }
    Ok(if is_whole {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_PARTIAL)
    })
}

fn line_of(pull: &Pull) -> String {
    let purpose = match pull.wish {
        PullWish::Studies { .. } => "asked",
        PullWish::Priors { .. } => "priors",
    };
    let here = pull.studies.iter().filter(|study| study.is_here).count();
    let instances: u32 = pull.studies.iter().map(|study| study.instances).sum();
    let expected: Option<u32> = pull.studies.iter().map(|study| study.expected).sum();
    let of_expected = match expected.filter(|expected| *expected > instances) {
        Some(expected) => format!(" of {expected}"),
        None => String::new(),
    };
    let mut line = format!(
        "{}  {:<7}  {:<16}  {purpose:<6}  tries {:<3}  {}  {here} of {} studies, {instances}{of_expected} instances",
        pull.id,
        pull.state.as_str(),
        pull.source,
        pull.attempts,
        pull.updated_at.format("%F %R"),
        pull.studies.len(),
    );
    let missing = pull.studies.iter().filter(|study| !study.is_here);
    let of_studies = missing.filter_map(|study: &PulledStudy| study.reason_code.as_ref());
    let why = [&pull.reason_code, &pull.peer_status];
    for part in why.into_iter().flatten().chain(of_studies) {
        line.push_str("  ");
        line.push_str(part);
    }
    line
}
