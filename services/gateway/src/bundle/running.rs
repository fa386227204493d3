//! The bundle that answers, with the thresholds that act.

use std::sync::Arc;

use norma_database::{Analysis, Database};
use norma_domain::{OperatingPoint, OperatingPointName, Reason, ThresholdProposalId};
use norma_inference::Bundle;
use norma_service::BundleInUse;

use crate::problem::ApiError;

/// The bundle as it is installed, or why there is none.
pub type ModelSource = Arc<dyn Fn() -> Result<Arc<Bundle>, Reason> + Send + Sync>;

/// The bundle, asked for at each use: models may come later than the gateway, and thresholds are accepted and taken back meanwhile.
pub(crate) struct RunningBundle {
    source: ModelSource,
    database: Database,
    /// Where a request names no operating point; the bundle's default where this names none either.
    set_point: Option<String>,
}

/// What an analysis is asked: the operating point, and whose thresholds it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) operating_point: OperatingPointName,
    /// It is asked for by this name; otherwise for the default.
    pub(crate) operating_point_named: bool,
    /// None: the bundle's own.
    pub(crate) threshold_proposal_id: Option<ThresholdProposalId>,
    /// Name and version.
    pub(crate) bundle: String,
}

impl Question {
    /// Whether an analysis answers it.
    pub(crate) fn is_of(&self, analysis: &Analysis) -> bool {
        analysis.operating_point == self.operating_point
            && analysis.threshold_proposal_id == self.threshold_proposal_id
    }
}

impl RunningBundle {
    pub(crate) fn new(source: ModelSource, database: Database, set_point: Option<String>) -> Self {
        Self {
            source,
            database,
            set_point,
        }
    }

    /// The operating point that the settings name.
    pub(crate) fn set_point(&self) -> Option<&str> {
        self.set_point.as_deref()
    }

    /// The bundle as it is installed, whichever thresholds act.
    pub(crate) fn installed(&self) -> Result<Arc<Bundle>, ApiError> {
        (self.source)().map_err(|reason| unavailable(&reason))
    }

    /// The bundle with the thresholds that act now.
    pub(crate) async fn in_use(&self) -> Result<BundleInUse, ApiError> {
        let in_use = BundleInUse::of(self.installed()?.as_ref(), &self.database).await;
        in_use.map_err(|error| unavailable(&error.reason()))
    }

    /// What is asked of an analysis that is requested now, by an operating point's name or without one.
    pub(crate) async fn question(&self, name: Option<String>) -> Result<Question, ApiError> {
        let in_use = self.in_use().await?;
        let operating_point_named = name.is_some();
        let reference = in_use.bundle.reference();
        Ok(Question {
            bundle: format!("{} {}", reference.name, reference.version),
            operating_point: self.operating_point(&in_use.bundle, name)?.name,
            operating_point_named,
            threshold_proposal_id: in_use.threshold_proposal_id,
        })
    }

    /// The operating point of that name, or the default.
    pub(crate) fn operating_point(
        &self,
        bundle: &Bundle,
        name: Option<String>,
    ) -> Result<OperatingPoint, ApiError> {
        let Some(name) = name.or_else(|| self.set_point.clone()) else {
            return Ok(bundle.default_operating_point());
        };
        let point = bundle.operating_point(&OperatingPointName(name));
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
