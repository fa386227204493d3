//! What several tests need.

use std::path::PathBuf;

/// A file of the real test data; None, after saying so, where there is none. In CI its absence is a failure.
pub fn data_file(name: &str) -> Option<PathBuf> {
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
