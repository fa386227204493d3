//! What several tests need.
#![allow(clippy::print_stdout, reason = "a skipped test says so")]
#![allow(dead_code, reason = "each test uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "helpers of tests are not marked as tests themselves"
)]

pub(crate) mod archives;
pub(crate) mod bodies;
pub(crate) mod dicom_files;

use std::path::PathBuf;

use norma_test_support::real_data;

/// A file of the real test data; None, after saying so, where there is none. In CI its absence is a failure.
pub(crate) fn data_file(name: &str) -> Option<PathBuf> {
    let path = real_data()?.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "the test data hold no {name}");
    println!("skipped: the test data hold no {name}");
    None
}
