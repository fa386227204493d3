//! A study that is here already.

use norma_database::Scan;
use norma_domain::StudyInstanceUid;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::identity::Access;
use crate::problem::ApiError;

/// What becomes of a study that is here already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnDuplicate {
    /// It is stored again, and the answer tells of the earlier one.
    #[default]
    Keep,
    /// It is refused.
    Refuse,
    /// The earlier scan is the answer, where it is of the same patient.
    Reuse,
}

/// The oldest scan of the same bytes, or else of the same study, that the caller may see.
pub(crate) async fn earlier_scan(
    gateway: &Gateway,
    access: &Access,
    sha256: &str,
    study_uid: Option<StudyInstanceUid>,
) -> Result<Option<Scan>, ApiError> {
    let database = &gateway.database;
    let of_bytes = database.scan_of_bytes(sha256.to_owned(), access.visible_owner());
    if let Some(scan) = of_bytes.await? {
        return Ok(Some(scan));
    }
    match study_uid {
        Some(uid) => Ok(database.scan_of_study(uid, access.visible_owner()).await?),
        None => Ok(None),
    }
}
