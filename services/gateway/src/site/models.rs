//! The bundle that thresholds are proposed for.

use std::sync::Arc;

use norma_database::Database;
use norma_domain::{OperatingPoint, OperatingPointName, Reason};
use norma_inference::Bundle;
use norma_service::with_thresholds_in_use;

use crate::problem::ApiError;

/// The bundle that this process loaded, or why it did not.
pub type ModelSource = Arc<dyn Fn() -> Result<Arc<Bundle>, Reason> + Send + Sync>;

/// The bundle, asked for at each use, and the operating point that the settings name.
pub(crate) struct SiteModels {
    source: ModelSource,
    pub(crate) set_point: Option<String>,
}

impl SiteModels {
    pub(crate) fn new(source: ModelSource, set_point: Option<String>) -> Self {
        Self { source, set_point }
    }

    /// The bundle as this process loaded it.
    pub(crate) fn loaded(&self) -> Result<Arc<Bundle>, ApiError> {
        (self.source)().map_err(|reason| unavailable(&reason))
    }

    /// Of the bundle as it is installed, whichever thresholds act.
    pub(crate) fn installed_sha256(&self) -> Result<String, ApiError> {
        Ok(self.loaded()?.installed().sha256.clone())
    }

    /// The bundle that processes load when they start now.
    pub(crate) async fn in_use(&self, database: &Database) -> Result<Bundle, ApiError> {
        let bundle = Bundle::clone(self.loaded()?.as_ref());
        let in_use = with_thresholds_in_use(bundle, database).await;
        in_use.map_err(|reason| unavailable(&reason))
    }

    pub(crate) fn operating_point(&self, bundle: &Bundle) -> Result<OperatingPoint, ApiError> {
        let Some(name) = &self.set_point else {
            return Ok(bundle.default_operating_point());
        };
        let point = bundle.operating_point(&OperatingPointName(name.clone()));
        point.ok_or_else(|| ApiError::UnknownOperatingPoint {
            known: bundle
                .operating_points()
                .iter()
                .map(|point| point.name.to_string())
                .collect(),
        })
    }
}

fn unavailable(reason: &Reason) -> ApiError {
    ApiError::Unavailable {
        dependency: "models",
        source: anyhow::anyhow!("{reason}"),
    }
}
