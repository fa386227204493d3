//! The bundle that runs.

use std::sync::Arc;

use norma_domain::{OperatingPointName, Reason};

use crate::bundle::schema::BundleDescription;
use crate::problem::ApiError;

/// The description of the bundle that runs, or why there is none.
pub type BundleSource = Arc<dyn Fn() -> Result<BundleDescription, Reason> + Send + Sync>;

/// The bundle, asked for at each use.
pub(crate) struct RunningBundle {
    source: BundleSource,
    /// Where a request names no operating point; the bundle's default where this names none either.
    operating_point: Option<String>,
}

impl RunningBundle {
    pub(crate) fn new(source: BundleSource, operating_point: Option<String>) -> Self {
        Self {
            source,
            operating_point,
        }
    }

    pub(crate) fn description(&self) -> Result<BundleDescription, ApiError> {
        (self.source)().map_err(|reason| ApiError::Unavailable {
            dependency: "models",
            source: anyhow::anyhow!("{reason}"),
        })
    }

    /// The operating point of that name, or the default.
    pub(crate) fn operating_point(&self, name: Option<String>) -> Result<OperatingPointName, ApiError> {
        let bundle = self.description()?;
        let name = name
            .or_else(|| self.operating_point.clone())
            .unwrap_or(bundle.default_operating_point);
        if bundle.operating_points.iter().any(|point| point.name == name) {
            Ok(OperatingPointName(name))
        } else {
            Err(ApiError::UnknownOperatingPoint {
                known: bundle
                    .operating_points
                    .iter()
                    .map(|point| point.name.clone())
                    .collect(),
            })
        }
    }
}
