//! A study that came again as a whole makes no second one.

use std::path::Path;

use chrono::Utc;
use norma_database::StoredInstance;
use norma_domain::ScanId;

use crate::analyses::{Asked, is_due};
use crate::dicomweb::indexes::DicomWeb;
use crate::dicomweb::store::contradictions::{Contradictions, part_of};
use crate::dicomweb::store::outcome::Outcome;
use crate::predictions::Predictions;
use crate::problem::ApiError;

impl Contradictions {
    /// The newest scan that holds all that a request is to store: of one study, each instance with its data set.
    pub(super) async fn holder_of_all(
        &self,
        web: &DicomWeb,
        upload: &Path,
        outcome: &Outcome<'_>,
    ) -> Result<Option<ScanId>, ApiError> {
        if outcome.study().is_none() || !outcome.unnamed.is_empty() {
            return Ok(None);
        }
        'scans: for scan in &self.scans {
            let mut uids = outcome.stored.iter().map(|instance| &instance.sop_instance_uid);
            if !uids.all(|uid| scan.holds(uid)) {
                continue;
            }
            for instance in &outcome.stored {
                let uid = &instance.sop_instance_uid;
                let (upload, span) = (upload.to_owned(), instance.place.span);
                if self.compared.get(uid) != Some(&scan.scan_id)
                    && !web.holds_same(scan, uid, move || part_of(&upload, span)).await?
                {
                    continue 'scans;
                }
            }
            return Ok(Some(scan.scan_id));
        }
        Ok(None)
    }
}

/// What came again is noted as come by DICOM, analysed if it never was, or failed by a cause that may have passed, and no rule has it
/// kept alone, and its results go where those of such studies go.
pub(super) async fn take_again(
    predictions: &Predictions,
    scan_id: ScanId,
    outcome: &Outcome<'_>,
    asked: &Asked,
) -> Result<(), ApiError> {
    let came = outcome.stored.iter().map(|instance| StoredInstance {
        sop_instance_uid: instance.sop_instance_uid.clone(),
        sop_class_uid: instance.sop_class_uid.clone(),
    });
    let database = &predictions.gateway.database;
    database.note_stored_instances(scan_id, came.collect()).await?;
    let scan = database.scan(scan_id).await?.ok_or(ApiError::ScanNotFound)?;
    let router = &predictions.router;
    if let Some(facts) = router.noted(scan_id).await?
        && !router.decide(&facts).analyze
    {
        return Ok(());
    }
    if is_due(&predictions.gateway, &scan, Utc::now()).await? {
        predictions.request(scan_id, asked).await?;
    }
    Ok(database.queue_missing_deliveries(scan_id).await?)
}
