//! The spool folder: where uploads lie while they are looked at.

use std::io;
use std::path::Path;
use std::time::Duration;

use norma_domain::ScanId;
use norma_object_storage::{ObjectError, ObjectKey};
use tempfile::TempPath;

use crate::gateway::Gateway;
use crate::problem::ApiError;

const SPOOL_PREFIX: &str = "upload-";
/// Of the folders that archives of many studies are taken apart in.
pub(crate) const SPLIT_PREFIX: &str = "split-";

/// Makes the spool folder, and removes from it what a process left that was killed: files and folders
/// older than a day.
pub(crate) fn prepare_spool(folder: &Path) -> io::Result<()> {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    make_private(folder)?;
    for entry in std::fs::read_dir(folder)?.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_ours = name.starts_with(SPOOL_PREFIX) || name.starts_with(SPLIT_PREFIX);
        let is_old = entry
            .metadata()
            .and_then(|metadata| metadata.modified())
            .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > OLD));
        if is_ours && is_old {
            // Another process of the same folder may have been quicker.
            let _ = if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                std::fs::remove_dir_all(entry.path())
            } else {
                std::fs::remove_file(entry.path())
            };
        }
    }
    Ok(())
}

/// Makes a folder that nobody else can read or write, or sees that the one that is there is such a folder.
///
/// # Errors
/// Where it belongs to another user, is a link, or others may write to it: whoever can put a file there chooses what is
/// stored as a study.
fn make_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt};

    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let found = std::fs::symlink_metadata(folder)?;
    let others_write = found.mode() & 0o022 != 0;
    if found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && !others_write {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        "the folder of uploads under way (gateway.spool_folder) belongs to another user, is a link, or can be written to by \
         others: name another one, or make it yours with mode 0700",
    ))
}

/// A new file of the spool folder, deleted with its path.
pub(crate) fn create_spool_file(folder: &Path) -> io::Result<(std::fs::File, TempPath)> {
    Ok(tempfile::Builder::new()
        .prefix(SPOOL_PREFIX)
        .tempfile_in(folder)?
        .into_parts())
}

/// A scan's file as it came, in a file of the spool folder.
///
/// # Errors
/// `scan_not_found` where it was deleted since the scan was looked up.
pub(crate) async fn fetch_original(gateway: &Gateway, scan_id: ScanId) -> Result<TempPath, ApiError> {
    let (_, file) = create_spool_file(&gateway.options.spool_folder).map_err(storage_failure)?;
    match gateway
        .objects
        .get_to_file(ObjectKey::Original(scan_id), &file)
        .await
    {
        Err(ObjectError::NotFound(_)) => Err(ApiError::ScanNotFound),
        fetched => Ok(fetched.map(|_bytes| file)?),
    }
}

/// A failure to write: a full disk is told, everything else is ours.
pub(crate) fn storage_failure(error: io::Error) -> ApiError {
    if matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge
    ) {
        ApiError::StorageFull
    } else {
        ApiError::internal(anyhow::Error::new(error).context("failed to spool an upload"))
    }
}

/// Reads and writes files away from the threads that serve requests.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(ApiError::internal)?
        .map_err(storage_failure)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_spool_folder_is_nobody_elses() {
        let parent = tempfile::tempdir().unwrap();
        let own = parent.path().join("a/own");
        prepare_spool(&own).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&own), 0o700);
        prepare_spool(&own).unwrap();

        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o777)).unwrap();
        let refused = prepare_spool(&own).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
        assert!(refused.to_string().contains("gateway.spool_folder"));

        std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o700)).unwrap();
        let link = parent.path().join("link");
        symlink(&own, &link).unwrap();
        assert!(prepare_spool(&link).is_err());
        let (_file, path) = create_spool_file(&own).unwrap();
        assert_eq!(mode(&path), 0o600);
    }
}
