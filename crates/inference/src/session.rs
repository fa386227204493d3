//! A model's view of its graph: checked against the manifest, run on slices side by side.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ndarray::{Array4, ArrayD, Axis, concatenate};
use ort::session::{RunOptions, Session};
use ort::value::{TensorElementType, TensorRef, ValueType};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bundle::InstalledModel;
use crate::error::ModelError;
use crate::manifest::{Dimension, Manifest};
use crate::open_sessions::OpenSessions;
use crate::runtime::{ExecutionProvider, Runtime};

/// Slices given to a graph at once. On a CPU a second slice only drives the first one's layers out of the caches.
const CPU_BATCH: usize = 1;
const CUDA_BATCH: usize = 32;

/// Which arenas to shrink after a run: a key and a value of ONNX Runtime's run options (onnxruntime_run_options_config_keys.h).
const SHRINK_ARENAS: &str = "memory.enable_memory_arena_shrinkage";
const CPU_ARENA: &str = "cpu:0";

/// What becomes of the memory of a run's activations: a study's next slice takes it again, the next study may be long in coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Memory {
    Kept,
    GivenBack,
}

/// A model's graph, ready to run.
pub(crate) struct Graph {
    model: String,
    input: String,
    outputs: Vec<String>,
    sessions: Arc<OpenSessions>,
    threads: Arc<ThreadPool>,
    /// Spent in ONNX Runtime for this model since it was opened, by all sessions together.
    run_micros: AtomicU64,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Graph")
            .field("model", &self.model)
            .field("provider", self.provider())
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// Opens the graph's sessions, or joins those that are open, and checks the graph's tensors against the manifest.
    pub(crate) fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let sessions = OpenSessions::of(model, runtime)?;
        sessions.lend(|session| check_tensors(manifest, session))?;
        tracing::info!(model = manifest.name, version = manifest.version, provider = %sessions.provider(), "model opened");
        Ok(Self {
            model: manifest.name.clone(),
            input: manifest.input.name.clone(),
            outputs: manifest
                .outputs_read()?
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            sessions,
            threads: Arc::clone(&runtime.threads),
            run_micros: AtomicU64::new(0),
        })
    }

    pub(crate) fn provider(&self) -> &ExecutionProvider {
        self.sessions.provider()
    }

    /// The outputs that the model's task reads, in its order.
    pub(crate) fn outputs(&self) -> &[String] {
        &self.outputs
    }

    /// What each session, on average, has spent in ONNX Runtime: they run side by side.
    pub(crate) fn time_in_runtime(&self) -> Duration {
        Duration::from_micros(self.run_micros.load(Ordering::Relaxed) / self.sessions.count())
    }

    pub(crate) fn batch_size(&self) -> usize {
        if *self.provider() == ExecutionProvider::Cuda {
            CUDA_BATCH
        } else {
            CPU_BATCH
        }
    }

    /// Runs `(n, channels, size, size)` through the graph in batches, side by side on the process's threads for models.
    /// Returns the named outputs, each with n as its first axis. n is at least 1.
    pub(crate) fn run(
        &self,
        outputs: &[String],
        count: usize,
        batch: impl Fn(Range<usize>) -> Array4<f32> + Sync,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let size = self.batch_size();
        let batches = count.div_ceil(size);
        let left = AtomicUsize::new(batches);
        let batches: Vec<Vec<ArrayD<f32>>> = self.threads.install(|| {
            (0..batches)
                .into_par_iter()
                .map(|number| {
                    let slices = number * size..((number + 1) * size).min(count);
                    let left = left.fetch_sub(1, Ordering::Relaxed);
                    self.run_slices(outputs, slices, &batch, self.memory_after(left))
                })
                .collect::<Result<_, _>>()
        })?;
        (0..outputs.len())
            .map(|output| {
                let views: Vec<_> = batches.iter().map(|parts| parts[output].view()).collect();
                concatenate(Axis(0), &views).map_err(|error| {
                    self.mismatch(format!("outputs of two batches differ in shape: {error}"))
                })
            })
            .collect()
    }

    fn run_slices(
        &self,
        outputs: &[String],
        slices: Range<usize>,
        batch: impl Fn(Range<usize>) -> Array4<f32>,
        memory: Memory,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let outputs = self.run_batch(outputs, &batch(slices.clone()), memory)?;
        match outputs
            .iter()
            .find(|output| output.shape().first() != Some(&slices.len()))
        {
            Some(output) => Err(self.mismatch(format!(
                "{} slices gave an output of shape {:?}",
                slices.len(),
                output.shape()
            ))),
            None => Ok(outputs),
        }
    }

    /// What a session does with its memory where so many batches, with its own, had not begun.
    fn memory_after(&self, left: usize) -> Memory {
        // Which session takes which batch is left to chance: of twice as many, each has one.
        let last = 2 * usize::try_from(self.sessions.count()).unwrap_or(usize::MAX);
        if *self.provider() == ExecutionProvider::Cuda || left > last {
            Memory::Kept
        } else {
            Memory::GivenBack
        }
    }

    fn run_batch(
        &self,
        names: &[String],
        input: &Array4<f32>,
        memory: Memory,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let failed = |source: ort::Error| ModelError::RunFailed {
            model: self.model.clone(),
            source: Box::new(source),
        };
        let tensor = TensorRef::from_array_view(input).map_err(failed)?;
        let mut options = RunOptions::new().map_err(failed)?;
        if memory == Memory::GivenBack {
            options.set(SHRINK_ARENAS, CPU_ARENA).map_err(failed)?;
        }
        self.sessions.lend(|session| {
            let started = Instant::now();
            let outputs = session
                .run_with_options(ort::inputs![self.input.as_str() => tensor], &options)
                .map_err(failed)?;
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.run_micros.fetch_add(micros, Ordering::Relaxed);
            names
                .iter()
                .map(|name| {
                    let value = outputs
                        .get(name)
                        .ok_or_else(|| self.mismatch(format!("the graph gave no output {name:?}")))?;
                    let array = value.try_extract_array::<f32>().map_err(failed)?;
                    Ok(array.to_owned())
                })
                .collect()
        })
    }

    pub(crate) fn mismatch(&self, message: String) -> ModelError {
        ModelError::TensorMismatch {
            model: self.model.clone(),
            message,
        }
    }
}

