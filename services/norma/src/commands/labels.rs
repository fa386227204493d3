//! What readers said of answers, as the table that `norma evaluate` and `norma calibrate` read.

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, ensure};
use norma_database::NewAuditEvent;
use norma_domain::ScanId;
use norma_site::{Grouping, LabelledStudy, ReaderLabels};

use super::blocking::block_on;
use super::installation::COMMAND_LINE;
use super::labelled::Site;
use super::terminal::{answer, tell};
use crate::command_line::Labels;

/// Names of the columns, as the table of labelled studies has them.
const COLUMNS: [&str; 3] = ["study", "label", "pathology_type"];

pub(crate) fn run(config: Option<&Path>, arguments: &Labels) -> anyhow::Result<ExitCode> {
    let (labels, contradicted) = block_on(async {
        let site = Site::open(config, &arguments.installation).await?;
        let event = NewAuditEvent::of_system(COMMAND_LINE, "label.export");
        site.database.append_audit_events(vec![event]).await?;
        let labels = ReaderLabels::read(&site.answers).await;
        let contradicted = site.database.contradicted_scans().await;
        Ok((
            labels.context("failed to read the feedback")?,
            contradicted.context("failed to read the feedback")?,
        ))
    })?;
    for (why, count) in &labels.left_out {
        tell(&format!("left out: {count} {}", why.told()));
    }
    let contradicted: HashSet<ScanId> = contradicted.into_iter().collect();
    let is_wanted = |study: &&LabelledStudy| {
        !arguments.contradicted || study.scan_id.is_some_and(|id| contradicted.contains(&id))
    };
    let wanted: Vec<&LabelledStudy> = labels.studies.iter().filter(is_wanted).collect();
    ensure!(
        !labels.studies.is_empty(),
        "no study has a label: readers say in the page what is true of studies"
    );
    if wanted.is_empty() {
        tell("no reader speaks against a verdict: nothing is to be reviewed");
    }
    answer(table(&wanted)?.trim_end());
    Ok(ExitCode::SUCCESS)
}

fn table(studies: &[&LabelledStudy]) -> anyhow::Result<String> {
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS).context("failed to write the table")?;
    for study in studies {
        let label = if study.pathology { "pathology" } else { "norm" };
        let finding = study.groups.get(&Grouping::Pathology).map_or("", String::as_str);
        table
            .write_record([study.name.as_str(), label, finding])
            .context("failed to write the table")?;
    }
    let bytes = table.into_inner().context("failed to write the table")?;
    String::from_utf8(bytes).context("failed to write the table")
}
