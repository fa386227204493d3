//! The audit trail at the terminal.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use norma_audit::{HeadKey, HeadPublicKey, audit_message, read_segment, segments_of, to_xml};
use norma_database::{AuditHead, AuditQuery, Database, NewAuditEvent};
use norma_service::Settings;
use secrecy::ExposeSecret as _;
use uuid::Uuid;

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
    let mut noted: Vec<AuditHead> = Vec::new();
    noted.extend(arguments.noted.as_deref().map(noted_head).transpose()?);
    let (database, settings) = open(config, &arguments.installation).await?;
    let mut faults = Vec::new();
    let own = settings.audit.heads.path.as_ref();
    let files: Vec<&PathBuf> = match arguments.heads.is_empty() {
        true => own.into_iter().collect(),
        false => arguments.heads.iter().collect(),
    };
    if !files.is_empty() {
        let key = head_key(arguments.head_key.as_deref(), &settings)?;
        let installation = installation_of(&database).await?;
        for file in files {
            let name = file.display();
            let text = std::fs::read_to_string(file).with_context(|| format!("failed to read {name}"))?;
            let read = key.read(&text, installation);
            tell(&format!("{name}: {} signed heads", read.heads.len()));
            faults.extend(read.faults.iter().map(|fault| format!("{name}: {fault}")));
            noted.extend(read.heads);
        }
    }
    for trigger in database.missing_audit_guards().await? {
        faults.push(format!(
            "the trigger {trigger}, which forbids changes, is missing, off or another"
        ));
    }
    let mut walk = database.begin_audit_walk(noted).await?;
    let archive = arguments
        .archive
        .as_ref()
        .or(settings.audit.archive.folder.as_ref());
    if let Some(folder) = archive {
        let key = head_key(arguments.head_key.as_deref(), &settings)?;
        let installation = installation_of(&database).await?;
        let name = folder.display();
        let segments = segments_of(folder).with_context(|| format!("failed to read {name}"))?;
        tell(&format!("{name}: {} segments", segments.len()));
        for segment in segments {
            match read_segment(&segment, &key, installation) {
                Ok(records) => records.iter().for_each(|record| walk.archived(record)),
                Err(error) => faults.push(format!("{}: {error:#}", segment.path.display())),
            }
        }
    }
    let verification = database.finish_audit_walk(walk).await?;
    faults.extend(verification.faults.iter().map(ToString::to_string));
    for fault in &faults {
        answer(fault);
    }
    if let Some(head) = &verification.head {
        tell(&format!(
            "{} events; the last is {}:{} (note it elsewhere, and give it as --noted next time)",
            verification.events, head.sequence, head.hash
        ));
    }
    if faults.is_empty() {
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

async fn installation_of(database: &Database) -> anyhow::Result<Uuid> {
    database
        .installation()
        .await?
        .context("there is no installation yet")
}

fn head_key(given: Option<&str>, settings: &Settings) -> anyhow::Result<HeadPublicKey> {
    if let Some(given) = given {
        return HeadPublicKey::parse(given).context("--head-key");
    }
    let key = settings.audit.heads.key.as_ref();
    let key = key.context("signed heads need --head-key, or the setting audit.heads.key")?;
    Ok(HeadKey::parse(key.expose_secret())
        .context("audit.heads.key")?
        .public())
}

fn noted_head(text: &str) -> anyhow::Result<AuditHead> {
    let (sequence, hash) = text.split_once(':').context("--noted is NUMBER:HASH")?;
    Ok(AuditHead {
        sequence: sequence.parse().context("--noted is NUMBER:HASH")?,
        hash: hash.to_owned(),
    })
}
