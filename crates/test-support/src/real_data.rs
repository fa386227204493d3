//! Where the real data for tests and measurements lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The folder of the real data: `NORMA_DATA`, or `../shared/data` beside the workspace. None, with a line that
/// says so, where it is missing; tests then return.
///
/// # Panics
/// Where the data are missing and the environment variable `CI` is set: there, nothing is skipped in silence.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("NORMA_DATA").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data")),
        PathBuf::from,
    );
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "the real data are missing: set NORMA_DATA"
    );
    report_skipped(&folder);
    None
}

/// The real files that strain a reader (`robustness.tar.gz`), unpacked into a new folder. None as [`real_data`].
///
/// # Panics
/// As [`real_data`], and where the archive cannot be unpacked.
pub fn robustness_files() -> Option<TempDir> {
    let archive = real_data()?.join("robustness.tar.gz");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let status = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .status()
        .expect("tar is on the machine");
    assert!(status.success(), "robustness.tar.gz cannot be unpacked");
    Some(folder)
}

/// The files named `.dcm` in a folder and those below it, by name.
///
/// # Panics
/// Where a folder cannot be read.
pub fn dicom_files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "dcm") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

#[allow(clippy::print_stdout, reason = "a skipped test says so")]
fn report_skipped(folder: &std::path::Path) {
    println!("skipped: the real data are not in {}", folder.display());
}
