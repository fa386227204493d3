//! A demonstration: an instance of its own whose norm is fitted to generated norm phantoms, and five phantom studies in
//! it whose right answers are known.

mod load;
mod norm;
mod studies;

use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use chrono::TimeDelta;
use norma_database::{Page, StudyQuery};
use norma_domain::{Role, Roles, Stage};
use norma_service::{Context, Process, Settings, announce_unfinished};

use super::blocking::block_on;
use super::credential::{Credential, client_with};
use super::installation::{base_url, database_in};
use super::keys::{make_key, revoke_key};
use super::service::{spawn_gateway, spawn_worker};
use super::settings::settings;
use super::terminal::{EXIT_PARTIAL, tell};
use crate::command_line::{Demo, Installation, Target};
use load::Outcome;

const FOLDER: &str = ".norma/demo";
/// The key dies soon, should this process not live to revoke it.
const KEY_LIVES: TimeDelta = TimeDelta::hours(1);
const READY_WITHIN: Duration = Duration::from_secs(120);

pub(crate) fn run(config: Option<&Path>, demo: Demo) -> anyhow::Result<ExitCode> {
    match demo.url.clone() {
        Some(url) => load_into(config, &url, demo),
        None => run_own(config, &demo),
    }
}

/// Loads the studies into a running system.
fn load_into(config: Option<&Path>, url: &str, demo: Demo) -> anyhow::Result<ExitCode> {
    let target = Target {
        url: url.to_owned(),
        key: demo.key,
        installation: Installation { data: demo.data },
    };
    block_on(async {
        let credential = Credential::obtain(config, &target, "demo", Role::Clinician).await?;
        let loaded = load::load_studies(&credential.client, url).await;
        credential.give_back().await?;
        loaded.map(drop)
    })?;
    tell(&format!("the phantom studies are in the worklist: {url}"));
    Ok(ExitCode::SUCCESS)
}

/// Runs an instance in a folder of its own: nothing of an installation beside it is touched.
fn run_own(config: Option<&Path>, demo: &Demo) -> anyhow::Result<ExitCode> {
    let mut settings = settings(config)?;
    let folder = demo.data.clone().unwrap_or_else(|| PathBuf::from(FOLDER));
    let folder = absolute(&folder).context("failed to resolve the demonstration's folder")?;
    settings.models.bundle = norm::fitted_bundle(&settings, &folder)?;
    settings.database.url = database_in(&folder).into();
    settings.objects.folder = folder.join("objects");
    settings.gateway.spool_folder = Some(folder.join("spool"));
    settings.gateway.address = demo.listen.ip();
    settings.gateway.port = demo.listen.port();
    settings.gateway.public_url = None;

    let outcome = block_on(serve(settings, demo.once))?;
    Ok(match outcome {
        Some(outcome) if !outcome.is_right() => ExitCode::from(EXIT_PARTIAL),
        _ => ExitCode::SUCCESS,
    })
}

/// Serves, and shows the studies meanwhile. What came of them where they were loaded now.
async fn serve(settings: Settings, is_once: bool) -> anyhow::Result<Option<Outcome>> {
    let url = base_url(&settings, None);
    let mut process = Process::start(settings, "serve").await?;
    let context = process.context();
    announce_unfinished(&context).await?;
    for stage in Stage::ALL {
        spawn_worker(&mut process, stage);
    }
    spawn_gateway(&mut process);
    let showing = tokio::spawn(async move {
        let shown = tokio::select! {
            shown = show(&context, &url) => shown,
            () = context.shutdown.cancelled() => Ok(None),
        };
        // Where nobody is to look around, or nothing can be shown, this is the end.
        if is_once || shown.is_err() {
            context.shutdown.cancel();
        }
        shown
    });
    process.wait().await?;
    showing.await.context("the demonstration did not finish")?
}

/// Loads the studies, once, and waits for their answers.
async fn show(context: &Context, url: &str) -> anyhow::Result<Option<Outcome>> {
    wait_until_ready(url).await?;
    let page = Page { limit: 1, offset: 0 };
    let listing = context.database.list_studies(StudyQuery::default(), page).await?;
    if listing.total > 0 {
        tell(&format!(
            "the phantom studies of the last time are in the worklist: {url}"
        ));
        return Ok(None);
    }
    let roles = Roles::of(&[Role::Clinician]);
    let made = make_key(
        &context.database,
        "demo",
        "demo".to_owned(),
        roles,
        Some(KEY_LIVES),
    )
    .await;
    let (key, secret) = made.context("failed to make a key")?;
    let client = client_with(Some(secret.expose()))?;
    let outcome = async {
        let loaded = load::load_studies(&client, url).await?;
        load::wait_for_answers(&client, url, &loaded).await
    }
    .await;
    revoke_key(&context.database, key.id).await?;
    let outcome = outcome?;
    for line in outcome.lines() {
        tell(&line);
    }
    tell(&format!(
        "look around: {url} (the link to sign in stands above; Ctrl-C ends)"
    ));
    Ok(Some(outcome))
}

async fn wait_until_ready(url: &str) -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    loop {
        let answer = reqwest::get(format!("{url}/readyz")).await;
        if answer.is_ok_and(|answer| answer.status().is_success()) {
            return Ok(());
        }
        if begun.elapsed() > READY_WITHIN {
            bail!(
                "the demonstration is not ready after {} s",
                READY_WITHIN.as_secs()
            );
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}
