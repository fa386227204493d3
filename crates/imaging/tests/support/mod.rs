//! What several tests need.
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not marked as tests themselves"
)]

pub(crate) mod archives;
pub(crate) mod dicom_files;

use std::path::PathBuf;

/// A file of the real test data; None, after saying so, where there is none. In CI its absence is a failure.
pub(crate) fn data_file(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("NORMA_DATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"),
        PathBuf::from,
    );
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "the test data hold no {name}");
    println!("skipped: the test data hold no {name}");
    None
}

/// Unpacks the archive of robustness files into a new folder.
pub(crate) fn robustness_files() -> Option<tempfile::TempDir> {
    let archive = data_file("robustness.tar.gz")?;
    let folder = tempfile::tempdir().unwrap();
    let status = std::process::Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder.path())
        .status()
        .unwrap();
    assert!(status.success());
    Some(folder)
}
