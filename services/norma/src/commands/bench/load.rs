//! Studies go in, so many at once; what a client sees is timed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clap::ValueEnum as _;
use futures::StreamExt as _;
use norma_domain::StageOutcome;
use norma_phantom::TransferSyntax;
use serde::Serialize;

use super::machine::GpuWatch;
use super::memory::MemoryWatch;
use crate::command_line::{Bench, Encoding};
use crate::commands::phantom::syntax;
use crate::commands::prediction::predict;
use crate::commands::processor_time::processor_time;
use crate::commands::terminal::tell;

/// What was measured with a number of studies in flight.
#[derive(Debug, Serialize)]
pub(super) struct Point {
    /// Of 512 × 512 in the study.
    slices: usize,
    /// Transfer Syntax UID (0002,0010) of the files.
    transfer_syntax: &'static str,
    in_flight: usize,
    studies: usize,
    studies_per_hour: f64,
    /// From the first byte of the upload to the report, seconds.
    p50_s: f64,
    p95_s: f64,
    /// Of the service, its children and the client, seconds for each study.
    processor_s_per_study: f64,
    /// 1.0 is every core all the time.
    cores_busy: f64,
    /// Of the service, its children and the client, MiB (proportional set sizes).
    most_memory_mib: u64,
    /// Mean over the point, 0..=1; None where no NVIDIA GPU is looked at.
    gpu_busy: Option<f64>,
    /// Where the models computed, as the reports have it.
    execution_providers: Vec<String>,
}

/// Measures each number of slices in each transfer syntax with each number in flight, one point after the other. A first study
/// of each kind, which opens the models and fills caches, is not counted.
pub(super) async fn measure(
    client: &reqwest::Client,
    url: &str,
    arguments: &Bench,
) -> anyhow::Result<Vec<Point>> {
    let folder = tempfile::tempdir().context("failed to make a scratch folder")?;
    let mut points = Vec::new();
    for slices in &arguments.slices {
        for encoding in &arguments.transfer_syntax {
            let study = tokio::task::block_in_place(|| Study::write(folder.path(), *slices, *encoding))?;
            read(client, url, &study).await?;
            for in_flight in &arguments.in_flight {
                let point = measure_point(client, url, &study, *in_flight, arguments.studies).await?;
                tell(&point.line());
                points.push(point);
            }
        }
    }
    Ok(points)
}

impl Point {
    fn line(&self) -> String {
        format!(
            "{} in flight, {} slices, {}: {:.0} studies/h, p50 {:.1} s, p95 {:.1} s, {:.2} processor s a study, at most {} MiB{}",
            self.in_flight,
            self.slices,
            self.transfer_syntax,
            self.studies_per_hour,
            self.p50_s,
            self.p95_s,
            self.processor_s_per_study,
            self.most_memory_mib,
            self.gpu_busy
                .map_or(String::new(), |busy| format!(", GPU {:.0} % busy", 100.0 * busy)),
        )
    }
}

async fn measure_point(
    client: &reqwest::Client,
    url: &str,
    study: &Study,
    in_flight: usize,
    studies: usize,
) -> anyhow::Result<Point> {
    let watch = GpuWatch::start();
    let memory = MemoryWatch::start();
    let (started, processor) = (Instant::now(), processor_time()?);
    let readings: Vec<anyhow::Result<Reading>> = futures::stream::iter(0..studies)
        .map(|_| read(client, url, study))
        .buffer_unordered(in_flight)
        .collect()
        .await;
    let elapsed = started.elapsed();
    let processor = processor_time()?.saturating_sub(processor);
    let gpu_busy = watch.and_then(GpuWatch::mean);
    let most_memory_mib = memory.most_mib();
    let readings = readings.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let mut seconds: Vec<f64> = readings
        .iter()
        .map(|reading| reading.took.as_secs_f64())
        .collect();
    seconds.sort_by(f64::total_cmp);
    let mut execution_providers: Vec<String> = readings
        .into_iter()
        .flat_map(|reading| reading.execution_providers)
        .collect();
    execution_providers.sort();
    execution_providers.dedup();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Point {
        slices: study.slices,
        transfer_syntax: study.transfer_syntax.uid(),
        in_flight,
        studies,
        studies_per_hour: studies as f64 * 3600.0 / elapsed.as_secs_f64(),
        p50_s: quantile(&seconds, 0.5),
        p95_s: quantile(&seconds, 0.95),
        processor_s_per_study: processor.as_secs_f64() / studies as f64,
        cores_busy: processor.as_secs_f64() / elapsed.as_secs_f64() / cores as f64,
        most_memory_mib,
        gpu_busy,
        execution_providers,
    })
}

/// The least of the ascending values that a share of them does not exceed (nearest rank). There is at least one.
fn quantile(ascending: &[f64], share: f64) -> f64 {
    let rank = (share * ascending.len() as f64).ceil() as usize;
    ascending[rank.clamp(1, ascending.len()) - 1]
}

/// How a study was answered.
struct Reading {
    took: Duration,
    execution_providers: Vec<String>,
}

/// Sends a study and waits for its report. An answer without a result of every stage is no measurement.
async fn read(client: &reqwest::Client, url: &str, study: &Study) -> anyhow::Result<Reading> {
    let started = Instant::now();
    let report = predict(client, url, &study.archive).await?;
    let took = started.elapsed();
    let execution_providers = report
        .stages
        .into_iter()
        .map(|stage| match stage.outcome {
            StageOutcome::Completed(result) => Ok(result.execution_provider),
            StageOutcome::Failed(failure) => bail!("stage {} failed: {}", failure.stage, failure.reason),
        })
        .collect::<anyhow::Result<_>>()?;
    Ok(Reading {
        took,
        execution_providers,
    })
}

/// A whole chest, 300 mm high, as a zip in a file: a client that held it in memory would be measured with the service.
struct Study {
    slices: usize,
    transfer_syntax: TransferSyntax,
    archive: PathBuf,
}

impl Study {
    /// Drawn by a process of its own: what it took to draw would stay in the service's heap, and be measured with it.
    fn write(folder: &Path, slices: usize, encoding: Encoding) -> anyhow::Result<Self> {
        let archive = folder.join("phantom.zip");
        let encoding_name = encoding.to_possible_value().context("an encoding has no name")?;
        let own = std::env::current_exe().context("failed to find this program")?;
        let drawn = Command::new(own)
            .args(["phantom", "norm", "--slices", &slices.to_string()])
            .args(["--transfer-syntax", encoding_name.get_name()])
            .arg("--out")
            .arg(&archive)
            .status()
            .context("failed to draw the phantom")?;
        ensure!(drawn.success(), "the phantom was not drawn: {drawn}");
        Ok(Self {
            slices,
            transfer_syntax: syntax(encoding),
            archive,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::quantile;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let ascending = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&ascending, 0.5), 2.0);
        assert_eq!(quantile(&ascending, 0.95), 4.0);
        assert_eq!(quantile(&[7.0], 0.5), 7.0);
    }
}
