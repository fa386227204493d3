//! What the models see, written for training.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::ProgressBar;
use norma_pipeline::training_set::{StudySet, prepare_image_slices};

use super::reading::Preparer;
use super::settings::settings;
use super::terminal::{EXIT_PARTIAL, tell};
use crate::command_line::Prepare;

pub(crate) fn run(config: Option<&Path>, arguments: &Prepare) -> anyhow::Result<ExitCode> {
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("failed to make {}", arguments.out.display()))?;
    if arguments.slices {
        prepare_slices(arguments)
    } else {
        prepare_studies(config, arguments)
    }
}

fn prepare_slices(arguments: &Prepare) -> anyhow::Result<ExitCode> {
    let [index] = arguments.paths.as_slice() else {
        bail!("--slices takes one path: the index.csv");
    };
    let folder = index.parent().unwrap_or(Path::new("."));
    let progress = ProgressBar::new_spinner();
    let counts = prepare_image_slices(index, folder, &arguments.out, &|| progress.inc(1))?;
    progress.finish_and_clear();
    for (source, (prepared, left_out)) in &counts.by_source {
        tell(&format!("{source}: {prepared} prepared, {left_out} left out"));
    }
    Ok(ExitCode::SUCCESS)
}

/// One row of slices per study; a study that cannot be prepared is a row with its reason.
fn prepare_studies(config: Option<&Path>, arguments: &Prepare) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let preparer = Preparer::new(&settings);
    let mut set = StudySet::create(&arguments.out).context("failed to begin the training set")?;
    let mut rejected = 0;
    let progress = ProgressBar::new(arguments.paths.len() as u64);
    for path in &arguments.paths {
        for study in preparer.studies(path)? {
            let study = study?;
            match study.prepared {
                Ok((summary, slices)) => set.add(&study.path, &summary, &slices)?,
                Err(reason) => {
                    rejected += 1;
                    set.reject(&study.path, &reason)?;
                }
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    let prepared = set.finish().context("failed to finish the training set")?;
    tell(&format!(
        "{prepared} studies prepared, {rejected} left out (see index.csv)"
    ));
    Ok(if rejected == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_PARTIAL)
    })
}
