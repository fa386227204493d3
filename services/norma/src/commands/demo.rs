//! Three phantom studies for somebody who wants to look around.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, ensure};
use norma_domain::Role;
use norma_phantom::phantom_zip;
use reqwest::multipart;
use serde_json::{Value, json};

use super::blocking::block_on;
use super::credential::Credential;
use super::phantom::options;
use super::terminal::tell;
use crate::command_line::{PhantomKind, Target};

const STUDIES: [(PhantomKind, &str); 3] = [
    (PhantomKind::Norm, "norm"),
    (PhantomKind::Nodule, "nodule"),
    (PhantomKind::Effusion, "effusion"),
];

pub(crate) fn run(config: Option<&Path>, target: &Target) -> anyhow::Result<ExitCode> {
    let url = &target.url;
    block_on(async {
        let credential = Credential::obtain(config, target, "demo", Role::Clinician).await?;
        let loaded = load(&credential.client, url).await;
        credential.give_back().await?;
        loaded
    })?;
    tell(&format!("three phantom studies are in the worklist: {url}"));
    Ok(ExitCode::SUCCESS)
}

async fn load(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    for (kind, name) in STUDIES {
        tell(&format!("phantom study: {name}"));
        let patient =
            json!({ "first_name": "Phantom", "last_name": name, "description": "generated, no person" });
        let patient = answered(client.post(format!("{url}/api/patients")).json(&patient)).await?;
        let archive = folder.path().join(format!("{name}.zip"));
        phantom_zip(&options(kind), &archive).context("failed to write the phantom")?;
        let bytes = tokio::fs::read(&archive)
            .await
            .context("failed to read the phantom")?;
        let form = multipart::Form::new()
            .text("patient_id", text(&patient, "id")?)
            .text("description", format!("phantom: {name}"))
            .part(
                "file",
                multipart::Part::bytes(bytes).file_name(format!("phantom-{name}.zip")),
            );
        let scan = answered(client.post(format!("{url}/api/scans")).multipart(form)).await?;
        let scan_id = text(&scan, "id")?;
        answered(client.post(format!("{url}/api/scans/{scan_id}/analyze"))).await?;
    }
    Ok(())
}

async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request
        .send()
        .await
        .context("failed to reach the gateway; is `make run` running?")?;
    let status = response.status();
    let body: Value = response.json().await.context("the gateway's answer is no JSON")?;
    ensure!(status.is_success(), "the gateway answered {status}: {body}");
    Ok(body)
}

fn text(value: &Value, key: &str) -> anyhow::Result<String> {
    value
        .get(key)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .with_context(|| format!("the answer has no {key}"))
}
