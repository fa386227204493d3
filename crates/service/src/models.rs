//! The models of a process, opened once. What cannot be opened is said in readiness and tried again: a missing file does
//! not end the process, and a worker takes no message before its models are there.

use std::sync::Arc;
use std::time::Duration;

use norma_domain::{Reason, ReasonCode, Stage};
use norma_inference::{Bundle, Cuda, Runtime, RuntimeError, RuntimeOptions, SharedPass, StageModels};
use tokio::sync::watch;

use crate::behind::{Behind, run_behind};
use crate::pauses::GrowingPause;
use crate::{Context, CudaSetting, ModelSettings, pause};

/// The pause after the first failure; doubled with each further one, up to the second value.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Something of the bundle, or why it cannot be had.
pub struct Loaded<T>(watch::Receiver<Result<Arc<T>, Reason>>);

impl<T> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + Sync + 'static> Loaded<T> {
    /// What was loaded, or the reason to give in its place.
    pub fn get(&self) -> Result<Arc<T>, Reason> {
        self.0.borrow().clone()
    }

    /// Waits until it is loaded; None where the process is to end before.
    pub async fn ready(&self, context: &Context) -> Option<Arc<T>> {
        let mut slot = self.0.clone();
        loop {
            if let Ok(loaded) = self.get() {
                return Some(loaded);
            }
            tokio::select! {
                () = context.shutdown.cancelled() => return None,
                changed = slot.changed() => { changed.ok()?; }
            }
        }
    }

    /// Loads now and, where that fails, again and again until it succeeds.
    async fn load(
        context: &Context,
        name: Name,
        load: impl Fn(&ModelSettings) -> Result<T, Reason> + Send + Sync + 'static,
    ) -> Self {
        let load = Arc::new(load);
        let first = load_once(context, &load, &name).await;
        let is_loaded = first.is_ok();
        let (slot, loaded) = watch::channel(first);
        if !is_loaded {
            let context = context.clone();
            tokio::spawn(async move {
                let mut growing = GrowingPause::new(FIRST_PAUSE, LONGEST_PAUSE);
                while pause(growing.grow(), &context.shutdown).await {
                    let again = load_once(&context, &load, &name).await;
                    let is_loaded = again.is_ok();
                    drop(slot.send_replace(again));
                    if is_loaded {
                        return;
                    }
                }
            });
        }
        Self(loaded)
    }
}

/// What is loaded.
enum Name {
    /// The process is not ready without it.
    Needed(String),
    /// Without it the process does its work too.
    Helpful(&'static str),
}

async fn load_once<T: Send + 'static>(
    context: &Context,
    load: &Arc<impl Fn(&ModelSettings) -> Result<T, Reason> + Send + Sync + 'static>,
    name: &Name,
) -> Result<Arc<T>, Reason> {
    let (load, settings) = (Arc::clone(load), Arc::clone(&context.settings));
    // The runtime's own threads are started here, and stand where this one does.
    let open = move || load(&settings.models);
    let opening = tokio::task::spawn_blocking(move || run_behind(Behind::Analysis, open));
    let loaded = opening.await.unwrap_or_else(|_| {
        Err(Reason::new(
            ReasonCode::ModelInvalid,
            "opening the models panicked",
        ))
    });
    match (name, &loaded) {
        (Name::Needed(name), Ok(_)) => context.report_dependency(name, None),
        (Name::Needed(name), Err(reason)) => {
            tracing::error!(%reason, "{name} cannot be used");
            context.report_dependency(name, Some(reason.to_string()));
        }
        (Name::Helpful(_), Ok(_)) => {}
        (Name::Helpful(name), Err(reason)) => tracing::warn!(%reason, "{name} cannot be used"),
    }
    loaded.map(Arc::new)
}

/// The bundle as it is installed, for what merges and announces; opens no model.
pub async fn load_bundle(context: &Context) -> Loaded<Bundle> {
    Loaded::load(context, Name::Needed("bundle".to_owned()), |settings| {
        Bundle::load(&settings.bundle).map_err(|error| error.reason())
    })
    .await
}

/// The graphs that several stages read, to be run before them; none where the settings leave that to the stages. No
/// process waits for it: a stage that is not given what they say runs them itself.
pub async fn load_shared_pass(context: &Context) -> Loaded<SharedPass> {
    Loaded::load(
        context,
        Name::Helpful("what the models have in common"),
        |settings| {
            if !settings.shared_pass {
                return Ok(SharedPass::default());
            }
            let bundle = Bundle::load(&settings.bundle).map_err(|error| error.reason())?;
            let runtime = Runtime::start(&runtime_options(settings)).map_err(|error| reason_of(&error))?;
            SharedPass::open(&bundle, &runtime, &Stage::MODELS).map_err(|error| error.reason())
        },
    )
    .await
}

/// The open models of one stage.
pub async fn load_stage_models(context: &Context, stage: Stage) -> Loaded<StageModels> {
    Loaded::load(
        context,
        Name::Needed(format!("models of {stage}")),
        move |settings| {
            let bundle = Bundle::load(&settings.bundle).map_err(|error| error.reason())?;
            let runtime = Runtime::start(&runtime_options(settings)).map_err(|error| reason_of(&error))?;
            let models = StageModels::open(&bundle, &runtime, &[stage]).map_err(|error| error.reason())?;
            // The files were read one after the other: replaced meanwhile, they would be models of no bundle.
            let after = Bundle::load(&settings.bundle).map_err(|error| error.reason())?;
            if after.reference() != models.bundle() {
                return Err(Reason::new(
                    ReasonCode::ModelInvalid,
                    "the bundle's files changed while they were opened",
                ));
            }
            Ok(models)
        },
    )
    .await
}

/// The runtime's options as the settings say.
pub fn runtime_options(settings: &ModelSettings) -> RuntimeOptions {
    RuntimeOptions {
        library: settings.onnxruntime.clone(),
        threads: settings.threads,
        cuda: match settings.cuda {
            CudaSetting::Auto => Cuda::Auto,
            CudaSetting::Off => Cuda::Off,
        },
    }
}

fn reason_of(error: &RuntimeError) -> Reason {
    Reason::new(ReasonCode::ModelMissing, error.to_string())
}
