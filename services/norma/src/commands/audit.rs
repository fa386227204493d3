//! The audit trail at the terminal.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_audit::{audit_message, to_xml};
use norma_database::{AuditHead, AuditQuery, NewAuditEvent};

use super::blocking::block_on;
use super::installation::{COMMAND_LINE, open};
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Audit, AuditFormat, ExportAudit, VerifyAudit};

/// Events that are read at a time.
const BATCH: u32 = 500;

pub(crate) fn run(config: Option<&Path>, command: Audit) -> anyhow::Result<ExitCode> {
    block_on(async {
        match command {
            Audit::Verify(arguments) => verify(config, arguments).await,
            Audit::Export(arguments) => export(config, arguments).await,
        }
    })
}

async fn verify(config: Option<&Path>, arguments: VerifyAudit) -> anyhow::Result<ExitCode> {
    let noted = arguments.noted.as_deref().map(noted_head).transpose()?;
    let (database, _) = open(config, &arguments.installation).await?;
    let verification = database.verify_audit(noted).await?;
    for fault in &verification.faults {
        answer(&fault.to_string());
    }
    if let Some(head) = &verification.head {
        tell(&format!(
            "{} events; the last is {}:{} (note it elsewhere, and give it as --noted next time)",
            verification.events, head.sequence, head.hash
        ));
    }
    if verification.faults.is_empty() {
        tell("the audit trail is whole");
        Ok(ExitCode::SUCCESS)
    } else {
        tell("the audit trail was changed");
        Ok(ExitCode::from(EXIT_PARTIAL))
    }
}

async fn export(config: Option<&Path>, arguments: ExportAudit) -> anyhow::Result<ExitCode> {
    let (database, _) = open(config, &arguments.installation).await?;
    // The export itself is a look at the trail.
    let event = NewAuditEvent::of_system(COMMAND_LINE, "audit.export");
    database.append_audit_events(vec![event]).await?;
    let is_xml = arguments.format == AuditFormat::Xml;
    if is_xml {
        answer("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<AuditMessages>");
    }
    let mut after = 0;
    loop {
        let query = AuditQuery {
            from: arguments.from,
            to: arguments.to,
            after: Some(after),
            ..AuditQuery::default()
        };
        let events = database.next_audit_events(query, BATCH).await?;
        for event in &events {
            let message = audit_message(event);
            answer(&if is_xml {
                to_xml(&message)?
            } else {
                serde_json::to_string(&message)?
            });
        }
        match events.last() {
            Some(last) => after = last.sequence,
            None => break,
        }
    }
    if is_xml {
        answer("</AuditMessages>");
    }
    Ok(ExitCode::SUCCESS)
}

fn noted_head(text: &str) -> anyhow::Result<AuditHead> {
    let (sequence, hash) = text.split_once(':').context("--noted is NUMBER:HASH")?;
    Ok(AuditHead {
        sequence: sequence.parse().context("--noted is NUMBER:HASH")?,
        hash: hash.to_owned(),
    })
}
