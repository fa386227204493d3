//! A study that is here already.

use norma_database::{Owner, Scan};
use norma_domain::StudyInstanceUid;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::uploads::Uploads;
use crate::uploads::comparison::{Comparison, SentFile, compare_with_scan};

/// What becomes of a study that is here already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OnDuplicate {
    /// It is stored again, and the answer tells of the earlier one.
    #[default]
    Keep,
    /// It is refused.
    Refuse,
    /// The earlier scan is the answer, where it is of the same patient and holds all that was uploaded.
    Reuse,
}

/// The oldest scan of the same bytes, or else of the same study; of one owner if given.
pub(crate) async fn earlier_scan(
    gateway: &Gateway,
    owner: Option<Owner>,
    sha256: Option<&str>,
    study_uid: Option<StudyInstanceUid>,
) -> Result<Option<Scan>, ApiError> {
    let database = &gateway.database;
    if let Some(sha256) = sha256
        && let Some(scan) = database.scan_of_bytes(sha256.to_owned(), owner.clone()).await?
    {
        return Ok(Some(scan));
    }
    match study_uid {
        Some(uid) => Ok(database.scan_of_study(uid, owner).await?),
        None => Ok(None),
    }
}

/// What the audit trail tells of other content under known names.
pub(crate) fn other_content_detail(instances: usize) -> String {
    format!(
        "{instances} instances have another data set than those of the same names in an earlier scan, which stays"
    )
}

/// The scan that an upload may be the same as.
pub(crate) struct Earlier {
    pub(crate) scan: Scan,
    /// None where it is not known.
    comparison: Option<Comparison>,
}

impl Earlier {
    /// Holds an upload against an earlier scan. That it cannot be compared is no reason to refuse it: nothing of the earlier scan is
    /// touched by it.
    pub(crate) async fn compared(
        gateway: &Gateway,
        uploads: &Uploads,
        sent: SentFile<'_>,
        scan: Scan,
    ) -> Self {
        let comparison = if sent.received_sha256 == Some(scan.sha256.as_str()) {
            Some(Comparison::default())
        } else {
            compare_with_scan(gateway, uploads, sent, scan.id)
                .await
                .unwrap_or_else(|error| {
                    tracing::warn!(scan_id = %scan.id, code = error.code(), "an upload was not compared with an earlier scan");
                    None
                })
        };
        Self { scan, comparison }
    }

    /// Whether the scan is known to hold all of the upload.
    pub(crate) fn holds_all(&self) -> bool {
        self.comparison.is_some_and(Comparison::is_contained)
    }

    /// Instances of the upload whose SOP Instance UID stands for another data set in the scan; None where there are none.
    pub(crate) fn other_content(&self) -> Option<usize> {
        self.comparison
            .map(|comparison| comparison.other_content)
            .filter(|count| *count > 0)
    }
}
