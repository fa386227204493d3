//! The audit trail at the terminal.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use norma_database::AuditHead;

use super::installation::open;
use super::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Audit, VerifyAudit};

pub(crate) fn run(config: Option<&Path>, command: Audit) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("failed to start")?;
    runtime.block_on(async {
        match command {
            Audit::Verify(arguments) => verify(config, arguments).await,
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

fn noted_head(text: &str) -> anyhow::Result<AuditHead> {
    let (sequence, hash) = text.split_once(':').context("--noted is NUMBER:HASH")?;
    Ok(AuditHead {
        sequence: sequence.parse().context("--noted is NUMBER:HASH")?,
        hash: hash.to_owned(),
    })
}
