//! Keeps a proposal for an operator to decide on.

use norma_database::{Database, DatabaseError, NewThresholdProposal, ThresholdProposal};
use norma_inference::{AcceptedPoints, Bundle};

use super::document::{NothingProposed, Proposal};
use super::site_file::SITE_POINT;

/// Why a proposal is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    #[error("{}", .0.told())]
    NothingProposed(NothingProposed),
    #[error("the setting analysis.operating_point names {0:?}, which would stay in use: clear it first")]
    OperatingPointSet(String),
    /// Thresholds were accepted or taken back since it was measured.
    #[error("other thresholds act by now than those that it was measured against")]
    Outdated,
    #[error("the bundle's file cannot be written")]
    NotWritten(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Whether a site's own thresholds would be in use: not where the settings name another operating point.
///
/// # Errors
/// [`KeepError::OperatingPointSet`].
pub fn check_set_point(set_point: Option<&str>) -> Result<(), KeepError> {
    match set_point.filter(|set| *set != SITE_POINT) {
        Some(set) => Err(KeepError::OperatingPointSet(set.to_owned())),
        None => Ok(()),
    }
}

/// Keeps a proposal that was measured against `bundle`. It changes nothing before somebody accepts it.
///
/// `set_point` is the operating point that the settings name.
pub async fn keep_proposal(
    database: &Database,
    bundle: &Bundle,
    proposal: &Proposal,
    set_point: Option<&str>,
    by: String,
) -> Result<ThresholdProposal, KeepError> {
    if let Some(why) = proposal.nothing_proposed() {
        return Err(KeepError::NothingProposed(why));
    }
    check_set_point(set_point)?;
    let file = proposal.bundle_file(bundle, SITE_POINT);
    let text = file.ok_or(KeepError::Outdated)?.to_text();
    let text = text.map_err(|error| KeepError::NotWritten(error.into()))?;
    let points = AcceptedPoints::parse(text.clone()).map_err(|error| KeepError::NotWritten(error.into()))?;
    let made = bundle.clone().with_accepted_points(&points);
    let made = made.map_err(|error| KeepError::NotWritten(error.into()))?;
    let installed_sha256 = bundle.installed().sha256.clone();
    let acting = database
        .acting_threshold_proposal(installed_sha256.clone())
        .await?;
    let acts = acting
        .as_ref()
        .map_or(&installed_sha256, |acting| &acting.bundle_sha256);
    if *acts != bundle.reference().sha256 {
        return Err(KeepError::Outdated);
    }
    let report = serde_json::to_value(proposal).map_err(|_| DatabaseError::NotStorable("proposal"))?;
    let kept = NewThresholdProposal {
        method: proposal.method.as_str().to_owned(),
        based_on: acting.map(|acting| acting.id),
        bundle_version: made.reference().version.clone(),
        bundle_sha256: made.reference().sha256.clone(),
        bundle_file: text,
        installed_sha256,
        report,
        created_by: by,
    };
    Ok(database.add_threshold_proposal(kept).await?)
}
