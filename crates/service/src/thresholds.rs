//! The thresholds that a site accepted. They are asked of the database at each use, so that what is accepted or taken back acts at once
//! in every process; an analysis is held to those that acted when it was requested (docs/adr/1407).

use norma_database::{AcceptedBundleFile, Analysis, Database, DatabaseError};
use norma_domain::{Reason, ReasonCode, ThresholdProposalId};
use norma_inference::{Bundle, ModelError};

use crate::ModelSettings;

/// Why thresholds cannot be told: with others an answer would be another one.
#[derive(Debug, thiserror::Error)]
pub enum ThresholdsError {
    #[error("the accepted thresholds could not be read: {0}")]
    Database(#[from] DatabaseError),
    #[error("the bundle or its accepted thresholds cannot be used: {0}")]
    Model(#[from] ModelError),
}

impl ThresholdsError {
    pub fn reason(&self) -> Reason {
        match self {
            Self::Database(_) => Reason::new(ReasonCode::ModelMissing, self.to_string()),
            Self::Model(error) => error.reason(),
        }
    }
}

/// A bundle with the thresholds that act.
#[derive(Debug, Clone)]
pub struct BundleInUse {
    pub bundle: Bundle,
    /// The accepted proposal that they are of; None: the bundle's own.
    pub threshold_proposal_id: Option<ThresholdProposalId>,
}

impl BundleInUse {
    /// An installed bundle with the thresholds that act on it now.
    pub async fn of(installed: &Bundle, database: &Database) -> Result<Self, ThresholdsError> {
        let sha256 = installed.installed().sha256.clone();
        let acting = database.acting_bundle_file(sha256).await?;
        Self::with(installed, acting)
    }

    /// The bundle that the settings name, with the thresholds that act on it now.
    pub async fn load(settings: &ModelSettings, database: &Database) -> Result<Self, ThresholdsError> {
        Self::of(&Bundle::load(&settings.bundle)?, database).await
    }

    fn with(installed: &Bundle, file: Option<AcceptedBundleFile>) -> Result<Self, ThresholdsError> {
        let bundle = installed.clone().as_installed();
        Ok(match file {
            Some(file) => Self {
                bundle: bundle.with_accepted_points(&file.text)?,
                threshold_proposal_id: Some(file.proposal_id),
            },
            None => Self {
                bundle,
                threshold_proposal_id: None,
            },
        })
    }
}

/// An installed bundle with the thresholds that an analysis is held to: those that acted when it was requested. Requested of another
/// installed bundle, or by a gateway that did not note them, it is held to those that act on this one now.
pub async fn bundle_of_analysis(
    installed: &Bundle,
    analysis: &Analysis,
    database: &Database,
) -> Result<Bundle, ThresholdsError> {
    let Some(id) = analysis.threshold_proposal_id else {
        let own = installed.clone().as_installed();
        if own.operating_point(&analysis.operating_point).is_some() {
            return Ok(own);
        }
        return Ok(BundleInUse::of(installed, database).await?.bundle);
    };
    match database.accepted_bundle_file(id).await? {
        Some(file) if file.installed_sha256 == installed.installed().sha256 => {
            Ok(BundleInUse::with(installed, Some(file))?.bundle)
        }
        Some(_) | None => Ok(BundleInUse::of(installed, database).await?.bundle),
    }
}
