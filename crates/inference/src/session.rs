//! Sessions on one graph: opened, checked against the manifest, lent to one caller at a time.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use ndarray::{Array4, ArrayD, Axis, concatenate};
use ort::ep::ExecutionProvider as _;
use ort::session::Session;
use ort::session::builder::SessionBuilder;
use ort::value::{TensorElementType, TensorRef, ValueType};
use rayon::ThreadPool;
use rayon::prelude::*;

use crate::bundle::InstalledModel;
use crate::error::ModelError;
use crate::manifest::{Dimension, Manifest};
use crate::runtime::{Cuda, ExecutionProvider, Runtime, cuda_is_expected};

/// Slices given to a graph at once. On a CPU a second slice only drives the first one's layers out of the caches.
const CPU_BATCH: usize = 1;
const CUDA_BATCH: usize = 32;

/// A model's graph, ready to run.
pub(crate) struct Graph {
    model: String,
    input: String,
    outputs: Vec<String>,
    provider: ExecutionProvider,
    pool: SessionPool,
    sessions: u64,
    threads: Arc<ThreadPool>,
    /// Spent in ONNX Runtime since the graph was opened, by all sessions together.
    run_micros: AtomicU64,
}

impl std::fmt::Debug for Graph {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Graph")
            .field("model", &self.model)
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl Graph {
    /// Opens the model's sessions and checks the graph's tensors against the manifest.
    pub(crate) fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        let manifest = &model.manifest;
        let (first, provider) = open_session(model, runtime)?;
        check_tensors(manifest, &first)?;
        let mut sessions = vec![first];
        // A GPU is kept busy by one; on a CPU each thread has its own.
        let count = if provider == ExecutionProvider::Cuda {
            1
        } else {
            runtime.threads()
        };
        while sessions.len() < count {
            sessions.push(open_session(model, runtime)?.0);
        }
        tracing::info!(model = manifest.name, version = manifest.version, %provider, "model opened");
        Ok(Self {
            model: manifest.name.clone(),
            input: manifest.input.name.clone(),
            outputs: manifest
                .outputs_read()?
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            provider,
            sessions: sessions.len() as u64,
            pool: SessionPool::new(sessions),
            threads: Arc::clone(&runtime.threads),
            run_micros: AtomicU64::new(0),
        })
    }

    pub(crate) fn provider(&self) -> &ExecutionProvider {
        &self.provider
    }

    /// What each session, on average, has spent in ONNX Runtime: they run side by side.
    pub(crate) fn time_in_runtime(&self) -> Duration {
        Duration::from_micros(self.run_micros.load(Ordering::Relaxed) / self.sessions)
    }

    pub(crate) fn batch_size(&self) -> usize {
        if self.provider == ExecutionProvider::Cuda {
            CUDA_BATCH
        } else {
            CPU_BATCH
        }
    }

    /// Runs `(n, channels, size, size)` through the graph in batches, side by side on the process's threads for models.
    /// Returns the outputs that the task reads, in its order, each with n as its first axis. n is at least 1.
    pub(crate) fn run(
        &self,
        count: usize,
        batch: impl Fn(Range<usize>) -> Array4<f32> + Sync,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let size = self.batch_size();
        let batches: Vec<Vec<ArrayD<f32>>> = self.threads.install(|| {
            (0..count.div_ceil(size))
                .into_par_iter()
                .map(|number| self.run_slices(number * size..((number + 1) * size).min(count), &batch))
                .collect::<Result<_, _>>()
        })?;
        (0..self.outputs.len())
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
        slices: Range<usize>,
        batch: impl Fn(Range<usize>) -> Array4<f32>,
    ) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let outputs = self.run_batch(&batch(slices.clone()))?;
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

    fn run_batch(&self, input: &Array4<f32>) -> Result<Vec<ArrayD<f32>>, ModelError> {
        let failed = |source: ort::Error| ModelError::RunFailed {
            model: self.model.clone(),
            source: Box::new(source),
        };
        let tensor = TensorRef::from_array_view(input).map_err(failed)?;
        self.pool.lend(|session| {
            let started = Instant::now();
            let outputs = session
                .run(ort::inputs![self.input.as_str() => tensor])
                .map_err(failed)?;
            let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.run_micros.fetch_add(micros, Ordering::Relaxed);
            self.outputs
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

/// Sessions that wait to be lent; `Session::run` wants each for itself.
struct SessionPool {
    idle: Mutex<Vec<Session>>,
    returned: Condvar,
}

impl SessionPool {
    fn new(sessions: Vec<Session>) -> Self {
        Self {
            idle: Mutex::new(sessions),
            returned: Condvar::new(),
        }
    }

    fn lend<T>(&self, work: impl FnOnce(&mut Session) -> T) -> T {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let session = loop {
            match idle.pop() {
                Some(session) => break session,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        };
        drop(idle);
        let mut loan = Loan {
            pool: self,
            session: Some(session),
        };
        work(
            loan.session
                .as_mut()
                .expect("a loan holds its session until it is dropped"),
        )
    }
}

/// Gives the session back, also when the work panics.
struct Loan<'a> {
    pool: &'a SessionPool,
    session: Option<Session>,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut idle = self.pool.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.session.take());
        self.pool.returned.notify_one();
    }
}

/// Opens one session: on CUDA where registration and commit succeed, else on the CPU.
fn open_session(
    model: &InstalledModel,
    runtime: &Runtime,
) -> Result<(Session, ExecutionProvider), ModelError> {
    if runtime.cuda == Cuda::Off || !cuda_is_expected() {
        return Ok((cpu_session(model, runtime)?, ExecutionProvider::Cpu));
    }
    match cuda_session(model, runtime) {
        Ok(session) => Ok((session, ExecutionProvider::Cuda)),
        Err(error) => {
            let reason = first_line(error.message());
            tracing::warn!(
                model = model.manifest.name,
                reason,
                "cuda is unavailable, the cpu computes"
            );
            let session = cpu_session(model, runtime)?;
            Ok((session, ExecutionProvider::CpuWithoutCuda(reason.to_owned())))
        }
    }
}

/// `is_available` says only that CUDA was compiled in; registering and committing tell the truth.
fn cuda_session(model: &InstalledModel, runtime: &Runtime) -> ort::Result<Session> {
    let mut builder = builder(runtime)?;
    ort::ep::CUDA::default().register(&mut builder)?;
    builder.commit_from_file(model.onnx_path())
}

fn cpu_session(model: &InstalledModel, runtime: &Runtime) -> Result<Session, ModelError> {
    let open = || {
        let mut builder = builder(runtime)?;
        // Named, so that no automatic choice of a device sets in.
        ort::ep::CPU::default().register(&mut builder)?;
        builder.commit_from_file(model.onnx_path())
    };
    open().map_err(|source: ort::Error| ModelError::GraphRefused {
        model: model.manifest.name.clone(),
        source: Box::new(source),
    })
}

fn builder(runtime: &Runtime) -> ort::Result<SessionBuilder> {
    let builder = Session::builder(&runtime.environment)?;
    Ok(builder.with_log_level(ort::logging::LogLevel::Warning)?)
}

fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim()
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
