//! Whether CUDA gives the answers of the CPU: both read the same phantom.

use anyhow::{Context, ensure};
use norma_domain::{Stage, StageResult};
use norma_inference::{Bundle, Cuda, Runtime, RuntimeOptions, StageModels};
use norma_phantom::{Nodule, PhantomOptions, phantom_volume};
use norma_pipeline::run_stage;
use norma_service::{Settings, runtime_options};
use norma_volume::{DEFAULT_SLICE_COUNT, PreparedSlices, prepare_slices, segment_lungs};
use serde::Serialize;

/// How far a score or a probability of CUDA may be from the CPU's. Without TF32 they differ by 1e-6, as CUDA adds in another
/// order; with it, by 1e-3.
const TOLERANCE: f64 = 1e-4;

#[derive(Debug, Serialize)]
pub(super) struct Agreement {
    tolerance: f64,
    /// Whether every stage ran on CUDA and no number differs by more than the tolerance.
    agrees: bool,
    stages: Vec<StageAgreement>,
}

/// The largest differences of a stage's numbers, each of 0..=1.
#[derive(Debug, Serialize)]
struct StageAgreement {
    stage: Stage,
    execution_provider: String,
    score: f64,
    slice_scores: f64,
    findings: f64,
    cpu_ms: u64,
    /// The second reading: the first one opens what CUDA needs.
    cuda_ms: u64,
}

impl Agreement {
    pub(super) fn line(&self) -> String {
        let largest = self
            .stages
            .iter()
            .map(StageAgreement::largest)
            .fold(0.0, f64::max);
        let providers: Vec<&str> = self
            .stages
            .iter()
            .map(|stage| stage.execution_provider.as_str())
            .collect();
        format!(
            "CUDA {} the CPU: largest difference {largest:.1e}, tolerance {:.0e}; ran on {}",
            if self.agrees {
                "agrees with"
            } else {
                "DOES NOT AGREE with"
            },
            self.tolerance,
            providers.join(", ")
        )
    }
}

impl StageAgreement {
    fn largest(&self) -> f64 {
        self.score.max(self.slice_scores).max(self.findings)
    }
}

/// Reads a phantom with a nodule on the CPU and on CUDA.
pub(super) fn of_cuda_and_cpu(settings: &Settings) -> anyhow::Result<Agreement> {
    let slices = prepared()?;
    let cpu = open(settings, Cuda::Off)?;
    let cuda = open(settings, Cuda::Auto)?;
    let mut stages = Vec::new();
    for stage in Stage::MODELS {
        let expected = read(&cpu, stage, &slices)?;
        read(&cuda, stage, &slices)?;
        stages.push(compare(stage, &expected, &read(&cuda, stage, &slices)?)?);
    }
    Ok(Agreement {
        tolerance: TOLERANCE,
        agrees: stages
            .iter()
            .all(|stage| stage.execution_provider == "cuda" && stage.largest() <= TOLERANCE),
        stages,
    })
}

fn open(settings: &Settings, cuda: Cuda) -> anyhow::Result<StageModels> {
    let bundle = Bundle::load(&settings.models.bundle).context("failed to load the model bundle")?;
    let options = RuntimeOptions {
        cuda,
        ..runtime_options(&settings.models)
    };
    let runtime = Runtime::start(&options).context("failed to start ONNX Runtime")?;
    StageModels::open(&bundle, &runtime, &Stage::MODELS).context("failed to open the models")
}

/// Each stage runs its graph itself, so that its time is its own.
fn read(models: &StageModels, stage: Stage, slices: &PreparedSlices) -> anyhow::Result<StageResult> {
    let read = run_stage(models, stage, slices, None);
    Ok(read.map_err(|error| anyhow::anyhow!("{}", error.reason))?.0)
}

fn prepared() -> anyhow::Result<PreparedSlices> {
    let volume = phantom_volume(&PhantomOptions {
        nodule: Some(Nodule::default()),
        ..PhantomOptions::default()
    });
    let lungs = segment_lungs(&volume);
    prepare_slices(&volume, &lungs, DEFAULT_SLICE_COUNT).context("no lungs were found in the phantom")
}

fn compare(stage: Stage, cpu: &StageResult, cuda: &StageResult) -> anyhow::Result<StageAgreement> {
    let score_of = |result: &StageResult| result.score.map_or(0.0, norma_domain::Probability::value);
    let slices_of =
        |result: &StageResult| -> Vec<f64> { result.slice_scores.iter().map(|slice| slice.score).collect() };
    // Descending by probability, so that two that are close may change places.
    let findings_of = |result: &StageResult| -> Vec<f64> {
        let mut findings: Vec<_> = result.findings.iter().collect();
        findings.sort_by(|one, other| one.label.cmp(&other.label));
        findings
            .iter()
            .map(|finding| finding.probability.value())
            .collect()
    };
    Ok(StageAgreement {
        stage,
        execution_provider: cuda.execution_provider.clone(),
        score: (score_of(cpu) - score_of(cuda)).abs(),
        slice_scores: largest_difference(&slices_of(cpu), &slices_of(cuda))?,
        findings: largest_difference(&findings_of(cpu), &findings_of(cuda))?,
        cpu_ms: cpu.duration_ms,
        cuda_ms: cuda.duration_ms,
    })
}

fn largest_difference(one: &[f64], other: &[f64]) -> anyhow::Result<f64> {
    ensure!(
        one.len() == other.len(),
        "{} numbers on the CPU, {} on CUDA",
        one.len(),
        other.len()
    );
    let differences = one.iter().zip(other).map(|(one, other)| (one - other).abs());
    Ok(differences.fold(0.0, f64::max))
}
