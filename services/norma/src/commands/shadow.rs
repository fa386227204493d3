//! A second bundle beside the one in use: the process that reads for it, and what it says.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use chrono::{DateTime, SecondsFormat, Utc};
use norma_domain::{BundleReference, ScannerProfile};
use norma_site::{DifferingStudy, GivenAnswer, ShadowComparison, ShadowReport, VerdictPair};

use super::blocking::block_on;
use super::installation::open;
use super::percent::percent;
use super::service::{self, Service};
use super::terminal::answer;
use crate::command_line::{CalibrationFormat, CompareShadow, Shadow};

pub(crate) fn run(config: Option<&Path>, command: Shadow) -> anyhow::Result<ExitCode> {
    match command {
        Shadow::Read => service::run(config, Service::Shadow),
        Shadow::Compare(arguments) => compare(config, &arguments),
    }
}

fn compare(config: Option<&Path>, arguments: &CompareShadow) -> anyhow::Result<ExitCode> {
    let report = block_on(async {
        let (database, _) = open(config, &arguments.installation).await?;
        let report = ShadowReport::read(&database, arguments.newest).await;
        report.context("failed to read what the second bundle said")
    })?;
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&report).context("failed to write the report")?);
        }
        CalibrationFormat::Text => lines(&report).iter().for_each(|line| answer(line)),
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(report: &ShadowReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(problem) = &report.problem {
        lines.push(format!("it does not read: {problem}"));
    }
    let (Some(bundle), Some(since)) = (&report.bundle, report.since) else {
        lines.push(
            "no second bundle has read a study: name one in the setting analysis.shadow.bundle".to_owned(),
        );
        return lines;
    };
    lines.push(format!(
        "{} beside what is shown, of studies answered since {}",
        named(bundle),
        time(since)
    ));
    if let Some(seen_at) = report.seen_at {
        lines.push(format!(
            "the process that reads was heard of last at {}",
            time(seen_at)
        ));
    }
    lines.push(format!(
        "read: {}; could not be read: {}; missed: {}; waiting: {}",
        report.answered, report.failed, report.missed, report.waiting
    ));
    let failures = report.failures.iter();
    lines.extend(
        failures.map(|failure| format!("could not be read: {} for {}", failure.studies, failure.reason)),
    );
    let not_compared = [
        (
            report.unreadable,
            "that another version of Norma noted in words that this one does not know",
        ),
        (report.repeated, "whose study was analysed again since"),
        (
            report.older,
            "that are older than the newest that were asked for (--newest)",
        ),
    ];
    let not_compared = not_compared.iter().filter(|(count, _)| *count > 0);
    lines.extend(not_compared.map(|(count, why)| format!("read, and not compared: {count} {why}")));
    for comparison in &report.comparisons {
        lines.push(String::new());
        lines.extend(of_pair(comparison));
    }
    lines
}

fn of_pair(comparison: &ShadowComparison) -> Vec<String> {
    let [low, high] = comparison.agree_interval.map(percent);
    let agree = comparison.agree;
    let share = agree
        .value()
        .map_or_else(|| "an unknown share".to_owned(), percent);
    let mut lines = vec![
        format!(
            "shown: {}, second: {}",
            named(&comparison.shown),
            named(&comparison.shadow)
        ),
        format!(
            "the same verdict: {} of {} studies, {} (95 % interval {low} to {high})",
            agree.successes(),
            agree.trials(),
            share
        ),
    ];
    if let Some(change) = comparison.median_probability_change {
        lines.push(format!(
            "probability of pathology, second less shown, median: {change:+.3}"
        ));
    }
    lines.extend(changes(&comparison.verdicts).map(|line| format!("  {line}")));
    for profile in &comparison.profiles {
        let (scanner, agree) = (scanner(profile.scanner.as_ref()), profile.agree);
        lines.push(format!(
            "{scanner}: {} of {} the same",
            agree.successes(),
            agree.trials()
        ));
        lines.extend(changes(&profile.verdicts).map(|line| format!("  {line}")));
    }
    if !comparison.differing.is_empty() {
        lines.push("the newest studies with another verdict:".to_owned());
        lines.extend(comparison.differing.iter().map(study));
    }
    lines
}

/// Pairs of verdicts that differ.
fn changes(verdicts: &[VerdictPair]) -> impl Iterator<Item = String> {
    let differing = verdicts.iter().filter(|pair| pair.shown != pair.shadow);
    differing.map(|pair| {
        format!(
            "{} shown, {} by the second: {}",
            pair.shown, pair.shadow, pair.studies
        )
    })
}

fn study(study: &DifferingStudy) -> String {
    format!(
        "  {}  {} → {}  {}",
        study.scan_id,
        given(&study.shown),
        given(&study.shadow),
        scanner(study.scanner.as_ref())
    )
}

fn given(answer: &GivenAnswer) -> String {
    let reasons: Vec<&str> = answer.reasons.iter().map(|code| code.as_str()).collect();
    let reasons = if reasons.is_empty() {
        String::new()
    } else {
        format!(" [{}]", reasons.join(" "))
    };
    match answer.probability {
        Some(probability) => format!("{} {:.3}{reasons}", answer.verdict, probability.value()),
        None => format!("{}{reasons}", answer.verdict),
    }
}

fn scanner(scanner: Option<&ScannerProfile>) -> String {
    scanner.map_or_else(|| "scanner not told".to_owned(), ToString::to_string)
}

fn named(bundle: &BundleReference) -> String {
    let sha256 = bundle.sha256.get(..12).unwrap_or(&bundle.sha256);
    format!("{} {} ({sha256})", bundle.name, bundle.version)
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
