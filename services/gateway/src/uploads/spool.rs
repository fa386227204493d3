//! The spool folder: where uploads lie while they are looked at.

use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::TempPath;

use crate::problem::ApiError;

const SPOOL_PREFIX: &str = "upload-";
/// Of the folders that archives of many studies are taken apart in.
pub(crate) const SPLIT_PREFIX: &str = "split-";

/// Makes the spool folder, and removes from it what a process left that was killed: files and folders
/// older than a day.
pub(crate) fn prepare_spool(folder: &Path) -> io::Result<()> {
    const OLD: Duration = Duration::from_secs(24 * 3600);
    std::fs::create_dir_all(folder)?;
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

/// A new file of the spool folder, deleted with its path.
pub(crate) fn create_spool_file(folder: &Path) -> io::Result<(std::fs::File, TempPath)> {
    Ok(tempfile::Builder::new()
        .prefix(SPOOL_PREFIX)
        .tempfile_in(folder)?
        .into_parts())
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
