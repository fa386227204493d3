//! `norma calibrate --unlabelled`: what the answers of a site say of thresholds without a label, as a proposal.

mod proposal;
mod sentences;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use norma_domain::{OperatingPointName, Probability};
use norma_inference::{Bundle, MeasuredOn, OperatingPointFigures};

pub(super) use self::proposal::Asked;
use self::proposal::Proposal;
use self::sentences::sentences;
use super::labelled::{LabelledSet, Stream};
use super::settings::{operating_point, settings};
use super::site_bundle::write_bundle_with;
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Calibrate, CalibrationFormat};

/// Ends with exit code 2 where no scanner profile has a threshold.
pub(super) fn run(config: Option<&Path>, arguments: &Calibrate, asked: Asked) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let in_use = operating_point(&settings, &bundle, None)?;
    let stream = Stream::read(config, &arguments.installation, arguments.newest)?;
    let readers = LabelledSet::read(config, None, &arguments.installation)?;
    let proposal = Proposal::of(stream, &readers, bundle.reference().clone(), in_use, asked);
    match arguments.format {
        CalibrationFormat::Json => {
            answer(&serde_json::to_string_pretty(&proposal).context("failed to write the proposal")?);
        }
        CalibrationFormat::Text => sentences(&proposal).iter().for_each(|sentence| answer(sentence)),
    }
    let Some(proposed) = proposal.proposed_threshold else {
        if arguments.write_bundle.is_some() {
            tell("no threshold is proposed: no bundle is written");
        }
        return Ok(ExitCode::from(EXIT_PARTIAL));
    };
    if let Some(path) = &arguments.write_bundle {
        let name = &arguments.operating_point;
        if settings
            .analysis
            .operating_point
            .as_ref()
            .is_some_and(|set| set != name)
        {
            bail!(
                "the setting analysis.operating_point names another operating point, which would stay in use: clear it first"
            );
        }
        let point = OperatingPointFigures {
            name: OperatingPointName(name.clone()),
            threshold: Probability::new(proposed).context("the threshold is no probability")?,
            sensitivity: None,
            specificity: None,
            measured_on: Some(MeasuredOn {
                sources: vec![format!("{} studies of the site without labels", proposal.studies)],
                scanners: Vec::new(),
            }),
        };
        write_bundle_with(config, path, point)?;
        tell(
            "verified on no scanner: that takes labels; reports go on saying that the threshold is not verified",
        );
        tell(
            "it acts once the setting models.bundle names it; the bundle in use stays as it is, to go back to",
        );
    }
    Ok(ExitCode::SUCCESS)
}
