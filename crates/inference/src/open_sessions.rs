//! Sessions on one graph: opened once in a process, lent to one caller at a time.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use ort::ep::ExecutionProvider as _;
use ort::session::Session;
use ort::session::builder::SessionBuilder;

use crate::bundle::InstalledModel;
use crate::error::ModelError;
use crate::runtime::{Cuda, ExecutionProvider, Runtime, cuda_is_expected};

/// Those that are open in this process, by the SHA-256 of their graph and by whether a GPU was to be tried.
static OPEN: Mutex<BTreeMap<(String, bool), Weak<OpenSessions>>> = Mutex::new(BTreeMap::new());

/// Sessions on one graph that wait to be lent; `Session::run` wants each for itself. All models of the process that read the
/// graph share them, so its weights are in memory once for each thread.
pub(crate) struct OpenSessions {
    provider: ExecutionProvider,
    count: u64,
    idle: Mutex<Vec<Session>>,
    returned: Condvar,
}

impl OpenSessions {
    /// The sessions on the model's graph: those that are open, or new ones.
    pub(crate) fn of(model: &InstalledModel, runtime: &Runtime) -> Result<Arc<Self>, ModelError> {
        let key = (model.manifest.sha256.clone(), runtime.cuda == Cuda::Auto);
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = open.get(&key).and_then(Weak::upgrade) {
            return Ok(sessions);
        }
        let sessions = Arc::new(Self::open(model, runtime)?);
        open.retain(|_, sessions| sessions.strong_count() > 0);
        open.insert(key, Arc::downgrade(&sessions));
        Ok(sessions)
    }

    fn open(model: &InstalledModel, runtime: &Runtime) -> Result<Self, ModelError> {
        let (first, provider) = open_session(model, runtime)?;
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
        Ok(Self {
            provider,
            count: sessions.len() as u64,
            idle: Mutex::new(sessions),
            returned: Condvar::new(),
        })
    }

    pub(crate) fn provider(&self) -> &ExecutionProvider {
        &self.provider
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn lend<T>(&self, work: impl FnOnce(&mut Session) -> T) -> T {
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
    pool: &'a OpenSessions,
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
    // TF32 keeps 10 bits of a factor: scores then differ from the CPU's by 1e-3 instead of 1e-6 (docs/adr/1811).
    ort::ep::CUDA::default().with_tf32(false).register(&mut builder)?;
    builder.commit_from_file(model.onnx_path())
}

fn cpu_session(model: &InstalledModel, runtime: &Runtime) -> Result<Session, ModelError> {
    let open = || {
        let mut builder = builder(runtime)?;
        // Named, so that no automatic choice of a device sets in.
        ort::ep::CPU::default()
            .with_arena_allocator(true)
            .register(&mut builder)?;
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
