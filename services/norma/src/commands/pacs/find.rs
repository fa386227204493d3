//! What an archive has.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use norma_dicom_network::{FoundStudy, StudyKeys};
use norma_gateway::Sources;

use crate::command_line::{PacsFind, PacsStudies};
use crate::commands::blocking::block_on;
use crate::commands::settings::settings;
use crate::commands::terminal::{answer, tell};

pub(super) fn find(config: Option<&Path>, arguments: PacsFind) -> anyhow::Result<ExitCode> {
    let sources = Sources::of_settings(&settings(config)?)?;
    let name = arguments.studies.source.clone();
    let keys = keys(arguments.studies)?;
    let found = block_on(async {
        let asked = sources.find(&name, &keys, arguments.limit).await;
        let Some(answered) = asked else {
            bail!("the settings (pacs.sources) have no {name}");
        };
        answered.with_context(|| format!("{name} did not answer the search"))
    })?;
    for study in &found.items {
        answer(&line_of(study));
    }
    let cut = if found.is_cut { "; there may be more" } else { "" };
    let left_out = match found.left_out {
        0 => String::new(),
        count => format!("; {count} answers were not what was asked for"),
    };
    tell(&format!("{} studies{cut}{left_out}", found.items.len()));
    Ok(ExitCode::SUCCESS)
}

/// What is asked by, checked.
pub(super) fn keys(studies: PacsStudies) -> anyhow::Result<StudyKeys> {
    let keys = StudyKeys {
        study_instance_uid: studies.study,
        accession_number: studies.accession,
        patient_id: studies.patient,
        issuer_of_patient_id: studies.issuer,
        ..StudyKeys::default()
    };
    keys.check()?;
    Ok(keys)
}

fn line_of(study: &FoundStudy) -> String {
    let count = |count: Option<u32>| count.map_or_else(|| "?".to_owned(), |count| count.to_string());
    [
        study.study_date.clone(),
        study.modalities.join(","),
        format!("{} instances", count(study.instance_count)),
        study.patient_id.clone(),
        study.accession_number.clone(),
        study.study_instance_uid.as_str().to_owned(),
        study.study_description.clone(),
    ]
    .join("  ")
}
