//! The studies go in as a client's would, and their answers are held against the right ones.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use norma_domain::Verdict;
use norma_phantom::phantom_zip;
use reqwest::multipart;
use serde_json::Value;

use super::studies::{DemoStudy, STUDIES};
use crate::commands::terminal::tell;

const ANSWERED_WITHIN: Duration = Duration::from_secs(900);

/// A study in the system.
pub(super) struct Loaded {
    study: &'static DemoStudy,
    scan_id: String,
}

/// What came of a study.
struct Answer {
    study: &'static DemoStudy,
    /// A verdict, or `failed`.
    said: String,
    probability: Option<f64>,
}

/// What came of all of them.
pub(super) struct Outcome(Vec<Answer>);

impl Outcome {
    pub(super) fn is_right(&self) -> bool {
        self.0.iter().all(Answer::is_right)
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.0.iter().map(Answer::line).collect()
    }
}

impl Answer {
    /// A study that is incomplete may as well fail: no answer is right then.
    fn is_right(&self) -> bool {
        self.said == self.study.right.as_str()
            || (self.study.right == Verdict::Undetermined && self.said == "failed")
    }

    fn line(&self) -> String {
        let probability = self
            .probability
            .map_or(String::new(), |probability| format!(" ({probability:.2})"));
        let remark = if self.is_right() {
            String::new()
        } else {
            format!(", where {} is right", self.study.right)
        };
        format!(
            "  phantom {}: {}{probability}{remark}",
            self.study.name, self.said
        )
    }
}

/// Uploads the studies, each for the patient that its files name, and requests their analyses.
pub(super) async fn load_studies(client: &reqwest::Client, url: &str) -> anyhow::Result<Vec<Loaded>> {
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    let mut loaded = Vec::new();
    for (seed, study) in (1..).zip(&STUDIES) {
        tell(&format!("phantom study: {}", study.name));
        let archive = folder.path().join(format!("phantom-{}.zip", study.name));
        phantom_zip(&study.options(seed), &archive).context("failed to write the phantom")?;
        let bytes = tokio::fs::read(&archive)
            .await
            .context("failed to read the phantom")?;
        let file = multipart::Part::bytes(bytes).file_name(format!("phantom-{}.zip", study.name));
        let form = multipart::Form::new()
            .text("patient_from_dicom", "true")
            .text(
                "description",
                format!("phantom: {}; generated, no person", study.name),
            )
            .part("file", file);
        let scan = answered(client.post(format!("{url}/api/scans")).multipart(form)).await?;
        let scan_id = text(&scan, "id")?;
        let analyze = client
            .post(format!("{url}/api/scans/{scan_id}/analyze"))
            .header("prefer", "respond-async");
        answered(analyze).await?;
        loaded.push(Loaded { study, scan_id });
    }
    Ok(loaded)
}

/// Waits for the end of every analysis.
pub(super) async fn wait_for_answers(
    client: &reqwest::Client,
    url: &str,
    loaded: &[Loaded],
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut answers = Vec::new();
    for Loaded { study, scan_id } in loaded {
        let analysis = loop {
            let listed = answered(client.get(format!("{url}/api/scans/{scan_id}/analyses"))).await?;
            let analysis = listed
                .pointer("/items/0")
                .cloned()
                .context("there is no analysis")?;
            if matches!(text(&analysis, "status")?.as_str(), "completed" | "failed") {
                break analysis;
            }
            ensure!(
                begun.elapsed() < ANSWERED_WITHIN,
                "the study {} is not answered after {} s",
                study.name,
                ANSWERED_WITHIN.as_secs()
            );
            tokio::time::sleep(Duration::from_millis(300)).await;
        };
        answers.push(Answer {
            study,
            said: text(&analysis, "verdict").unwrap_or_else(|_| "failed".to_owned()),
            probability: analysis.get("probability_of_pathology").and_then(Value::as_f64),
        });
    }
    Ok(Outcome(answers))
}

async fn answered(request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
    let response = request
        .send()
        .await
        .context("failed to reach the gateway; is it running?")?;
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
