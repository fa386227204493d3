//! An instance that a command runs for itself, in a folder of its own: nothing of an installation beside it is touched.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use norma_database::ApiKey;
use norma_domain::{Role, Roles};
use norma_service::{Context, ObjectsKind, QueueKind, Settings};

use super::credential::client_with;
use super::embedded::keep_in;
use super::keys::make_key;

const READY_WITHIN: Duration = Duration::from_secs(120);
/// A key dies soon, should this process not live to revoke it.
const KEY_LIVES: TimeDelta = TimeDelta::hours(1);

/// Lets the settings name the database, queue, objects and spool of this instance alone, and the address to listen on.
/// Nothing comes from a hospital's PACS or goes to it.
pub(super) fn place(settings: &mut Settings, folder: &Path, listen: SocketAddr) {
    keep_in(settings, folder);
    settings.queue.kind = QueueKind::InProcess;
    settings.objects.kind = ObjectsKind::Folder;
    settings.audit.heads.path = None;
    settings.pacs.enabled = false;
    settings.pacs.destinations.clear();
    settings.gateway.address = listen.ip();
    settings.gateway.port = listen.port();
    settings.gateway.public_url = None;
}

/// A client with a key of its own; the key is to be revoked when the client is done.
pub(super) async fn client_of(
    context: &Context,
    name: &str,
    role: Role,
) -> anyhow::Result<(reqwest::Client, ApiKey)> {
    let roles = Roles::of(&[role]);
    let made = make_key(&context.database, name, name.to_owned(), roles, Some(KEY_LIVES)).await;
    let (key, secret) = made.context("failed to make a key")?;
    Ok((client_with(Some(secret.expose()))?, key))
}

pub(super) async fn wait_until_ready(url: &str) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        let answer = reqwest::get(format!("{url}/readyz")).await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if begun.elapsed() > READY_WITHIN {
            bail!("the instance is not ready after {} s", READY_WITHIN.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
