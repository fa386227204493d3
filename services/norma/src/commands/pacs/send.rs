//! What is asked of a node.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use norma_dicom_network::{Authorities, ClientTls, NetworkError, OutgoingInstance, Scu, ScuOptions};

use crate::command_line::{PacsPeer, PacsSend};
use crate::commands::blocking::block_on;
use crate::commands::terminal::{EXIT_PARTIAL, tell};

const MAX_PDU_LENGTH: u32 = 128 << 10;
/// Files that are read and sent over one association: its presentation contexts are those of its files.
const FILES_AT_ONCE: usize = 64;

pub(super) fn echo(peer: &PacsPeer) -> anyhow::Result<ExitCode> {
    block_on(async {
        let mut scu = Scu::for_verification(&options(peer)?)
            .await
            .context("no association")?;
        scu.echo().await.context("no answer")?;
        // It has answered: how it ends changes nothing.
        let _ = scu.release().await;
        Ok(())
    })?;
    tell(&format!("{} at {} answers", peer.called, peer.address));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn send(arguments: &PacsSend) -> anyhow::Result<ExitCode> {
    let mut files = Vec::new();
    for path in &arguments.paths {
        collect_files(path, &mut files)?;
    }
    if files.is_empty() {
        bail!("there are no files to send");
    }
    let options = options(&arguments.peer)?;
    let mut sent = 0;
    for files in files.chunks(FILES_AT_ONCE) {
        sent += block_on(send_some(&options, files))?;
    }
    tell(&format!("{sent} of {} files sent", files.len()));
    Ok(if sent == files.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_PARTIAL)
    })
}

/// Sends files over one association; returns how many the peer has taken.
async fn send_some(options: &ScuOptions, files: &[PathBuf]) -> anyhow::Result<usize> {
    let mut instances = Vec::new();
    for path in files {
        let file = fs::read(path).with_context(|| format!("failed to read {}", path.display()))?;
        match OutgoingInstance::from_file(file) {
            Ok(instance) => instances.push((path, instance)),
            Err(error) => tell(&format!("{}: {error}", path.display())),
        }
    }
    if instances.is_empty() {
        return Ok(0);
    }
    let all: Vec<OutgoingInstance> = instances.iter().map(|(_, instance)| instance.clone()).collect();
    let mut scu = Scu::for_storage(options, &all).await.context("no association")?;
    let mut sent = 0;
    for (path, instance) in &instances {
        match scu.store(instance).await {
            Ok(()) => sent += 1,
            Err(
                error @ (NetworkError::Status(_) | NetworkError::NotAccepted { .. } | NetworkError::File(_)),
            ) => {
                tell(&format!("{}: {error}", path.display()));
            }
            Err(error) => {
                scu.abort(&error).await;
                return Err(error).with_context(|| format!("{sent} files were taken before"));
            }
        }
    }
    // What it said it has, it has.
    let _ = scu.release().await;
    Ok(sent)
}

fn options(peer: &PacsPeer) -> anyhow::Result<ScuOptions> {
    let timeout = Duration::from_secs(peer.timeout_seconds);
    Ok(ScuOptions {
        tls: peer.tls.then(|| tls(peer)).transpose()?,
        address: peer.address.clone(),
        called: peer.called.clone(),
        calling: peer.calling.clone(),
        max_pdu_length: MAX_PDU_LENGTH,
        connect_timeout: timeout,
        answer_timeout: timeout,
    })
}

fn tls(peer: &PacsPeer) -> anyhow::Result<ClientTls> {
    let authorities = Authorities::of(peer.tls_ca.as_deref()).context("--tls-ca")?;
    let shown = peer.tls_certificate.as_deref().zip(peer.tls_key.as_deref());
    let shown = shown
        .map(|(certificate, key)| norma_gateway::client_certificate(certificate, key))
        .transpose()?;
    let (host, _) = peer.address.rsplit_once(':').context("a node is HOST:PORT")?;
    let host = host.trim_matches(['[', ']']);
    ClientTls::new(&authorities, peer.tls_name.as_deref().unwrap_or(host), shown).context("--tls")
}

/// The files at or below a path, in the order of their names.
fn collect_files(path: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let failed = || format!("failed to read {}", path.display());
    if !fs::metadata(path).with_context(failed)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries: Result<Vec<_>, _> = fs::read_dir(path).with_context(failed)?.collect();
    let mut entries: Vec<PathBuf> = entries
        .with_context(failed)?
        .iter()
        .map(fs::DirEntry::path)
        .collect();
    entries.sort();
    for entry in entries {
        collect_files(&entry, files)?;
    }
    Ok(())
}
