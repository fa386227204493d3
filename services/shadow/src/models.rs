//! The second bundle, opened.

use std::path::Path;
use std::sync::Arc;

use norma_domain::{BundleReference, Reason, ReasonCode, Stage};
use norma_inference::{Bundle, Runtime, StageModels};
use norma_service::{Behind, ModelSettings, run_behind, runtime_options};

/// The bundle as it is installed, and its models.
#[derive(Debug)]
pub(crate) struct SecondBundle {
    pub(crate) bundle: Bundle,
    pub(crate) models: StageModels,
}

impl SecondBundle {
    /// On a thread of its own: opening takes seconds.
    ///
    /// # Errors
    /// With the reason to be told.
    pub(crate) async fn open(path: &Path, settings: &ModelSettings) -> Result<Arc<Self>, Reason> {
        let (path, settings) = (path.to_owned(), settings.clone());
        let open = move || Self::open_now(&path, &settings);
        let opening = tokio::task::spawn_blocking(move || run_behind(Behind::Analysis, open));
        let opened = opening.await.unwrap_or_else(|_| {
            let message = "opening the second bundle panicked";
            Err(Reason::new(ReasonCode::ModelInvalid, message))
        });
        opened.map(Arc::new)
    }

    fn open_now(path: &Path, settings: &ModelSettings) -> Result<Self, Reason> {
        let bundle = Bundle::load(path).map_err(|error| error.reason())?.as_installed();
        let runtime = Runtime::start(&runtime_options(settings))
            .map_err(|error| Reason::new(ReasonCode::ModelMissing, error.to_string()))?;
        let models = StageModels::open(&bundle, &runtime, &Stage::MODELS).map_err(|error| error.reason())?;
        Ok(Self { bundle, models })
    }

    pub(crate) fn reference(&self) -> &BundleReference {
        self.bundle.reference()
    }
}
