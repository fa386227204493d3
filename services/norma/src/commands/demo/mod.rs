//! A demonstration: an instance of its own whose norm is fitted to generated norm phantoms, and five phantom studies in
//! it whose right answers are known.

mod load;
mod norm;
mod studies;

use std::path::{Path, PathBuf, absolute};
use std::process::ExitCode;

use anyhow::Context as _;
use norma_database::{Page, StudyQuery};
use norma_domain::Role;
use norma_inference::Bundle;
use norma_service::{Context, Settings};

use super::blocking::block_on;
use super::credential::Credential;
use super::embedded;
use super::installation::base_url;
use super::keys::revoke_key;
use super::own_instance;
use super::settings::settings;
use super::terminal::{EXIT_PARTIAL, tell};
use crate::command_line::{Demo, Installation, Target};
use load::Outcome;

const FOLDER: &str = ".norma/demo";
const BALANCED_POINT: &str = "youden";

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
    if settings.analysis.operating_point.is_none() {
        settings.analysis.operating_point = balanced_point(&settings)?;
    }
    own_instance::place(&mut settings, &folder, demo.listen);

    let outcome = block_on(serve(settings, demo.once))?;
    Ok(match outcome {
        Some(outcome) if !outcome.is_right() => ExitCode::from(EXIT_PARTIAL),
        _ => ExitCode::SUCCESS,
    })
}

/// The balanced operating point, where the bundle has one. The default one is to miss nothing and pays for it with norms
/// that are called pathology: to models that learnt people a phantom stays unusual even where its kind is the norm. The
/// measures, which decide on the phantoms' findings, are the same at every point.
fn balanced_point(settings: &Settings) -> anyhow::Result<Option<String>> {
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the fitted bundle")?;
    let mut names = bundle
        .operating_points()
        .iter()
        .map(|point| point.name.to_string());
    Ok(names.find(|name| name == BALANCED_POINT))
}

/// Serves, and shows the studies meanwhile. What came of them where they were loaded now.
async fn serve(settings: Settings, is_once: bool) -> anyhow::Result<Option<Outcome>> {
    let url = base_url(&settings, None);
    let process = embedded::start(settings).await?;
    let context = process.context();
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
    own_instance::wait_until_ready(url).await?;
    let page = Page { limit: 1, offset: 0 };
    let listing = context.database.list_studies(StudyQuery::default(), page).await?;
    if listing.total > 0 {
        tell(&format!(
            "the phantom studies of the last time are in the worklist: {url}"
        ));
        return Ok(None);
    }
    let (client, key) = own_instance::client_of(context, "demo", Role::Clinician).await?;
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
