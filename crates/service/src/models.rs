//! The models of a process, opened once. What cannot be opened is said in readiness and tried again: a missing file does
//! not end the process, and a worker takes no message before its models are there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use norma_database::Database;
use norma_domain::{Reason, ReasonCode, Stage};
use norma_inference::{
    Bundle, Cuda, ModelError, Runtime, RuntimeError, RuntimeOptions, SharedPass, StageModels,
};
use tokio::sync::watch;

use crate::{Context, CudaSetting, ModelSettings, Settings};

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
        load: impl Fn(&Installed) -> Result<T, Reason> + Send + Sync + 'static,
    ) -> Self {
        let load = Arc::new(load);
        let first = load_once(context, &load, &name).await;
        let is_loaded = first.is_ok();
        let (slot, loaded) = watch::channel(first);
        if !is_loaded {
            let context = context.clone();
            tokio::spawn(async move {
                let mut pause = FIRST_PAUSE;
                loop {
                    tokio::select! {
                        () = context.shutdown.cancelled() => return,
                        () = tokio::time::sleep(pause) => {}
                    }
                    let again = load_once(&context, &load, &name).await;
                    let is_loaded = again.is_ok();
                    drop(slot.send_replace(again));
                    if is_loaded {
                        return;
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
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
    load: &Arc<impl Fn(&Installed) -> Result<T, Reason> + Send + Sync + 'static>,
    name: &Name,
) -> Result<Arc<T>, Reason> {
    let loaded = match Installed::of(context).await {
        Ok(installed) => {
            let load = Arc::clone(load);
            let opening = tokio::task::spawn_blocking(move || load(&installed));
            opening.await.unwrap_or_else(|_| {
                Err(Reason::new(
                    ReasonCode::ModelInvalid,
                    "opening the models panicked",
                ))
            })
        }
        Err(reason) => Err(reason),
    };
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

/// The bundle's file, for what merges and announces; opens no model.
pub async fn load_bundle(context: &Context) -> Loaded<Bundle> {
    Loaded::load(context, Name::Needed("bundle".to_owned()), |installed| {
        open_bundle(installed).map_err(|error| error.reason())
    })
    .await
}

/// The graphs that several stages read, to be run before them; none where the settings leave that to the stages. No
/// process waits for it: a stage that is not given what they say runs them itself.
pub async fn load_shared_pass(context: &Context) -> Loaded<SharedPass> {
    Loaded::load(
        context,
        Name::Helpful("what the models have in common"),
        |installed| {
            let settings = &installed.settings.models;
            if !settings.shared_pass {
                return Ok(SharedPass::default());
            }
            let bundle = open_bundle(installed).map_err(|error| error.reason())?;
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
        move |installed| {
            let bundle = open_bundle(installed).map_err(|error| error.reason())?;
            let options = runtime_options(&installed.settings.models);
            let runtime = Runtime::start(&options).map_err(|error| reason_of(&error))?;
            let models = StageModels::open(&bundle, &runtime, &[stage]).map_err(|error| error.reason())?;
            // The files were read one after the other: replaced meanwhile, they would be models of no bundle.
            let after = open_bundle(installed).map_err(|error| error.reason())?;
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

/// The bundle that acts: as it is installed, with the thresholds that were accepted for it.
///
/// # Errors
/// Where it cannot be loaded, or the accepted thresholds not be read: with others an answer would be another one.
pub async fn load_bundle_in_use(settings: &ModelSettings, database: &Database) -> Result<Bundle, Reason> {
    let accepted = accepted_points(database).await?;
    with_accepted(&settings.bundle, &accepted).map_err(|error| error.reason())
}

/// The same from a bundle that is loaded already, whichever thresholds acted then: what processes load when they start now.
pub async fn with_thresholds_in_use(bundle: Bundle, database: &Database) -> Result<Bundle, Reason> {
    let accepted = accepted_points(database).await?;
    with_points(bundle.as_installed(), &accepted).map_err(|error| error.reason())
}

/// What models are opened from: the settings, and the thresholds that the site accepted when it was asked.
struct Installed {
    settings: Arc<Settings>,
    /// Bundle files by the hash of the installed bundle that they are for.
    accepted: BTreeMap<String, String>,
}

impl Installed {
    async fn of(context: &Context) -> Result<Self, Reason> {
        Ok(Self {
            settings: Arc::clone(&context.settings),
            accepted: accepted_points(&context.database).await?,
        })
    }
}

async fn accepted_points(database: &Database) -> Result<BTreeMap<String, String>, Reason> {
    database.accepted_bundle_files().await.map_err(|error| {
        Reason::new(
            ReasonCode::ModelMissing,
            format!("the accepted thresholds could not be read: {error}"),
        )
    })
}

fn open_bundle(installed: &Installed) -> Result<Bundle, ModelError> {
    with_accepted(&installed.settings.models.bundle, &installed.accepted)
}

fn with_accepted(path: &Path, accepted: &BTreeMap<String, String>) -> Result<Bundle, ModelError> {
    with_points(Bundle::load(&bundle_file(path))?, accepted)
}

fn with_points(bundle: Bundle, accepted: &BTreeMap<String, String>) -> Result<Bundle, ModelError> {
    match accepted.get(&bundle.installed().sha256) {
        Some(text) => bundle.with_accepted_points(text),
        None => Ok(bundle),
    }
}

/// The setting may name the file or its folder.
fn bundle_file(path: &Path) -> PathBuf {
    if path.is_dir() {
        path.join(norma_inference::BUNDLE_FILE)
    } else {
        path.to_owned()
    }
}

fn reason_of(error: &RuntimeError) -> Reason {
    Reason::new(ReasonCode::ModelMissing, error.to_string())
}
