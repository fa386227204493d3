//! What computes: processor, memory, GPU, versions; and how busy it is.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use anyhow::Context;
use norma_inference::Bundle;
use norma_service::Settings;
use serde::Serialize;

use crate::commands::settings::start_runtime;

#[derive(Debug, Serialize)]
pub(super) struct Machine {
    processor: String,
    cores: usize,
    memory_mib: Option<u64>,
    /// Name, memory and driver, as nvidia-smi tells.
    gpus: Vec<String>,
}

impl Machine {
    pub(super) fn read() -> Self {
        let value = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key));
            line.and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
        };
        let memory = value("/proc/meminfo", "MemTotal");
        Self {
            processor: value("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_mib: memory
                .and_then(|memory| memory.split(' ').next().and_then(|kib| kib.parse::<u64>().ok()))
                .map(|kib| kib / 1024),
            gpus: gpus(),
        }
    }
}

fn gpus() -> Vec<String> {
    let asked = Command::new("nvidia-smi")
        .args([
            "--query-gpu=name,memory.total,driver_version",
            "--format=csv,noheader",
        ])
        .output();
    match asked {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

#[derive(Debug, Serialize)]
pub(super) struct Versions {
    norma: &'static str,
    bundle: String,
    onnxruntime: String,
}

impl Versions {
    pub(super) fn read(settings: &Settings) -> anyhow::Result<Self> {
        let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
        Ok(Self {
            norma: env!("CARGO_PKG_VERSION"),
            bundle: format!("{} {}", bundle.reference().name, bundle.reference().version),
            onnxruntime: start_runtime(settings)?.version(),
        })
    }
}

/// Looks five times a second at how busy the first GPU is.
pub(super) struct GpuWatch {
    nvidia_smi: Child,
    reading: JoinHandle<Vec<f64>>,
}

impl GpuWatch {
    /// None where there is no nvidia-smi.
    pub(super) fn start() -> Option<Self> {
        let mut nvidia_smi = Command::new("nvidia-smi")
            .args([
                "--id=0",
                "--query-gpu=utilization.gpu",
                "--format=csv,noheader,nounits",
                "--loop-ms=200",
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let lines = BufReader::new(nvidia_smi.stdout.take()?);
        let reading = std::thread::spawn(move || {
            let values = lines.lines().map_while(Result::ok);
            values.filter_map(|line| line.trim().parse().ok()).collect()
        });
        Some(Self { nvidia_smi, reading })
    }

    /// The mean of what was seen, 0..=1. None where nothing was.
    pub(super) fn mean(mut self) -> Option<f64> {
        // It ends with the pipe's other side anyway; the values that came are all that counts.
        let _ = self.nvidia_smi.kill();
        let _ = self.nvidia_smi.wait();
        let percent = self.reading.join().ok().filter(|values| !values.is_empty())?;
        Some(percent.iter().sum::<f64>() / percent.len() as f64 / 100.0)
    }
}
