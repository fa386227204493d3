//! The thresholds that a site accepted. They are asked of the database at each use, so that what is accepted or taken back acts at once
//! in every process; an analysis is held to those that acted when it was requested (docs/adr/1407).

use std::num::NonZeroUsize;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use lru::LruCache;
use norma_database::{Analysis, Database, DatabaseError};
use norma_domain::{Reason, ReasonCode, ThresholdProposalId};
use norma_inference::{AcceptedPoints, Bundle, ModelError};

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
        let acting = match database.acting_proposal_id(sha256).await? {
            Some(id) => accepted(id, database).await?,
            None => None,
        };
        Self::with(installed, acting.as_deref())
    }

    /// The bundle that the settings name, with the thresholds that act on it now.
    pub async fn load(settings: &ModelSettings, database: &Database) -> Result<Self, ThresholdsError> {
        Self::of(&Bundle::load(&settings.bundle)?, database).await
    }

    fn with(installed: &Bundle, accepted: Option<&Accepted>) -> Result<Self, ThresholdsError> {
        let bundle = installed.clone().as_installed();
        Ok(match accepted {
            Some(accepted) => Self {
                bundle: bundle.with_accepted_points(&accepted.points)?,
                threshold_proposal_id: Some(accepted.id),
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
    match accepted(id, database).await? {
        Some(accepted) if accepted.installed_sha256 == installed.installed().sha256 => {
            Ok(BundleInUse::with(installed, Some(&accepted))?.bundle)
        }
        Some(_) | None => Ok(BundleInUse::of(installed, database).await?.bundle),
    }
}

/// The thresholds of a proposal that was accepted once.
#[derive(Debug)]
struct Accepted {
    id: ThresholdProposalId,
    installed_sha256: String,
    points: AcceptedPoints,
}

/// A site accepts a few in a year; those that act, and those that running analyses are held to.
const KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(31);
/// What a proposal says never changes, and its id is its own in all databases: each is read and parsed once. Which one acts is asked anew
/// each time.
static READ: LazyLock<Mutex<LruCache<ThresholdProposalId, Arc<Accepted>>>> =
    LazyLock::new(|| Mutex::new(LruCache::new(KEPT)));

/// None where nobody accepted it.
async fn accepted(
    id: ThresholdProposalId,
    database: &Database,
) -> Result<Option<Arc<Accepted>>, ThresholdsError> {
    let known = || READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(accepted) = known().get(&id) {
        return Ok(Some(Arc::clone(accepted)));
    }
    let Some(file) = database.accepted_bundle_file(id).await? else {
        return Ok(None);
    };
    let accepted = Arc::new(Accepted {
        id,
        installed_sha256: file.installed_sha256,
        points: AcceptedPoints::parse(file.text)?,
    });
    known().put(id, Arc::clone(&accepted));
    Ok(Some(accepted))
}
