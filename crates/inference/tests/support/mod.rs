#![allow(dead_code, reason = "each test program takes what it needs")]

use std::path::{Path, PathBuf};

use ndarray::Array3;
use norma_inference::{Runtime, RuntimeError, RuntimeOptions};

/// The bundle of `make_fixtures.py`: random weights.
pub(crate) fn bundle_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bundle")
}

/// ONNX Runtime; None, with a word, where it is not installed on a developer's machine.
pub(crate) fn runtime() -> Option<Runtime> {
    let options = RuntimeOptions {
        threads: 2,
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

/// The study that Python saw: the same formula stands in `make_fixtures.py`.
pub(crate) fn pixels() -> Array3<u8> {
    Array3::from_shape_fn((5, 224, 224), |(z, y, x)| {
        (((x * 7 + y * 3) / 4 + z * 29 + (x * y) / 64) % 256) as u8
    })
}

pub(crate) fn lung_mask() -> Array3<u8> {
    Array3::from_shape_fn((5, 224, 224), |(z, y, x)| {
        let (z, y, x) = (z as f64, y as f64, x as f64);
        let ellipse =
            |cx: f64, cy: f64, rx: f64, ry: f64| ((x - cx) / rx).powi(2) + ((y - cy) / ry).powi(2) <= 1.0;
        u8::from(ellipse(60.0, 110.0, 40.0, 70.0 + 4.0 * z) || ellipse(160.0, 115.0, 44.0, 60.0 + 4.0 * z))
    })
}
