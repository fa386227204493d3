//! ONNX Runtime: found, loaded once per process, and honest about where it computes.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::{Environment, GlobalThreadPoolOptions};
use ort::ep::ExecutionProvider as _;

use crate::error::RuntimeError;

/// Environment variable that names the ONNX Runtime library.
pub const LIBRARY_VARIABLE: &str = "NORMA_ONNXRUNTIME";
/// Where `scripts/setup` puts the library, in the working directory or a folder above it.
pub const INSTALLED_LIBRARY: &str = ".norma/onnxruntime/libonnxruntime.so";

/// Settings of the runtime.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions {
    /// The library; None looks at [`LIBRARY_VARIABLE`], then for [`INSTALLED_LIBRARY`].
    pub library: Option<PathBuf>,
    /// Threads that all sessions of the process share; 0 takes one per core. The first start decides.
    pub threads: usize,
    pub cuda: Cuda,
    /// Sessions opened per model, so that as many studies are read at once; 0 means 1.
    pub sessions: usize,
}

/// Whether to try the GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cuda {
    /// CUDA where it works, the CPU otherwise, and the report says which and why.
    #[default]
    Auto,
    Off,
}

/// Where a model's sessions compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExecutionProvider {
    Cpu,
    Cuda,
    /// The CPU, though a GPU was hoped for; why.
    CpuWithoutCuda(String),
}

impl fmt::Display for ExecutionProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => formatter.write_str("cpu"),
            Self::Cuda => formatter.write_str("cuda"),
            Self::CpuWithoutCuda(reason) => write!(formatter, "cpu (cuda unavailable: {reason})"),
        }
    }
}

/// ONNX Runtime, started. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub(crate) environment: Environment,
    pub(crate) sessions: usize,
    pub(crate) cuda: Cuda,
    library: PathBuf,
}

/// ONNX Runtime allows one environment per process; it is never dropped.
static STARTED: OnceLock<(PathBuf, Environment)> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// Loads the library and starts the environment, or joins the one that this process already started.
    pub fn start(options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let library = find_library(options.library.as_deref())?;
        let environment = environment(&library, options.threads)?;
        Ok(Self {
            environment,
            sessions: options.sessions.max(1),
            cuda: options.cuda,
            library,
        })
    }

    /// The library in use.
    pub fn library(&self) -> &Path {
        &self.library
    }
}

fn environment(library: &Path, threads: usize) -> Result<Environment, RuntimeError> {
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((running, environment)) = STARTED.get() {
        return if running == library {
            Ok(environment.clone())
        } else {
            Err(RuntimeError::AlreadyStarted {
                running: running.clone(),
                asked: library.to_owned(),
            })
        };
    }
    // `init_from` gives an error for a missing or too old library; the route through ORT_DYLIB_PATH panics.
    let builder = ort::init_from(library).map_err(|source| RuntimeError::LibraryUnusable {
        path: library.to_owned(),
        source: Box::new(source),
    })?;
    let not_started = |source: ort::Error| RuntimeError::NotStarted {
        source: Box::new(source),
    };
    // One pool for all sessions: three model stages in one process do not fight over the cores. Spinning
    // threads would take the cores from decoding and preparation.
    let threads = GlobalThreadPoolOptions::default()
        .with_intra_threads(threads)
        .and_then(|options| options.with_inter_threads(1))
        .and_then(|options| options.with_spin_control(false))
        .map_err(not_started)?;
    let environment = builder
        .with_name("norma")
        .with_telemetry(false)
        .with_global_thread_pool(threads)
        .build()
        .map_err(not_started)?;
    Ok(STARTED
        .get_or_init(|| (library.to_owned(), environment))
        .1
        .clone())
}

fn find_library(setting: Option<&Path>) -> Result<PathBuf, RuntimeError> {
    if let Some(path) = setting {
        return existing(path, "the setting");
    }
    if let Some(path) = env::var_os(LIBRARY_VARIABLE).filter(|value| !value.is_empty()) {
        return existing(Path::new(&path), LIBRARY_VARIABLE);
    }
    let working_directory = env::current_dir().unwrap_or_default();
    working_directory
        .ancestors()
        .map(|folder| folder.join(INSTALLED_LIBRARY))
        .find(|path| path.is_file())
        .map(|path| path.canonicalize().unwrap_or(path))
        .ok_or_else(|| RuntimeError::LibraryNotFound {
            looked: format!(
                "{LIBRARY_VARIABLE} (not set) and {INSTALLED_LIBRARY} in {} and above",
                working_directory.display()
            ),
        })
}

fn existing(path: &Path, named_by: &str) -> Result<PathBuf, RuntimeError> {
    if path.is_file() {
        Ok(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    } else {
        Err(RuntimeError::LibraryNotFound {
            looked: format!("{} (named by {named_by})", path.display()),
        })
    }
}

/// Whether asking for CUDA is worth a word in the report: the library was built with it, or the machine has
/// an NVIDIA driver.
pub(crate) fn cuda_is_expected() -> bool {
    ort::ep::CUDA::is_available().unwrap_or(false) || Path::new("/proc/driver/nvidia/version").exists()
}
