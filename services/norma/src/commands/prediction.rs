//! A study goes to `POST /inference/predict`, as a client's does.

use std::path::Path;

use anyhow::{Context, ensure};
use norma_domain::Report;
use reqwest::multipart;
use tokio::fs::File;

/// The study got a row with a reason in place of a report.
#[derive(Debug)]
pub(super) struct NotAnswered(pub(super) String);

impl std::fmt::Display for NotAnswered {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "the study got no report: {}", self.0)
    }
}

impl std::error::Error for NotAnswered {}

/// Sends the archive of one study, as it is read from its file, and waits for its report.
///
/// # Errors
/// [`NotAnswered`] where the study has none.
pub(super) async fn predict(client: &reqwest::Client, url: &str, study: &Path) -> anyhow::Result<Report> {
    let study = File::open(study).await.context("failed to open the study")?;
    let length = study.metadata().await.context("failed to read the study")?.len();
    let file = multipart::Part::stream_with_length(study, length).file_name("phantom.zip");
    let form = multipart::Form::new().part("file", file);
    let response = client
        .post(format!("{url}/inference/predict"))
        .multipart(form)
        .send()
        .await
        .with_context(|| format!("failed to reach {url}"))?;
    let status = response.status();
    let body: serde_json::Value = response.json().await.context("the answer is no JSON")?;
    ensure!(status.as_u16() == 200, "the gateway answered {status}: {body}");
    let report = body
        .pointer("/studies/0/report")
        .filter(|report| !report.is_null());
    match report {
        Some(report) => serde_json::from_value(report.clone()).context("the report does not fit its schema"),
        None => {
            let reason = body.pointer("/rows/0/reason").and_then(|reason| reason.as_str());
            Err(NotAnswered(reason.context("neither a report nor a reason")?.to_owned()).into())
        }
    }
}
