//! Whether what comes in is still distributed as it was.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use norma_accuracy::{Drift, Proportion};
use norma_site::{DriftReport, DriftWindows, DriftedQuantity, Observations, ProfileDrift};

use super::blocking::block_on;
use super::installation::open;
use super::percent::percent;
use super::terminal::{EXIT_PARTIAL, answer};
use crate::command_line::{CalibrationFormat, DriftOptions};

/// Ends with exit code 2 where something drifted.
pub(crate) fn run(config: Option<&Path>, arguments: &DriftOptions) -> anyhow::Result<ExitCode> {
    ensure!(
        arguments.reference > 0 && arguments.last > 0,
        "a window has studies: --reference and --last are at least 1"
    );
    let windows = DriftWindows {
        reference: arguments.reference,
        last: arguments.last,
    };
    let report = block_on(async {
        let (database, _) = open(config, &arguments.installation).await?;
        let observations = Observations::read(&database, arguments.newest).await;
        let observations = observations.context("failed to read the answers")?;
        Ok(DriftReport::of(&observations, windows))
    })?;
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&report).context("failed to write the report")?);
        }
        CalibrationFormat::Text => lines(&report).iter().for_each(|line| answer(line)),
    }
    Ok(if report.drifted().next().is_some() {
        ExitCode::from(EXIT_PARTIAL)
    } else {
        ExitCode::SUCCESS
    })
}

fn lines(report: &DriftReport) -> Vec<String> {
    let DriftWindows { reference, last } = report.windows;
    let mut lines = vec![format!(
        "the last {last} studies of each scanner beside the {reference} before them"
    )];
    for profile in &report.profiles {
        lines.push(format!("{}: {} studies", profile.scanner, profile.studies));
        lines.extend(of_profile(profile));
    }
    if report.profiles.is_empty() {
        lines.push("no study tells its scanner: nothing is compared".to_owned());
    }
    let left_out = [
        (report.without_scanner, "that do not tell their scanner"),
        (
            report.repeated,
            "of which a newer answer to the study, or a newer study of the patient, counts",
        ),
        (
            report.unreadable,
            "that another version of Norma wrote in words that this one does not know",
        ),
    ];
    if let Some(bundle) = report.bundle.as_ref().filter(|_| report.other_bundle > 0) {
        lines.push(format!(
            "verdicts are compared of {} {} alone, which gave the newest answer; {} answers are of another bundle, and of these {} are of other \
             models, whose scores are not compared either",
            bundle.name, bundle.version, report.other_bundle, report.other_models
        ));
    }
    let left_out = left_out.iter().filter(|(count, _)| *count > 0);
    lines.extend(left_out.map(|(count, why)| format!("left out: {count} {why}")));
    lines.push(match report.drifted().count() {
        0 => "nothing drifted, as far as it was compared".to_owned(),
        drifted => format!("drifted: {drifted}"),
    });
    lines
}

fn of_profile(profile: &ProfileDrift) -> Vec<String> {
    let quantities = profile.quantities.iter();
    let compared = quantities.filter(|quantity| !matches!(quantity.drift, Drift::TooFew { .. }));
    let head = ["", "before", "last", "index", "distance", "sum", "chance", ""];
    if compared.clone().next().is_some() {
        std::iter::once(row(head.map(str::to_owned)))
            .chain(profile.quantities.iter().map(line))
            .collect()
    } else {
        // All for one reason, which is told once.
        profile.quantities.iter().take(1).map(line).collect()
    }
}

fn line(quantity: &DriftedQuantity) -> String {
    let name = quantity.quantity.to_string();
    let mark = |drifted: bool| if drifted { "DRIFTED" } else { "" }.to_owned();
    match quantity.drift {
        Drift::TooFew {
            needed,
            reference,
            last,
        } => format!(
            "  {name}: too few: {needed} are needed in each window, {reference} are there before and {last} last"
        ),
        Drift::Values(values) => row([
            name,
            format!("{:.3}", values.reference_median),
            format!("{:.3}", values.last_median),
            format!("{:.2}", values.population_stability_index),
            format!("{:.2}", values.kolmogorov_smirnov),
            format!("{:.1}", values.cumulative_sum),
            chance(values.least_p_value()),
            mark(values.drifted),
        ]),
        Drift::Share(share) => row([
            name,
            share_of(share.reference),
            share_of(share.last),
            "-".to_owned(),
            "-".to_owned(),
            format!("{:.1}", share.cumulative_sum),
            chance(share.least_p_value()),
            mark(share.drifted),
        ]),
    }
}

fn row([name, before, last, index, distance, sum, chance, mark]: [String; 8]) -> String {
    format!("  {name:<24}{before:>12}{last:>12}{index:>8}{distance:>10}{sum:>7}{chance:>10}  {mark}")
        .trim_end()
        .to_owned()
}

fn share_of(proportion: Proportion) -> String {
    proportion.value().map_or_else(|| "-".to_owned(), percent)
}

fn chance(p_value: f64) -> String {
    if p_value < 0.0001 {
        "< 0.0001".to_owned()
    } else {
        format!("{p_value:.4}")
    }
}
