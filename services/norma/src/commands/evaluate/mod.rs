//! How accurate the answers are on a site's own labelled studies: a report as JSON and as a page that needs nothing else.

mod chart;
mod html;
mod measure;
mod texts;

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use norma_site::LabelSource;

use self::measure::Evaluation;
use super::blocking::block_on;
use super::installation::base_url;
use super::labelled::{AskDatabase, read_labels};
use super::settings::operating_point;
use super::terminal::{answer, tell};
use crate::command_line::Evaluate;

const JSON_FILE: &str = "evaluation.json";
const HTML_FILE: &str = "evaluation.html";

pub(crate) fn run(config: Option<&Path>, arguments: &Evaluate) -> anyhow::Result<ExitCode> {
    let ask = AskDatabase::WhereScoresLack;
    let labels = read_labels(config, arguments.table.as_deref(), &arguments.installation, ask);
    let (labelling, set) = block_on(labels)?;
    let (settings, bundle) = (&labelling.settings, &labelling.bundle);
    for (why, count) in &set.left_out {
        tell(&format!("left out: {count} {}", why.told()));
    }
    ensure!(
        !set.studies.is_empty(),
        match set.source {
            LabelSource::Table =>
                "none of the table's studies has an answer of the bundle in use: check that the column `study` holds scans' ids or Study Instance \
                 UIDs, and that the studies were analysed",
            LabelSource::Feedback =>
                "no labelled study: name a table, or let readers say in the page what is true of studies",
        }
    );
    let in_use = operating_point(settings, bundle, None)?;
    let evaluation = Evaluation::of(&set, bundle, in_use, &base_url(settings, arguments.url.clone()));
    fs::create_dir_all(&arguments.out)
        .with_context(|| format!("failed to make the folder {}", arguments.out.display()))?;
    let json = serde_json::to_string_pretty(&evaluation).context("failed to write the evaluation")?;
    for (name, text) in [(JSON_FILE, json), (HTML_FILE, html::page(&evaluation))] {
        let path = arguments.out.join(name);
        fs::write(&path, text).context("failed to write the evaluation")?;
        answer(&path.display().to_string());
    }
    if let Some(whose) = labelling.whose_scores() {
        tell(&whose);
    }
    tell("it names the studies that were missed: it is for those who may see them");
    Ok(ExitCode::SUCCESS)
}
