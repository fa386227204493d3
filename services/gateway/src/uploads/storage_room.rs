//! Whether there is room for one more upload: a disk that runs full would end what was accepted already.

use std::path::Path;

use crate::gateway::Gateway;
use crate::problem::ApiError;

/// Refuses an upload of so many bytes where it would fill a disk below what stays free, or exceed the quota.
pub(crate) async fn check_room(gateway: &Gateway, size_bytes: u64) -> Result<(), ApiError> {
    let limits = gateway.options.storage;
    check_free(&gateway.options.spool_folder, size_bytes, limits.free_floor_bytes)?;
    let needed = size_bytes.saturating_add(limits.free_floor_bytes);
    let free = gateway.objects.free_bytes().await?;
    if free.is_some_and(|free| free < needed) {
        return Err(ApiError::LowOnStorage);
    }
    if limits.quota_bytes > 0 {
        let stored = gateway.database.stored_bytes().await?;
        if stored.saturating_add(size_bytes) > limits.quota_bytes {
            return Err(ApiError::QuotaReached {
                limit_bytes: limits.quota_bytes,
            });
        }
    }
    Ok(())
}

/// Refuses to write so many bytes where less than `floor_bytes` would stay free on the folder's disk.
pub(crate) fn check_free(folder: &Path, size_bytes: u64, floor_bytes: u64) -> Result<(), ApiError> {
    // A folder that cannot be asked is told by the write itself.
    let Ok(volume) = rustix::fs::statvfs(folder) else {
        return Ok(());
    };
    let free = volume.f_bavail.saturating_mul(volume.f_frsize);
    if free < size_bytes.saturating_add(floor_bytes) {
        return Err(ApiError::LowOnStorage);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_not_filled_to_its_end() {
        let folder = tempfile::tempdir().unwrap();
        assert!(check_free(folder.path(), 1, 0).is_ok());
        assert!(matches!(
            check_free(folder.path(), 1, u64::MAX),
            Err(ApiError::LowOnStorage)
        ));
        assert!(matches!(
            check_free(folder.path(), u64::MAX, 1),
            Err(ApiError::LowOnStorage)
        ));
    }
}
