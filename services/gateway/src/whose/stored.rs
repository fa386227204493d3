//! Whom a stored scan's files name.

use norma_database::{Owner, Scan};
use norma_domain::StudyIdentity;

use crate::gateway::Gateway;
use crate::problem::ApiError;
use crate::uploads::Uploads;
use crate::uploads::receive::Upload;
use crate::uploads::spool::fetch_original;

/// As was read when the scan came. Where nothing was, for it names nobody or there was no time, its files are read now; None
/// where that takes too long again. `asks` is who wants it, and takes a reader's place.
///
/// # Errors
/// `scan_not_found` where its file was deleted meanwhile; `several_studies` where it holds more than one.
pub(super) async fn identity_of_stored(
    gateway: &Gateway,
    uploads: &Uploads,
    asks: Option<Owner>,
    scan: &Scan,
) -> Result<Option<StudyIdentity>, ApiError> {
    let mut identities = gateway.database.scan_identities(vec![scan.id]).await?;
    if let Some(identity) = identities.remove(&scan.id) {
        return Ok(Some(identity.study));
    }
    uploads.check_spool(scan.size_bytes)?;
    let file = fetch_original(gateway, scan.id).await?;
    let mut upload = Upload::of_file(file, &scan.file_name, scan.size_bytes, String::new());
    upload.sender = asks;
    Ok(uploads.reader.only_study(&upload).await?.identity)
}
