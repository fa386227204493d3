//! What a newcomer sees: the demonstration fits its norm to phantoms, shows five of them, and every answer is right: the
//! norm is norm, a nodule, an effusion and a consolidation are pathology, an incomplete chest is neither.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "shared with the other tests")]
mod studies;

use std::path::Path;
use std::process::{Command, Output};

use norma_test_support::servers::free_port;
use studies::{onnxruntime, shipped_bundle};

fn demo(folder: &Path, onnxruntime: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norma"))
        .args([
            "demo",
            "--once",
            "--listen",
            &format!("127.0.0.1:{}", free_port()),
        ])
        .env("NORMA__MODELS__BUNDLE", shipped_bundle())
        .env("NORMA__MODELS__ONNXRUNTIME", onnxruntime)
        .env("NORMA__MODELS__CUDA", "off")
        .current_dir(folder)
        .output()
        .unwrap()
}

#[test]
fn a_newcomer_is_told_which_answers_are_right() {
    let Some(onnxruntime) = onnxruntime() else { return };
    let folder = tempfile::tempdir().unwrap();
    let first = demo(folder.path(), &onnxruntime);
    let said = String::from_utf8_lossy(&first.stderr).into_owned();
    for line in [
        "phantom norm: norm",
        "phantom nodule: pathology",
        "phantom effusion: pathology",
        "phantom consolidation: pathology",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(first.status.success(), "{said}");
    // Undetermined, or failed with a reason: never norm, and of a chest without findings no pathology.
    let incomplete = said
        .lines()
        .find(|line| line.contains("phantom incomplete: "))
        .unwrap();
    assert!(
        incomplete.contains("undetermined") || incomplete.contains("failed"),
        "{incomplete}"
    );
    let fitted = String::from_utf8_lossy(&first.stdout).into_owned();
    assert!(fitted.contains("from 14 norm studies"), "{fitted}");
    assert!(
        folder.path().join(".norma/demo/norma.db").exists(),
        "a folder of its own"
    );

    // The second start has both already: the norm and the studies.
    let again = demo(folder.path(), &onnxruntime);
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(again.status.success(), "{said}");
    assert!(!said.contains("fitting the norm"), "{said}");
    assert!(said.contains("of the last time"), "{said}");
}
