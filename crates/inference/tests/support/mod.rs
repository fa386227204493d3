use std::path::{Path, PathBuf};

use norma_inference::{Runtime, RuntimeError, RuntimeOptions};

/// The bundle of `make_fixtures.py`: random weights.
pub(crate) fn bundle_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bundle")
}

/// ONNX Runtime; None, with a word, where it is not installed on a developer's machine.
pub(crate) fn runtime() -> Option<Runtime> {
    let options = RuntimeOptions {
        threads: 2,
        sessions: 2,
        ..RuntimeOptions::default()
    };
    match Runtime::start(&options) {
        Ok(runtime) => Some(runtime),
        Err(error @ RuntimeError::LibraryNotFound { .. }) if std::env::var_os("CI").is_none() => {
            println!("skipped: {error}");
            None
        }
        Err(error) => panic!("{error:?}"),
    }
}
