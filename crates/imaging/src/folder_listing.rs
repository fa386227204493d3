//! The files of a folder that was given as an upload.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{ImagingError, LimitKind};
use crate::limits::{Limits, within};
use crate::zip_entries::is_resource_fork;

pub(crate) struct ListedFile {
    /// Its path inside the folder.
    pub(crate) location: String,
    pub(crate) path: PathBuf,
    pub(crate) size: u64,
}

/// The files of a folder and its folders. Links to folders are not followed, so that there is no way round in a circle.
pub(crate) fn list_folder(folder: &Path, limits: &Limits) -> Result<Vec<ListedFile>, ImagingError> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(directory) = open.pop() {
        let mut entries = fs::read_dir(&directory)?.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = entry.file_name();
            if is_resource_fork(&name.to_string_lossy()) || name == "__MACOSX" {
                continue;
            }
            if entry.file_type()?.is_dir() {
                open.push(path);
                continue;
            }
            // A link that leads nowhere is no file.
            let Ok(metadata) = fs::metadata(&path) else {
                continue;
            };
            if !metadata.is_file() {
                continue;
            }
            let location = path
                .strip_prefix(folder)
                .unwrap_or(&path)
                .to_string_lossy()
                .into_owned();
            files.push(ListedFile {
                location,
                path,
                size: metadata.len(),
            });
            within(
                LimitKind::ArchiveEntries,
                files.len() as u64,
                limits.archive_entries,
            )?;
        }
    }
    files.sort_by(|first, second| first.location.cmp(&second.location));
    Ok(files)
}
