use std::io;

use tempfile::TempDir;

/// Empty folders, which go with what is returned.
///
/// # Errors
/// Where one cannot be made.
pub fn temporary_folders<const COUNT: usize>() -> io::Result<[TempDir; COUNT]> {
    let folders: Vec<TempDir> = (0..COUNT).map(|_| TempDir::new()).collect::<Result<_, _>>()?;
    folders
        .try_into()
        .map_err(|_| io::Error::other("as many folders are made as are asked for"))
}