/// Compares names, element types, ranks and fixed dimensions of the graph with the manifest.
fn check_tensors(manifest: &Manifest, session: &Session) -> Result<(), ModelError> {
    let refuse = |message: String| ModelError::TensorMismatch {
        model: manifest.name.clone(),
        message,
    };
    let [input] = session.inputs() else {
        return Err(refuse(format!(
            "the graph has {} inputs, not one",
            session.inputs().len()
        )));
    };
    if input.name() != manifest.input.name {
        return Err(refuse(format!(
            "the graph's input is {:?}, the manifest says {:?}",
            input.name(),
            manifest.input.name
        )));
    }
    let size = Dimension::Fixed(manifest.input.size);
    let expected = [
        Dimension::Named("batch".to_owned()),
        Dimension::Fixed(manifest.input.channels),
        size.clone(),
        size,
    ];
    check_shape("input", input.name(), input.dtype(), &expected).map_err(refuse)?;

    for output in &manifest.outputs {
        let Some(outlet) = session
            .outputs()
            .iter()
            .find(|outlet| outlet.name() == output.name)
        else {
            let names: Vec<&str> = session.outputs().iter().map(ort::value::Outlet::name).collect();
            return Err(refuse(format!(
                "the graph has no output {:?}; it has {names:?}",
                output.name
            )));
        };
        let shape: Vec<Dimension> = output
            .shape
            .iter()
            .map(|dimension| match dimension {
                Dimension::Named(name) if name == "labels" => Dimension::Fixed(manifest.labels.len()),
                other => other.clone(),
            })
            .collect();
        check_shape("output", &output.name, outlet.dtype(), &shape).map_err(refuse)?;
    }
    Ok(())
}

/// A named dimension fits anything, except `batch`, which the graph must leave open; a fixed one fits
/// itself and an open one.
fn check_shape(kind: &str, name: &str, found: &ValueType, expected: &[Dimension]) -> Result<(), String> {
    let ValueType::Tensor { ty, shape, .. } = found else {
        return Err(format!("{kind} {name:?} is no tensor"));
    };
    if *ty != TensorElementType::Float32 {
        return Err(format!("{kind} {name:?} holds {ty}, not float32"));
    }
    let fits = shape.len() == expected.len()
        && shape
            .iter()
            .zip(expected)
            .all(|(found, expected)| match expected {
                Dimension::Named(name) if name == "batch" => *found < 0,
                Dimension::Named(_) => true,
                Dimension::Fixed(size) => *found < 0 || usize::try_from(*found) == Ok(*size),
            });
    if fits {
        return Ok(());
    }
    let words: Vec<String> = expected
        .iter()
        .map(|dimension| match dimension {
            Dimension::Fixed(size) => size.to_string(),
            Dimension::Named(name) => name.clone(),
        })
        .collect();
    Err(format!(
        "{kind} {name:?} has shape {:?} (-1: open), the manifest says [{}]",
        &shape[..],
        words.join(", ")
    ))
}
