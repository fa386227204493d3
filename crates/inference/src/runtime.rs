//! ONNX Runtime: found, loaded once per process, and honest about where it computes.

use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ort::environment::{Environment, GlobalThreadPoolOptions};
use ort::ep::ExecutionProvider as _;
use ort::logging::LogLevel;
use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::RuntimeError;

/// Environment variable that names the ONNX Runtime library.
pub const LIBRARY_VARIABLE: &str = "NORMA_ONNXRUNTIME";
/// Where `scripts/setup` puts the library, in the working directory or a folder above it.
pub const INSTALLED_LIBRARY: &str = ".norma/onnxruntime/libonnxruntime.so";
/// Folder beside the library where `scripts/setup` puts CUDA's and cuDNN's libraries.
const CUDA_FOLDER: &str = "cuda";

/// Settings of the runtime.
#[derive(Debug, Clone, Default)]
pub struct RuntimeOptions {
    /// The library; None looks at [`LIBRARY_VARIABLE`], then for [`INSTALLED_LIBRARY`].
    pub library: Option<PathBuf>,
    /// Threads that all models of the process share; 0 takes one per core. The first start decides.
    pub threads: usize,
    pub cuda: Cuda,
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
    /// The threads that all models of the process share. Each runs graphs by itself.
    pub(crate) threads: Arc<ThreadPool>,
    pub(crate) cuda: Cuda,
    library: PathBuf,
}

/// What a process starts once.
struct Started {
    library: PathBuf,
    /// ONNX Runtime allows one environment per process; it is never dropped.
    environment: Environment,
    threads: Arc<ThreadPool>,
}

static STARTED: OnceLock<Started> = OnceLock::new();
static STARTING: Mutex<()> = Mutex::new(());

impl Runtime {
    /// Loads the library and starts the environment, or joins the one that this process already started.
    pub fn start(options: &RuntimeOptions) -> Result<Self, RuntimeError> {
        let library = find_library(options.library.as_deref())?;
        let started = started(&library, options.threads)?;
        if options.cuda == Cuda::Auto {
            load_cuda(&library);
        }
        Ok(Self {
            environment: started.environment.clone(),
            threads: Arc::clone(&started.threads),
            cuda: options.cuda,
            library,
        })
    }

    /// How many threads all models of the process share.
    pub fn threads(&self) -> usize {
        self.threads.current_num_threads()
    }

    /// Major and minor version of the library in use, e.g. `1.32`.
    pub fn version(&self) -> String {
        let minor = ort::util::probe(&self.library);
        minor.map_or_else(|| "unknown".to_owned(), |minor| format!("1.{minor}"))
    }

    /// The library in use.
    pub fn library(&self) -> &Path {
        &self.library
    }
}

fn started(library: &Path, threads: usize) -> Result<&'static Started, RuntimeError> {
    let _one_at_a_time = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(started) = STARTED.get() {
        return if started.library == library {
            Ok(started)
        } else {
            Err(RuntimeError::AlreadyStarted {
                running: started.library.clone(),
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
    // One thread per run: slices are read side by side instead, which takes about two thirds of the time that threads
    // take who share the work of each operator (docs/adr/0305).
    let alone = GlobalThreadPoolOptions::default()
        .with_intra_threads(1)
        .and_then(|options| options.with_inter_threads(1))
        .and_then(|options| options.with_spin_control(false))
        .map_err(not_started)?;
    let environment = builder
        .with_name("norma")
        .with_telemetry(false)
        .with_global_thread_pool(alone)
        .build()
        .map_err(not_started)?;
    // Its arenas tell of every block that they take.
    environment.set_log_level(LogLevel::Warning);
    // One pool for all models: three stages in one process do not fight over the cores.
    let threads = ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("models-{number}"))
        .build()
        .map_err(|source| RuntimeError::NoThreads { source })?;
    Ok(STARTED.get_or_init(|| Started {
        library: library.to_owned(),
        environment,
        threads: Arc::new(threads),
    }))
}

/// Loads the libraries that the CUDA provider needs, where they lie beside ONNX Runtime: it has no path of its own to
/// them. Elsewhere the system's are taken, if there are any.
fn load_cuda(library: &Path) {
    let folder = library.with_file_name(CUDA_FOLDER);
    if !folder.is_dir() {
        return;
    }
    if let Err(error) = ort::ep::cuda::preload_dylibs(Some(&folder), Some(&folder)) {
        tracing::warn!(%error, "a library of CUDA cannot be loaded");
    }
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
