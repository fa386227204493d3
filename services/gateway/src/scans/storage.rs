//! A file becomes a scan: an object and its row.

use std::path::Path;
use std::sync::Arc;

use norma_database::{DatabaseError, NewScan, Owner, RequestKey, Scan, ScanIdentity};
use norma_domain::{PatientId, ScanId, StudyInstanceUid};
use norma_object_storage::ObjectKey;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::study_in_hand::StudiesInHand;

/// A file to become a scan.
pub(crate) struct NewUpload<File> {
    pub(crate) id: ScanId,
    /// Deleted by its owner.
    pub(crate) file: File,
    pub(crate) file_name: String,
    pub(crate) patient_id: Option<PatientId>,
    pub(crate) description: String,
    /// Who uploads it.
    pub(crate) owner: Option<Owner>,
    /// Whose study its files say it is.
    pub(crate) identity: ScanIdentity,
    /// Which study its files say it is.
    pub(crate) study_uid: Option<StudyInstanceUid>,
    /// Of the request, where it may be sent again.
    pub(crate) request: Option<RequestKey>,
    /// Of which this is one; let go when it is stored.
    pub(crate) in_hand: Option<Arc<StudiesInHand>>,
}

/// Stores a file and its row. Goes on to the end when the client goes away in between, so that no object is
/// left without its row.
pub(crate) async fn store_scan<File: AsRef<Path> + Send + 'static>(
    gateway: &Gateway,
    upload: NewUpload<File>,
) -> Result<Scan, ApiError> {
    let (objects, database) = (gateway.objects.clone(), gateway.database.clone());
    tokio::spawn(async move {
        let id = upload.id;
        let key = ObjectKey::Original(id);
        let stored = objects.put_file(key, upload.file.as_ref()).await?;
        let lock = upload.in_hand.as_ref().map(|in_hand| in_hand.lock());
        let new = NewScan {
            id,
            patient_id: upload.patient_id,
            description: upload.description,
            file_name: upload.file_name,
            sha256: stored.sha256,
            size_bytes: stored.size_bytes,
            object_key: key.to_string(),
            owner: upload.owner,
            identity: upload.identity,
            study_uid: upload.study_uid,
            request: upload.request,
        };
        let row = database.create_locked_scan(new, lock).await;
        // Where no answer came, or the row was there already, its file is needed; else the sweep finds it.
        if row.as_ref().is_err_and(|error| {
            !error.is_retryable() && !matches!(error, DatabaseError::UniqueViolation { .. })
        }) && let Err(error) = objects.delete(key).await
        {
            tracing::error!(scan_id = %id, %error, "an object without a row could not be deleted");
        }
        if row.is_ok() {
            tracing::info!(scan_id = %id, size_bytes = stored.size_bytes, "scan stored");
        }
        // The patient was there a moment ago: deleted meanwhile.
        row.map_err(|error| match ApiError::from(error) {
            ApiError::PatientNotFound => ApiError::UnknownPatient,
            other => other,
        })
    })
    .await
    .map_err(ApiError::internal)?
}
