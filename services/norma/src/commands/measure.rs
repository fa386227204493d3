//! Where the time goes when a study is read: each step by itself, one after the other, in this process.

use std::collections::BTreeMap;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use norma_domain::Stage;
use norma_imaging::{Limits, LoadedSeries, list_studies, load_chest_series};
use norma_inference::{Bundle, StageModels};
use norma_pipeline::{
    check_quality, encode_prepared_slices, read_shared, run_stage, take_measures, write_volume,
};
use norma_volume::{DEFAULT_SLICE_COUNT, PreparedSlices, prepare_slices, segment_lungs};
use serde::Serialize;

use super::processor_time::processor_time;
use super::settings::{settings, start_runtime};
use super::terminal::answer;
use crate::command_line::Measure;

/// The step that reads what several model stages have in common.
const SHARED: &str = "shared";

/// What was measured; milliseconds, an entry per reading.
#[derive(Debug, Serialize)]
struct Measurement {
    path: String,
    slices: usize,
    /// By step.
    step_ms: BTreeMap<String, Vec<f64>>,
    /// What all threads together were busy with, in steps of 10 ms.
    processor_ms: BTreeMap<String, Vec<f64>>,
    /// The part of a step that ONNX Runtime takes, on average of the sessions that run side by side.
    in_onnxruntime_ms: BTreeMap<String, Vec<f64>>,
    score: BTreeMap<String, f64>,
}

impl Measurement {
    fn timed<T>(&mut self, step: &str, work: impl FnOnce() -> T) -> T {
        let (started, busy) = (Instant::now(), processor_time().unwrap_or_default());
        let result = work();
        let (took, busy) = (
            started.elapsed(),
            processor_time().unwrap_or_default().saturating_sub(busy),
        );
        for (of_all, duration) in [(&mut self.step_ms, took), (&mut self.processor_ms, busy)] {
            of_all
                .entry(step.to_owned())
                .or_default()
                .push(milliseconds(duration));
        }
        result
    }

    fn in_runtime(&mut self, step: &str, spent: Duration) {
        let of_step = self.in_onnxruntime_ms.entry(step.to_owned()).or_default();
        of_step.push(milliseconds(spent));
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

pub(crate) fn run(config: Option<&Path>, arguments: &Measure) -> anyhow::Result<ExitCode> {
    let settings = settings(config)?;
    let limits = settings.limits.clone();
    let models = if arguments.decode_only {
        None
    } else {
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        let runtime = start_runtime(&settings)?;
        let models = StageModels::open(&bundle, &runtime, &Stage::MODELS);
        Some(models.context("failed to open the models")?)
    };
    let mut measurements = Vec::new();
    for path in &arguments.paths {
        let mut measurement = Measurement {
            path: path.display().to_string(),
            slices: 0,
            step_ms: BTreeMap::new(),
            processor_ms: BTreeMap::new(),
            in_onnxruntime_ms: BTreeMap::new(),
            score: BTreeMap::new(),
        };
        for _ in 0..arguments.repeat {
            let series = decode(path, &limits, &mut measurement)?;
            if let Some(models) = &models {
                let slices = prepare(&series, &mut measurement)?;
                read(models, &slices, &mut measurement)?;
            }
        }
        measurements.push(measurement);
    }
    answer(&serde_json::to_string_pretty(&measurements).context("failed to write the measurements")?);
    Ok(ExitCode::SUCCESS)
}

fn decode(path: &Path, limits: &Limits, measurement: &mut Measurement) -> anyhow::Result<LoadedSeries> {
    let studies = measurement
        .timed("open", || list_studies(path, limits))
        .context("failed to open the upload")?;
    ensure!(studies.len() == 1, "{} studies in one upload", studies.len());
    let series = measurement
        .timed("decode", || load_chest_series(&studies[0], limits))
        .context("failed to decode the series")?;
    measurement.slices = series.volume.geometry.shape[0];
    Ok(series)
}

fn prepare(series: &LoadedSeries, measurement: &mut Measurement) -> anyhow::Result<PreparedSlices> {
    let lungs = measurement.timed("lungs", || segment_lungs(&series.volume));
    measurement.timed("quality", || check_quality(series, &lungs));
    let prepared = measurement
        .timed("prepare", || {
            prepare_slices(&series.volume, &lungs, DEFAULT_SLICE_COUNT)
        })
        .context("no lungs were found")?;
    measurement.timed("measures", || take_measures(series, &lungs));
    measurement.timed("store", || -> anyhow::Result<()> {
        let mut file = BufWriter::new(tempfile::tempfile().context("failed to make a scratch file")?);
        write_volume(&series.volume, &mut file).context("failed to write the volume")?;
        file.flush().context("failed to write the volume")?;
        encode_prepared_slices(&prepared).context("failed to encode the prepared slices")?;
        Ok(())
    })?;
    Ok(prepared)
}

fn read(models: &StageModels, slices: &PreparedSlices, measurement: &mut Measurement) -> anyhow::Result<()> {
    let before = models.shared().time_in_runtime();
    let shared = measurement
        .timed(SHARED, || read_shared(models.shared(), slices))
        .map_err(|error| anyhow::anyhow!("{}", error.reason))?;
    measurement.in_runtime(SHARED, models.shared().time_in_runtime().saturating_sub(before));
    for stage in Stage::MODELS {
        let before = models.time_in_runtime(stage);
        let (result, map) = measurement
            .timed(stage.as_str(), || {
                run_stage(models, stage, slices, shared.of(stage))
            })
            .map_err(|error| anyhow::anyhow!("{}", error.reason))?;
        measurement.in_runtime(
            stage.as_str(),
            models.time_in_runtime(stage).saturating_sub(before),
        );
        if let Some(score) = result.score {
            measurement.score.insert(stage.to_string(), score.value());
        }
        if let Some(map) = map {
            measurement
                .timed(&format!("{stage} map"), || map.encode())
                .context("failed to encode a map")?;
        }
    }
    Ok(())
}
