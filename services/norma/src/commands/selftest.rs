//! A generated study goes through the running system, and the report is checked.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use norma_domain::{Reason, ReasonCode, Report, Role, StageOutcome, Verdict};
use norma_phantom::{Lungs, PhantomOptions, phantom_zip};

use super::blocking::block_on;
use super::credential::Credential;
use super::prediction::{NotAnswered, predict};
use super::terminal::tell;
use crate::command_line::Target;

pub(crate) fn run(config: Option<&Path>, target: &Target) -> anyhow::Result<ExitCode> {
    block_on(async {
        let credential = Credential::obtain(config, target, "selftest", Role::Integrator).await?;
        let checked = check(&credential.client, &target.url).await;
        credential.give_back().await?;
        checked
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn check(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    tell("a phantom chest: every stage must answer");
    let chest = PhantomOptions::default();
    let report = predict_phantom(client, url, &chest).await?;
    ensure!(
        report.schema == norma_domain::REPORT_SCHEMA,
        "the report's schema is {}",
        report.schema
    );
    for stage in &report.stages {
        if let StageOutcome::Failed(failure) = &stage.outcome {
            bail!("stage {} failed: {}", failure.stage, failure.reason);
        }
    }
    ensure!(
        report.stages.len() == 3,
        "{} stages answered, not 3",
        report.stages.len()
    );
    // To a bundle that learnt people a phantom is unlike all it knows; anything else would be wrong.
    let is_expected =
        |reason: &Reason| matches!(reason.code, ReasonCode::UnlikeKnown | ReasonCode::ScoreAlone);
    ensure!(
        report.reasons.iter().all(is_expected),
        "a complete chest is undetermined: {:?}",
        report.reasons
    );
    ensure!(
        report.probability_of_pathology.is_some(),
        "the report has no probability"
    );
    let slices = report.study.as_ref().map(|study| study.geometry.shape[0]);
    ensure!(
        slices == Some(chest.slices),
        "{} slices were sent, {slices:?} read",
        chest.slices
    );
    tell(&format!(
        "  {} at {:.3} ({} {})",
        report.verdict,
        report
            .probability_of_pathology
            .map_or(f64::NAN, norma_domain::Probability::value),
        report.bundle.name,
        report.bundle.version
    ));

    tell("a phantom without lungs: nothing may call it norm");
    let without_lungs = PhantomOptions {
        lungs: Lungs::None,
        ..PhantomOptions::default()
    };
    match predict_phantom(client, url, &without_lungs).await {
        Ok(report) => {
            ensure!(
                report.verdict == Verdict::Undetermined,
                "a study without lungs is {}",
                report.verdict
            );
            ensure!(!report.reasons.is_empty(), "undetermined without a reason");
            tell(&format!("  undetermined: {}", report.reasons[0]));
        }
        Err(failure) => match failure.downcast_ref::<NotAnswered>() {
            Some(NotAnswered(reason)) => tell(&format!("  failed: {reason}")),
            None => return Err(failure),
        },
    }
    tell("selftest passed");
    Ok(())
}

async fn predict_phantom(
    client: &reqwest::Client,
    url: &str,
    options: &PhantomOptions,
) -> anyhow::Result<Report> {
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    let archive = folder.path().join("phantom.zip");
    phantom_zip(options, &archive).context("failed to write the phantom")?;
    predict(client, url, &archive).await
}
