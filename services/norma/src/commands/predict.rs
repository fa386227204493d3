//! Many studies, a row each.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use norma_domain::{MassRunRow, ProcessingStatus, Report, Stage};
use norma_gateway::{heatmap_png, rows_to_csv, rows_to_xlsx};
use norma_pipeline::StageMap;

use super::dicom_results::DicomFolder;
use super::reading::{Preparer, Reader, StudyAnswer};
use super::settings::settings;
use super::terminal::{EXIT_PARTIAL, answer, tell};
use crate::command_line::{Format, Predict};

pub(crate) fn run(config: Option<&Path>, arguments: &Predict) -> anyhow::Result<ExitCode> {
    if arguments.format == Format::Xlsx && arguments.out.is_none() {
        bail!("a workbook needs a folder to be written to: give --out DIR");
    }
    for path in &arguments.paths {
        if !path.exists() {
            bail!("{} does not exist", path.display());
        }
    }
    let settings = settings(config)?;
    let preparer = Preparer::new(&settings);
    let reader = Reader::open(&settings, arguments.operating_point.as_deref())?;
    if let Some(out) = &arguments.out {
        fs::create_dir_all(out).with_context(|| format!("failed to make {}", out.display()))?;
    }

    let dicom = DicomFolder::make(arguments)?;
    let mut rows: Vec<MassRunRow> = Vec::new();
    let mut reports: Vec<Report> = Vec::new();
    let progress = ProgressBar::new(arguments.paths.len() as u64).with_style(progress_style());
    for path in &arguments.paths {
        let studies = preparer.studies(path)?;
        progress.inc_length((studies.len() as u64).saturating_sub(1));
        for study in studies {
            let mut study = study?;
            let files = study.files.take();
            let summary = study
                .prepared
                .as_ref()
                .ok()
                .filter(|_| dicom.is_some())
                .map(|(summary, _)| summary.clone());
            let study = reader.read(study);
            if let Some(out) = &arguments.out {
                write_maps(out, rows.len(), &study)?;
            }
            if let (Some(dicom), Some(report), Some(summary), Some(files)) =
                (&dicom, &study.report, &summary, &files)
            {
                let mut maps = study.maps.iter();
                let anomaly = maps
                    .find(|(stage, _)| *stage == Stage::Anomaly)
                    .map(|(_, map)| map);
                dicom.write(&preparer, rows.len(), (report, anomaly), summary, files)?;
            }
            rows.push(study.row);
            reports.extend(study.report);
            progress.inc(1);
        }
    }
    progress.finish_and_clear();
    give_answer(arguments, &rows, &reports)?;

    let answered = rows
        .iter()
        .filter(|row| row.processing_status == ProcessingStatus::Success)
        .count();
    tell(&format!("{answered} of {} studies answered", rows.len()));
    Ok(if answered == rows.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(EXIT_PARTIAL)
    })
}

fn progress_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} studies, {elapsed} gone, about {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn give_answer(arguments: &Predict, rows: &[MassRunRow], reports: &[Report]) -> anyhow::Result<()> {
    let (name, bytes) = match arguments.format {
        Format::Json => {
            let document = serde_json::json!({ "rows": rows, "reports": reports });
            (
                "norma.json",
                serde_json::to_vec_pretty(&document).context("failed to write the reports")?,
            )
        }
        Format::Csv => (
            "norma.csv",
            rows_to_csv(rows).context("failed to write the table")?,
        ),
        Format::Xlsx => (
            "norma.xlsx",
            rows_to_xlsx(rows).context("failed to write the workbook")?,
        ),
    };
    match &arguments.out {
        Some(out) => {
            let path = out.join(name);
            let mut file =
                fs::File::create(&path).with_context(|| format!("failed to create {}", path.display()))?;
            file.write_all(&bytes)
                .with_context(|| format!("failed to write {}", path.display()))?;
            tell(&format!("wrote {}", path.display()));
        }
        None => answer(String::from_utf8_lossy(&bytes).trim_end()),
    }
    Ok(())
}

/// The maps of the key slices, as `NNNN/<stage>-<slice>.png` in the geometry of the slice.
fn write_maps(out: &Path, index: usize, study: &StudyAnswer) -> anyhow::Result<()> {
    let Some(report) = &study.report else {
        return Ok(());
    };
    let Some(geometry) = report.study.as_ref().map(|study| &study.geometry) else {
        return Ok(());
    };
    let [_, rows, columns] = geometry.shape;
    let folder = out.join(format!("{index:04}"));
    fs::create_dir_all(&folder).with_context(|| format!("failed to make {}", folder.display()))?;
    for (stage, map) in &study.maps {
        for slice in key_slices(report, *stage, map) {
            let Some(values) = map.slice_map(slice, rows, columns) else {
                continue;
            };
            let path = folder.join(format!("{stage}-{slice:04}.png"));
            let picture = heatmap_png(&values.into_raw_vec_and_offset().0, rows as u32, columns as u32)
                .context("failed to draw a map")?;
            fs::write(&path, picture).with_context(|| format!("failed to write {}", path.display()))?;
        }
    }
    Ok(())
}

fn key_slices(report: &Report, stage: Stage, map: &StageMap) -> Vec<usize> {
    let of_stage: Vec<usize> = report
        .key_slices
        .iter()
        .filter(|key| key.stage == stage)
        .map(|key| key.slice)
        .collect();
    if of_stage.is_empty() {
        map.slices.first().copied().into_iter().collect()
    } else {
        of_stage
    }
}
